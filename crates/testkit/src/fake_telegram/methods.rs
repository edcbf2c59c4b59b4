//! What each method does.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Refusal, Shared, State, upload, webhook};

/// Telegram's limit for one message. Texts with a parse mode are not measured: the limit counts what
/// is left after the marks are taken out.
const MAX_TEXT: usize = 4096;

/// Telegram's limit for files that bots fetch.
const MAX_FILE: usize = 20 * 1024 * 1024;

const CONFLICT: &str = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";

const HOOKED: &str = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";

const NOT_MODIFIED: &str = "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message";

/// Does one call.
pub(super) async fn call(
    shared: &Shared,
    method: &str,
    params: &Value,
    file: Option<&upload::Part>,
) -> Result<Value, Refusal> {
    match method {
        "getMe" => Ok(json!({
            "id": 7, "is_bot": true, "first_name": "Claw", "username": "claw_bot",
            "can_join_groups": true, "can_read_all_group_messages": false,
            "supports_inline_queries": false,
        })),
        "getWebhookInfo" => Ok(webhook::info(shared)),
        "setWebhook" => webhook::set(shared, params),
        "deleteWebhook" => {
            webhook::delete(shared, params);
            Ok(Value::Bool(true))
        }
        "getFile" => get_file(shared, params),
        "getUpdates" => get_updates(shared, params).await,
        "sendMessage" => send(shared, params),
        "sendPhoto" | "sendDocument" | "sendVideo" | "sendAnimation" | "sendAudio"
        | "sendVoice" => upload::take(shared, method, params, file),
        "editMessageText" => edit(shared, params),
        "sendChatAction" => chat(params).map(|_| Value::Bool(true)),
        "setMessageReaction" => react(shared, params),
        "editMessageReplyMarkup" => edit_buttons(shared, params),
        "answerCallbackQuery" => answer_press(shared, params),
        "setMyCommands" | "deleteMyCommands" => Ok(Value::Bool(true)),
        _ => Err(Refusal::new(404, "Not Found: method not found")),
    }
}

