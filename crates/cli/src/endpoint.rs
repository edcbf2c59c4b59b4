//! From a target to an endpoint: how it is dialled, what it may be told, and whose key it must show.

use std::sync::Arc;

use openclaw_client::credentials::{self, Choice, Inputs, Pair, Plan};
use openclaw_client::{ClientError, Endpoint, Fingerprint, SavedFile, TcpDial, UnixDial};
use openclaw_config::schema::AuthMode;
use openclaw_config::{Loaded, SecretInput};
use openclaw_identity::KeyPair;
use openclaw_protocol::Role;
use openclaw_protocol::trust::SecretKind;
use openclaw_remote::{HeldDial, How, NamedGateway, SshDial, SshOptions, SshTarget, Via};
use secrecy::SecretString;

use crate::args::ReachArgs;
use crate::context::{Context, config_failure, now_ms};
use crate::exit::ExitCode;
use crate::explain::client_failure;
use crate::failure::Failure;
use crate::input;
use crate::target::{Place, Source, Target};

/// Lets `ws://` reach private networks, as with the original.
const ALLOW_PLAINTEXT: &str = "OPENCLAW_ALLOW_INSECURE_PRIVATE_WS";

/// The endpoint of a target on this machine or at a URL. Only secrets that the target's source allows
/// are even looked up.
pub(crate) fn direct(
    context: &Context,
    args: &ReachArgs,
    target: &Target,
) -> Result<Endpoint, Failure> {
    if let (Some(invited), Place::Url(url)) = (&args.invite, &target.place) {
        let plan = Plan::invited(invited.token.clone());
        let endpoint = by_url(context, plan, url, fingerprint(args, target)?)?;
        return Ok(match invited.key {
            Some(key) => endpoint.named_by_code(key),
            None => endpoint,
        });
    }
    let inputs = inputs(context, args, target)?;
    let plan = credentials::plan(&inputs).map_err(|error| client_failure(&error.into()))?;
    match &target.place {
        Place::Door(path) => Ok(Endpoint::new(UnixDial::new(path), plan)),
        Place::Port(port) => {
            let endpoint = Endpoint::new(TcpDial::loopback(*port), plan);
            Ok(match own_gateway_key(context)? {
                Some(key) => endpoint.pinned(key),
                None => remembered(context, endpoint),
            })
        }
        Place::Url(url) => by_url(context, plan, url, fingerprint(args, target)?),
        Place::Named(gateway) => named(context, plan, gateway, args),
        Place::Ssh { .. } => Err(Failure::usage("an SSH target is not dialled directly")),
    }
}

/// The certificate that was named for this target: by the flag, else for `gateway.remote.url`.
fn fingerprint(args: &ReachArgs, target: &Target) -> Result<Option<Fingerprint>, Failure> {
    let remote = target.loaded.as_ref().filter(|_| target.source == Source::RemoteMode);
    let written = remote.and_then(|loaded| loaded.config.gateway.remote.tls_fingerprint.as_ref());
    match (args.tls_fingerprint, written) {
        (Some(named), _) => Ok(Some(named)),
        (None, Some(written)) => written.parse().map(Some).map_err(|error| {
            Failure::new(ExitCode::Configuration, format!("gateway.remote.tlsFingerprint: {error}"))
                .hint("openclaw gateway tls fingerprint, on the Gateway's host")
        }),
        (None, None) => Ok(None),
    }
}

fn by_url(
    context: &Context,
    plan: Plan,
    url: &str,
    fingerprint: Option<Fingerprint>,
) -> Result<Endpoint, Failure> {
    let plaintext = context.env.get(ALLOW_PLAINTEXT).is_some();
    let dial = TcpDial::parse(url, plaintext).map_err(|error| {
        let target = openclaw_client::Target::Url(url.to_owned());
        client_failure(&ClientError::from_dial(error, target))
    })?;
    if fingerprint.is_some() && !dial.speaks_tls() {
        return Err(Failure::usage("a certificate is shown at wss:// addresses only"));
    }
    Ok(remembered(context, Endpoint::new(dial.expecting(fingerprint), plan)))
}

/// A Gateway with a name that is not reached by `ssh`.
fn named(
    context: &Context,
    plan: Plan,
    gateway: &NamedGateway,
    args: &ReachArgs,
) -> Result<Endpoint, Failure> {
    match &gateway.how {
        How::Url { url, tls_fingerprint } => {
            let kept = tls_fingerprint.as_deref().and_then(|text| text.parse().ok());
            by_url(context, plan, url, args.tls_fingerprint.or(kept))
        }
        How::Ssh { .. } => Err(Failure::usage("an SSH target is not dialled directly")),
    }
}

