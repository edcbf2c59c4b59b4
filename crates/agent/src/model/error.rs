//! The ways in which a model fails, told apart by what can be done about each.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why an answer did not come, or not to its end. Texts never hold a credential. A status of 0 means that
/// the failure was told inside a stream.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ModelError {
    /// The credential was refused or is missing.
    #[error("the provider refused the credential ({status}): {message}")]
    Auth {
        /// HTTP status.
        status: u16,
        /// What the provider said.
        message: String,
    },
    /// The account has no credit or quota left.
    #[error("the provider wants to be paid ({status}): {message}")]
    Billing {
        /// HTTP status.
        status: u16,
        /// What the provider said.
        message: String,
    },
    /// Too many requests.
    #[error("the provider limits the rate: {message}")]
    RateLimited {
        /// When the provider wants to be asked again.
        retry_after: Option<Duration>,
        /// What the provider said.
        message: String,
    },
    /// The provider has too much to do.
    #[error("the provider is overloaded: {message}")]
    Overloaded {
        /// When the provider wants to be asked again.
        retry_after: Option<Duration>,
        /// What the provider said.
        message: String,
    },
    /// The provider failed.
    #[error("the provider failed ({status}): {message}")]
    Server {
        /// HTTP status.
        status: u16,
        /// What the provider said.
        message: String,
    },
    /// The conversation does not fit.
    #[error("the conversation is longer than the model's context: {message}")]
    ContextTooLong {
        /// What the provider said.
        message: String,
    },
    /// The provider declines to answer this.
    #[error("the provider refused to answer: {message}")]
    Refused {
        /// What the provider said.
        message: String,
    },
    /// The provider does not know the model.
    #[error("the provider does not know this model ({status}): {message}")]
    UnknownModel {
        /// HTTP status.
        status: u16,
        /// What the provider said.
        message: String,
    },
    /// The provider does not accept the request.
    #[error("the provider does not accept the request ({status}): {message}")]
    BadRequest {
        /// HTTP status.
        status: u16,
        /// What the provider said.
        message: String,
    },
    /// The stream ended before the answer did.
    #[error("the provider's stream was cut in the middle of the answer")]
    Cut,
    /// Nothing arrived for too long.
    #[error("the provider sent nothing for {} s", silent_for.as_secs())]
    Stalled {
        /// How long it was waited for.
        silent_for: Duration,
    },
    /// The provider cannot be reached.
    #[error("the provider cannot be reached: {message}")]
    Network {
        /// What went wrong.
        message: String,
    },
    /// The provider sent something that is not its dialect.
    #[error("the provider's answer cannot be read: {message}")]
    Malformed {
        /// What is wrong with it.
        message: String,
    },
    /// The provider sent more than is accepted.
    #[error("the provider's answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
}

/// The kinds of failure that protocol 4 names in chat events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// Declined.
    Refusal,
    /// Took too long.
    Timeout,
    /// Asked too often.
    RateLimit,
    /// Too long a conversation.
    ContextLength,
    /// Anything else.
    Unknown,
}

impl ErrorKind {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refusal => "refusal",
            Self::Timeout => "timeout",
            Self::RateLimit => "rate_limit",
            Self::ContextLength => "context_length",
            Self::Unknown => "unknown",
        }
    }
}

impl ModelError {
    /// Whether the same request to the same model may succeed a little later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. }
                | Self::Overloaded { .. }
                | Self::Server { .. }
                | Self::Cut
                | Self::Stalled { .. }
                | Self::Network { .. }
                | Self::Malformed { .. }
        )
    }

    /// Whether another model may be asked instead.
    #[must_use]
    pub const fn allows_fallback(&self) -> bool {
        self.is_retryable()
            || matches!(self, Self::Auth { .. } | Self::Billing { .. } | Self::UnknownModel { .. })
    }

    /// When the provider wants to be asked again.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Overloaded { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }

    /// The HTTP status, where one was answered.
    #[must_use]
    pub const fn http_status(&self) -> Option<u16> {
        match self {
            Self::Auth { status, .. }
            | Self::Billing { status, .. }
            | Self::UnknownModel { status, .. }
            | Self::BadRequest { status, .. }
            | Self::Server { status, .. }
                if *status != 0 =>
            {
                Some(*status)
            }
            _ => None,
        }
    }

    /// The kind named in chat events.
    #[must_use]
    pub const fn error_kind(&self) -> ErrorKind {
        match self {
            Self::RateLimited { .. } | Self::Overloaded { .. } => ErrorKind::RateLimit,
            Self::ContextTooLong { .. } => ErrorKind::ContextLength,
            Self::Refused { .. } => ErrorKind::Refusal,
            Self::Stalled { .. } => ErrorKind::Timeout,
            _ => ErrorKind::Unknown,
        }
    }

    /// One word or two for logs and retry notices.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Auth { .. } => "auth",
            Self::Billing { .. } => "billing",
            Self::RateLimited { .. } => "rate_limit",
            Self::Overloaded { .. } => "overloaded",
            Self::Server { .. } => "server_error",
            Self::ContextTooLong { .. } => "context_length",
            Self::Refused { .. } => "refusal",
            Self::UnknownModel { .. } => "unknown_model",
            Self::BadRequest { .. } => "bad_request",
            Self::Cut => "cut",
            Self::Stalled { .. } => "stalled",
            Self::Network { .. } => "network",
            Self::Malformed { .. } => "malformed",
            Self::TooLarge { .. } => "too_large",
            Self::Cancelled => "cancelled",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_done_about_a_failure() {
        let message = String::from("x");
        let limited = ModelError::RateLimited {
            retry_after: Some(Duration::from_secs(3)),
            message: message.clone(),
        };
        assert!(limited.is_retryable() && limited.allows_fallback());
        assert_eq!(limited.retry_after(), Some(Duration::from_secs(3)));
        assert_eq!(limited.error_kind(), ErrorKind::RateLimit);

        let auth = ModelError::Auth { status: 401, message: message.clone() };
        assert!(!auth.is_retryable() && auth.allows_fallback());
        assert_eq!(auth.http_status(), Some(401));

        let long = ModelError::ContextTooLong { message };
        assert!(!long.is_retryable() && !long.allows_fallback());
        assert!(!ModelError::Cancelled.allows_fallback());
        assert_eq!(ModelError::Server { status: 0, message: String::new() }.http_status(), None);
    }
}
