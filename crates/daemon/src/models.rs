//! Provider settings from the configuration, the key file and the environment.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use openclaw_agent::model::Price;
use openclaw_base::{SharedClock, Tasks};
use openclaw_config::{
    Loaded, Paths, SecretInput, SecretResolver,
    schema::{ApiDialect, ModelCost, ModelsMode, Provider, ProviderModel},
};
use openclaw_providers::{
    Api, KeyFile, ModelSetting, ProviderSetting, ProviderSettings, Registry, key_variables,
};
use secrecy::SecretString;

/// A registry of everything that is configured.
pub(crate) fn registry(
    paths: &Paths,
    loaded: &Loaded,
    tasks: &Tasks,
    clock: &SharedClock,
) -> Arc<Registry> {
    Arc::new(Registry::new(settings(paths, loaded), Arc::clone(clock), tasks.child()))
}

/// What the registry is built from. A key that cannot be read is logged and left out: the other
/// providers still work.
pub(crate) fn settings(paths: &Paths, loaded: &Loaded) -> ProviderSettings {
    let config = &loaded.config;
    let secrets = loaded.secrets();
    let default_agent = config.default_agent(paths);
    let stored_keys = KeyFile::load(&paths.model_auth_file()).map_or_else(
        |error| {
            tracing::error!(%error, "stored model keys cannot be read");
            BTreeMap::new()
        },
        |file| file.keys().clone(),
    );
    let environment = key_variables().filter_map(|name| {
        let key = loaded.env.get(name).filter(|key| !key.is_empty())?;
        Some((name.to_owned(), SecretString::from(key)))
    });
    let mut allowed: BTreeMap<String, Option<String>> = config
        .agents
        .defaults
        .models
        .iter()
        .map(|(name, entry)| (name.clone(), entry.alias.clone()))
        .collect();
    if !allowed.is_empty() {
        // What an agent is configured with needs no second permission.
        let own = config
            .agents(paths)
            .into_iter()
            .flat_map(|agent| agent.model.into_iter().chain(agent.fallbacks));
        for model in own {
            allowed.entry(model).or_default();
        }
    }
    let providers = config.models.providers.iter();
    let entries = config.agents.defaults.models.iter();
    ProviderSettings {
        primary: default_agent.model,
        fallbacks: default_agent.fallbacks,
        allowed,
        params: entries.map(|(name, entry)| (name.clone(), entry.params.clone())).collect(),
        providers: providers
            .filter_map(|(id, provider)| Some((id.clone(), setting(id, provider, &secrets)?)))
            .collect(),
        stored_keys,
        environment: environment.collect(),
        cooldown_file: Some(paths.model_cooldown_file()),
        // With `models.mode: replace` only what is configured counts.
        ollama: (config.models.mode != ModelsMode::Replace)
            .then(|| ProviderSettings::default().ollama)
            .flatten(),
        ..ProviderSettings::default()
    }
}

fn setting(id: &str, provider: &Provider, secrets: &SecretResolver) -> Option<ProviderSetting> {
    let api = dialect(id, provider.api)?;
    Some(ProviderSetting {
        base_url: provider.base_url.clone(),
        api,
        api_key: provider.api_key.as_ref().and_then(|key| reveal(id, key, secrets)),
        auth_header: provider.auth_header.unwrap_or(false),
        headers: headers(id, &provider.headers, secrets),
        patience: provider.timeout_seconds.map(Duration::from_secs),
        models: provider.models.iter().filter_map(|m| model(id, m, secrets)).collect(),
    })
}

fn model(id: &str, model: &ProviderModel, secrets: &SecretResolver) -> Option<ModelSetting> {
    Some(ModelSetting {
        id: model.id.clone(),
        name: model.name.clone(),
        reasoning: model.reasoning,
        input: model.input.iter().map(|kind| kind.as_str().to_owned()).collect(),
        context_window: Some(model.context_window),
        max_tokens: Some(model.output_limit()),
        price: price(&model.cost),
        api: dialect(id, model.api)?,
        headers: headers(id, &model.headers, secrets),
    })
}

/// Prices that are all 0 are those that nobody wrote down.
fn price(cost: &ModelCost) -> Option<Price> {
    let price = Price {
        input: cost.input,
        output: cost.output,
        cache_read: cost.cache_read,
        cache_write: cost.cache_write,
    };
    let each = [price.input, price.output, price.cache_read, price.cache_write];
    each.iter().any(|price| *price > 0.0).then_some(price)
}

/// Outer `None`: the dialect is one this release does not speak.
fn dialect(id: &str, api: Option<ApiDialect>) -> Option<Option<Api>> {
    match api {
        None => Some(None),
        Some(named) => {
            let known = Api::parse(named.as_str());
            if known.is_none() {
                tracing::warn!(
                    provider = id,
                    api = named.as_str(),
                    "dialect is not spoken; left out"
                );
            }
            known.map(Some)
        }
    }
}

fn headers(
    id: &str,
    written: &BTreeMap<String, SecretInput>,
    secrets: &SecretResolver,
) -> BTreeMap<String, SecretString> {
    let known = written.iter();
    known.filter_map(|(name, value)| Some((name.clone(), reveal(id, value, secrets)?))).collect()
}

fn reveal(id: &str, secret: &SecretInput, secrets: &SecretResolver) -> Option<SecretString> {
    match secrets.resolve(secret) {
        Ok(secret) => Some(secret),
        Err(error) => {
            tracing::error!(provider = id, %error, "secret cannot be read");
            None
        }
    }
}