/// A Gateway with a name, through `ssh`: by its door or its port, as was found when it was added. Its
/// key is pinned either way.
pub(crate) fn ssh_named(
    context: &Context,
    args: &ReachArgs,
    target: &Target,
    (host, via): (&SshTarget, &Via),
    options: &SshOptions,
) -> Result<Endpoint, Failure> {
    let inputs = inputs(context, args, target)?;
    let plan = credentials::plan(&inputs).map_err(|error| client_failure(&error.into()))?;
    let dial = match via {
        Via::Door { .. } => SshDial::door(host.clone(), Role::Operator, options.clone()),
        Via::Port(port) => SshDial::port(host.clone(), *port, options.clone()),
    };
    Ok(remembered(context, Endpoint::new(dial, plan)))
}

/// A Gateway with a name, through a tunnel that is held: the same endpoint as without.
pub(crate) fn held(
    context: &Context,
    args: &ReachArgs,
    target: &Target,
    dial: HeldDial,
) -> Result<Endpoint, Failure> {
    let inputs = inputs(context, args, target)?;
    let plan = credentials::plan(&inputs).map_err(|error| client_failure(&error.into()))?;
    Ok(remembered(context, Endpoint::new(dial, plan)))
}

/// The owner's door on another machine: the SSH login is the proof.
pub(crate) fn ssh_door(
    context: &Context,
    args: &ReachArgs,
    target: &Target,
    host: &SshTarget,
    options: &SshOptions,
) -> Result<Endpoint, Failure> {
    let mut inputs = inputs(context, args, target)?;
    inputs.choice = Choice::Ssh { dial_stdio: true };
    let plan = credentials::plan(&inputs).map_err(|error| client_failure(&error.into()))?;
    Ok(Endpoint::new(SshDial::door(host.clone(), Role::Operator, options.clone()), plan))
}

/// A port on another machine, for a host without our program; needs a secret flag.
pub(crate) fn ssh_port(
    context: &Context,
    args: &ReachArgs,
    target: &Target,
    (host, port): (&SshTarget, u16),
    options: &SshOptions,
) -> Result<Endpoint, Failure> {
    let inputs = inputs(context, args, target)?;
    let plan = credentials::plan(&inputs).map_err(|error| client_failure(&error.into()))?;
    let dial = SshDial::port(host.clone(), port, options.clone());
    Ok(remembered(context, Endpoint::new(dial, plan)))
}

/// A target as a node reaches it: through `ssh` it asks for the door of nodes, which is nobody's owner.
pub(crate) fn for_node(
    context: &Context,
    args: &ReachArgs,
    target: &Target,
    options: &SshOptions,
) -> Result<Endpoint, Failure> {
    let (host, via, identity) = match &target.place {
        Place::Ssh { host, remote_port } => {
            let via = remote_port.map_or(Via::Door { path: None, port: None }, Via::Port);
            (host, via, args.ssh_identity.clone())
        }
        Place::Named(gateway) => match &gateway.how {
            How::Ssh { target, identity, via } => (target, via.clone(), identity.clone()),
            How::Url { .. } => return direct(context, args, target),
        },
        Place::Url(_) | Place::Door(_) | Place::Port(_) => return direct(context, args, target),
    };
    let host = SshTarget::parse(host).map_err(|error| Failure::usage(error.to_string()))?;
    let options = SshOptions { identity, ..options.clone() };
    let mut inputs = inputs(context, args, target)?;
    let dial = match via {
        Via::Door { .. } => {
            if matches!(target.place, Place::Ssh { .. }) {
                inputs.choice = Choice::Ssh { dial_stdio: true };
            }
            SshDial::door(host, Role::Node, options)
        }
        Via::Port(port) => SshDial::port(host, port, options),
    };
    let plan = credentials::plan(&inputs).map_err(|error| client_failure(&error.into()))?;
    Ok(remembered(context, Endpoint::new(dial, plan)))
}

/// Keeps what is learnt about an endpoint in the state folder.
fn remembered(context: &Context, endpoint: Endpoint) -> Endpoint {
    let file = SavedFile::of(&context.paths.gateways_dir(), &endpoint.dial.target());
    endpoint.saved(file)
}

