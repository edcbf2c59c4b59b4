//! One provider with what is known and what is configured of it put together.

use std::{collections::BTreeMap, time::Duration};

use openclaw_agent::{KeySource, ModelInfo, model::Price};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    known::{self, Api, KnownModel, KnownProvider, ToolUse},
    offline::Offline,
    settings::{ModelSetting, ProviderSetting, ProviderSettings},
};

/// A provider.
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) api: Api,
    pub(super) base_url: Url,
    pub(super) key: Option<(SecretString, KeySource)>,
    /// Further keys by what they are called, for when the first one rests.
    pub(super) further_keys: Vec<(String, SecretString)>,
    pub(super) needs_key: bool,
    pub(super) bearer: bool,
    pub(super) headers: BTreeMap<String, SecretString>,
    pub(super) patience: Option<Duration>,
    pub(super) models: Vec<ModelSpec>,
    /// Whether it stands in the configuration.
    pub(super) configured: bool,
    /// The configuration names its dialect, or a place of its own: then no model has another one.
    named_api: bool,
    builtin: bool,
}

/// A model of a provider.
#[derive(Clone, Debug)]
pub(super) struct ModelSpec {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) context_window: Option<u64>,
    pub(super) max_tokens: Option<u64>,
    pub(super) price: Option<Price>,
    pub(super) reasoning: bool,
    pub(super) images: bool,
    pub(super) tools: ToolUse,
    pub(super) api: Option<Api>,
    pub(super) headers: BTreeMap<String, SecretString>,
}

/// Every provider: those of the table in its order, then the others by name.
pub(super) fn all(settings: &ProviderSettings) -> Vec<Entry> {
    let mut entries: Vec<Entry> = known::PROVIDERS
        .iter()
        .filter_map(|known| {
            let setting = settings.providers.get(known.id);
            Entry::new(known.id, Some(known), setting, settings)
        })
        .collect();
    let others = settings.providers.iter().filter(|(id, _)| known::provider(id).is_none());
    entries
        .extend(others.filter_map(|(id, setting)| Entry::new(id, None, Some(setting), settings)));
    entries
}

/// The offline assistant as lists show it.
pub(super) fn offline() -> ModelInfo {
    ModelInfo {
        id: Offline::MODEL.to_owned(),
        name: String::from("Offline assistant"),
        provider: Offline::PROVIDER.to_owned(),
        context_window: None,
        max_tokens: None,
        reasoning: false,
        input: vec![String::from("text")],
        available: true,
        is_default: false,
    }
}

impl Entry {
    fn new(
        id: &str,
        known: Option<&'static KnownProvider>,
        setting: Option<&ProviderSetting>,
        settings: &ProviderSettings,
    ) -> Option<Self> {
        let configured_url = setting.and_then(|setting| setting.base_url.as_deref());
        let raw = configured_url.or_else(|| known.map(|known| known.base_url));
        let Some(base_url) = raw.and_then(|raw| Url::parse(raw.trim()).ok()) else {
            tracing::warn!(provider = id, "provider left out: it has no usable baseUrl");
            return None;
        };
        let named_api =
            configured_url.is_some() || setting.is_some_and(|setting| setting.api.is_some());
        let mut models: Vec<ModelSpec> =
            setting.into_iter().flat_map(|setting| &setting.models).map(ModelSpec::set).collect();
        for model in known.into_iter().flat_map(|known| known.models) {
            if !models.iter().any(|spec| spec.id == model.id) {
                models.push(ModelSpec::known(model, named_api));
            }
        }
        // A server of one's own may well want no key; a vendor always does.
        let needs_key = known.is_some_and(|known| known.needs_key) && configured_url.is_none();
        Some(Self {
            id: id.to_owned(),
            name: known.map_or_else(|| id.to_owned(), |known| known.name.to_owned()),
            api: setting
                .and_then(|setting| setting.api)
                .or_else(|| known.map(|known| known.api))
                .unwrap_or(Api::OpenAiCompletions),
            base_url,
            further_keys: further_keys(id, settings),
            key: find_key(id, known, setting, settings),
            needs_key,
            bearer: setting.is_some_and(|setting| setting.auth_header),
            headers: setting.map(|setting| setting.headers.clone()).unwrap_or_default(),
            patience: setting.and_then(|setting| setting.patience),
            models,
            configured: setting.is_some(),
            named_api,
            builtin: known.is_some(),
        })
    }

    /// Whether one of its keys is called so.
    pub(super) fn has_key_of(&self, name: &str) -> bool {
        (self.has_key() && name == self.id) || self.further_keys.iter().any(|(own, _)| own == name)
    }

