//! Which model a name means, and which one answers when there is no name. `local` are the models of an
//! Ollama on this machine.

use openclaw_agent::{ModelInfo, ModelRef, ModelsError};

use super::State;
use crate::{known, offline::Offline};

/// Names that are offered when a wanted one is not known.
const MAX_OFFERED: usize = 20;

/// What answers when nobody names a model.
pub(super) enum DefaultModel {
    Named(String),
    Offline,
}

impl State {
    /// The model that answers when nobody names one.
    pub(super) fn default_model(&self, local: &[String]) -> DefaultModel {
        if let Some(primary) = &self.settings.primary {
            return DefaultModel::Named(primary.clone());
        }
        let usable = self.entries.iter().filter(|entry| entry.id != known::OLLAMA);
        let first = usable
            .filter(|entry| entry.has_key() || (entry.configured && entry.is_usable()))
            .find_map(|entry| Some((entry, entry.models.first()?)));
        if let Some((entry, model)) = first {
            return DefaultModel::Named(format!("{}/{}", entry.id, model.id));
        }
        let ollama = self.entries.iter().find(|entry| entry.id == known::OLLAMA);
        let configured =
            ollama.and_then(|entry| entry.models.first()).map(|model| model.id.clone());
        match configured.or_else(|| local.first().cloned()) {
            Some(model) => DefaultModel::Named(format!("{}/{model}", known::OLLAMA)),
            None => DefaultModel::Offline,
        }
    }

    /// The full name that a wanted one means.
    pub(super) fn full_name(
        &self,
        local: &[String],
        wanted: &str,
    ) -> Result<ModelRef, ModelsError> {
        let wanted = wanted.trim();
        let alias = self.settings.allowed.iter().find_map(|(name, alias)| {
            alias.as_deref().is_some_and(|alias| alias.eq_ignore_ascii_case(wanted)).then_some(name)
        });
        let wanted = alias.map_or(wanted, String::as_str);
        if let Some(name) = ModelRef::parse(wanted)
            && (name.provider == Offline::PROVIDER
                || self.entries.iter().any(|entry| entry.id == name.provider))
        {
            return Ok(name);
        }
        let mut found: Vec<ModelRef> = self
            .listed(local)
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
            (None, _) => Err(self.unknown(local, wanted)),
        }
    }

    pub(super) fn unknown(&self, local: &[String], wanted: &str) -> ModelsError {
        let known = self
            .listed(local)
            .into_iter()
            .filter(|info| info.available)
            .map(|info| info.reference().to_string())
            .take(MAX_OFFERED)
            .collect();
        ModelsError::Unknown { wanted: wanted.to_owned(), known }
    }

    /// Every model with a name, the default not marked yet.
    pub(super) fn listed(&self, local: &[String]) -> Vec<ModelInfo> {
        let mut list = Vec::new();
        for entry in &self.entries {
            list.extend(entry.models.iter().map(|spec| entry.info(spec)));
            if entry.id == known::OLLAMA && entry.models.is_empty() {
                list.extend(local.iter().map(|model| entry.info(&entry.spec(model))));
            }
        }
        let allowed = &self.settings.allowed;
        if !allowed.is_empty() {
            for name in allowed.keys().filter_map(|name| ModelRef::parse(name)) {
                let known = list.iter().any(|info| info.reference() == name);
                let entry = self.entries.iter().find(|entry| entry.id == name.provider);
                if let Some(entry) = entry.filter(|_| !known) {
                    list.push(entry.info(&entry.spec(&name.model)));
                }
            }
            list.retain(|info| self.may_choose(&info.reference()));
        }
        list
    }

    /// Whether a person may choose a model.
    pub(super) fn may_choose(&self, name: &ModelRef) -> bool {
        let settings = &self.settings;
        let same = |other: &String| ModelRef::parse(other).as_ref() == Some(name);
        settings.allowed.is_empty()
            || settings.allowed.keys().any(same)
            || settings.primary.as_ref().is_some_and(same)
            || settings.fallbacks.iter().any(same)
    }
}
