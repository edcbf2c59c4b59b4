//! Reaching a target: one endpoint as a rule, and for `--ssh` the owner's door there first.
//!
//! A host without our program is reached by its port, which needs a secret flag. A host whose key is
//! not known yet is greeted once, on a terminal only, so that OpenSSH itself asks about the key.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use openclaw_base::Tasks;
use openclaw_client::credentials::Way;
use openclaw_client::{
    Client, ClientError, ClientOptions, Dial, Endpoint, ErrorKind, Fingerprint, PairingRequired,
    PairingWait, ResumePoint, SshProblem, TcpDial,
};
use openclaw_config::schema::HostKeyPolicy;
use openclaw_protocol::Scope;
use openclaw_protocol::client_info::CAP_NODE_OUTPUT;
use openclaw_remote::{
    HeldDial, How, NamedGateway, SshOptions, SshTarget, Terminal, TunnelState, Via, greet,
};

use crate::args::{ReachArgs, TargetArgs};
use crate::context::Context;
use crate::endpoint;
use crate::explain::client_failure;
use crate::failure::Failure;
use crate::output::short_id;
use crate::target::{Place, Source, Target};
use crate::tunnels;

/// Puts something around a way of dialling.
pub(crate) type Wrap<'a> = &'a (dyn Fn(Arc<dyn Dial>) -> Arc<dyn Dial> + Sync);

/// What is tried on another machine.
#[derive(Clone, Copy)]
enum Knock<'a> {
    /// The port if one is given, else the door and then the usual port.
    Either(Option<u16>),
    /// The door, and this port where our program is not.
    Door(u16),
    /// What was found earlier, and nothing else.
    At(&'a Via),
}

/// Everything that one connection is made of.
pub(super) struct Reach<'a> {
    pub(super) context: &'a Context,
    pub(super) args: &'a TargetArgs,
    pub(super) target: &'a Target,
    pub(super) pairing: PairingWait,
    pub(super) wrap: Option<Wrap<'a>>,
    pub(super) tasks: &'a Tasks,
    /// Where an earlier connection ended.
    pub(super) resume: Option<ResumePoint>,
}

