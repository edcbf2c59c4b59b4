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
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::{
    anthropic::Anthropic,
    dialect::{Dialect, Endpoint},
    google::Google,
    http::Http,
    known::{self, Api},
    offline::Offline,
    ollama,
    ollama_chat::OllamaChat,
    openai::OpenAi,
    params,
    profiles::{Cooldowns, Speaker},
    responses::Responses,
    settings::ProviderSettings,
    sse::Limits,
};

mod entry;
mod names;

use entry::{Entry, ModelSpec};
use names::DefaultModel;

/// How long it takes before Ollama is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// The models of all providers. Clones are the same.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    state: RwLock<Arc<State>>,
    local: Mutex<Local>,
    http: Arc<Http>,
    cooldowns: Arc<Cooldowns>,
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
        let cooldowns = Cooldowns::load(settings.cooldown_file.clone());
        let inner = Inner {
            cooldowns,
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

    /// The model of a full name, whether or not the table knows it.
    fn named(
        &self,
        state: &State,
        local: &[String],
        name: &ModelRef,
    ) -> Result<Arc<dyn Model>, ModelsError> {
        if *name == ModelRef::new(Offline::PROVIDER, Offline::MODEL) {
            return Ok(Arc::new(Offline::new()));
        }
        let entry = state
            .entries
            .iter()
            .find(|entry| entry.id == name.provider)
            .ok_or_else(|| state.unknown(local, &name.to_string()))?;
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
        let params = state.settings.params.get(&format!("{}/{}", entry.id, spec.id));
        let longest = params.and_then(|params| params.get(params::MAX_TOKENS)?.as_u64());
        let endpoint = |profile: String, key: Option<SecretString>| Endpoint {
            model: ModelRef::new(entry.id.clone(), spec.id.clone()),
            base_url: local_url.clone().unwrap_or_else(|| entry.base_url.clone()),
            key,
            profile,
            headers: entry
                .headers
                .iter()
                .chain(&spec.headers)
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            bearer: entry.bearer,
            max_tokens: longest.or(spec.max_tokens),
            context_window: spec.context_window,
            price: spec.price,
            reasoning: spec.reasoning,
            images: spec.images,
            tools: spec.tools,
            params: params.cloned().unwrap_or_default(),
            limits: Limits {
                first: entry.patience.unwrap_or(state.settings.limits.first),
                ..state.settings.limits
            },
            http: Arc::clone(&self.inner.http),
            clock: Arc::clone(&self.inner.clock),
        };
        let own = entry.key.as_ref().map(|(key, _)| key);
        let first = endpoint(entry.id.clone(), own.cloned());
        let is_first =
            |key: &SecretString| own.is_some_and(|own| own.expose_secret() == key.expose_secret());
        let others = entry.further_keys.iter().filter(|(_, key)| !is_first(key));
        let others = others.map(|(name, key)| endpoint(name.clone(), Some(key.clone()))).collect();
        let cooldowns = Arc::clone(&self.inner.cooldowns);
        match spec.api.unwrap_or(entry.api) {
            Api::OpenAiCompletions => speaker::<OpenAi>(first, others, cooldowns),
            Api::AnthropicMessages => speaker::<Anthropic>(first, others, cooldowns),
            Api::OpenAiResponses => speaker::<Responses>(first, others, cooldowns),
            Api::GoogleGenerativeAi => speaker::<Google>(first, others, cooldowns),
            Api::Ollama => speaker::<OllamaChat>(first, others, cooldowns),
        }
    }
}

fn speaker<D: Dialect>(
    first: Endpoint,
    others: Vec<Endpoint>,
    cooldowns: Arc<Cooldowns>,
) -> Arc<dyn Model> {
    Arc::new(Speaker::<D>::new(first, others, cooldowns))
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
}

impl Models for Registry {
    fn resolve(&self, wanted: Option<&str>) -> Result<Resolved, ModelsError> {
        let (state, local) = (self.state(), self.local_models());
        let wanted = wanted.filter(|wanted| !wanted.trim().is_empty());
        let name = match wanted {
            Some(wanted) => state.full_name(&local, wanted)?,
            None => match state.default_model(&local) {
                DefaultModel::Named(name) => state.full_name(&local, &name)?,
                DefaultModel::Offline => {
                    self.look_now_and_then();
                    let model: Arc<dyn Model> = Arc::new(Offline::new());
                    return Ok(Resolved { model, fallbacks: Vec::new() });
                }
            },
        };
        if wanted.is_some() && !state.may_choose(&name) {
            return Err(state.unknown(&local, &name.to_string()));
        }
        let model = self.named(&state, &local, &name)?;
        let fallbacks = state
            .settings
            .fallbacks
            .iter()
            .filter_map(|fallback| state.full_name(&local, fallback).ok())
            .filter(|fallback| *fallback != name)
            .filter_map(|fallback| self.named(&state, &local, &fallback).ok())
            .collect();
        Ok(Resolved { model, fallbacks })
    }

    fn catalog(&self) -> Vec<ModelInfo> {
        self.look_now_and_then();
        let (state, local) = (self.state(), self.local_models());
        let mut list = state.listed(&local);
        let default = match state.default_model(&local) {
            DefaultModel::Named(name) => state.full_name(&local, &name).ok(),
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
        let resting = self.inner.cooldowns.resting(self.inner.clock.now_ms());
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
                resting: resting
                    .iter()
                    .filter(|key| entry.has_key_of(&key.name))
                    .cloned()
                    .collect(),
            })
            .collect()
    }

    fn is_configured(&self) -> bool {
        let (state, local) = (self.state(), self.local_models());
        matches!(state.default_model(&local), DefaultModel::Named(_))
    }
}

#[cfg(test)]
mod tests;
