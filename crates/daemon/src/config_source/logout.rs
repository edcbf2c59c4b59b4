//! Taking the credential of an account out of the configuration.

use openclaw_config::{Editor, Environment, Paths};
use openclaw_gateway::config_source::Forgotten;
use openclaw_protocol::RpcError;
use serde_json::Value;

use super::refused;

/// The variable that holds the token of Telegram's account `default`.
const TOKEN: &str = "TELEGRAM_BOT_TOKEN";

/// Takes out what an account of a channel proves itself with.
pub(super) fn forget(
    paths: &Paths,
    env: &Environment,
    channel: &str,
    account: &str,
) -> Result<Forgotten, RpcError> {
    if channel != "telegram" {
        return Err(RpcError::invalid(format!("channel {channel} does not support logout")));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !account.chars().all(plain) {
        let why = format!("telegram {account} has a name that needs quotes; edit the file");
        return Err(RpcError::invalid(why));
    }
    // As tokens are looked for.
    let mut places = vec![format!("channels.telegram.accounts.{account}")];
    if account == "default" {
        places.push("channels.telegram".to_owned());
    }
    let mut editor = Editor::open(paths, env).map_err(|error| refused(&error))?;
    let mut keys = Vec::new();
    for place in places {
        for name in ["tokenFile", "botToken"] {
            let key = format!("{place}.{name}");
            if editor.unset(&key).map_err(|error| refused(&error))? {
                keys.push(key);
            }
        }
    }
    let in_env = account == "default" && is_in_env(paths, env);
    if keys.is_empty() {
        let (code, why, hint) = if in_env {
            (
                "CHANNEL_TOKEN_FROM_ENV",
                format!("the token of telegram {account} is in the environment, as {TOKEN}"),
                "take it out of the environment, or of .env in the state folder, and restart",
            )
        } else {
            (
                "CHANNEL_NOT_LOGGED_IN",
                format!("telegram {account} has no token"),
                "openclaw channels add telegram",
            )
        };
        let error = RpcError::invalid(format!("{why}; {hint}"));
        return Err(error.with_details([("code", Value::from(code)), ("hint", Value::from(hint))]));
    }
    editor.save().map_err(|error| refused(&error))?;
    Ok(Forgotten { keys, in_env })
}

fn is_in_env(paths: &Paths, env: &Environment) -> bool {
    let loaded = openclaw_config::load(paths, env);
    let token = loaded.as_ref().ok().and_then(|loaded| loaded.env.get(TOKEN));
    token.is_some_and(|token| !token.trim().is_empty())
}
