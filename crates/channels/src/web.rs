//! Posts to a channel, as values: the Gateway serves HTTP, a channel does not know how.

use serde_json::{Value, json};

/// A post to an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebCall {
    /// Headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, whose length the Gateway limits.
    pub body: Vec<u8>,
}

impl WebCall {
    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// What is answered.
#[derive(Clone, Debug, PartialEq)]
pub struct WebReply {
    /// The HTTP status.
    pub status: u16,
    /// The body, as JSON.
    pub body: Value,
}

impl WebReply {
    /// A refusal that says why.
    #[must_use]
    pub fn refused(status: u16, why: &str) -> Self {
        Self { status, body: json!({"ok": false, "error": why}) }
    }
}
