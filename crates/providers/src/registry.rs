//! All providers and their models, as the agent asks for them.
//!
//! A provider is usable when it has a credential or needs none. The default model is the configured
//! one; else the first model of the first provider with a key; else the first model of an Ollama on
//! this machine; else the offline assistant. Nothing here blocks: looking for Ollama happens in the
//! background, at the start and now and then when somebody asks.

use std::{sync::Arc, time::Duration};

use openclaw_agent::{
    AuthState, Model, ModelInfo, ModelRef, Models, ModelsError, ProviderAuth, Resolved,
};
use openclaw_base::{SharedClock, Tasks};
use parking_lot::{Mutex, RwLock};
use tokio::time::Instant;

use crate::{
    anthropic::Anthropic,
    dialect::Endpoint,
    http::Http,
    known::{self, Api},
    offline::Offline,
    ollama,
    openai::OpenAi,
    settings::ProviderSettings,
};

mod entry;

use entry::{Entry, ModelSpec};

/// How long it takes before Ollama is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// Names that are offered when a wanted one is not known.
const MAX_OFFERED: usize = 20;

/// The models of all providers. Clones are the same.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    state: RwLock<Arc<State>>,
    local: Mutex<Local>,
    http: Arc<Http>,
    clock: SharedClock,
    tasks: Tasks,
}

struct State {
    settings: ProviderSettings,
    entries: Vec<Entry>,
}

/// What is known of an Ollama on this machine.
#[derive(Default)]
struct Local {
    models: Vec<String>,
    looked: Option<Instant>,
    looking: bool,
}

impl Registry {
    /// Builds the registry and starts looking for Ollama. Needs a tokio runtime for that.
    #[must_use]
    pub fn new(settings: ProviderSettings, clock: SharedClock, tasks: Tasks) -> Self {
        let inner = Inner {
            state: RwLock::new(Arc::new(State::new(settings))),
            local: Mutex::default(),
            http: Arc::new(Http::default()),
            clock,
            tasks,
        };
        let registry = Self { inner: Arc::new(inner) };
        registry.look_now_and_then();
        registry
    }

    /// Takes other settings; runs that go on keep what they have.
    pub fn reload(&self, settings: ProviderSettings) {
        *self.inner.state.write() = Arc::new(State::new(settings));
        self.inner.local.lock().looked = None;
        self.look_now_and_then();
    }

    /// Looks for Ollama now and waits for the answer; gives the number of its models.
    pub async fn look_for_ollama(&self) -> usize {
        self.inner.look().await
    }

    fn look_now_and_then(&self) {
        let state = self.state();
        if state.settings.ollama.is_none() {
            return;
        }
        {
            let mut local = self.inner.local.lock();
            let fresh = local.looked.is_some_and(|looked| looked.elapsed() < LOOK_AGAIN);
            if fresh || std::mem::replace(&mut local.looking, true) {
                return;
            }
        }
        let inner = Arc::clone(&self.inner);
        self.inner.tasks.spawn("look-for-ollama", async move {
            inner.look().await;
        });
    }

    fn state(&self) -> Arc<State> {
        Arc::clone(&self.inner.state.read())
    }

    fn local_models(&self) -> Vec<String> {
        self.inner.local.lock().models.clone()
    }

    fn default_ref(&self, state: &State) -> DefaultModel {
        if let Some(primary) = &state.settings.primary {
            return DefaultModel::Named(primary.clone());
        }
        let usable = state.entries.iter().filter(|entry| entry.id != known::OLLAMA);
        let first = usable
            .filter(|entry| entry.has_key() || (entry.configured && entry.is_usable()))
            .find_map(|entry| Some((entry, entry.models.first()?)));
        if let Some((entry, model)) = first {
            return DefaultModel::Named(format!("{}/{}", entry.id, model.id));
        }
        let ollama = state.entries.iter().find(|entry| entry.id == known::OLLAMA);
        let configured =
            ollama.and_then(|entry| entry.models.first()).map(|model| model.id.clone());
        match configured.or_else(|| self.local_models().into_iter().next()) {
            Some(model) => DefaultModel::Named(format!("{}/{model}", known::OLLAMA)),
            None => DefaultModel::Offline,
        }
    }

