//! Looking a secret up: the environment, a private file, or a program.

mod exec;
mod file;

use std::path::PathBuf;

use secrecy::SecretString;

use crate::env::Environment;
use crate::error::ConfigError;
use crate::paths::Paths;
use crate::schema::{SecretProvider, Secrets};
use crate::secret::{SecretInput, SecretRef, SecretSource};

/// Everything that is needed to look secrets up.
///
/// Resolving may read a file or run a program for up to its deadline (5 s by default), so async
/// callers put it on a blocking thread.
#[derive(Clone, Debug)]
pub struct SecretResolver {
    env: Environment,
    secrets: Secrets,
    paths: Paths,
}

impl SecretResolver {
    /// A resolver for one configuration.
    #[must_use]
    pub fn new(secrets: Secrets, env: Environment, paths: Paths) -> Self {
        Self { env, secrets, paths }
    }

    /// The secret itself.
    ///
    /// # Errors
    /// A reference that leads nowhere; the text names the reference, never a secret.
    pub fn resolve(&self, secret: &SecretInput) -> Result<SecretString, ConfigError> {
        match secret {
            SecretInput::Literal(secret) => Ok(secret.clone()),
            SecretInput::Reference(reference) => self
                .look_up(reference)
                .map_err(|reason| ConfigError::Secret { reference: reference.to_string(), reason }),
        }
    }

    fn look_up(&self, reference: &SecretRef) -> Result<SecretString, String> {
        if let Some(fault) = reference.fault() {
            return Err(fault.to_owned());
        }
        let name = self.provider_name(reference);
        match (reference.source, self.secrets.providers.get(name)) {
            (SecretSource::Env, Some(SecretProvider::Env { allowlist: Some(allowed) }))
                if !allowed.contains(&reference.id) =>
            {
                Err(format!("secrets.providers.{name}.allowlist does not name this variable"))
            }
            (SecretSource::Env, Some(SecretProvider::Env { .. })) => self.variable(&reference.id),
            (SecretSource::Env, _) if name == self.default_name(SecretSource::Env) => {
                self.variable(&reference.id)
            }
            (SecretSource::File, Some(SecretProvider::File { path, mode, max_bytes, .. })) => {
                file::read(&self.paths.expand(path), *mode, *max_bytes, &reference.id)
            }
            (SecretSource::Exec, Some(provider @ SecretProvider::Exec { .. })) => {
                let trusted = |folder: &str| -> PathBuf { self.paths.expand(folder) };
                exec::ask(provider, name, &reference.id, &self.env, &trusted)
            }
            (SecretSource::Store, _) => {
                Err("the shared store belongs to the original and is not read".to_owned())
            }
            (source, _) => {
                Err(format!("secrets.providers.{name} is not a source of kind {}", source.as_str()))
            }
        }
    }

    fn provider_name<'a>(&'a self, reference: &'a SecretRef) -> &'a str {
        reference.provider.as_deref().unwrap_or_else(|| self.default_name(reference.source))
    }

    fn default_name(&self, source: SecretSource) -> &str {
        let defaults = &self.secrets.defaults;
        let name = match source {
            SecretSource::Env => &defaults.env,
            SecretSource::File => &defaults.file,
            SecretSource::Exec => &defaults.exec,
            SecretSource::Store => &defaults.store,
        };
        name.as_deref().unwrap_or("default")
    }

    fn variable(&self, name: &str) -> Result<SecretString, String> {
        self.env
            .get(name)
            .map(|value| SecretString::from(value.to_owned()))
            .ok_or_else(|| "the environment variable is missing or empty".to_owned())
    }
}

#[cfg(test)]
mod tests;
