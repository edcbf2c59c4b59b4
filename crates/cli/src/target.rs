//! Which Gateway a command talks to: flag, environment, `gateway use`, `gateway.mode`, else the local
//! one.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use openclaw_client::credentials::Way;
use openclaw_config::Loaded;
use openclaw_config::schema::{GatewayMode, RemoteTransport};
use openclaw_remote::{Book, NameError, NamedGateway};
use openclaw_service::ServiceName;
use rustix::fs::Access;

use crate::args::ReachArgs;
use crate::context::{Context, config_failure};
use crate::exit::ExitCode;
use crate::failure::{Failure, TargetNote};
use crate::holder::Holder;

/// Permission of a group and of anybody to replace what is in a folder.
const OTHERS_WRITE: u32 = 0o022;

/// What named the Gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// `--gateway`.
    NameFlag,
    /// `gateway use`.
    Chosen,
    /// `--url`.
    UrlFlag,
    /// `--ssh`.
    SshFlag,
    /// `OPENCLAW_GATEWAY_URL`.
    Environment,
    /// `gateway.mode: "remote"`.
    RemoteMode,
    /// Nothing: it is the one of this state folder.
    Local,
    /// Nothing, and this state folder has none: it is that of the system, by the door of its group.
    System,
}

impl Source {
    /// The name a person knows it by.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NameFlag => "--gateway",
            Self::Chosen => "gateway use",
            Self::UrlFlag => "--url",
            Self::SshFlag => "--ssh",
            Self::Environment => "OPENCLAW_GATEWAY_URL",
            Self::RemoteMode => "gateway.remote.url",
            Self::Local => "local",
            Self::System => "the system's Gateway",
        }
    }
}

/// How it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A WebSocket URL.
    Url(String),
    /// Another machine, by `ssh`.
    Ssh {
        /// `user@host[:port]`.
        host: String,
        /// The Gateway's port there.
        remote_port: Option<u16>,
    },
    /// A Gateway with a name, by the way that was found when it was added.
    Named(Box<NamedGateway>),
    /// The owner's door.
    Door(PathBuf),
    /// A port of this machine.
    Port(u16),
}

/// Where a command goes, and why there.
#[derive(Debug)]
pub(crate) struct Target {
    /// How it is reached.
    pub(crate) place: Place,
    /// What named it.
    pub(crate) source: Source,
    /// The configuration, if it was needed to decide.
    pub(crate) loaded: Option<Loaded>,
}

impl Target {
    /// The address for people and programs.
    pub(crate) fn url(&self) -> String {
        match &self.place {
            Place::Url(url) => url.clone(),
            Place::Ssh { host, remote_port: None } => format!("ssh://{host}"),
            Place::Ssh { host, remote_port: Some(port) } => format!("ssh://{host} port {port}"),
            Place::Named(gateway) => gateway.address(),
            Place::Door(path) => format!("unix:{}", path.display()),
            Place::Port(port) => format!("ws://127.0.0.1:{port}"),
        }
    }

    /// The Gateway's name, if it was meant by it.
    pub(crate) fn name(&self) -> Option<&str> {
        match &self.place {
            Place::Named(gateway) => Some(&gateway.name),
            _ => None,
        }
    }

    /// How the Gateway knows the caller; a door takes no secret.
    pub(crate) fn auth_label(&self, way: Way, method: Option<&str>) -> Option<String> {
        let label = match (way, &self.place, method) {
            (Way::Door, Place::Door(_), _) if self.source == Source::System => "the group's door",
            (Way::Door, Place::Door(_), _) => "the owner's door",
            (Way::Door, _, _) => "the SSH login",
            (Way::Network, _, Some("device-token")) => "this device's key",
            (Way::Network, _, method) => method?,
        };
        Some(label.to_owned())
    }

    /// A failure to reach it, with the next step for this very way.
    pub(crate) fn explain(&self, context: &Context, failure: Failure) -> Failure {
        let failure = match (failure.exit, self.source, &self.place) {
            (ExitCode::NothingListening, Source::Local, _) => {
                failure.hint(format!("start it: {} gateway run", context.own))
            }
            (ExitCode::NothingListening, _, Place::Url(url)) => failure.hint(open_tunnel(url)),
            (ExitCode::NothingListening, Source::System, _) => {
                failure.hint("start it: sudo systemctl start openclaw-gateway")
            }
            (ExitCode::Usage, Source::Environment, _) => {
                failure.hint("set OPENCLAW_GATEWAY_URL to an address such as ws://127.0.0.1:18789")
            }
            (ExitCode::Usage, Source::RemoteMode, Place::Ssh { .. }) => failure.hint(
                "openclaw config set gateway.remote.token, for a machine without our program",
            ),
            (ExitCode::Usage, Source::RemoteMode, _) => {
                failure.hint("openclaw config set gateway.remote.url ws://127.0.0.1:18789")
            }
            _ => failure,
        };
        failure.about(self.note())
    }

    /// The same for the error envelope.
    pub(crate) fn note(&self) -> TargetNote {
        TargetNote { url: self.url(), source: self.source.as_str().to_owned() }
    }
}