impl Reach<'_> {
    /// Connects, and says by which way.
    pub(super) async fn connect(&self) -> Result<(Client, Way), Failure> {
        match &self.target.place {
            Place::Ssh { host, remote_port } => {
                if let Some(configured) = self.configured() {
                    let (identity, known_hosts_only, port) = configured;
                    let knock = Knock::Door(port);
                    return self.over_ssh(host, identity.as_deref(), known_hosts_only, knock).await;
                }
                let knock = Knock::Either(*remote_port);
                let identity = self.args.reach.ssh_identity.as_deref();
                self.over_ssh(host, identity, false, knock).await
            }
            Place::Named(gateway) => match &gateway.how {
                How::Ssh { target, identity, via } => {
                    if let Some(reached) = self.through_tunnel(gateway, target, via).await? {
                        return Ok(reached);
                    }
                    self.over_ssh(target, identity.as_deref(), false, Knock::At(via)).await
                }
                How::Url { .. } => self.directly().await,
            },
            Place::Url(_) | Place::Door(_) | Place::Port(_) => self.directly().await,
        }
    }

    async fn directly(&self) -> Result<(Client, Way), Failure> {
        let reach = &self.args.reach;
        let endpoint = endpoint::direct(self.context, reach, self.target)?;
        let outcome = self.dial(endpoint).await?;
        let trusted = outcome.as_ref().err().and_then(|error| self.meet(error));
        let outcome = match trusted {
            None => outcome,
            Some(_) => {
                let reach = ReachArgs { tls_fingerprint: trusted, ..reach.clone() };
                self.dial(endpoint::direct(self.context, &reach, self.target)?).await?
            }
        };
        outcome.map_err(|error| client_failure(&error))
    }

    /// Shows a Gateway that is met for the first time to the person, and asks whether it is the one.
    fn meet(&self, error: &ClientError) -> Option<Fingerprint> {
        let ClientError::CertificateUnknown { target, fingerprint, key, reason } = error else {
            return None;
        };
        let printer = self.context.printer;
        let somebody = io::stdin().is_terminal() && io::stderr().is_terminal();
        if !somebody || printer.is_json() {
            return None;
        }
        printer.note(format!("{target} is met for the first time, and {reason}"));
        if let Some(key) = key {
            printer.note(format!("its identity is {}", short_id(&key.device_id())));
        }
        printer.note(format!("its certificate is {fingerprint}"));
        printer.hint("compare them with `openclaw gateway tls fingerprint` on the Gateway's host");
        let question =
            dialoguer::Confirm::new().with_prompt("Is this your Gateway?").default(false);
        question.interact().is_ok_and(|yes| yes).then_some(*fingerprint)
    }

    /// A tunnel that is held is used; should it fail after all, `ssh` says why best.
    async fn through_tunnel(
        &self,
        gateway: &NamedGateway,
        target: &str,
        via: &Via,
    ) -> Result<Option<(Client, Way)>, Failure> {
        let Some(tunnel) = tunnels::last_report(self.context, &gateway.name) else {
            return Ok(None);
        };
        if tunnel.state == TunnelState::Degraded {
            return Ok(None);
        }
        let host = ssh_target(target)?.to_string();
        let dial = HeldDial::new(tunnel.socket, host, via);
        let endpoint = endpoint::held(self.context, &self.args.reach, self.target, dial)?;
        match self.dial(endpoint).await? {
            Ok(reached) => Ok(Some(reached)),
            Err(error) if is_of_the_link(&error) => Ok(None),
            Err(error) => Err(client_failure(&error)),
        }
    }

    /// What `gateway.remote.*` says about the login: the key, whether only known hosts will do, and the
    /// Gateway's port there.
    fn configured(&self) -> Option<(Option<PathBuf>, bool, u16)> {
        let loaded =
            self.target.loaded.as_ref().filter(|_| self.target.source == Source::RemoteMode)?;
        let remote = &loaded.config.gateway.remote;
        let given = self.args.reach.ssh_identity.clone();
        let written = remote.ssh_identity.as_deref().map(|path| self.context.paths.expand(path));
        let of_url = remote.url.as_deref().and_then(|url| TcpDial::parse(url, true).ok());
        let port = remote.remote_port.or_else(|| of_url.map(|dial| dial.port()));
        let strict = remote.ssh_host_key_policy == HostKeyPolicy::Strict;
        Some((given.or(written), strict, port.unwrap_or(openclaw_protocol::DEFAULT_PORT)))
    }

    async fn over_ssh(
        &self,
        host: &str,
        identity: Option<&Path>,
        known_hosts_only: bool,
        knock: Knock<'_>,
    ) -> Result<(Client, Way), Failure> {
        let host = ssh_target(host)?;
        let mut options = SshOptions::new(self.tasks.clone());
        options.known_hosts_only = known_hosts_only;
        options.identity = identity.map(Path::to_path_buf);
        if let Some(timeout) = self.args.timeout {
            options.connect_timeout = timeout;
        }
        let first = self.attempt(&host, knock, &options).await?;
        let outcome = match first {
            Err(error) if problem(&error) == Some(SshProblem::UnknownHostKey) => {
                self.greet(&host, &options).await?;
                self.attempt(&host, knock, &options).await?
            }
            outcome => outcome,
        };
        outcome.map_err(|error| client_failure(&error))
    }

    /// Knocks at the door there, unless a port was asked for; a host without a door gets the port too.
    async fn attempt(
        &self,
        host: &SshTarget,
        knock: Knock<'_>,
        options: &SshOptions,
    ) -> Result<Result<(Client, Way), ClientError>, Failure> {
        let reach = &self.args.reach;
        let (door_first, remote_port) = match knock {
            Knock::At(via) => {
                let way = (host, via);
                let named = endpoint::ssh_named(self.context, reach, self.target, way, options)?;
                return self.dial(named).await;
            }
            Knock::Either(remote_port) => (remote_port.is_none(), remote_port),
            Knock::Door(port) => (true, Some(port)),
        };
        if door_first {
            let door = endpoint::ssh_door(self.context, reach, self.target, host, options)?;
            let outcome = self.dial(door).await?;
            let no_door = outcome.as_ref().err().and_then(problem) == Some(SshProblem::NoOpenclaw);
            if !no_door {
                return Ok(outcome);
            }
        }
        let port = remote_port.unwrap_or(openclaw_protocol::DEFAULT_PORT);
        let endpoint = endpoint::ssh_port(self.context, reach, self.target, (host, port), options)?;
        self.dial(endpoint).await
    }

    async fn greet(&self, host: &SshTarget, options: &SshOptions) -> Result<(), Failure> {
        let somebody = io::stdin().is_terminal() && io::stderr().is_terminal();
        let terminal = if somebody { Terminal::Yes } else { Terminal::No };
        greet(host, options, terminal).await.map_err(|error| {
            let target = openclaw_client::Target::Ssh { host: host.to_string(), remote_port: None };
            client_failure(&ClientError::from_dial(error.into(), target))
        })
    }

    /// Connects over one endpoint. The inner error is the connection's, the outer one this machine's.
    async fn dial(
        &self,
        mut endpoint: Endpoint,
    ) -> Result<Result<(Client, Way), ClientError>, Failure> {
        let way = endpoint.plan.way;
        if let Some(wrap) = self.wrap {
            endpoint.dial = wrap(endpoint.dial);
        }
        let mut options = ClientOptions::cli(self.tasks.clone(), env!("CARGO_PKG_VERSION"));
        options.display_name = host_name();
        options.resume = self.resume.clone();
        options.caps.push(CAP_NODE_OUTPUT.to_owned());
        if let Some(timeout) = self.args.timeout {
            options.connect_timeout = timeout;
            options.call_timeout = timeout;
        }
        if way == Way::Network {
            options.device = Some(endpoint::device(self.context)?);
        }
        let first = Client::connect(&endpoint, &options).await;
        let Err(ClientError::PairingRequired(pairing)) = &first else {
            return Ok(first.map(|client| (client, way)));
        };
        if let Some(granted) = granted_scopes(pairing) {
            // What the device may do already is enough to try; a call that needs more says so itself.
            options.scopes = granted;
        } else if matches!(self.pairing, PairingWait::For { .. }) {
            options.pairing = self.pairing.clone();
        } else {
            return Ok(first.map(|client| (client, way)));
        }
        Ok(Client::connect(&endpoint, &options).await.map(|client| (client, way)))
    }
}

