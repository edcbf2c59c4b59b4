//! Models as lists show them, and the model that applies to a session.

use std::sync::Arc;

use openclaw_agent::{
    AgentProfile, AgentSettings, AuthState, KeySource, ModelInfo, ModelRef, Models,
    ProviderAuth as KnownAuth, RestingKey, model::ThinkingLevel as Level,
};
use openclaw_protocol::{
    ids::AgentId,
    methods::{
        models::{
            AgentRuntime, ApiKeyStatus, ModelChoice, ModelInput, ModelUnavailable, ModelsView,
            ProviderAuth, ProviderCapability, RuntimeSource, ThinkingLevel,
        },
        sessions::{ModelOverrideSource, ResolvedModel},
    },
};
use openclaw_store::sessions::SessionEntry;
use serde_json::{Value, json};

use crate::state::State;

/// What answers when nothing else can be named.
const OFFLINE: (&str, &str) = ("offline", "assistant");

/// Models and settings as they are during one request.
pub struct Catalog {
    models: Arc<dyn Models>,
    infos: Vec<ModelInfo>,
    settings: Arc<AgentSettings>,
}

/// The model that applies somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Which.
    pub model: ModelRef,
    /// Its context, in tokens.
    pub context_tokens: Option<u64>,
    /// Whether it thinks.
    pub reasoning: bool,
    /// Who chose it, if it is not simply the agent's.
    pub chosen_by: Option<ModelOverrideSource>,
}

impl Catalog {
    /// What is known now.
    #[must_use]
    pub fn of(state: &State) -> Self {
        Self::new(Arc::clone(&state.models), state.agent.settings())
    }

    /// What these models and settings say.
    #[must_use]
    pub fn new(models: Arc<dyn Models>, settings: Arc<AgentSettings>) -> Self {
        Self { infos: models.catalog(), models, settings }
    }

    /// The agents' settings.
    #[must_use]
    pub fn settings(&self) -> &AgentSettings {
        &self.settings
    }

    /// An agent's profile.
    #[must_use]
    pub fn profile(&self, agent: &AgentId) -> Option<&AgentProfile> {
        self.settings.profile(agent)
    }

    /// An agent's model, unless a session has one of its own. There always is one.
    #[must_use]
    pub fn of_agent(&self, agent: &AgentId) -> Applied {
        let wanted = self.profile(agent).and_then(|profile| profile.model.as_deref());
        let found = self.find(wanted).or_else(|| self.find(None));
        self.applied(found.unwrap_or_else(|| ModelRef::new(OFFLINE.0, OFFLINE.1)), None)
    }

    /// A session's model.
    #[must_use]
    pub fn of_session(&self, entry: &SessionEntry) -> Applied {
        let settings = &entry.settings;
        let chosen = settings.provider_override.as_ref().zip(settings.model_override.as_ref());
        match chosen {
            Some((provider, model)) => {
                let model = ModelRef::new(provider.as_str(), model.as_str());
                self.applied(model, Some(ModelOverrideSource::User))
            }
            None => self.of_agent(&entry.agent_id),
        }
    }

    /// The models that follow when an agent's own fails.
    #[must_use]
    pub fn fallbacks_of(&self, agent: &AgentId) -> Vec<String> {
        let wanted = self.profile(agent).and_then(|profile| profile.model.as_deref());
        let resolved = self.models.resolve(wanted);
        let fallbacks = resolved.map(|resolved| resolved.fallbacks).unwrap_or_default();
        fallbacks.iter().map(|model| model.id().to_string()).collect()
    }

    fn find(&self, wanted: Option<&str>) -> Option<ModelRef> {
        self.models.resolve(wanted).ok().map(|resolved| resolved.model.id().clone())
    }

    fn applied(&self, model: ModelRef, chosen_by: Option<ModelOverrideSource>) -> Applied {
        let info = self.infos.iter().find(|info| info.reference() == model);
        Applied {
            context_tokens: info.and_then(|info| info.context_window),
            reasoning: info.is_some_and(|info| info.reasoning),
            chosen_by,
            model,
        }
    }

