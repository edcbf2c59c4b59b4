//! The shared secrets, looked up as the Gateway does it, but without making any.

use openclaw_base::fs;
use openclaw_config::{Config, Loaded, SecretInput, schema::AuthMode};
use secrecy::SecretString;

use super::Sources;
use crate::facts::{Auth, Unresolved};

/// Largest token file that is read.
const MAX_TOKEN_FILE_BYTES: u64 = 4 * 1024;

pub(super) fn gather(sources: &Sources<'_>, loaded: Option<&Loaded>, config: &Config) -> Auth {
    let mut unresolved = Vec::new();
    let mut look = |path, input: Option<&SecretInput>| {
        let found = loaded?.secrets().resolve(input?);
        found.map_err(|error| unresolved.push(Unresolved { path, message: chain(&error) })).ok()
    };
    let gateway = &config.gateway;
    let in_token = look("gateway.auth.token", gateway.auth.token.as_ref());
    let in_password = look("gateway.auth.password", gateway.auth.password.as_ref());
    let remote_token = look("gateway.remote.token", gateway.remote.token.as_ref());
    let remote_password = look("gateway.remote.password", gateway.remote.password.as_ref());
    let env = loaded.map_or(sources.env, |loaded| &loaded.env);
    let variable = |name: &str| env.get(name).map(SecretString::from);
    let overrides = &sources.overrides;
    let token = overrides.token.clone().or_else(|| variable("OPENCLAW_GATEWAY_TOKEN"));
    let password = overrides.password.clone().or_else(|| variable("OPENCLAW_GATEWAY_PASSWORD"));
    let (token, password) = (token.or(in_token), password.or(in_password));
    let mode = overrides.mode.or(gateway.auth.mode);
    let mode = mode.unwrap_or(if password.is_some() && token.is_none() {
        AuthMode::Password
    } else {
        AuthMode::Token
    });
    let named = unresolved.iter().any(|one| one.path == "gateway.auth.token");
    let generated = mode == AuthMode::Token && token.is_none() && !named;
    let token = if generated { token_file(sources) } else { token };
    Auth { mode, token, password, remote_token, remote_password, generated, unresolved }
}

fn token_file(sources: &Sources<'_>) -> Option<SecretString> {
    let bytes = fs::read_limited(&sources.paths.token_file(), MAX_TOKEN_FILE_BYTES).ok()?;
    let text = String::from_utf8(bytes).ok()?.trim().to_owned();
    (!text.is_empty()).then(|| SecretString::from(text))
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}
