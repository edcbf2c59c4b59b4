//! Models that can be asked, and whether their providers are paid for.

use serde_json::Value;

use crate::{
    list::{Auto, Switch},
    macros::{names, params, record},
    row::{Since, methods},
    text::NonEmpty,
};

params! {
    /// Params of `models.list`.
    #[derive(Default)]
    ModelsListParams {
        /// As this agent sees them.
        agent_id?: NonEmpty,
        /// Whether each provider's abilities are added.
        include_provider_capabilities?: bool,
        /// Whether only what is at hand is listed; excludes `refresh`.
        prepared_only?: bool,
        /// Whether providers are asked again; excludes `preparedOnly`.
        refresh?: bool,
        /// Which models.
        view?: ModelsView,
        /// Whether limits and abilities are added.
        include_details?: bool,
        /// As this session sees them.
        session_key?: NonEmpty,
    }

    /// Params of `models.authStatus`.
    #[derive(Default)]
    ModelsAuthStatusParams {
        /// Whether providers are asked again.
        refresh?: bool,
        /// As this agent sees them.
        agent_id?: String,
    }
}

names! {
    /// Which models are listed.
    ModelsView = Default {
        /// What the configuration allows.
        Default = "default",
        /// What can be used now.
        Configured = "configured",
        /// What the configuration names.
        ProviderConfig = "provider-config",
        /// All that are known.
        All = "all",
    }

    /// Why a model cannot be asked.
    ModelUnavailable {
        /// No key.
        MissingAuth = "missing-auth",
        /// The key is refused.
        AuthFailed = "auth-failed",
        /// It failed too often.
        Cooldown = "cooldown",
    }

    /// What a model reads.
    ModelInput {
        /// Text.
        Text = "text",
        /// Pictures.
        Image = "image",
        /// Sound.
        Audio = "audio",
        /// Films.
        Video = "video",
        /// Documents.
        Document = "document",
    }

    /// Where the choice of a runtime comes from.
    RuntimeSource = Implicit {
        /// The environment.
        Env = "env",
        /// The agent.
        Agent = "agent",
        /// The defaults.
        Defaults = "defaults",
        /// The model.
        Model = "model",
        /// The provider.
        Provider = "provider",
        /// Nobody chose.
        Implicit = "implicit",
        /// The session.
        Session = "session",
        /// The session's key.
        SessionKey = "session-key",
    }
}

record! {
    /// Result of `models.list`.
    ModelsListResult {
        /// The models.
        models: Vec<ModelChoice>,
    }

    /// One model.
    ModelChoice {
        /// The model; with the provider it is unique.
        id: String,
        /// Its name for people.
        name: String,
        /// Its provider.
        provider: String,
        /// Short name.
        alias?: String,
        /// Marks such as `default`.
        tags?: Vec<String>,
        /// Whether it can be asked now.
        available?: bool,
        /// Why it cannot.
        unavailable_reason?: ModelUnavailable,
        /// Until when, in milliseconds since 1970.
        unavailable_until?: u64,
        /// Its context, in tokens.
        context_window?: u64,
        /// Whether it can think.
        reasoning?: bool,
        /// How hard it can think.
        thinking_levels?: Vec<ThinkingLevel>,
        /// How hard it thinks when nobody says otherwise.
        thinking_default?: String,
        /// Whether it answers fast rather than well.
        effective_fast_mode?: Switch<Auto>,
        /// Whether it can call tools.
        supports_tools?: bool,
        /// What runs it.
        agent_runtime?: AgentRuntime,
        /// Whether a key is all it needs.
        api_key_supported?: bool,
        /// What it reads.
        input?: Vec<ModelInput>,
    }

    /// One step of thinking.
    ThinkingLevel {
        /// The step.
        id: String,
        /// Its name for people.
        label: String,
    }

    /// What runs an agent.
    AgentRuntime {
        /// Which.
        id: String,
        /// Whether it can run in the cloud.
        cloud_placement_supported?: bool,
        /// Whether it can run on a device.
        device_placement_supported?: bool,
        /// Where the choice comes from.
        source: RuntimeSource,
    }

    /// Result of `models.authStatus`.
    ModelsAuthStatusResult {
        /// When, in milliseconds since 1970.
        ts: u64,
        /// Providers that have credentials.
        providers: Vec<ProviderAuth>,
        /// How credentials can be given.
        provider_capabilities: Vec<ProviderCapability>,
    }

    /// One provider's credentials.
    ProviderAuth {
        /// The provider.
        provider: String,
        /// Under whose name credentials are kept.
        auth_provider: String,
        /// Its name for people.
        display_name: String,
        /// How they are: `ok`, `missing`, `expired`, or `static`.
        status: String,
        /// Signed-in accounts.
        profiles: Vec<Value>,
        /// The key, not its value.
        api_key?: ApiKeyStatus,
    }

    /// Where a key comes from.
    ApiKeyStatus {
        /// Environment, configuration, or key file.
        source: String,
    }

    /// How credentials of a provider can be given.
    ProviderCapability {
        /// The provider.
        provider: String,
        /// Whether a key is enough.
        api_key_supported: bool,
        /// Whether a client may offer a field for it.
        quick_api_key_setup: bool,
    }
}

methods! {
    /// Lists the models that can be asked.
    ModelsList = "models.list", Read, ModelsListParams => ModelsListResult;
    /// Says which providers have credentials, never what these are.
    ModelsAuthStatus = "models.authStatus", Read, ModelsAuthStatusParams => ModelsAuthStatusResult
        { since: Since::V4 };
}
