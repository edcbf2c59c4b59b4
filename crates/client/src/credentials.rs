//! Which secrets may be told to an endpoint: one pure function over everything that is configured.
//!
//! | How the target was chosen | Secrets |
//! |---|---|
//! | any secret flag | exactly the flags |
//! | `--url` | a flag, else an error before any traffic |
//! | `--ssh`, and the host answers `dial-stdio` | none: the SSH login is the proof |
//! | `--ssh`, and it does not | a flag, else an error before any Gateway traffic |
//! | `OPENCLAW_GATEWAY_URL` | the environment's |
//! | a named Gateway, by its door | none: the SSH login is the proof |
//! | a named Gateway, by its port or URL | what is saved for exactly this endpoint |
//! | mode `remote` | `gateway.remote.*`, else what is saved for exactly this endpoint |
//! | local, the owner's door is there | none |
//! | local otherwise | the environment's, else `gateway.auth.*`, else the token file |
//!
//! A plan only says what may be used. The challenge decides what is: one kind at a time, and in the
//! clear only what a person named for exactly this endpoint ([`SecretSource::is_for_this_endpoint`]).

use openclaw_protocol::trust::SecretKind;
use secrecy::{ExposeSecret, SecretString};

mod source;

pub use source::SecretSource;

/// A secret and where it came from.
#[derive(Clone, Debug)]
pub struct Secret {
    /// The secret.
    pub value: SecretString,
    /// Where it came from.
    pub source: SecretSource,
}

impl Secret {
    /// `None` for a value that is empty or only white space.
    #[must_use]
    pub fn new(value: Option<SecretString>, source: SecretSource) -> Option<Self> {
        let value = value.filter(|value| !value.expose_secret().trim().is_empty())?;
        Some(Self { value, source })
    }
}

/// A token and a password, either of which may be missing.
#[derive(Clone, Debug, Default)]
pub struct Pair {
    /// The token.
    pub token: Option<SecretString>,
    /// The password.
    pub password: Option<SecretString>,
}

/// How the target was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// `--url`.
    UrlFlag,
    /// `--ssh`. A host that the configuration names is [`Choice::Remote`].
    Ssh {
        /// Whether `openclaw gateway dial-stdio` runs there.
        dial_stdio: bool,
    },
    /// `OPENCLAW_GATEWAY_URL`.
    EnvUrl,
    /// A Gateway that has a name: `--gateway`, or `gateway use`.
    Named {
        /// Whether it is reached at its owner's door.
        door: bool,
    },
    /// `gateway.mode: "remote"`.
    Remote,
    /// The Gateway of this state folder.
    Local,
}

/// Everything that could name a secret.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// How the target was chosen.
    pub choice: Choice,
    /// `--token`, `--password`.
    pub flags: Pair,
    /// Whether the password of `flags` came from `--password-file`.
    pub password_from_file: bool,
    /// `OPENCLAW_GATEWAY_TOKEN`, `OPENCLAW_GATEWAY_PASSWORD`.
    pub env: Pair,
    /// `gateway.remote.token`, `gateway.remote.password`.
    pub remote: Pair,
    /// `gateway.auth.token`, `gateway.auth.password`.
    pub auth: Pair,
    /// `gateway.auth.mode`, if it is set to one of these.
    pub auth_mode: Option<SecretKind>,
    /// The token file of the state folder.
    pub token_file: Option<SecretString>,
    /// Whether the owner's door of the state folder can be dialled.
    pub door: bool,
}

impl Inputs {
    /// Nothing configured.
    #[must_use]
    pub fn new(choice: Choice) -> Self {
        Self {
            choice,
            flags: Pair::default(),
            password_from_file: false,
            env: Pair::default(),
            remote: Pair::default(),
            auth: Pair::default(),
            auth_mode: None,
            token_file: None,
            door: false,
        }
    }
}

/// Which way the endpoint is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The owner's door, here or at the other end of `ssh`: the kernel or the SSH login is the proof.
    Door,
    /// A socket that anybody may listen on.
    Network,
}

/// What may be told to one endpoint.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which way to take.
    pub way: Way,
    /// The token that may be used.
    pub token: Option<Secret>,
    /// The password that may be used.
    pub password: Option<Secret>,
    /// Whether a device token saved for exactly this endpoint may be used.
    pub use_saved: bool,
    /// The single-use token of a code that names exactly this endpoint.
    pub invite: Option<SecretString>,
}

impl Plan {
    /// No secret at all, over the owner's door.
    #[must_use]
    pub fn door() -> Self {
        Self { way: Way::Door, ..Self::nothing() }
    }