/// This device's key; made when it is first needed.
pub(crate) fn device(context: &Context) -> Result<Arc<KeyPair>, Failure> {
    let path = context.paths.identity_dir().join("device.json");
    let made = openclaw_base::fs::create_private_dir(&context.paths.identity_dir());
    made.map_err(|error| Failure::local("making the state folder failed", &error))?;
    let key = KeyPair::load_or_create(&path, now_ms());
    key.map(Arc::new).map_err(|error| {
        Failure::local(format!("this device's key {} cannot be used", path.display()), &error)
    })
}

/// The key of the Gateway of this state folder: whoever listens on its port must show it.
fn own_gateway_key(context: &Context) -> Result<Option<openclaw_identity::PublicKey>, Failure> {
    let path = context.paths.identity_dir().join("gateway.json");
    let key = KeyPair::load(&path).map_err(|error| {
        Failure::local(format!("the Gateway's key {} cannot be used", path.display()), &error)
            .exit_with(ExitCode::Identity)
    })?;
    Ok(key.map(|key| key.public_key()))
}

/// Everything that may name a secret for this target, and nothing else.
fn inputs(context: &Context, args: &ReachArgs, target: &Target) -> Result<Inputs, Failure> {
    let named_door = match &target.place {
        Place::Named(gateway) => {
            matches!(&gateway.how, How::Ssh { via: Via::Door { .. }, .. })
        }
        _ => false,
    };
    let choice = match target.source {
        Source::NameFlag | Source::Chosen => Choice::Named { door: named_door },
        Source::UrlFlag => Choice::UrlFlag,
        Source::SshFlag => Choice::Ssh { dial_stdio: false },
        Source::Environment => Choice::EnvUrl,
        Source::RemoteMode => Choice::Remote,
        Source::Local | Source::System => Choice::Local,
    };
    let mut inputs = Inputs::new(choice);
    inputs.flags.token.clone_from(&args.token);
    inputs.flags.password = password_flag(context, args)?;
    inputs.password_from_file = args.password_file.is_some();
    inputs.door = matches!(target.place, Place::Door(_));
    let flags_given = inputs.flags.token.is_some() || inputs.flags.password.is_some();
    if flags_given || inputs.door {
        return Ok(inputs);
    }
    match (target.source, &target.loaded) {
        (Source::Environment, _) => inputs.env = environment(context),
        (Source::RemoteMode, Some(loaded)) => {
            let remote = &loaded.config.gateway.remote;
            inputs.remote = resolved(loaded, remote.token.as_ref(), remote.password.as_ref())?;
        }
        (Source::Local, Some(loaded)) => local(context, loaded, &mut inputs)?,
        _ => {}
    }
    Ok(inputs)
}

fn local(context: &Context, loaded: &Loaded, inputs: &mut Inputs) -> Result<(), Failure> {
    inputs.env = environment(context);
    let auth = &loaded.config.gateway.auth;
    inputs.auth_mode = match auth.mode {
        Some(AuthMode::None) => Some(SecretKind::None),
        Some(AuthMode::Token) => Some(SecretKind::Token),
        Some(AuthMode::Password) => Some(SecretKind::Password),
        Some(AuthMode::TrustedProxy) | None => None,
    };
    // What the environment has is not looked up a second time: a reference may run a program.
    let token = auth.token.as_ref().filter(|_| inputs.env.token.is_none());
    let password = auth.password.as_ref().filter(|_| inputs.env.password.is_none());
    inputs.auth = resolved(loaded, token, password)?;
    let file = context.paths.token_file();
    if inputs.env.token.is_none() && auth.token.is_none() && file.exists() {
        inputs.token_file = Some(input::secret_file(context.printer, &file, "")?);
    }
    Ok(())
}

fn environment(context: &Context) -> Pair {
    let get = |name: &str| context.env.get(name).map(|value| SecretString::from(value.to_owned()));
    Pair { token: get("OPENCLAW_GATEWAY_TOKEN"), password: get("OPENCLAW_GATEWAY_PASSWORD") }
}

fn resolved(
    loaded: &Loaded,
    token: Option<&SecretInput>,
    password: Option<&SecretInput>,
) -> Result<Pair, Failure> {
    let resolver = loaded.secrets();
    let look_up = |secret: Option<&SecretInput>| {
        secret
            .map(|secret| resolver.resolve(secret))
            .transpose()
            .map_err(|error| config_failure(&error))
    };
    Ok(Pair { token: look_up(token)?, password: look_up(password)? })
}

fn password_flag(context: &Context, args: &ReachArgs) -> Result<Option<SecretString>, Failure> {
    match &args.password_file {
        Some(file) => input::secret_file(context.printer, file, "Gateway password").map(Some),
        None => Ok(args.password.clone()),
    }
}