    /// The model of a full name, whether or not the table knows it.
    fn named(&self, state: &State, name: &ModelRef) -> Result<Arc<dyn Model>, ModelsError> {
        if *name == ModelRef::new(Offline::PROVIDER, Offline::MODEL) {
            return Ok(Arc::new(Offline::new()));
        }
        let entry = state
            .entries
            .iter()
            .find(|entry| entry.id == name.provider)
            .ok_or_else(|| self.unknown(state, &name.to_string()))?;
        if !entry.is_usable() {
            return Err(ModelsError::NoCredential { provider: entry.id.clone() });
        }
        let spec = entry.spec(&name.model);
        Ok(self.build(state, entry, &spec))
    }

    fn build(&self, state: &State, entry: &Entry, spec: &ModelSpec) -> Arc<dyn Model> {
        let local_url = state
            .settings
            .ollama
            .filter(|_| entry.id == known::OLLAMA && !entry.configured)
            .and_then(|address| reqwest::Url::parse(&format!("http://{address}/v1")).ok());
        let headers = entry.headers.iter().chain(&spec.headers);
        let endpoint = Endpoint {
            model: ModelRef::new(entry.id.clone(), spec.id.clone()),
            base_url: local_url.unwrap_or_else(|| entry.base_url.clone()),
            key: entry.key.clone().map(|(key, _)| key),
            headers: headers.map(|(name, value)| (name.clone(), value.clone())).collect(),
            bearer: entry.bearer,
            max_tokens: spec.max_tokens,
            context_window: spec.context_window,
            reasoning: spec.reasoning,
            images: spec.images,
            tools: spec.tools,
            limits: state.settings.limits,
            http: Arc::clone(&self.inner.http),
            clock: Arc::clone(&self.inner.clock),
        };
        match spec.api.unwrap_or(entry.api) {
            Api::OpenAiCompletions => Arc::new(OpenAi::new(endpoint)),
            Api::AnthropicMessages => Arc::new(Anthropic::new(endpoint)),
        }
    }

    /// The full name that a wanted one means.
    fn full_name(&self, state: &State, wanted: &str) -> Result<ModelRef, ModelsError> {
        let wanted = wanted.trim();
        let alias = state.settings.allowed.iter().find_map(|(name, alias)| {
            alias.as_deref().is_some_and(|alias| alias.eq_ignore_ascii_case(wanted)).then_some(name)
        });
        let wanted = alias.map_or(wanted, String::as_str);
        if let Some(name) = ModelRef::parse(wanted)
            && (name.provider == Offline::PROVIDER
                || state.entries.iter().any(|entry| entry.id == name.provider))
        {
            return Ok(name);
        }
        let mut found: Vec<ModelRef> = self
            .listed(state)
            .into_iter()
            .filter(|info| info.id == wanted)
            .map(|info| info.reference())
            .collect();
        match (found.pop(), found.is_empty()) {
            (Some(only), true) => Ok(only),
            (Some(last), false) => {
                found.push(last);
                let candidates = found.iter().map(ToString::to_string).collect();
                Err(ModelsError::Ambiguous { wanted: wanted.to_owned(), candidates })
            }
            (None, _) => Err(self.unknown(state, wanted)),
        }
    }

    fn unknown(&self, state: &State, wanted: &str) -> ModelsError {
        let known = self
            .listed(state)
            .into_iter()
            .filter(|info| info.available)
            .map(|info| info.reference().to_string())
            .take(MAX_OFFERED)
            .collect();
        ModelsError::Unknown { wanted: wanted.to_owned(), known }
    }

    /// Every model with a name, the default not marked yet.
    fn listed(&self, state: &State) -> Vec<ModelInfo> {
        let mut list = Vec::new();
        for entry in &state.entries {
            list.extend(entry.models.iter().map(|spec| entry.info(spec)));
            if entry.id == known::OLLAMA && entry.models.is_empty() {
                let local = self.local_models();
                list.extend(local.iter().map(|model| entry.info(&entry.spec(model))));
            }
        }
        let allowed = &state.settings.allowed;
        if !allowed.is_empty() {
            for name in allowed.keys().filter_map(|name| ModelRef::parse(name)) {
                let known = list.iter().any(|info| info.reference() == name);
                let entry = state.entries.iter().find(|entry| entry.id == name.provider);
                if let Some(entry) = entry.filter(|_| !known) {
                    list.push(entry.info(&entry.spec(&name.model)));
                }
            }
            list.retain(|info| state.may_choose(&info.reference()));
        }
        list
    }
}

