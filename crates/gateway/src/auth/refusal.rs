//! Refused credentials in the documented words, with the next step for the client.

use openclaw_protocol::{
    DetailCode, ErrorCode, RpcError,
    client_info::{ClientId, ClientMode},
    trust::SecretKind,
};
use serde_json::Value;

/// Why a `connect` is refused for its credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No token was shown.
    TokenMissing,
    /// The token is wrong.
    TokenWrong,
    /// A token was shown, but the Gateway has none.
    TokenNotConfigured,
    /// No password was shown.
    PasswordMissing,
    /// The password is wrong.
    PasswordWrong,
    /// A password was shown, but the Gateway has none.
    PasswordNotConfigured,
    /// The device token is wrong, rotated, or revoked.
    DeviceTokenWrong,
    /// The single-use token is unknown, used, or too old.
    InviteWrong,
    /// A device identity is needed.
    DeviceRequired,
    /// No trusted proxy vouches for the person.
    IdentityRequired,
    /// A page needs a device identity.
    ControlUiDeviceRequired,
    /// Too many failures.
    RateLimited {
        /// When to try again, in milliseconds.
        retry_after_ms: u64,
    },
}

impl Refusal {
    /// The secret the mode asks for was not shown.
    #[must_use]
    pub const fn secret_missing(mode: SecretKind) -> Self {
        match mode {
            SecretKind::Token => Self::TokenMissing,
            SecretKind::Password => Self::PasswordMissing,
            SecretKind::None => Self::DeviceRequired,
        }
    }

    /// The secret that was shown is wrong.
    #[must_use]
    pub const fn secret_wrong(mode: SecretKind) -> Self {
        match mode {
            SecretKind::Password => Self::PasswordWrong,
            SecretKind::Token | SecretKind::None => Self::TokenWrong,
        }
    }

    /// A secret was shown that the Gateway cannot compare with anything.
    #[must_use]
    pub const fn secret_not_configured(mode: SecretKind) -> Self {
        match mode {
            SecretKind::Password => Self::PasswordNotConfigured,
            SecretKind::Token | SecretKind::None => Self::TokenNotConfigured,
        }
    }

    /// The detail code, the reason, and the next step.
    const fn facts(self) -> (DetailCode, &'static str, &'static str) {
        const CREDENTIALS: &str = "update_auth_credentials";
        const CONFIGURATION: &str = "update_auth_configuration";
        const REVIEW: &str = "review_auth_configuration";
        match self {
            Self::TokenMissing => (DetailCode::AuthTokenMissing, "token_missing", CONFIGURATION),
            Self::TokenWrong => (DetailCode::AuthTokenMismatch, "token_mismatch", CREDENTIALS),
            Self::TokenNotConfigured => {
                (DetailCode::AuthTokenNotConfigured, "token_missing_config", CONFIGURATION)
            }
            Self::PasswordMissing => {
                (DetailCode::AuthPasswordMissing, "password_missing", CONFIGURATION)
            }
            Self::PasswordWrong => {
                (DetailCode::AuthPasswordMismatch, "password_mismatch", CREDENTIALS)
            }
            Self::PasswordNotConfigured => {
                (DetailCode::AuthPasswordNotConfigured, "password_missing_config", CONFIGURATION)
            }
            Self::DeviceTokenWrong => {
                (DetailCode::AuthDeviceTokenMismatch, "device_token_mismatch", CREDENTIALS)
            }
            Self::InviteWrong => {
                (DetailCode::AuthBootstrapTokenInvalid, "bootstrap_token_invalid", CREDENTIALS)
            }
            Self::DeviceRequired => (DetailCode::DeviceIdentityRequired, "device_required", REVIEW),
            Self::ControlUiDeviceRequired => {
                (DetailCode::ControlUiDeviceIdentityRequired, "device_required", REVIEW)
            }
            Self::IdentityRequired => {
                (DetailCode::AuthIdentityHeaderRequired, "trusted_proxy_identity_missing", REVIEW)
            }
            Self::RateLimited { .. } => {
                (DetailCode::AuthRateLimited, "rate_limited", "wait_then_retry")
            }
        }
    }

    fn message(self, hint: &str) -> String {
        match self {
            Self::TokenMissing => format!("unauthorized: gateway token missing ({hint})"),
            Self::TokenWrong => format!("unauthorized: gateway token mismatch ({hint})"),
            Self::TokenNotConfigured => {
                "unauthorized: gateway token not configured on gateway (set gateway.auth.token)".to_owned()
            }
            Self::PasswordMissing => format!("unauthorized: gateway password missing ({hint})"),
            Self::PasswordWrong => format!("unauthorized: gateway password mismatch ({hint})"),
            Self::PasswordNotConfigured => {
                "unauthorized: gateway password not configured on gateway (set gateway.auth.password)"
                    .to_owned()
            }
            Self::DeviceTokenWrong => {
                "unauthorized: device token mismatch (rotate/reissue device token)".to_owned()
            }
            Self::InviteWrong => {
                "unauthorized: bootstrap token invalid: unknown, used, or too old (on the Gateway's host, \
                 openclaw dashboard makes a new link for a browser, and openclaw devices join-code a new \
                 code for a machine)"
                    .to_owned()
            }
            Self::DeviceRequired => "device identity required".to_owned(),
            Self::IdentityRequired => {
                "unauthorized: no trusted proxy vouches for this request (connect through the proxy, \
                 or use the owner's door: openclaw --ssh)"
                    .to_owned()
            }
            Self::ControlUiDeviceRequired => {
                "control ui requires HTTPS or localhost (secure context)".to_owned()
            }
            Self::RateLimited { .. } => {
                "unauthorized: too many failed authentication attempts (retry later)".to_owned()
            }
        }
    }

    /// The error a client is told.
    #[must_use]
    pub fn to_error(self, client: ClientId, mode: ClientMode) -> RpcError {
        let (code, reason, next_step) = self.facts();
        let coarse = match self {
            Self::DeviceRequired => ErrorCode::NotPaired,
            _ => ErrorCode::InvalidRequest,
        };
        let password = matches!(self, Self::PasswordMissing | Self::PasswordWrong);
        let error =
            RpcError::new(coarse, self.message(hint(client, mode, password))).with_details([
                ("code", Value::from(code.as_str())),
                ("authReason", Value::from(reason)),
                ("canRetryWithDeviceToken", Value::from(false)),
                ("recommendedNextStep", Value::from(next_step)),
            ]);
        match self {
            Self::RateLimited { retry_after_ms } => error.retry_after(retry_after_ms),
            _ => error,
        }
    }
}

/// What this kind of client can do about it.
fn hint(client: ClientId, mode: ClientMode, password: bool) -> &'static str {
    let is_page =
        matches!(client, ClientId::ControlUi | ClientId::WebchatUi) || mode == ClientMode::Webchat;
    match (is_page, client == ClientId::Cli, password) {
        (true, _, false) => "open the dashboard URL and paste the token in Control UI settings",
        (true, _, true) => "enter the password in Control UI settings",
        (false, true, false) => "set gateway.remote.token to match gateway.auth.token",
        (false, true, true) => "set gateway.remote.password to match gateway.auth.password",
        (false, false, false) => "provide gateway auth token",
        (false, false, true) => "provide gateway auth password",
    }
}
