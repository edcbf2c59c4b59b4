//! From an update to a message: what it says in words, and whether the bot is meant.

use openclaw_channels::{Arrival, Author, ChatKind, Inbound, Media, Quoted};

use serde_json::Value;

use crate::types::{CallbackQuery, Entity, File, Message, Update, User};

/// The thread id of a forum's first topic.
pub(crate) const GENERAL_TOPIC: &str = "1";

/// The kinds of updates that are asked for.
pub(crate) const ALLOWED: [&str; 3] = ["message", "edited_message", "callback_query"];

/// An update as it came, to be kept; `None` for what is none.
pub(crate) fn arrival(update: &Value) -> Option<Arrival> {
    let key = update.get("update_id")?.as_i64()?.to_string();
    let at = |path: &str| update.pointer(path).filter(|found| !found.is_null());
    let kinds = ["/message", "/edited_message", "/callback_query/message"];
    let lane = kinds.into_iter().find_map(|kind| {
        let chat = at(&format!("{kind}/chat/id"))?;
        let in_topic = at(&format!("{kind}/is_topic_message")) == Some(&Value::Bool(true));
        let topic = at(&format!("{kind}/message_thread_id")).filter(|_| in_topic);
        Some(topic.map_or_else(|| chat.to_string(), |topic| format!("{chat}:{topic}")))
    });
    let mut lane = lane.unwrap_or_default();
    // Who presses a button waits for what comes of it, and the button turns.
    if at("/callback_query").is_some() {
        lane.push_str(":pressed");
    }
    Some(Arrival { key, lane, body: update.to_string() })
}

/// The message in an update, if there is one for an agent.
pub(crate) fn inbound(update: &Update, bot: &User) -> Option<Inbound> {
    let key = update.update_id.to_string();
    if let Some(pressed) = &update.callback_query {
        return button(key, pressed);
    }
    if let Some(edited) = &update.edited_message {
        // Where somebody goes on moving, the message is edited every few seconds.
        let said = edited.text.is_some() || edited.caption.is_some();
        let read = message(key, edited, bot).filter(|_| said && edited.location.is_none())?;
        let text = format!("[Edited message] {}", read.text);
        return Some(Inbound { text, files: Vec::new(), ..read });
    }
    message(key, update.message.as_ref()?, bot)
}

fn message(key: String, message: &Message, bot: &User) -> Option<Inbound> {
    let from = message.from.as_ref().filter(|from| !from.is_bot)?;
    let text = words(message)?;
    let reply = message.reply_to_message.as_deref();
    // The first message of a topic is what everything in it "replies" to.
    let reply = reply.filter(|reply| message.message_thread_id != Some(reply.message_id));
    let to_bot = reply.and_then(|reply| reply.from.as_ref()).is_some_and(|from| from.id == bot.id);
    let quoted = reply.and_then(|reply| {
        let text = match &message.quote {
            Some(quote) => quote.text.clone(),
            None => words(reply)?,
        };
        Some(Quoted { author: reply.from.as_ref().and_then(User::name), text })
    });
    let entities =
        if message.text.is_some() { &message.entities } else { &message.caption_entities };
    let named = mentions(&text, entities, bot);
    let text = bot.username.as_ref().map_or(text.clone(), |name| without_name(&text, name));
    Some(Inbound {
        key,
        chat: message.chat.id.to_string(),
        kind: kind(message)?,
        title: message.chat.title.clone(),
        thread: thread(message),
        author: author(from),
        message_id: message.message_id.to_string(),
        text,
        quoted,
        files: files(message),
        mentioned: named || to_bot,
    })
}

/// A button is as if its word had been typed.
fn button(key: String, pressed: &CallbackQuery) -> Option<Inbound> {
    let message = pressed.message.as_ref()?;
    Some(Inbound {
        key,
        chat: message.chat.id.to_string(),
        kind: kind(message)?,
        title: message.chat.title.clone(),
        thread: thread(message),
        author: author(&pressed.from),
        message_id: message.message_id.to_string(),
        text: pressed.data.clone().filter(|data| !data.trim().is_empty())?,
        quoted: None,
        files: Vec::new(),
        mentioned: true,
    })
}

fn author(from: &User) -> Author {
    Author { id: from.id.to_string(), name: from.name(), username: from.username.clone() }
}

fn kind(message: &Message) -> Option<ChatKind> {
    match message.chat.kind.as_str() {
        "private" => Some(ChatKind::Direct),
        "group" | "supergroup" => Some(ChatKind::Group),
        _ => None,
    }
}

fn thread(message: &Message) -> Option<String> {
    let thread = message.message_thread_id.map(|thread| thread.to_string());
    if message.chat.is_forum {
        return Some(thread.filter(|_| message.is_topic_message).unwrap_or(GENERAL_TOPIC.into()));
    }
    // Elsewhere a thread is only the chain of replies, except in private chats that have topics.
    thread.filter(|_| message.is_topic_message)
}

