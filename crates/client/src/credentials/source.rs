//! Where secrets come from.

use std::fmt;

/// Where a secret came from; messages name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretSource {
    /// `--token`.
    FlagToken,
    /// `--password`.
    FlagPassword,
    /// `--password-file`.
    FlagPasswordFile,
    /// `OPENCLAW_GATEWAY_TOKEN`.
    EnvToken,
    /// `OPENCLAW_GATEWAY_PASSWORD`.
    EnvPassword,
    /// `gateway.remote.token`.
    RemoteToken,
    /// `gateway.remote.password`.
    RemotePassword,
    /// `gateway.auth.token`.
    AuthToken,
    /// `gateway.auth.password`.
    AuthPassword,
    /// The token file of the state folder.
    TokenFile,
    /// A device token that this Gateway issued earlier.
    Saved,
}

impl SecretSource {
    /// The name a person knows it by.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FlagToken => "--token",
            Self::FlagPassword => "--password",
            Self::FlagPasswordFile => "--password-file",
            Self::EnvToken => "OPENCLAW_GATEWAY_TOKEN",
            Self::EnvPassword => "OPENCLAW_GATEWAY_PASSWORD",
            Self::RemoteToken => "gateway.remote.token",
            Self::RemotePassword => "gateway.remote.password",
            Self::AuthToken => "gateway.auth.token",
            Self::AuthPassword => "gateway.auth.password",
            Self::TokenFile => "the token file of the state folder",
            Self::Saved => "the device token saved for this Gateway",
        }
    }

    /// Whether a person named the secret for exactly the endpoint it goes to, so that it may be sent to
    /// a Gateway that cannot prove itself.
    #[must_use]
    pub const fn is_for_this_endpoint(self) -> bool {
        match self {
            Self::FlagToken
            | Self::FlagPassword
            | Self::FlagPasswordFile
            | Self::RemoteToken
            | Self::RemotePassword
            | Self::Saved => true,
            Self::EnvToken
            | Self::EnvPassword
            | Self::AuthToken
            | Self::AuthPassword
            | Self::TokenFile => false,
        }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
