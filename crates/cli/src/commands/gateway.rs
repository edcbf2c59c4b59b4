//! `openclaw gateway …`: run a Gateway, and everything about one in particular.

use clap::{Args, Subcommand};

use super::{
    Outcome, agent, auth_token, call, dial_stdio, discover, expose, gateway_auth, gateway_run,
    gateway_status, gateway_tls, gateway_use, health, message, probe, service, usage,
};
use crate::context::Context;

/// A bare `openclaw gateway` runs one.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct GatewayArgs {
    #[command(subcommand)]
    command: Option<GatewayCommand>,
    #[command(flatten)]
    run: gateway_run::RunArgs,
}

/// The words after `openclaw gateway`.
#[derive(Debug, Subcommand)]
enum GatewayCommand {
    /// Run a Gateway in the foreground
    Run(gateway_run::RunArgs),
    /// Run the Gateway as a service that starts with the system
    Install(service::InstallArgs),
    /// Take the service away; the state stays
    Uninstall(service::UninstallArgs),
    /// Start the service
    Start(service::ControlArgs),
    /// Stop the service
    Stop(service::StopArgs),
    /// Restart the service; connections made meanwhile wait
    Restart(service::RestartArgs),
    /// Call one method and print its result
    Call(call::CallArgs),
    /// Ask whether the Gateway is up
    Health(health::HealthArgs),
    /// Show who holds the state folder, where it listens, and whether it answers
    Status(gateway_status::GatewayStatusArgs),
    /// Go through every step of reaching the Gateway, and time it
    Probe(probe::ProbeArgs),
    /// Show how many tokens were used and what they cost, by day
    UsageCost(usage::UsageArgs),
    /// Look for Gateways on the local network and in a zone
    Discover(discover::DiscoverArgs),
    /// Write a reverse proxy's configuration for the Gateway, and test it
    Expose(expose::ExposeArgs),
    /// Send a message to an agent and stream its answer
    Agent(agent::AgentArgs),
    /// Send a message to a chat, as `openclaw message send` does
    Send(Box<message::SendArgs>),
    /// Say which token or password this Gateway asks for
    AuthToken(auth_token::AuthTokenArgs),
    /// Replace the shared secret, and see how that stands
    Auth(gateway_auth::AuthArgs),
    /// The certificate that others see
    Tls(gateway_tls::TlsArgs),
    /// Talk to a named Gateway from now on, or to none
    Use(gateway_use::UseArgs),
    /// Bridge standard input and output to the Gateway of this machine
    DialStdio(dial_stdio::DialStdioArgs),
}

impl GatewayArgs {
    /// Whether `--json` was given.
    pub(crate) fn wants_json(&self) -> bool {
        match &self.command {
            None | Some(GatewayCommand::Run(_) | GatewayCommand::DialStdio(_)) => false,
            Some(GatewayCommand::Install(args)) => args.output.json,
            Some(GatewayCommand::Uninstall(args)) => args.output.json,
            Some(GatewayCommand::Start(args)) => args.output.json,
            Some(GatewayCommand::Stop(args)) => args.wants_json(),
            Some(GatewayCommand::Restart(args)) => args.wants_json(),
            Some(GatewayCommand::Call(args)) => args.output.json,
            Some(GatewayCommand::Health(args)) => args.output.json,
            Some(GatewayCommand::Status(args)) => args.output.json,
            Some(GatewayCommand::Probe(args)) => args.output.json,
            Some(GatewayCommand::UsageCost(args)) => args.output.json,
            Some(GatewayCommand::Discover(args)) => args.output.json,
            Some(GatewayCommand::Expose(args)) => args.output.json,
            Some(GatewayCommand::Agent(args)) => args.output.json,
            Some(GatewayCommand::Send(args)) => args.common.output.json,
            Some(GatewayCommand::AuthToken(args)) => args.output.json,
            Some(GatewayCommand::Auth(args)) => args.wants_json(),
            Some(GatewayCommand::Tls(args)) => args.wants_json(),
            Some(GatewayCommand::Use(args)) => args.output.json,
        }
    }

    /// Whether this runs a Gateway, which keeps its own log.
    pub(crate) fn runs_gateway(&self) -> bool {
        matches!(self.command, None | Some(GatewayCommand::Run(_)))
    }
}

/// Runs the word that was given.
pub(crate) fn run(context: &Context, args: GatewayArgs) -> Outcome {
    match args.command {
        None => gateway_run::run(context, args.run),
        Some(GatewayCommand::Run(args)) => gateway_run::run(context, args),
        Some(GatewayCommand::Install(args)) => service::install(context, &args),
        Some(GatewayCommand::Uninstall(args)) => service::uninstall(context, &args),
        Some(GatewayCommand::Start(args)) => service::start(context, &args),
        Some(GatewayCommand::Stop(args)) => service::stop(context, &args),
        Some(GatewayCommand::Restart(args)) => service::restart(context, &args),
        Some(GatewayCommand::Call(args)) => call::run(context, &args),
        Some(GatewayCommand::Health(args)) => health::run(context, &args),
        Some(GatewayCommand::Status(args)) => gateway_status::run(context, &args),
        Some(GatewayCommand::Probe(args)) => probe::run(context, &args),
        Some(GatewayCommand::UsageCost(args)) => usage::run(context, &args),
        Some(GatewayCommand::Discover(args)) => discover::run(context, &args),
        Some(GatewayCommand::Expose(args)) => expose::run(context, &args),
        Some(GatewayCommand::Agent(args)) => agent::run(context, &args),
        Some(GatewayCommand::Send(args)) => message::send(context, &args),
        Some(GatewayCommand::AuthToken(args)) => auth_token::run(context, &args),
        Some(GatewayCommand::Auth(args)) => gateway_auth::run(context, &args),
        Some(GatewayCommand::Tls(args)) => gateway_tls::run(context, &args),
        Some(GatewayCommand::Use(args)) => gateway_use::run(context, &args),
        Some(GatewayCommand::DialStdio(args)) => dial_stdio::run(context, &args),
    }
}
