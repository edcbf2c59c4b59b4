//! The one table of providers and models that are known without any configuration.
//!
//! Providers and the names of their keys are those the original knows and that speak one of our
//! dialects. Models, windows and limits are those of the vendors' model lists as of November 2026
//! (developers.openai.com/api/docs/models, platform.claude.com/docs/en/about-claude/models). The first
//! model of a provider is the one that answers when nobody names another; it is chosen for answering a
//! conversation with tools at a moderate price, not for being the largest. A newer model needs no entry:
//! any name a provider has can be asked for as `provider/name`.

use serde::{Deserialize, Serialize};

/// How a provider is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Api {
    /// OpenAI Chat Completions and what imitates it.
    #[serde(rename = "openai-completions")]
    OpenAiCompletions,
    /// Anthropic Messages.
    #[serde(rename = "anthropic-messages")]
    AnthropicMessages,
    /// OpenAI Responses.
    #[serde(rename = "openai-responses")]
    OpenAiResponses,
    /// Gemini.
    #[serde(rename = "google-generative-ai")]
    GoogleGenerativeAi,
    /// Ollama's own.
    #[serde(rename = "ollama")]
    Ollama,
}

impl Api {
    /// Reads the name that configuration uses.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        match raw.trim() {
            "openai-completions" => Some(Self::OpenAiCompletions),
            "anthropic-messages" => Some(Self::AnthropicMessages),
            "openai-responses" => Some(Self::OpenAiResponses),
            "google-generative-ai" => Some(Self::GoogleGenerativeAi),
            "ollama" => Some(Self::Ollama),
            _ => None,
        }
    }
}

/// Whether a model takes tools in our dialect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ToolUse {
    /// It does.
    #[default]
    Always,
    /// Only when it is told not to reason.
    WithoutReasoning,
    /// It does not.
    Never,
}

/// A provider that needs no configuration but a key.
#[derive(Debug)]
pub(crate) struct KnownProvider {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) base_url: &'static str,
    pub(crate) api: Api,
    /// Environment variables that may hold its key, the first that is set counts.
    pub(crate) keys: &'static [&'static str],
    pub(crate) needs_key: bool,
    pub(crate) models: &'static [KnownModel],
}

/// A model that can be listed without asking its provider.
#[derive(Debug)]
pub(crate) struct KnownModel {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) context_window: u64,
    pub(crate) max_tokens: u64,
    pub(crate) reasoning: bool,
    /// In its provider's usual dialect.
    pub(crate) tools: ToolUse,
    /// The dialect that suits it better; it takes tools in that.
    pub(crate) api: Option<Api>,
}

const fn model(
    id: &'static str,
    name: &'static str,
    context_window: u64,
    max_tokens: u64,
    tools: ToolUse,
) -> KnownModel {
    KnownModel { id, name, context_window, max_tokens, reasoning: true, tools, api: None }
}

const fn newest(id: &'static str, name: &'static str, tools: ToolUse) -> KnownModel {
    KnownModel { api: Some(Api::OpenAiResponses), ..model(id, name, 922_000, 32_000, tools) }
}

const fn compatible(
    id: &'static str,
    name: &'static str,
    base_url: &'static str,
    keys: &'static [&'static str],
) -> KnownProvider {
    let api = Api::OpenAiCompletions;
    KnownProvider { id, name, base_url, api, keys, needs_key: true, models: &[] }
}

/// Ollama's id.
pub(crate) const OLLAMA: &str = "ollama";