    pub(super) const fn has_key(&self) -> bool {
        self.key.is_some()
    }

    pub(super) const fn is_usable(&self) -> bool {
        self.key.is_some() || !self.needs_key
    }

    /// Whether lists of credentials show it: what is set up, and the two a person would set up first.
    pub(super) fn is_shown(&self, local_models: bool) -> bool {
        match self.id.as_str() {
            "anthropic" | "openai" => true,
            known::OLLAMA => local_models || self.configured,
            _ => self.configured || self.has_key(),
        }
    }

    /// What is known of a model, or what is assumed of one that nobody described.
    pub(super) fn spec(&self, model: &str) -> ModelSpec {
        let known = self.models.iter().find(|spec| spec.id == model).cloned();
        let (tools, api) = settled(known::assumed(&self.id, model), self.named_api);
        known.unwrap_or_else(|| ModelSpec {
            id: model.to_owned(),
            name: model.to_owned(),
            context_window: None,
            max_tokens: None,
            price: None,
            // Models come faster than tables; the vendors' newest ones can all think and see.
            reasoning: matches!(self.id.as_str(), "anthropic" | "openai"),
            images: self.builtin,
            tools,
            api,
            headers: BTreeMap::new(),
        })
    }

    pub(super) fn info(&self, spec: &ModelSpec) -> ModelInfo {
        let mut input = vec![String::from("text")];
        if spec.images {
            input.push(String::from("image"));
        }
        ModelInfo {
            id: spec.id.clone(),
            name: spec.name.clone(),
            provider: self.id.clone(),
            context_window: spec.context_window,
            max_tokens: spec.max_tokens,
            reasoning: spec.reasoning,
            input,
            available: self.is_usable(),
            is_default: false,
        }
    }
}

impl ModelSpec {
    fn known(model: &KnownModel, named_api: bool) -> Self {
        let (tools, api) = settled((model.tools, model.api), named_api);
        Self {
            id: model.id.to_owned(),
            name: model.name.to_owned(),
            context_window: Some(model.context_window),
            max_tokens: Some(model.max_tokens),
            price: None,
            reasoning: model.reasoning,
            images: true,
            tools,
            api,
            headers: BTreeMap::new(),
        }
    }

    fn set(model: &ModelSetting) -> Self {
        Self {
            id: model.id.clone(),
            name: model.name.clone().unwrap_or_else(|| model.id.clone()),
            context_window: model.context_window,
            max_tokens: model.max_tokens,
            price: model.price,
            reasoning: model.reasoning,
            images: model.input.iter().any(|kind| kind == "image"),
            tools: ToolUse::Always,
            api: model.api,
            headers: model.headers.clone(),
        }
    }
}

/// In the dialect that suits it a model takes tools; where the configuration names one, that counts.
fn settled((tools, api): (ToolUse, Option<Api>), named_api: bool) -> (ToolUse, Option<Api>) {
    match api.filter(|_| !named_api) {
        Some(api) => (ToolUse::Always, Some(api)),
        None => (tools, None),
    }
}

/// Keys that a person set beside the first one. Those of the environment and the configuration never
/// stand in for a key that a person set: somebody else may pay for them.
fn further_keys(id: &str, settings: &ProviderSettings) -> Vec<(String, SecretString)> {
    let is_ours = |name: &str| name.split_once('@').is_some_and(|(provider, _)| provider == id);
    let keys = settings.stored_keys.iter().filter(|(name, _)| is_ours(name));
    keys.map(|(name, key)| (name.clone(), key.clone())).collect()
}

/// A person's own act goes first, then the environment, then the configuration.
fn find_key(
    id: &str,
    known: Option<&KnownProvider>,
    setting: Option<&ProviderSetting>,
    settings: &ProviderSettings,
) -> Option<(SecretString, KeySource)> {
    let is_ours = |name: &str| name.split('@').next() == Some(id);
    let stored = settings.stored_keys.get(id);
    let stored = stored.or_else(|| {
        settings.stored_keys.iter().find(|(name, _)| is_ours(name)).map(|(_, key)| key)
    });
    let stored = stored.map(|key| (key, KeySource::Stored));
    let environment = || {
        let names = known.map(|known| known.keys).unwrap_or_default();
        let key = names.iter().find_map(|name| settings.environment.get(*name))?;
        Some((key, KeySource::Environment))
    };
    let configured = || Some((setting?.api_key.as_ref()?, KeySource::Config));
    let (key, source) = stored.or_else(environment).or_else(configured)?;
    (!key.expose_secret().trim().is_empty()).then(|| (key.clone(), source))
}
