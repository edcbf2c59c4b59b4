//! The rules that no single key can show: formats, and keys that depend on one another.

mod addresses;
mod agents;
mod channels;
mod tool_servers;

use secrecy::ExposeSecret;

use crate::problem::Problem;
use crate::schema::{AuthMode, Config, Gateway, TailscaleMode};
use crate::secret::{REDACTED, SecretInput};

/// Checks every rule.
pub(super) fn check(config: &Config) -> Vec<Problem> {
    let mut found = Vec::new();
    secrets(config, &mut found);
    authentication(&config.gateway, &mut found);
    addresses::check(config, &mut found);
    agents::check(config, &mut found);
    channels::check(config, &mut found);
    tool_servers::check(config, &mut found);
    if config.env.shell_env.as_ref().is_some_and(|shell| shell.enabled) {
        let problem = Problem::warning("env.shellEnv", "login shells are not read by this Gateway");
        found.push(problem.hint("put the variables into .env in the state folder"));
    }
    found
}

/// Secrets that are surely none.
fn secrets(config: &Config, found: &mut Vec<Problem>) {
    let gateway = &config.gateway;
    let named = [
        ("gateway.auth.token", &gateway.auth.token),
        ("gateway.auth.password", &gateway.auth.password),
        ("gateway.remote.token", &gateway.remote.token),
        ("gateway.remote.password", &gateway.remote.password),
    ];
    let mut all: Vec<(String, &SecretInput)> = named
        .into_iter()
        .filter_map(|(path, secret)| Some((path.to_owned(), secret.as_ref()?)))
        .collect();
    for (name, provider) in &config.models.providers {
        if let Some(key) = &provider.api_key {
            let mut path = "models.providers".to_owned();
            crate::keypath::push(&mut path, name);
            all.push((format!("{path}.apiKey"), key));
        }
    }
    all.extend(channels::secrets(config));
    for (path, secret) in all {
        let Some(text) = secret.as_literal().map(|secret| secret.expose_secret().trim()) else {
            continue;
        };
        match text {
            REDACTED => found.push(
                Problem::error(path, "holds the placeholder that stands for a hidden secret")
                    .hint("put the secret itself there"),
            ),
            "" | "undefined" | "null" => found.push(
                Problem::error(path, "is blank, or a word that stands for nothing")
                    .hint("leave the key out, or put a secret there"),
            ),
            _ => {}
        }
    }
}

fn authentication(gateway: &Gateway, found: &mut Vec<Problem>) {
    let auth = &gateway.auth;
    if auth.mode.is_none() && auth.token.is_some() && auth.password.is_some() {
        found.push(
            Problem::error(
                "gateway.auth",
                "a token and a password are set, but not which one counts",
            )
            .allowing(vec!["token".into(), "password".into()])
            .hint("set gateway.auth.mode"),
        );
    }
    let mode = auth.mode;
    match gateway.tailscale.mode {
        TailscaleMode::Serve if mode == Some(AuthMode::None) => found.push(
            Problem::error(
                "gateway.tailscale.mode",
                "serve publishes a Gateway that asks for nothing",
            )
            .hint("set gateway.auth.mode to token or password"),
        ),
        TailscaleMode::Funnel if mode.is_some_and(|mode| mode != AuthMode::Password) => found.push(
            Problem::error(
                "gateway.tailscale.mode",
                "funnel is open to everybody and needs a password",
            )
            .hint("set gateway.auth.mode to password"),
        ),
        _ => {}
    }
    if gateway.tls.cert_path.is_some() != gateway.tls.key_path.is_some() {
        found.push(Problem::error(
            "gateway.tls",
            "certPath and keyPath belong together, only one is set",
        ));
    }
}