/// In the order in which a default is looked for.
pub(crate) const PROVIDERS: &[KnownProvider] = &[
    KnownProvider {
        id: "anthropic",
        name: "Anthropic",
        base_url: "https://api.anthropic.com",
        api: Api::AnthropicMessages,
        keys: &["ANTHROPIC_OAUTH_TOKEN", "ANTHROPIC_API_KEY"],
        needs_key: true,
        models: &[
            model("claude-opus-5-5", "Claude Opus 5.5", 1_000_000, 32_000, ToolUse::Always),
            model("claude-sonnet-5-5", "Claude Sonnet 5.5", 1_000_000, 32_000, ToolUse::Always),
            model("claude-haiku-5-5", "Claude Haiku 5.5", 200_000, 32_000, ToolUse::Always),
            model("claude-opus-4-6", "Claude Opus 4.6", 200_000, 32_000, ToolUse::Always),
        ],
    },
    KnownProvider {
        id: "openai",
        name: "OpenAI",
        base_url: "https://api.openai.com/v1",
        api: Api::OpenAiCompletions,
        keys: &["OPENAI_API_KEY"],
        needs_key: true,
        // Of the GPT-6 family Chat Completions takes tools only with reasoning off, of Astra not at
        // all, so these are asked through Responses unless the configuration names a dialect.
        models: &[
            newest("gpt-6-sol", "GPT-6 Sol", ToolUse::WithoutReasoning),
            newest("gpt-6-luna", "GPT-6 Luna", ToolUse::WithoutReasoning),
            newest("gpt-6-astra", "GPT-6 Astra", ToolUse::Never),
            model("gpt-5.2", "GPT-5.2", 272_000, 32_000, ToolUse::Always),
        ],
    },
    KnownProvider {
        id: "google",
        name: "Google",
        base_url: "https://generativelanguage.googleapis.com/v1beta",
        api: Api::GoogleGenerativeAi,
        keys: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        needs_key: true,
        models: &[],
    },
    compatible("openrouter", "OpenRouter", "https://openrouter.ai/api/v1", &["OPENROUTER_API_KEY"]),
    compatible("groq", "Groq", "https://api.groq.com/openai/v1", &["GROQ_API_KEY"]),
    compatible("mistral", "Mistral", "https://api.mistral.ai/v1", &["MISTRAL_API_KEY"]),
    compatible("xai", "xAI", "https://api.x.ai/v1", &["XAI_API_KEY"]),
    compatible("cerebras", "Cerebras", "https://api.cerebras.ai/v1", &["CEREBRAS_API_KEY"]),
    compatible("together", "Together", "https://api.together.xyz/v1", &["TOGETHER_API_KEY"]),
    compatible("moonshot", "Moonshot", "https://api.moonshot.ai/v1", &["MOONSHOT_API_KEY"]),
    compatible("venice", "Venice", "https://api.venice.ai/api/v1", &["VENICE_API_KEY"]),
    compatible("deepseek", "DeepSeek", "https://api.deepseek.com/v1", &["DEEPSEEK_API_KEY"]),
    KnownProvider {
        id: OLLAMA,
        name: "Ollama",
        base_url: "http://127.0.0.1:11434/v1",
        api: Api::OpenAiCompletions,
        keys: &["OLLAMA_API_KEY"],
        needs_key: false,
        models: &[],
    },
];

/// How tools go with a model that is not in the table, and the dialect that suits it better.
pub(crate) fn assumed(provider: &str, model: &str) -> (ToolUse, Option<Api>) {
    let newest = provider == "openai" && model.starts_with("gpt-6");
    if newest {
        (ToolUse::WithoutReasoning, Some(Api::OpenAiResponses))
    } else {
        (ToolUse::Always, None)
    }
}

/// A provider of the table.
pub(crate) fn provider(id: &str) -> Option<&'static KnownProvider> {
    PROVIDERS.iter().find(|provider| provider.id == id)
}

/// The names of all environment variables that may hold a provider's key, for whoever reads the
/// environment.
pub fn key_variables() -> impl Iterator<Item = &'static str> {
    built_in_keys().map(|(_, variable)| variable)
}

/// The built-in providers, each with every environment variable that may hold its key.
pub fn built_in_keys() -> impl Iterator<Item = (&'static str, &'static str)> {
    PROVIDERS.iter().flat_map(|provider| provider.keys.iter().map(|key| (provider.id, *key)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_table_is_sound() {
        let ids: HashSet<_> = PROVIDERS.iter().map(|provider| provider.id).collect();
        assert_eq!(ids.len(), PROVIDERS.len());
        for provider in PROVIDERS {
            assert!(reqwest::Url::parse(provider.base_url).is_ok(), "{}", provider.id);
            assert!(!provider.keys.is_empty(), "{}", provider.id);
        }
        assert!(key_variables().any(|name| name == "ANTHROPIC_API_KEY"));
        assert_eq!(provider("nobody").map(|provider| provider.id), None);
    }

    #[test]
    fn dialects_have_the_published_names() {
        for api in [
            Api::OpenAiCompletions,
            Api::AnthropicMessages,
            Api::OpenAiResponses,
            Api::GoogleGenerativeAi,
            Api::Ollama,
        ] {
            let name = serde_json::to_value(api).unwrap();
            assert_eq!(Api::parse(name.as_str().unwrap()), Some(api));
        }
        assert_eq!(Api::parse("smoke-signals"), None);
    }
}
