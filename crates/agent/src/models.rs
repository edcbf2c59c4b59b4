//! Where models come from: the agent's view of all configured providers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::model::{Model, ModelRef};

/// The models that can be asked at the moment. Implementations answer from memory and never block.
pub trait Models: Send + Sync {
    /// Finds a model by name (`provider/model`, an alias, or a bare model id that only one provider
    /// has), or the default one when nothing is wanted.
    ///
    /// # Errors
    /// When no such model is configured.
    fn resolve(&self, wanted: Option<&str>) -> Result<Resolved, ModelsError>;

    /// Every model that can be named, the default first.
    fn catalog(&self) -> Vec<ModelInfo>;

    /// What is known of each provider's credential.
    fn auth_status(&self) -> Vec<ProviderAuth>;

    /// Whether a real model answers by default, rather than the offline assistant.
    fn is_configured(&self) -> bool;
}

/// A model and what may stand in for it.
#[derive(Clone)]
pub struct Resolved {
    /// The model to ask first.
    pub model: Arc<dyn Model>,
    /// Models to ask in turn when that one fails in a way another might not.
    pub fallbacks: Vec<Arc<dyn Model>>,
}

impl std::fmt::Debug for Resolved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fallbacks: Vec<_> = self.fallbacks.iter().map(|model| model.id().to_string()).collect();
        f.debug_struct("Resolved")
            .field("model", &self.model.id().to_string())
            .field("fallbacks", &fallbacks)
            .finish()
    }
}

/// A model as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelInfo {
    /// The provider's name of the model.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// The provider's id.
    pub provider: String,
    /// Context window in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u64>,
    /// Longest answer in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// Whether the model can think before it answers.
    pub reasoning: bool,
    /// Kinds of input: `text`, `image`.
    pub input: Vec<String>,
    /// Whether it can be asked now, so far as is known.
    pub available: bool,
    /// Whether it answers when nobody names a model.
    pub is_default: bool,
}

impl ModelInfo {
    /// The full name.
    #[must_use]
    pub fn reference(&self) -> ModelRef {
        ModelRef::new(self.provider.clone(), self.id.clone())
    }
}

/// What is known of one provider's credential. Never the credential itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderAuth {
    /// The provider's id.
    pub provider: String,
    /// A name for people.
    pub display_name: String,
    /// Whether there is a usable credential.
    pub status: AuthState,
    /// Where the credential comes from, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<KeySource>,
    /// Its keys that rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resting: Vec<RestingKey>,
}

/// A key that failed and is left alone for a while. Never the key itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestingKey {
    /// What it is called, such as `anthropic@work`.
    pub name: String,
    /// Why it rests.
    pub reason: RestReason,
    /// Until when, in milliseconds since 1970.
    pub until_ms: u64,
}

/// Why a key rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestReason {
    /// It was asked too often.
    RateLimit,
    /// It was refused.
    Auth,
    /// It is not paid for.
    Billing,
}

impl RestReason {
    /// As files and answers name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimit => "rate-limit",
            Self::Auth => "auth",
            Self::Billing => "billing",
        }
    }
}

/// Whether a provider can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthState {
    /// A credential is there.
    Ok,
    /// A credential is needed and missing.
    Missing,
    /// The provider needs none.
    NotNeeded,
}

/// Where a provider's credential comes from, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySource {
    /// `openclaw models auth set`.
    Stored,
    /// An environment variable.
    Environment,
    /// `models.providers.NAME.apiKey`.
    Config,
}

/// Why a wanted model cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ModelsError {
    /// No provider has it.
    #[error("unknown model \"{wanted}\"")]
    Unknown {
        /// What was asked for.
        wanted: String,
        /// Names that are close or at least exist.
        known: Vec<String>,
    },
    /// Several providers have it.
    #[error("\"{wanted}\" is the name of several models: {}", candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// The full names.
        candidates: Vec<String>,
    },
    /// The provider is known, but there is no credential for it.
    #[error(
        "no credential for provider \"{provider}\"; set one with: openclaw models auth set {provider}"
    )]
    NoCredential {
        /// The provider's id.
        provider: String,
    },
}