/// Decides where to go. The configuration is read only when neither flag nor environment decides.
pub(crate) fn choose(context: &Context, args: &ReachArgs) -> Result<Target, Failure> {
    let there = |place, source| Target { place, source, loaded: None };
    if let Some(name) = &args.gateway {
        return Ok(there(named(context, name)?, Source::NameFlag));
    }
    if let Some(host) = &args.ssh {
        let place = Place::Ssh { host: host.clone(), remote_port: args.remote_port };
        return Ok(there(place, Source::SshFlag));
    }
    if let Some(url) = &args.url {
        return Ok(there(Place::Url(url.clone()), Source::UrlFlag));
    }
    if let Some(url) = context.env.get("OPENCLAW_GATEWAY_URL") {
        return Ok(there(Place::Url(url.to_owned()), Source::Environment));
    }
    if let Some(name) = book(context).current().map_err(|error| name_failure(&error))? {
        return Ok(there(named(context, &name)?, Source::Chosen));
    }
    let loaded = context.config()?;
    if loaded.config.gateway.mode == Some(GatewayMode::Remote) {
        let remote = &loaded.config.gateway.remote;
        if remote.transport == RemoteTransport::Ssh
            && let Some(host) = &remote.ssh_target
        {
            let place = Place::Ssh { host: host.clone(), remote_port: remote.remote_port };
            return Ok(Target { place, source: Source::RemoteMode, loaded: Some(loaded) });
        }
        let url = remote.url.clone().ok_or_else(no_remote_url)?;
        let source = Source::RemoteMode;
        return Ok(Target { place: Place::Url(url), source, loaded: Some(loaded) });
    }
    local(context, args, loaded)
}

/// The Gateway of this state folder. Its door is taken when the Gateway that holds the folder is the
/// one that is meant; another port in the environment means another one.
fn local(context: &Context, args: &ReachArgs, loaded: Loaded) -> Result<Target, Failure> {
    let holder = Holder::read(&context.paths.lock_file());
    let resolved = loaded
        .config
        .gateway_port(&context.paths, &loaded.env)
        .map_err(|error| config_failure(&error))?;
    let named = loaded.env.get("OPENCLAW_GATEWAY_PORT").is_some();
    let published = holder.as_ref().filter(|holder| !named || holder.port == Some(resolved));
    let secret_given =
        args.token.is_some() || args.password.is_some() || args.password_file.is_some();
    if !named
        && !secret_given
        && let Some(door) = system_door(context)
    {
        return Ok(Target {
            place: Place::Door(door),
            source: Source::System,
            loaded: Some(loaded),
        });
    }
    let place = match published {
        Some(holder) if !secret_given => {
            let door = holder.socket.clone();
            Place::Door(door.unwrap_or_else(|| context.paths.socket().to_owned()))
        }
        Some(Holder { port: Some(port), .. }) => Place::Port(*port),
        _ => Place::Port(resolved),
    };
    Ok(Target { place, source: Source::Local, loaded: Some(loaded) })
}

/// The door of the system's Gateway, if this person never ran one and is in the group that may open it.
/// The folder is the system's own, so nobody else could have put the door there.
pub(crate) fn system_door(context: &Context) -> Option<PathBuf> {
    if context.paths.lock_file().exists() {
        return None;
    }
    let door = ServiceName::gateway(context.paths.profile().name()).shared_door();
    let folder = std::fs::metadata(door.parent()?).ok()?;
    let is_the_systems = folder.uid() == 0 && folder.mode() & OTHERS_WRITE == 0;
    let may_open = is_the_systems && rustix::fs::access(&door, Access::WRITE_OK).is_ok();
    may_open.then_some(door)
}

/// The named Gateways of this state folder.
pub(crate) fn book(context: &Context) -> Book {
    Book::new(context.paths.named_gateways_dir())
}

fn named(context: &Context, name: &str) -> Result<Place, Failure> {
    let gateway = book(context).load(name).map_err(|error| name_failure(&error))?;
    Ok(Place::Named(Box::new(gateway)))
}

/// A name that cannot be used, and what to type instead.
pub(crate) fn name_failure(error: &NameError) -> Failure {
    let (exit, hint) = match error {
        NameError::Bad(_) | NameError::Unknown(_) => {
            (ExitCode::Usage, "see the names with `openclaw remote list`")
        }
        NameError::File { .. } => {
            (ExitCode::Failed, "repair or remove the file, then add the Gateway again")
        }
    };
    Failure::new(exit, error.to_string()).hint(hint).caused_by(std::error::Error::source(error))
}

/// On loopback it is most likely a tunnel that is not there.
fn open_tunnel(url: &str) -> String {
    let authority = url.split("://").last().unwrap_or_default();
    let port = authority.split('/').next().unwrap_or_default().rsplit(':').next();
    match port.and_then(|port| port.parse::<u16>().ok()) {
        Some(port) if url.contains("127.0.0.1") || url.contains("localhost") => format!(
            "open the tunnel: ssh -N -L {port}:127.0.0.1:18789 USER@HOST; for a Gateway on this \
             machine: openclaw gateway run --port {port}"
        ),
        _ => "check the address, and that the Gateway runs there".to_owned(),
    }
}

fn no_remote_url() -> Failure {
    Failure::new(
        ExitCode::Configuration,
        "gateway.mode is \"remote\", but gateway.remote.url is not set",
    )
    .hint(
        "openclaw config set gateway.remote.sshTarget me@server, or: openclaw config set \
         gateway.remote.url ws://127.0.0.1:18789",
    )
}