async fn get_updates(shared: &Shared, params: &Value) -> Result<Value, Refusal> {
    let offset = params["offset"].as_i64().unwrap_or(0);
    let limit = params["limit"].as_u64().unwrap_or(100).clamp(1, 100);
    let wait = Duration::from_secs(params["timeout"].as_u64().unwrap_or(0));
    let mine = {
        let mut state = shared.lock();
        if !state.hook.url.is_empty() {
            return Err(Refusal::new(409, HOOKED));
        }
        state.updates.retain(|(id, _)| *id >= offset);
        state.polls += 1;
        state.polls
    };
    let mut changed = shared.changed.subscribe();
    shared.tell();
    let ready = |state: &State| state.polls != mine || !state.updates.is_empty();
    timeout(wait, changed.wait_for(|_| ready(&shared.lock()))).await.ok();
    let state = shared.lock();
    if state.polls != mine {
        return Err(Refusal::new(409, CONFLICT));
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(state.updates.iter().take(limit).map(|(_, update)| update.clone()).collect())
}

fn get_file(shared: &Shared, params: &Value) -> Result<Value, Refusal> {
    let id = params["file_id"].as_str().unwrap_or_default();
    let state = shared.lock();
    let Some((path, bytes)) = state.files.get(id) else {
        return Err(Refusal::new(
            400,
            "Bad Request: wrong file_id or the file is temporarily unavailable",
        ));
    };
    if bytes.len() > MAX_FILE {
        return Err(Refusal::new(400, "Bad Request: file is too big"));
    }
    Ok(json!({"file_id": id, "file_unique_id": format!("u{id}"), "file_size": bytes.len(),
        "file_path": path}))
}

fn send(shared: &Shared, params: &Value) -> Result<Value, Refusal> {
    let (chat, text, markup) = (chat(params)?, text(params)?, markup(params)?);
    let mut state = shared.lock();
    state.last_message += 1;
    let id = state.last_message;
    state.messages.insert((chat, id), text.to_owned());
    put_buttons(&mut state, (chat, id), &markup);
    drop(state);
    shared.tell();
    Ok(message(chat, id, text))
}

fn edit(shared: &Shared, params: &Value) -> Result<Value, Refusal> {
    let (chat, text, markup) = (chat(params)?, text(params)?, markup(params)?);
    let id = params["message_id"].as_i64().unwrap_or(0);
    let mut state = shared.lock();
    let buttons = state.markups.get(&(chat, id)).cloned().unwrap_or_default();
    let Some(old) = state.messages.get_mut(&(chat, id)) else {
        return Err(Refusal::new(400, "Bad Request: message to edit not found"));
    };
    if old == text && buttons == markup {
        return Err(Refusal::new(400, NOT_MODIFIED));
    }
    text.clone_into(old);
    put_buttons(&mut state, (chat, id), &markup);
    drop(state);
    shared.tell();
    Ok(message(chat, id, text))
}

fn edit_buttons(shared: &Shared, params: &Value) -> Result<Value, Refusal> {
    let (chat, markup) = (chat(params)?, markup(params)?);
    let id = params["message_id"].as_i64().unwrap_or(0);
    let mut state = shared.lock();
    let Some(text) = state.messages.get(&(chat, id)).cloned() else {
        return Err(Refusal::new(400, "Bad Request: message to edit not found"));
    };
    if state.markups.get(&(chat, id)).cloned().unwrap_or_default() == markup {
        return Err(Refusal::new(400, NOT_MODIFIED));
    }
    put_buttons(&mut state, (chat, id), &markup);
    drop(state);
    shared.tell();
    Ok(message(chat, id, &text))
}

/// Some of the emoji that Telegram allows as reactions.
const REACTIONS: [&str; 8] = ["👍", "👎", "❤", "🔥", "👀", "🤔", "🙏", "👌"];

fn react(shared: &Shared, params: &Value) -> Result<Value, Refusal> {
    let chat = chat(params)?;
    let id = params["message_id"].as_i64().unwrap_or(0);
    let list = params["reaction"].as_array().cloned().unwrap_or_default();
    let emoji = |reaction: &Value| {
        let emoji = reaction["emoji"].as_str().filter(|_| reaction["type"] == "emoji");
        emoji.filter(|emoji| REACTIONS.contains(emoji)).map(str::to_owned)
    };
    let Some(list) = list.iter().map(emoji).collect::<Option<Vec<_>>>() else {
        return Err(Refusal::new(400, "Bad Request: REACTION_INVALID"));
    };
    if list.len() > 1 {
        return Err(Refusal::new(400, "Bad Request: REACTIONS_TOO_MANY"));
    }
    shared.lock().reactions.insert((chat, id), list);
    shared.tell();
    Ok(Value::Bool(true))
}

fn put_buttons(state: &mut State, at: (i64, i64), markup: &Value) {
    if markup.is_null() {
        state.markups.remove(&at);
    } else {
        state.markups.insert(at, markup.clone());
    }
}

/// The buttons of a message, checked; null if there are none.
fn markup(params: &Value) -> Result<Value, Refusal> {
    let markup = &params["reply_markup"];
    let rows = markup["inline_keyboard"].as_array().cloned().unwrap_or_default();
    let mut buttons = rows.iter().filter_map(Value::as_array).flatten().peekable();
    if buttons.peek().is_none() {
        return Ok(Value::Null);
    }
    for button in buttons {
        if button["text"].as_str().unwrap_or_default().is_empty() {
            return Err(Refusal::new(
                400,
                "Bad Request: field \"text\" must be a non-empty String",
            ));
        }
        // Of the kinds there are, only these are served here.
        let data = button["callback_data"].as_str().unwrap_or_default();
        if data.is_empty() || data.len() > 64 {
            return Err(Refusal::new(400, "Bad Request: BUTTON_DATA_INVALID"));
        }
    }
    Ok(markup.clone())
}

/// A press is answered once.
fn answer_press(shared: &Shared, params: &Value) -> Result<Value, Refusal> {
    let id = params["callback_query_id"].as_str().unwrap_or_default();
    if params["text"].as_str().is_some_and(|text| text.encode_utf16().count() > 200) {
        return Err(Refusal::new(400, "Bad Request: MESSAGE_TOO_LONG"));
    }
    let mut state = shared.lock();
    let Some(at) = state.presses.iter().position(|press| press == id) else {
        let said =
            "Bad Request: query is too old and response timeout expired or query ID is invalid";
        return Err(Refusal::new(400, said));
    };
    state.presses.remove(at);
    drop(state);
    shared.tell();
    Ok(Value::Bool(true))
}

/// The chat's id, which clients send as a number or as its text.
pub(super) fn chat(params: &Value) -> Result<i64, Refusal> {
    let id = &params["chat_id"];
    match id.as_i64().or_else(|| id.as_str()?.parse().ok()) {
        Some(id) => Ok(id),
        None if id.is_null() => Err(Refusal::new(400, "Bad Request: chat_id is empty")),
        None => Err(Refusal::new(400, "Bad Request: chat not found")),
    }
}

fn text(params: &Value) -> Result<&str, Refusal> {
    let text = params["text"].as_str().unwrap_or_default();
    if text.trim().is_empty() {
        return Err(Refusal::new(400, "Bad Request: message text is empty"));
    }
    if params["parse_mode"].is_null() && text.encode_utf16().count() > MAX_TEXT {
        return Err(Refusal::new(400, "Bad Request: message is too long"));
    }
    Ok(text)
}

pub(super) fn message(chat: i64, id: i64, text: &str) -> Value {
    let kind = if chat > 0 { "private" } else { "supergroup" };
    let from = json!({"id": 7, "is_bot": true, "first_name": "Claw", "username": "claw_bot"});
    let chat = json!({"id": chat, "type": kind});
    json!({"message_id": id, "date": 1, "from": from, "chat": chat, "text": text})
}
