//! What a peer is told when something is refused: a stable code, a sentence, and details.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::scope::{Role, Scope};

/// The coarse error code of a response frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// Schema failure, unknown method or id, wrong role, refused credentials.
    InvalidRequest,
    /// A device identity or a pairing is needed.
    NotPaired,
    /// A channel is not logged in.
    NotLinked,
    /// An agent run took too long.
    AgentTimeout,
    /// A dependency is down, a limit was hit, or the Gateway is starting or stopping.
    Unavailable,
    /// A scope is missing (protocol 4).
    Forbidden,
    /// No such approval.
    ApprovalNotFound,
}

impl ErrorCode {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "INVALID_REQUEST",
            Self::NotPaired => "NOT_PAIRED",
            Self::NotLinked => "NOT_LINKED",
            Self::AgentTimeout => "AGENT_TIMEOUT",
            Self::Unavailable => "UNAVAILABLE",
            Self::Forbidden => "FORBIDDEN",
            Self::ApprovalNotFound => "APPROVAL_NOT_FOUND",
        }
    }
}

macro_rules! detail_codes {
    ($( $(#[doc = $doc:literal])+ $name:ident = $wire:literal; )+) => {
        /// The fine code under `error.details.code`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum DetailCode {
            $( $(#[doc = $doc])+ #[serde(rename = $wire)] $name, )+
        }

        impl DetailCode {
            /// Every detail code.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $wire,)+ }
            }

            /// Reads a code from a peer.
            #[must_use]
            pub fn parse(raw: &str) -> Option<Self> {
                match raw { $($wire => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

detail_codes! {
    /// Some credential is required.
    AuthRequired = "AUTH_REQUIRED";
    /// The credential was refused.
    AuthUnauthorized = "AUTH_UNAUTHORIZED";
    /// No token was sent.
    AuthTokenMissing = "AUTH_TOKEN_MISSING";
    /// The token is wrong.
    AuthTokenMismatch = "AUTH_TOKEN_MISMATCH";
    /// The Gateway has no token to compare with.
    AuthTokenNotConfigured = "AUTH_TOKEN_NOT_CONFIGURED";
    /// No password was sent.
    AuthPasswordMissing = "AUTH_PASSWORD_MISSING";
    /// The password is wrong.
    AuthPasswordMismatch = "AUTH_PASSWORD_MISMATCH";
    /// The Gateway has no password to compare with.
    AuthPasswordNotConfigured = "AUTH_PASSWORD_NOT_CONFIGURED";
    /// The bootstrap token is wrong, used, or expired.
    AuthBootstrapTokenInvalid = "AUTH_BOOTSTRAP_TOKEN_INVALID";
    /// The device token is wrong or revoked.
    AuthDeviceTokenMismatch = "AUTH_DEVICE_TOKEN_MISMATCH";
    /// The device token does not cover the scopes asked for.
    AuthScopeMismatch = "AUTH_SCOPE_MISMATCH";
    /// Too many failures.
    AuthRateLimited = "AUTH_RATE_LIMITED";
    /// Tailscale sent no identity.
    AuthTailscaleIdentityMissing = "AUTH_TAILSCALE_IDENTITY_MISSING";
    /// The request did not come through Tailscale's proxy.
    AuthTailscaleProxyMissing = "AUTH_TAILSCALE_PROXY_MISSING";
    /// Tailscale did not confirm the identity.
    AuthTailscaleWhoisFailed = "AUTH_TAILSCALE_WHOIS_FAILED";
    /// Tailscale named somebody else.
    AuthTailscaleIdentityMismatch = "AUTH_TAILSCALE_IDENTITY_MISMATCH";
    /// A proxy sent no identity header.
    AuthIdentityHeaderRequired = "AUTH_IDENTITY_HEADER_REQUIRED";
    /// A verified user is required.
    AuthVerifiedUserRequired = "AUTH_VERIFIED_USER_REQUIRED";
    /// The user's profile cannot be read.
    AuthenticatedProfileUnavailable = "AUTHENTICATED_PROFILE_UNAVAILABLE";
    /// The Control UI was built for another Gateway.
    ControlUiBuildMismatch = "CONTROL_UI_BUILD_MISMATCH";
    /// The page's origin is not allowed.
    ControlUiOriginNotAllowed = "CONTROL_UI_ORIGIN_NOT_ALLOWED";
    /// No protocol version in common.
    ProtocolMismatch = "PROTOCOL_MISMATCH";
    /// The Control UI must send a device identity.
    ControlUiDeviceIdentityRequired = "CONTROL_UI_DEVICE_IDENTITY_REQUIRED";
    /// A device identity must be sent.
    DeviceIdentityRequired = "DEVICE_IDENTITY_REQUIRED";
    /// The device proof is not usable.
    DeviceAuthInvalid = "DEVICE_AUTH_INVALID";
    /// The device id does not derive from the key.
    DeviceAuthDeviceIdMismatch = "DEVICE_AUTH_DEVICE_ID_MISMATCH";
    /// The signature is too old or from the future.
    DeviceAuthSignatureExpired = "DEVICE_AUTH_SIGNATURE_EXPIRED";
    /// No nonce was signed.
    DeviceAuthNonceRequired = "DEVICE_AUTH_NONCE_REQUIRED";
    /// Another nonce was signed.
    DeviceAuthNonceMismatch = "DEVICE_AUTH_NONCE_MISMATCH";
    /// The signature is wrong.
    DeviceAuthSignatureInvalid = "DEVICE_AUTH_SIGNATURE_INVALID";
    /// The public key cannot be read.
    DeviceAuthPublicKeyInvalid = "DEVICE_AUTH_PUBLIC_KEY_INVALID";
    /// The device waits for approval.
    PairingRequired = "PAIRING_REQUIRED";
    /// The client is too old or too new.
    ClientVersionMismatch = "CLIENT_VERSION_MISMATCH";
    /// A scope is missing.
    MissingScope = "MISSING_SCOPE";
    /// No such agent.
    UnknownAgentId = "UNKNOWN_AGENT_ID";
    /// No such cron job.
    CronJobNotFound = "CRON_JOB_NOT_FOUND";
    /// The pairing changed meanwhile.
    PairingChanged = "PAIRING_CHANGED";
    /// The node is not connected.
    NotConnected = "NOT_CONNECTED";
    /// The command waits until somebody opens the app of the node.
    QueuedUntilForeground = "QUEUED_UNTIL_FOREGROUND";
    /// No such approval.
    ApprovalNotFound = "APPROVAL_NOT_FOUND";
    /// Somebody decided already.
    ApprovalAlreadyResolved = "APPROVAL_ALREADY_RESOLVED";
    /// A page of a tool server is no longer there.
    McpAppViewExpired = "MCP_APP_VIEW_EXPIRED";
    /// The message waits to be sent.
    OutboundDeliveryQueued = "OUTBOUND_DELIVERY_QUEUED";
    /// A person keeps too many preferences.
    UserPrefsLimitExceeded = "USER_PREFS_LIMIT_EXCEEDED";
    /// The session's companion answers somebody else.
    SessionCompanionBusy = "SESSION_COMPANION_BUSY";
    /// The proposed skill changed meanwhile.
    SkillProposalRevisionChanged = "SKILL_PROPOSAL_REVISION_CHANGED";
    /// A repository cannot be cloned.
    ProjectCloneFailed = "PROJECT_CLONE_FAILED";
    /// No such set-up dialogue.
    WizardNotFound = "WIZARD_NOT_FOUND";
    /// Another set-up is running.
    SetupAdmissionBusy = "SETUP_ADMISSION_BUSY";
    /// Nothing was chosen to publish.
    GithubPublicationSelectionRejected = "GITHUB_PUBLICATION_SELECTION_REJECTED";
    /// The session's folder must be repaired first.
    SessionWorkspaceRecoveryRequired = "SESSION_WORKSPACE_RECOVERY_REQUIRED";
    /// The task needs a worktree to start from.
    TaskWorktreeSourceRequired = "TASK_WORKTREE_SOURCE_REQUIRED";
    /// The request must name a session.
    SessionMutationTargetRequired = "SESSION_MUTATION_TARGET_REQUIRED";
    /// A person must agree to what the plugin may do.
    PluginCapabilityConsentRequired = "PLUGIN_CAPABILITY_CONSENT_REQUIRED";
    /// Ours: the same idempotency key came with other parameters.
    IdempotencyConflict = "IDEMPOTENCY_CONFLICT";
    /// Ours: the request was running when the Gateway stopped and is not run again.
    RequestInterrupted = "REQUEST_INTERRUPTED";
    /// Ours: the first result held a secret and is not given out twice.
    ResultWithheld = "RESULT_WITHHELD";
    /// Ours: the state folder cannot be written.
    StorageUnavailable = "STORAGE_UNAVAILABLE";
    /// Ours: the session changed since the caller looked.
    SessionChanged = "SESSION_CHANGED";
}

/// A refusal or failure, as it stands under `error` in a response frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{message}")]
pub struct RpcError {
    /// Coarse code.
    pub code: ErrorCode,
    /// One sentence for a person.
    pub message: String,
    /// Machine-readable particulars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
    /// Whether the same request may succeed later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    /// When to try again, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl RpcError {
    /// An error with a code and a sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: None, retryable: None, retry_after_ms: None }
    }

    /// The request itself is at fault.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, message)
    }

    /// Something the request needs is not there right now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Unavailable, message)
    }

    /// No row of the table has this name.
    #[must_use]
    pub fn unknown_method(method: &str) -> Self {
        let shown: String = method.chars().take(128).collect();
        Self::invalid(format!("unknown method: {shown}"))
    }

    /// The caller's scopes are not enough. Protocol 3 calls that an invalid request.
    #[must_use]
    pub fn missing_scope(needed: Scope, protocol: u32) -> Self {
        let code = if protocol >= 4 { ErrorCode::Forbidden } else { ErrorCode::InvalidRequest };
        Self::new(code, format!("missing scope: {needed}")).with_details([
            ("code", Value::from(DetailCode::MissingScope.as_str())),
            ("missingScope", Value::from(needed.as_str())),
            ("requiredScopes", Value::from(vec![needed.as_str()])),
        ])
    }

    /// The method belongs to another role.
    #[must_use]
    pub fn wrong_role(role: Role) -> Self {
        Self::invalid(format!("unauthorized role: {role}"))
    }

    /// Adds `details.code`.
    #[must_use]
    pub fn with_code(self, code: DetailCode) -> Self {
        self.with_details([("code", Value::from(code.as_str()))])
    }

    /// Adds fields under `details`, keeping those already there.
    #[must_use]
    pub fn with_details<K: Into<String>>(
        mut self,
        fields: impl IntoIterator<Item = (K, Value)>,
    ) -> Self {
        let mut map = match self.details.take() {
            Some(Value::Object(map)) => map,
            _ => Map::new(),
        };
        map.extend(fields.into_iter().map(|(key, value)| (key.into(), value)));
        self.details = Some(Value::Object(map));
        self
    }

    /// Says that and when to try again.
    #[must_use]
    pub fn retry_after(mut self, milliseconds: u64) -> Self {
        self.retryable = Some(true);
        self.retry_after_ms = Some(milliseconds);
        self
    }

    /// `details.code`, if it is one we know.
    #[must_use]
    pub fn detail_code(&self) -> Option<DetailCode> {
        DetailCode::parse(self.details.as_ref()?.get("code")?.as_str()?)
    }
}