    /// How hard a model of an agent, or of one that has no setting of its own, thinks when nobody says
    /// otherwise.
    #[must_use]
    pub fn thinking_default(&self, agent: Option<&AgentId>, reasoning: bool) -> Level {
        let settings = &self.settings;
        let level = agent.map_or(settings.thinking_default, |agent| settings.thinking_for(agent));
        if reasoning { level } else { Level::Off }
    }

    /// The models of a view.
    #[must_use]
    pub fn choices(&self, view: ModelsView) -> Vec<ModelChoice> {
        let shown = |info: &&ModelInfo| match view {
            ModelsView::Configured => info.available,
            ModelsView::Default | ModelsView::ProviderConfig | ModelsView::All => true,
        };
        self.infos.iter().filter(shown).map(|info| self.choice(info)).collect()
    }

    fn choice(&self, info: &ModelInfo) -> ModelChoice {
        ModelChoice {
            id: info.id.clone(),
            name: info.name.clone(),
            provider: info.provider.clone(),
            tags: info.is_default.then(|| vec!["default".to_owned()]),
            available: Some(info.available),
            unavailable_reason: (!info.available).then_some(ModelUnavailable::MissingAuth),
            context_window: info.context_window,
            reasoning: Some(info.reasoning),
            thinking_levels: Some(thinking_levels(info.reasoning)),
            thinking_default: Some(self.thinking_default(None, info.reasoning).as_str().to_owned()),
            agent_runtime: Some(runtime()),
            input: Some(info.input.iter().filter_map(|kind| ModelInput::parse(kind)).collect()),
            ..ModelChoice::default()
        }
    }
}

impl Applied {
    /// As answers to changes show it.
    #[must_use]
    pub fn resolved(&self, thinking_level: Option<String>) -> ResolvedModel {
        ResolvedModel {
            model_provider: self.model.provider.clone(),
            model: self.model.model.clone(),
            thinking_level,
        }
    }
}

/// How hard a model can think.
#[must_use]
pub fn thinking_levels(reasoning: bool) -> Vec<ThinkingLevel> {
    let levels = if reasoning { Level::ALL.as_slice() } else { &[Level::Off] };
    let step = |level: &Level| ThinkingLevel {
        id: level.as_str().to_owned(),
        label: level.as_str().to_owned(),
    };
    levels.iter().map(step).collect()
}

/// The ids of these.
#[must_use]
pub fn thinking_options(reasoning: bool) -> Vec<String> {
    thinking_levels(reasoning).into_iter().map(|level| level.id).collect()
}

/// What runs an agent: this Gateway, always.
#[must_use]
pub fn runtime() -> AgentRuntime {
    AgentRuntime {
        id: "openclaw".to_owned(),
        cloud_placement_supported: Some(false),
        device_placement_supported: Some(false),
        source: RuntimeSource::Implicit,
    }
}

/// What is known of a provider's credential, never the credential.
#[must_use]
pub fn provider_auth(known: &KnownAuth) -> ProviderAuth {
    let status = match known.status {
        AuthState::Ok => "ok",
        AuthState::Missing => "missing",
        AuthState::NotNeeded => "static",
    };
    ProviderAuth {
        provider: known.provider.clone(),
        auth_provider: known.provider.clone(),
        display_name: known.display_name.clone(),
        status: status.to_owned(),
        profiles: known.resting.iter().map(resting_profile).collect(),
        api_key: known.source.map(|source| ApiKeyStatus { source: source_name(source).to_owned() }),
    }
}

/// A key that rests: which, why, and until when.
fn resting_profile(key: &RestingKey) -> Value {
    json!({
        "profileId": key.name,
        "type": "api_key",
        "status": "static",
        "cooldownReason": key.reason.as_str(),
        "cooldownUntil": key.until_ms,
    })
}

const fn source_name(source: KeySource) -> &'static str {
    match source {
        KeySource::Stored => "profile",
        KeySource::Environment => "env",
        KeySource::Config => "config",
    }
}

/// How a provider's credential can be given: with `openclaw models auth set`, not over the wire.
#[must_use]
pub fn provider_capability(known: &KnownAuth) -> ProviderCapability {
    ProviderCapability {
        provider: known.provider.clone(),
        api_key_supported: known.status != AuthState::NotNeeded,
        quick_api_key_setup: false,
    }
}