enum DefaultModel {
    Named(String),
    Offline,
}

impl Inner {
    async fn look(&self) -> usize {
        let address = self.state.read().settings.ollama;
        let models = match address {
            Some(address) => ollama::models(address).await,
            None => Vec::new(),
        };
        let count = models.len();
        let mut local = self.local.lock();
        if local.models != models {
            tracing::info!(count, "models of a local Ollama");
        }
        *local = Local { models, looked: Some(Instant::now()), looking: false };
        count
    }
}

impl State {
    fn new(settings: ProviderSettings) -> Self {
        let entries = entry::all(&settings);
        Self { settings, entries }
    }

    /// Whether a person may choose a model.
    fn may_choose(&self, name: &ModelRef) -> bool {
        let settings = &self.settings;
        let same = |other: &String| ModelRef::parse(other).as_ref() == Some(name);
        settings.allowed.is_empty()
            || settings.allowed.keys().any(same)
            || settings.primary.as_ref().is_some_and(same)
            || settings.fallbacks.iter().any(same)
    }
}

impl Models for Registry {
    fn resolve(&self, wanted: Option<&str>) -> Result<Resolved, ModelsError> {
        let state = self.state();
        let wanted = wanted.filter(|wanted| !wanted.trim().is_empty());
        let name = match wanted {
            Some(wanted) => self.full_name(&state, wanted)?,
            None => match self.default_ref(&state) {
                DefaultModel::Named(name) => self.full_name(&state, &name)?,
                DefaultModel::Offline => {
                    self.look_now_and_then();
                    let model: Arc<dyn Model> = Arc::new(Offline::new());
                    return Ok(Resolved { model, fallbacks: Vec::new() });
                }
            },
        };
        if wanted.is_some() && !state.may_choose(&name) {
            return Err(self.unknown(&state, &name.to_string()));
        }
        let model = self.named(&state, &name)?;
        let fallbacks = state
            .settings
            .fallbacks
            .iter()
            .filter_map(|fallback| self.full_name(&state, fallback).ok())
            .filter(|fallback| *fallback != name)
            .filter_map(|fallback| self.named(&state, &fallback).ok())
            .collect();
        Ok(Resolved { model, fallbacks })
    }

    fn catalog(&self) -> Vec<ModelInfo> {
        self.look_now_and_then();
        let state = self.state();
        let mut list = self.listed(&state);
        let default = match self.default_ref(&state) {
            DefaultModel::Named(name) => self.full_name(&state, &name).ok(),
            DefaultModel::Offline => {
                list.push(entry::offline());
                Some(ModelRef::new(Offline::PROVIDER, Offline::MODEL))
            }
        };
        if let Some(default) = default {
            let known = list.iter().any(|info| info.reference() == default);
            let entry = state.entries.iter().find(|entry| entry.id == default.provider);
            if let Some(entry) = entry.filter(|_| !known) {
                list.push(entry.info(&entry.spec(&default.model)));
            }
            for info in &mut list {
                info.is_default = info.reference() == default;
            }
        }
        list.sort_by_key(|info| !info.is_default);
        list
    }

    fn auth_status(&self) -> Vec<ProviderAuth> {
        let state = self.state();
        let local = !self.local_models().is_empty();
        state
            .entries
            .iter()
            .filter(|entry| entry.is_shown(local))
            .map(|entry| ProviderAuth {
                provider: entry.id.clone(),
                display_name: entry.name.clone(),
                status: match (&entry.key, entry.needs_key) {
                    (Some(_), _) => AuthState::Ok,
                    (None, true) => AuthState::Missing,
                    (None, false) => AuthState::NotNeeded,
                },
                source: entry.key.as_ref().map(|(_, source)| *source),
            })
            .collect()
    }

    fn is_configured(&self) -> bool {
        matches!(self.default_ref(&self.state()), DefaultModel::Named(_))
    }
}

#[cfg(test)]
mod tests;
