//! Who connects, as what, and how long it waits.

use std::{fmt, sync::Arc, time::Duration};

use openclaw_base::Tasks;
use openclaw_identity::KeyPair;
use openclaw_protocol::{
    Role, Scope,
    client_info::{ClientId, ClientMode},
};

use crate::resume::ResumePoint;

/// How long dialling, challenge and hello may take together.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a call may take unless it says otherwise.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Everything about the client itself.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Owner of the connection's task.
    pub tasks: Tasks,
    /// Role asked for.
    pub role: Role,
    /// Scopes asked for, in this order.
    pub scopes: Vec<Scope>,
    /// Which program.
    pub client_id: ClientId,
    /// Coarse kind.
    pub client_mode: ClientMode,
    /// Name for people.
    pub display_name: Option<String>,
    /// Version of the program.
    pub version: String,
    /// Operating system.
    pub platform: String,
    /// Tells installations of one program apart.
    pub instance_id: Option<String>,
    /// Capabilities.
    pub caps: Vec<String>,
    /// Nodes: commands offered.
    pub commands: Vec<String>,
    /// This device's key; not needed over the owner's door.
    pub device: Option<Arc<KeyPair>>,
    /// What to do when a person has to approve this device.
    pub pairing: PairingWait,
    /// How long dialling, challenge and hello may take together.
    pub connect_timeout: Duration,
    /// How long a call may take unless it says otherwise.
    pub call_timeout: Duration,
    /// Where an earlier connection ended; see [`crate::Client::resume_point`].
    pub resume: Option<ResumePoint>,
}

impl ClientOptions {
    /// A command line program that may do everything.
    #[must_use]
    pub fn cli(tasks: Tasks, version: impl Into<String>) -> Self {
        Self {
            tasks,
            role: Role::Operator,
            scopes: vec![
                Scope::Admin,
                Scope::Read,
                Scope::Write,
                Scope::Approvals,
                Scope::Questions,
                Scope::Pairing,
            ],
            client_id: ClientId::Cli,
            client_mode: ClientMode::Cli,
            display_name: None,
            version: version.into(),
            platform: std::env::consts::OS.to_owned(),
            instance_id: None,
            caps: Vec::new(),
            commands: Vec::new(),
            device: None,
            pairing: PairingWait::No,
            connect_timeout: CONNECT_TIMEOUT,
            call_timeout: CALL_TIMEOUT,
            resume: None,
        }
    }

    /// The scopes by name, in the order they are sent and signed.
    pub(crate) fn scope_names(&self) -> Vec<String> {
        self.scopes.iter().map(|scope| scope.as_str().to_owned()).collect()
    }
}

/// What a person is told while a client waits for approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairingNotice {
    /// The request to approve.
    pub request_id: Option<String>,
    /// What to type on the Gateway's host.
    pub hint: String,
}

/// Tells a person that a decision is waited for.
pub type Notify = Arc<dyn Fn(&PairingNotice) + Send + Sync>;

/// What to do when a person has to approve this device.
#[derive(Clone, Default)]
pub enum PairingWait {
    /// Give up and say which request to approve.
    #[default]
    No,
    /// Keep the connection and wait for the decision.
    For {
        /// How long.
        at_most: Duration,
        /// Called once the Gateway has the request.
        notify: Notify,
    },
}

impl fmt::Debug for PairingWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No => f.write_str("No"),
            Self::For { at_most, .. } => write!(f, "For({at_most:?})"),
        }
    }
}
