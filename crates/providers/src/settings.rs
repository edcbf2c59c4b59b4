//! What can be set about providers, as plain values; the composition root fills them from the
//! configuration, the key file and the environment.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use openclaw_agent::model::Price;
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::{known::Api, sse::Limits};

/// Ollama's usual port on this machine.
pub const OLLAMA_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 11434);

/// Everything the registry is built from.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// `agents.defaults.model.primary`.
    pub primary: Option<String>,
    /// `agents.defaults.model.fallbacks`.
    pub fallbacks: Vec<String>,
    /// `agents.defaults.models`: full names with their aliases. When there are any, only these and the
    /// configured default and fallbacks can be chosen.
    pub allowed: BTreeMap<String, Option<String>>,
    /// `agents.defaults.models`: parameters by full name, put into every request to the model.
    pub params: BTreeMap<String, Map<String, Value>>,
    /// `models.providers`.
    pub providers: BTreeMap<String, ProviderSetting>,
    /// Keys set with `openclaw models auth set`, by provider, or by `PROVIDER@NAME` for further ones.
    pub stored_keys: BTreeMap<String, SecretString>,
    /// Environment variables that hold keys, by name; see [`crate::key_variables`].
    pub environment: BTreeMap<String, SecretString>,
    /// Where to look for an Ollama; `None` does not look.
    pub ollama: Option<SocketAddr>,
    /// Where it is kept which keys rest; `None` forgets it with the process.
    pub cooldown_file: Option<PathBuf>,
    /// How long a response may be silent, and how large.
    pub limits: Limits,
}

impl Default for ProviderSettings {
    fn default() -> Self {
        Self {
            primary: None,
            fallbacks: Vec::new(),
            allowed: BTreeMap::new(),
            params: BTreeMap::new(),
            providers: BTreeMap::new(),
            stored_keys: BTreeMap::new(),
            environment: BTreeMap::new(),
            ollama: Some(OLLAMA_ADDRESS),
            cooldown_file: None,
            limits: Limits::default(),
        }
    }
}

/// One entry of `models.providers`. What is absent is taken from what is known of the provider.
#[derive(Clone, Debug, Default)]
pub struct ProviderSetting {
    /// Where its API is.
    pub base_url: Option<String>,
    /// Its dialect.
    pub api: Option<Api>,
    /// Its key.
    pub api_key: Option<SecretString>,
    /// Send the key as a bearer, whatever the dialect's own way is.
    pub auth_header: bool,
    /// Headers that every request carries.
    pub headers: BTreeMap<String, SecretString>,
    /// Longest wait for an answer to begin; [`Limits::first`] when absent.
    pub patience: Option<Duration>,
    /// Its models.
    pub models: Vec<ModelSetting>,
}

/// One model of an entry of `models.providers`.
#[derive(Clone, Debug, Default)]
pub struct ModelSetting {
    /// The provider's name of it.
    pub id: String,
    /// A name for people.
    pub name: Option<String>,
    /// Whether it can think before it answers.
    pub reasoning: bool,
    /// Kinds of input; empty means text.
    pub input: Vec<String>,
    /// Context window in tokens.
    pub context_window: Option<u64>,
    /// Longest answer in tokens.
    pub max_tokens: Option<u64>,
    /// What its tokens cost, where that is known.
    pub price: Option<Price>,
    /// Its dialect, where it differs from the provider's.
    pub api: Option<Api>,
    /// Headers besides the provider's.
    pub headers: BTreeMap<String, SecretString>,
}
