//! The commands, one file each.

mod agent;
mod approvals;
mod audit;
mod auth_token;
mod call;
mod channels;
mod completion;
mod config;
mod connect;
mod dashboard;
mod devices;
mod dial_stdio;
mod discover;
mod expose;
mod gateway;
mod gateway_auth;
mod gateway_run;
mod gateway_status;
mod gateway_tls;
mod gateway_use;
mod health;
mod logs;
mod mcp;
mod message;
mod models;
mod node;
mod nodes;
mod pairing;
mod probe;
mod reference;
mod remote;
mod security;
mod service;
mod sessions;
mod status;
mod tui;
mod usage;

use clap::Subcommand;
use openclaw_config::Environment;

use crate::args::GlobalArgs;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::Printer;

/// What every command gives back.
pub(crate) type Outcome = Result<ExitCode, Failure>;

/// The words after `openclaw`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a Gateway, or look after one
    Gateway(Box<gateway::GatewayArgs>),
    /// Ask whether the Gateway is up
    Health(health::HealthArgs),
    /// Show the Gateway in one screen
    Status(status::StatusArgs),
    /// Send a message to an agent and stream its answer
    Agent(agent::AgentArgs),
    /// Chat in this terminal
    Tui(tui::TuiArgs),
    /// List, show, reset and delete conversations
    Sessions(sessions::SessionsArgs),
    /// Show the Gateway's log
    Logs(logs::LogsArgs),
    /// Read and change the configuration file of this machine
    Config(config::ConfigArgs),
    /// List models, and keep the keys of their providers
    Models(models::ModelsArgs),
    /// Show the servers of tools that the agent may use
    Mcp(mcp::McpArgs),
    /// Open the browser interface, signed in
    Dashboard(dashboard::DashboardArgs),
    /// Show a code that lets another machine ask to be a node, for a camera too
    Qr(devices::join::JoinArgs),
    /// Say which devices may connect
    Devices(devices::DevicesArgs),
    /// Show machines that offer commands, and call these commands
    Nodes(nodes::NodesArgs),
    /// Decide which commands may run
    Approvals(approvals::ApprovalsArgs),
    /// Make this machine a node of a Gateway
    Connect(Box<connect::ConnectArgs>),
    /// Offer commands of this machine to a Gateway
    Node(Box<node::NodeArgs>),
    /// Let people write to an agent, through Telegram for one
    Channels(channels::ChannelsArgs),
    /// Let in people who write for the first time
    Pairing(pairing::PairingArgs),
    /// Send messages to people, and see what became of them
    Message(message::MessageArgs),
    /// Keep Gateways of other machines under names, and hold tunnels to them
    Remote(remote::RemoteArgs),
    /// Look for what lets others in
    Security(security::SecurityArgs),
    /// Show who connected, who was refused, and what was changed about access
    Audit(audit::AuditArgs),
    /// Print the completion script of a shell
    Completion(completion::CompletionArgs),
    /// Print the command reference as Markdown
    #[command(hide = true)]
    Reference,
}

impl Command {
    /// Whether failures are printed as JSON too.
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Self::Gateway(args) => args.wants_json(),
            Self::Health(args) => args.output.json,
            Self::Status(args) => args.output.json,
            Self::Agent(args) => args.output.json,
            Self::Sessions(args) => args.wants_json(),
            Self::Logs(args) => args.output.json,
            Self::Config(args) => args.wants_json(),
            Self::Models(args) => args.wants_json(),
            Self::Mcp(args) => args.wants_json(),
            Self::Qr(args) => args.common.output.json,
            Self::Dashboard(args) => args.common.output.json,
            Self::Devices(args) => args.wants_json(),
            Self::Nodes(args) => args.wants_json(),
            Self::Approvals(args) => args.wants_json(),
            Self::Connect(args) => args.output.json,
            Self::Node(args) => args.wants_json(),
            Self::Channels(args) => args.wants_json(),
            Self::Pairing(args) => args.wants_json(),
            Self::Message(args) => args.wants_json(),
            Self::Remote(args) => args.wants_json(),
            Self::Security(args) => args.wants_json(),
            Self::Audit(args) => args.output.json,
            Self::Tui(_) | Self::Completion(_) | Self::Reference => false,
        }
    }

    /// Whether this runs a Gateway, which keeps its own log.
    pub(crate) fn runs_gateway(&self) -> bool {
        matches!(self, Self::Gateway(args) if args.runs_gateway())
    }
}

/// Runs a command to its end. `table` is the whole command line, for what is made from it.
pub(crate) fn run(
    process: Environment,
    global: &GlobalArgs,
    printer: Printer,
    command: Command,
    table: fn() -> clap::Command,
) -> Outcome {
    // These two are about the program alone and work without a home folder.
    match &command {
        Command::Completion(args) => return completion::run(printer, table(), args),
        Command::Reference => return reference::run(printer, table()),
        _ => {}
    }
    let context = Context::new(process, global, printer)?;
    match command {
        Command::Gateway(args) => gateway::run(&context, *args),
        Command::Health(args) => health::run(&context, &args),
        Command::Status(args) => status::run(&context, &args),
        Command::Agent(args) => agent::run(&context, &args),
        Command::Tui(args) => tui::run(&context, &args),
        Command::Sessions(args) => sessions::run(&context, &args),
        Command::Logs(args) => logs::run(&context, &args),
        Command::Config(args) => config::run(&context, &args),
        Command::Models(args) => models::run(&context, &args),
        Command::Mcp(args) => mcp::run(&context, &args),
        Command::Qr(args) => devices::join::run(&context, &args, true),
        Command::Dashboard(args) => dashboard::run(&context, &args),
        Command::Devices(args) => devices::run(&context, &args),
        Command::Nodes(args) => nodes::run(&context, &args),
        Command::Approvals(args) => approvals::run(&context, &args),
        Command::Connect(args) => connect::run(&context, *args),
        Command::Node(args) => node::run(&context, &args),
        Command::Channels(args) => channels::run(&context, &args),
        Command::Pairing(args) => pairing::run(&context, &args),
        Command::Message(args) => message::run(&context, &args),
        Command::Remote(args) => remote::run(&context, &args),
        Command::Security(args) => security::run(&context, &args),
        Command::Audit(args) => audit::run(&context, &args),
        Command::Completion(_) | Command::Reference => Ok(ExitCode::Done),
    }
}
