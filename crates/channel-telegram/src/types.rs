//! What the Bot API sends, as far as it is used.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) id: i64,
    #[serde(default)]
    pub(crate) is_bot: bool,
    #[serde(default)]
    pub(crate) first_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) can_join_groups: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) can_read_all_group_messages: Option<bool>,
}

impl User {
    pub(crate) fn name(&self) -> Option<String> {
        let last = self.last_name.as_deref().unwrap_or_default();
        let name = format!("{} {last}", self.first_name).trim().to_owned();
        (!name.is_empty()).then_some(name)
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Chat {
    pub(crate) id: i64,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) title: Option<String>,
    #[serde(default)]
    pub(crate) is_forum: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Entity {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) offset: usize,
    pub(crate) length: usize,
    pub(crate) user: Option<User>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Location {
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Venue {
    pub(crate) title: String,
    pub(crate) address: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Contact {
    pub(crate) phone_number: String,
    pub(crate) first_name: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Quote {
    pub(crate) text: String,
}

/// A file of any kind; which of them stands in the message's field.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct File {
    pub(crate) file_id: String,
    pub(crate) file_size: Option<u64>,
    pub(crate) file_name: Option<String>,
    pub(crate) mime_type: Option<String>,
    pub(crate) emoji: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Message {
    pub(crate) message_id: i64,
    pub(crate) message_thread_id: Option<i64>,
    #[serde(default)]
    pub(crate) is_topic_message: bool,
    pub(crate) from: Option<User>,
    pub(crate) chat: Chat,
    pub(crate) text: Option<String>,
    pub(crate) caption: Option<String>,
    #[serde(default)]
    pub(crate) entities: Vec<Entity>,
    #[serde(default)]
    pub(crate) caption_entities: Vec<Entity>,
    pub(crate) reply_to_message: Option<Box<Message>>,
    pub(crate) quote: Option<Quote>,
    pub(crate) location: Option<Location>,
    pub(crate) venue: Option<Venue>,
    pub(crate) contact: Option<Contact>,
    pub(crate) photo: Option<Vec<File>>,
    pub(crate) document: Option<File>,
    pub(crate) voice: Option<File>,
    pub(crate) audio: Option<File>,
    pub(crate) video: Option<File>,
    pub(crate) video_note: Option<File>,
    pub(crate) sticker: Option<File>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct CallbackQuery {
    pub(crate) id: String,
    pub(crate) from: User,
    pub(crate) message: Option<Message>,
    pub(crate) data: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Update {
    pub(crate) update_id: i64,
    pub(crate) message: Option<Message>,
    pub(crate) edited_message: Option<Message>,
    pub(crate) callback_query: Option<CallbackQuery>,
}

/// What `sendMessage` gives.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Sent {
    pub(crate) message_id: i64,
}