/// What a message says, with everything that is no text told in words.
fn words(message: &Message) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(venue) = &message.venue {
        parts.push(format!("[venue: {}, {}]", venue.title, venue.address));
    }
    if let Some(place) = &message.location {
        parts.push(format!("[location: {}, {}]", place.latitude, place.longitude));
    }
    if let Some(contact) = &message.contact {
        parts.push(format!("[contact: {} {}]", contact.first_name, contact.phone_number));
    }
    for (kind, file) in [
        ("image", photo(message)),
        ("document", message.document.as_ref()),
        ("voice", message.voice.as_ref()),
        ("audio", message.audio.as_ref()),
        ("video", message.video.as_ref().or(message.video_note.as_ref())),
        ("sticker", message.sticker.as_ref()),
    ] {
        parts.extend(file.map(|file| placeholder(kind, file)));
    }
    parts.extend(message.text.clone().or_else(|| message.caption.clone()));
    let text = parts.join("\n");
    (!text.trim().is_empty()).then_some(text)
}

/// The largest of a picture's sizes.
fn photo(message: &Message) -> Option<&File> {
    message.photo.as_ref().and_then(|sizes| sizes.last())
}

/// The files that are fetched.
fn files(message: &Message) -> Vec<Media> {
    let all = [
        ("image", photo(message)),
        ("document", message.document.as_ref()),
        ("voice", message.voice.as_ref()),
        ("audio", message.audio.as_ref()),
        ("video", message.video.as_ref().or(message.video_note.as_ref())),
    ];
    let found = all.into_iter().filter_map(|(kind, file)| Some((kind, file?)));
    found
        .map(|(kind, file)| Media {
            kind,
            handle: file.file_id.clone(),
            name: file.file_name.clone(),
            mime: file.mime_type.clone(),
            size: file.file_size,
        })
        .collect()
}

fn placeholder(kind: &str, file: &File) -> String {
    let more = [&file.file_name, &file.mime_type, &file.emoji];
    let more: Vec<&str> = more.into_iter().flatten().map(String::as_str).collect();
    if more.is_empty() {
        format!("<media:{kind}>")
    } else {
        format!("<media:{kind}> ({})", more.join(", "))
    }
}

fn mentions(text: &str, entities: &[Entity], bot: &User) -> bool {
    let Some(name) = bot.username.as_ref().map(|name| format!("@{name}").to_lowercase()) else {
        return false;
    };
    let units: Vec<u16> = text.encode_utf16().collect();
    let marked = entities.iter().any(|entity| match entity.kind.as_str() {
        "text_mention" => entity.user.as_ref().is_some_and(|user| user.id == bot.id),
        "mention" | "bot_command" => {
            let end = entity.offset.saturating_add(entity.length);
            let part = units.get(entity.offset..end).map(String::from_utf16_lossy);
            part.is_some_and(|part| part.to_lowercase().ends_with(&name))
        }
        _ => false,
    });
    let is_end = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    let lower = text.to_lowercase();
    marked
        || lower.match_indices(&name).any(|(at, _)| {
            lower
                .get(at + name.len()..)
                .is_none_or(|rest| rest.starts_with(is_end) || rest.is_empty())
        })
}

