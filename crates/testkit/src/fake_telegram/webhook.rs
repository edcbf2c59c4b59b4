//! The webhook: updates are posted in order, one at a time, and again until they are taken.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{Fault, Refusal, Shared};
use crate::http::{Post, post};

/// How long a post may take.
const LIMIT: Duration = Duration::from_secs(10);
/// The pauses before a post is made again: Telegram's are longer.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// A webhook that was set.
#[derive(Clone, Debug, Default)]
pub(super) struct Hook {
    pub(super) url: String,
    secret: String,
    error: Option<(u64, String)>,
}

pub(super) fn set(shared: &Shared, params: &Value) -> Result<Value, Refusal> {
    let refused = |said: &str| Err(Refusal::new(400, &format!("Bad Request: {said}")));
    let url = params["url"].as_str().unwrap_or_default();
    if !url.is_empty() && !url.starts_with("https://") {
        return refused("bad webhook: An HTTPS URL must be provided for webhook");
    }
    let secret = params["secret_token"].as_str().unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if secret.len() > 256 || !secret.chars().all(plain) {
        return refused("secret token contains unallowed characters");
    }
    let connections = params["max_connections"].as_u64().unwrap_or(40);
    if !(1..=100).contains(&connections) {
        return refused("max_connections is out of range");
    }
    let hook = Hook { url: url.to_owned(), secret: secret.to_owned(), error: None };
    change(shared, params, hook);
    Ok(Value::Bool(true))
}

pub(super) fn delete(shared: &Shared, params: &Value) {
    change(shared, params, Hook::default());
}

fn change(shared: &Shared, params: &Value, hook: Hook) {
    let mut state = shared.lock();
    state.hook = hook;
    if params["drop_pending_updates"] == true {
        state.updates.clear();
    }
    drop(state);
    shared.tell();
}

pub(super) fn info(shared: &Shared) -> Value {
    let state = shared.lock();
    let mut info = json!({
        "url": state.hook.url, "has_custom_certificate": false,
        "pending_update_count": state.updates.len(),
    });
    if let Some((date, message)) = &state.hook.error {
        info["last_error_date"] = json!(date);
        info["last_error_message"] = json!(message);
    }
    info
}

/// Posts what waits, until it is dropped.
pub(super) async fn deliver(shared: &Shared) {
    let mut changed = shared.changed.subscribe();
    let mut pause = PAUSE.0;
    loop {
        let Some((id, update, hook, door)) = next(shared) else {
            changed.changed().await.ok();
            continue;
        };
        let fault = shared.note("webhook", &update);
        let path = hook.url.splitn(4, '/').nth(3).unwrap_or_default();
        let host = hook.url.split('/').nth(2).unwrap_or_default();
        let text = update.to_string();
        let headers = [("host", host), ("x-telegram-bot-api-secret-token", hook.secret.as_str())];
        let what = Post { path: &format!("/{path}"), headers: &headers, body: text.as_bytes() };
        let answered = match fault {
            Some(Fault::Stall) => Err("Connection timed out".to_owned()),
            fault => match timeout(LIMIT, post(door, what)).await {
                _ if fault.is_some() => Err("Connection reset by peer".to_owned()),
                Ok(Some((status, _))) if (200..300).contains(&status) => Ok(()),
                Ok(Some((status, _))) => Err(format!("Wrong response from the webhook: {status}")),
                Ok(None) => Err("Connection refused".to_owned()),
                Err(_) => Err("Read timeout expired".to_owned()),
            },
        };
        note(shared, id, answered.as_ref().err());
        shared.tell();
        if answered.is_ok() {
            pause = PAUSE.0;
        } else {
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }
}

/// The oldest update, if there is somewhere to post it to.
fn next(shared: &Shared) -> Option<(i64, Value, Hook, u16)> {
    let state = shared.lock();
    let hook = state.hook.clone();
    let door = state.door.filter(|_| !hook.url.is_empty())?;
    let (id, update) = state.updates.front()?;
    Some((*id, update.clone(), hook, door))
}

fn note(shared: &Shared, id: i64, error: Option<&String>) {
    let mut state = shared.lock();
    match error {
        None => state.updates.retain(|(known, _)| *known != id),
        Some(said) => {
            let date = state.hook.error.as_ref().map_or(0, |(date, _)| *date) + 1;
            state.hook.error = Some((date, said.clone()));
        }
    }
}
