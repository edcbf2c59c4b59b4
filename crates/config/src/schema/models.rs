//! `models.*`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::choices::{ApiDialect, InputKind, ModelsMode, ProviderAuth};
use crate::secret::SecretInput;

/// Model providers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Models {
    /// Whether the providers below join the built-in ones or take their place.
    pub mode: ModelsMode,
    /// Providers by name; the name is the first part of `provider/model`.
    pub providers: BTreeMap<String, Provider>,
}

/// One model provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Provider {
    /// Where its API is, up to and including the version, for example `http://127.0.0.1:11434/v1`.
    pub base_url: Option<String>,
    /// Its key, or a reference to it.
    pub api_key: Option<SecretInput>,
    /// How it wants to be authenticated. Left out: an API key.
    #[schemars(extend("x-unserved" = true))]
    pub auth: Option<ProviderAuth>,
    /// The wire format it speaks. Left out: `openai-completions`.
    pub api: Option<ApiDialect>,
    /// Headers sent with every request.
    pub headers: BTreeMap<String, SecretInput>,
    /// Whether the key goes into the `Authorization` header.
    pub auth_header: Option<bool>,
    /// The longest wait for an answer to begin, in seconds.
    #[schemars(range(min = 1))]
    pub timeout_seconds: Option<u64>,
    /// The models it has.
    pub models: Vec<ProviderModel>,
}

/// One model of a provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProviderModel {
    /// The name the provider knows it by.
    #[schemars(length(min = 1))]
    pub id: String,
    /// Its name in lists. Left out: the id.
    pub name: Option<String>,
    /// The wire format, if it differs from the provider's.
    pub api: Option<ApiDialect>,
    /// Whether it can think before it answers.
    pub reasoning: bool,
    /// What it can be shown.
    pub input: Vec<InputKind>,
    /// What it costs.
    pub cost: ModelCost,
    /// How many tokens it can read and write together.
    #[schemars(range(min = 1))]
    pub context_window: u64,
    /// How many tokens it may write. Left out: 8192, or the window if that is smaller.
    #[schemars(range(min = 1))]
    pub max_tokens: Option<u64>,
    /// Headers sent with every request for it.
    pub headers: BTreeMap<String, SecretInput>,
}

impl Default for ProviderModel {
    fn default() -> Self {
        Self {
            id: String::new(),
            name: None,
            api: None,
            reasoning: false,
            input: vec![InputKind::Text],
            cost: ModelCost::default(),
            context_window: 200_000,
            max_tokens: None,
            headers: BTreeMap::new(),
        }
    }
}

impl ProviderModel {
    /// How many tokens it may write, with the default applied.
    #[must_use]
    pub fn output_limit(&self) -> u64 {
        self.max_tokens.unwrap_or(8192).min(self.context_window)
    }
}

/// What a model costs, in US dollars per million tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelCost {
    /// Tokens read.
    #[schemars(range(min = 0))]
    pub input: f64,
    /// Tokens written.
    #[schemars(range(min = 0))]
    pub output: f64,
    /// Tokens read from a cache.
    #[schemars(range(min = 0))]
    pub cache_read: f64,
    /// Tokens written to a cache.
    #[schemars(range(min = 0))]
    pub cache_write: f64,
}