/// `/status@claw_bot` is `/status`.
fn without_name(text: &str, name: &str) -> String {
    let suffix = format!("@{name}").to_lowercase();
    let (command, rest) = match text.find(char::is_whitespace) {
        Some(end) => text.split_at(end),
        None => (text, ""),
    };
    if command.starts_with('/') && command.to_lowercase().ends_with(&suffix) {
        let end = command.len().saturating_sub(suffix.len());
        return format!("{}{rest}", command.get(..end).unwrap_or(command));
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bot() -> User {
        let bot = json!({"id": 7, "is_bot": true, "first_name": "Claw", "username": "claw_bot"});
        serde_json::from_value(bot).expect("a bot")
    }

    fn read(mut message: Value) -> Option<Inbound> {
        message["message_id"] = 5.into();
        if message["from"].is_null() {
            message["from"] = json!({"id": 42, "first_name": "Ada", "last_name": "L"});
        }
        if message["chat"].is_null() {
            message["chat"] = json!({"id": -100, "type": "supergroup", "title": "Home"});
        }
        let update = json!({"update_id": 9, "message": message});
        inbound(&serde_json::from_value(update).expect("an update"), &bot())
    }

    #[test]
    fn everything_that_can_be_said_is_said_in_words() {
        for (message, expected) in [
            (json!({"text": "hello"}), "hello"),
            (json!({"photo": [{"file_id": "a"}], "caption": "look"}), "<media:image>\nlook"),
            (
                json!({"document": {"file_id": "a", "file_name": "a.pdf", "mime_type": "application/pdf"}}),
                "<media:document> (a.pdf, application/pdf)",
            ),
            (json!({"location": {"latitude": 1.5, "longitude": 2.0}}), "[location: 1.5, 2]"),
            (json!({"text": "/status@Claw_Bot now"}), "/status now"),
            (json!({"text": "/status@other_bot"}), "/status@other_bot"),
        ] {
            assert_eq!(read(message.clone()).expect("a message").text, expected, "{message}");
        }
        let edited = json!({"update_id": 9, "edited_message": {"message_id": 5, "text": "no",
            "from": {"id": 42, "first_name": "Ada"}, "chat": {"id": 42, "type": "private"}}});
        let edited = inbound(&serde_json::from_value(edited).expect("an update"), &bot());
        assert_eq!(edited.expect("a message").text, "[Edited message] no");
        assert_eq!(read(json!({"new_chat_title": "x"})), None);
        assert_eq!(read(json!({"text": "x", "from": {"id": 8, "is_bot": true}})), None);
        assert_eq!(read(json!({"text": "x", "chat": {"id": -1, "type": "channel"}})), None);
    }

    #[test]
    fn the_bot_is_meant_by_name_or_as_the_one_replied_to() {
        let named = |message| read(message).expect("a message").mentioned;
        assert!(named(json!({"text": "hi @claw_bot"})));
        assert!(named(json!({"text": "hi @Claw_Bot, you"})));
        assert!(!named(json!({"text": "hi @claw_bot2"})));
        assert!(!named(json!({"text": "hi claw"})));
        let entity = json!([{"type": "text_mention", "offset": 0, "length": 2, "user": {"id": 7}}]);
        assert!(named(json!({"text": "hi", "entities": entity})));
        let chat = json!({"id": -100, "type": "supergroup"});
        let reply = |from: i64| {
            json!({"message_id": 1, "chat": chat, "text": "said",
                "from": {"id": from, "first_name": "X"}})
        };
        assert!(named(json!({"text": "why?", "reply_to_message": reply(7)})));
        let other = read(json!({"text": "why?", "reply_to_message": reply(8)})).expect("a message");
        assert!(!other.mentioned);
        assert_eq!(other.quoted.expect("quoted").text, "said");
    }

    #[test]
    fn topics_are_threads_and_chains_of_replies_are_none() {
        let thread = |message| read(message).expect("a message").thread;
        let forum = json!({"id": -100, "type": "supergroup", "is_forum": true});
        let topic =
            json!({"text": "x", "chat": forum, "message_thread_id": 5, "is_topic_message": true});
        assert_eq!(thread(topic).as_deref(), Some("5"));
        assert_eq!(thread(json!({"text": "x", "chat": forum})).as_deref(), Some("1"));
        assert_eq!(thread(json!({"text": "x", "message_thread_id": 5})), None);
    }

    #[test]
    fn a_button_is_as_if_typed() {
        let update = json!({"update_id": 9, "callback_query": {
            "id": "q", "from": {"id": 42, "first_name": "Ada"}, "data": "/approve 1",
            "message": {"message_id": 3, "chat": {"id": 42, "type": "private"}}}});
        let read = inbound(&serde_json::from_value(update).expect("an update"), &bot());
        let read = read.expect("a message");
        assert_eq!((read.text.as_str(), read.author.id.as_str()), ("/approve 1", "42"));
    }

    #[test]
    fn a_chat_is_a_lane_and_so_is_a_topic_and_what_is_pressed() {
        for (update, lane) in [
            (json!({"message": {"chat": {"id": 42}}}), "42"),
            (json!({"edited_message": {"chat": {"id": 42}}}), "42"),
            (json!({"message": {"chat": {"id": -1}, "message_thread_id": 5}}), "-1"),
            (
                json!({"message": {"chat": {"id": -1}, "message_thread_id": 5, "is_topic_message": true}}),
                "-1:5",
            ),
            (json!({"callback_query": {"message": {"chat": {"id": 42}}}}), "42:pressed"),
            (json!({"poll": {}}), ""),
        ] {
            let mut update = update;
            update["update_id"] = json!(9);
            let kept = arrival(&update).expect("an update");
            assert_eq!((kept.key.as_str(), kept.lane.as_str()), ("9", lane), "{update}");
            assert_eq!(serde_json::from_str::<Value>(&kept.body).expect("JSON"), update);
        }
        for none in [json!({}), json!([]), json!("x"), json!({"update_id": "9"})] {
            assert_eq!(arrival(&none), None, "{none}");
        }
    }
}