/// Whether only the way to the Gateway failed.
fn is_of_the_link(error: &ClientError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::LinkLost | ErrorKind::NothingListening | ErrorKind::NotAGateway
    )
}

/// Reads a target of `ssh`.
pub(crate) fn ssh_target(text: &str) -> Result<SshTarget, Failure> {
    SshTarget::parse(text).map_err(|error| {
        client_failure(&ClientError::from_dial(
            openclaw_remote::SshError::from(error).into(),
            openclaw_client::Target::Ssh { host: text.to_owned(), remote_port: None },
        ))
    })
}

/// The scopes that a device holds which asked for more than it was granted.
fn granted_scopes(pairing: &PairingRequired) -> Option<Vec<Scope>> {
    if pairing.reason.as_deref() != Some("scope-upgrade") {
        return None;
    }
    let names = pairing.error.details.as_ref()?.get("approvedScopes")?.as_array()?;
    let scopes = names.iter().filter_map(|name| name.as_str()?.parse().ok());
    Some(scopes.collect()).filter(|scopes: &Vec<Scope>| !scopes.is_empty())
}

/// What this machine is called; the owner of a Gateway sees it in the list of devices.
pub(crate) fn host_name() -> Option<String> {
    let name = rustix::system::uname();
    name.nodename().to_str().ok().filter(|name| !name.is_empty()).map(str::to_owned)
}

fn problem(error: &ClientError) -> Option<SshProblem> {
    match error {
        ClientError::Ssh(failure) => Some(failure.problem),
        _ => None,
    }
}