    /// No secret at all, over the network.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { way: Way::Network, token: None, password: None, use_saved: false, invite: None }
    }

    /// What a code says, over the network.
    #[must_use]
    pub fn invited(token: SecretString) -> Self {
        Self { use_saved: true, invite: Some(token), ..Self::nothing() }
    }

    /// The secret of a kind.
    #[must_use]
    pub const fn secret(&self, kind: SecretKind) -> Option<&Secret> {
        match kind {
            SecretKind::None => None,
            SecretKind::Token => self.token.as_ref(),
            SecretKind::Password => self.password.as_ref(),
        }
    }
}

/// Why nothing may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// `--url` without a secret flag.
    #[error("--url needs --token, --password, or --password-file: no other secret is used for it")]
    UrlNeedsFlag,
    /// `--ssh` to a host without our program, and no secret flag.
    #[error(
        "a port is reached there and no owner's door, so --ssh needs --token, --password, or \
         --password-file"
    )]
    SshNeedsFlag,
}

impl CredentialError {
    /// What to do next.
    #[must_use]
    pub const fn hint(self) -> &'static str {
        match self {
            Self::UrlNeedsFlag => {
                "add --token TOKEN; on the Gateway's host `openclaw gateway auth-token --show` prints it"
            }
            Self::SshNeedsFlag => {
                "have openclaw on that host and leave out --remote-port, or add --token TOKEN of the \
                 Gateway there"
            }
        }
    }
}

/// Decides which secrets may be used.
///
/// # Errors
/// [`CredentialError`] when a target given on the command line needs a secret flag.
pub fn plan(inputs: &Inputs) -> Result<Plan, CredentialError> {
    let at_far_door =
        matches!(inputs.choice, Choice::Ssh { dial_stdio: true } | Choice::Named { door: true });
    if let Some(flags) = from_flags(inputs) {
        let way = if at_far_door { Way::Door } else { Way::Network };
        return Ok(Plan { way, ..flags });
    }
    match inputs.choice {
        Choice::UrlFlag => Err(CredentialError::UrlNeedsFlag),
        Choice::Ssh { dial_stdio: true } | Choice::Named { door: true } => Ok(Plan::door()),
        Choice::Named { door: false } => Ok(Plan { use_saved: true, ..Plan::nothing() }),
        Choice::Ssh { dial_stdio: false } => Err(CredentialError::SshNeedsFlag),
        Choice::EnvUrl => Ok(from_env(inputs)),
        Choice::Remote => Ok(from_remote(inputs)),
        Choice::Local if inputs.door => Ok(Plan::door()),
        Choice::Local => Ok(from_local(inputs)),
    }
}

fn from_flags(inputs: &Inputs) -> Option<Plan> {
    let password_source = if inputs.password_from_file {
        SecretSource::FlagPasswordFile
    } else {
        SecretSource::FlagPassword
    };
    let plan = network(
        Secret::new(inputs.flags.token.clone(), SecretSource::FlagToken),
        Secret::new(inputs.flags.password.clone(), password_source),
    );
    (plan.token.is_some() || plan.password.is_some()).then_some(plan)
}

fn from_env(inputs: &Inputs) -> Plan {
    network(
        Secret::new(inputs.env.token.clone(), SecretSource::EnvToken),
        Secret::new(inputs.env.password.clone(), SecretSource::EnvPassword),
    )
}

fn from_remote(inputs: &Inputs) -> Plan {
    let plan = network(
        Secret::new(inputs.remote.token.clone(), SecretSource::RemoteToken),
        Secret::new(inputs.remote.password.clone(), SecretSource::RemotePassword),
    );
    let use_saved = plan.token.is_none() && plan.password.is_none();
    Plan { use_saved, ..plan }
}

fn from_local(inputs: &Inputs) -> Plan {
    let env = from_env(inputs);
    let configured = |kind| inputs.auth_mode.is_none_or(|mode| mode == kind);
    let token = || {
        Secret::new(inputs.auth.token.clone(), SecretSource::AuthToken)
            .or_else(|| Secret::new(inputs.token_file.clone(), SecretSource::TokenFile))
            .filter(|_| configured(SecretKind::Token))
    };
    let password = || {
        Secret::new(inputs.auth.password.clone(), SecretSource::AuthPassword)
            .filter(|_| configured(SecretKind::Password))
    };
    network(env.token.or_else(token), env.password.or_else(password))
}

fn network(token: Option<Secret>, password: Option<Secret>) -> Plan {
    Plan { token, password, ..Plan::nothing() }
}

#[cfg(test)]
mod tests;
