//! What a connection had, so that the next one can take up where it ended.
//!
//! Only Gateways that prove themselves with the same key are told of it. The contract is in
//! `docs/resume.md`.

use std::collections::BTreeSet;

use openclaw_identity::PublicKey;
use openclaw_protocol::{
    Rpc,
    ids::SessionKey,
    methods::sessions::{
        MessagesSubscribeResult, SessionsMessagesSubscribe, SessionsMessagesUnsubscribe,
        SessionsSubscribe,
    },
    resume::{MAX_SESSIONS, ResumeParams},
    text::{Int, NonEmpty},
};
use serde_json::value::RawValue;

/// Bytes of session keys that fit into `connect` beside everything else.
const MAX_KEY_BYTES: usize = 32 * 1024;

/// Where a connection ended.
#[derive(Clone, Debug)]
pub struct ResumePoint {
    pub(crate) gateway: PublicKey,
    pub(crate) boot_id: String,
    pub(crate) conn_id: String,
    pub(crate) last_seq: u64,
    pub(crate) watched: Watched,
}

impl ResumePoint {
    /// What is said to the Gateway with this key; nothing to another one, or when too much was watched.
    pub(crate) fn params(&self, gateway: &PublicKey) -> Option<ResumeParams> {
        let messages = &self.watched.messages;
        let bytes: usize = messages.iter().map(|key| key.as_str().len() + 3).sum();
        if self.gateway != *gateway || messages.len() > MAX_SESSIONS || bytes > MAX_KEY_BYTES {
            return None;
        }
        Some(ResumeParams {
            boot_id: NonEmpty::new(&self.boot_id).ok()?,
            conn_id: NonEmpty::new(&self.conn_id).ok()?,
            last_seq: Int::new(self.last_seq).ok()?,
            session_list: self.watched.session_list,
            messages: messages.iter().cloned().collect(),
        })
    }
}

/// What a connection subscribed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watched {
    pub(crate) session_list: bool,
    pub(crate) messages: BTreeSet<SessionKey>,
}

impl Watched {
    /// Learns from the answer to a call.
    pub(crate) fn note(&mut self, method: &str, payload: &RawValue) {
        let key = || {
            let result: MessagesSubscribeResult = serde_json::from_str(payload.get()).ok()?;
            Some(result.key)
        };
        match method {
            SessionsSubscribe::NAME => self.session_list = true,
            SessionsMessagesSubscribe::NAME => self.messages.extend(key()),
            SessionsMessagesUnsubscribe::NAME => {
                if let Some(key) = key() {
                    self.messages.remove(&key);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use openclaw_identity::KeyPair;

    use super::*;

    fn answer(key: &str) -> Box<RawValue> {
        RawValue::from_string(format!(r#"{{"subscribed":true,"key":"{key}"}}"#)).unwrap()
    }

    #[test]
    fn subscriptions_are_remembered_as_the_gateway_names_them() {
        let mut watched = Watched::default();
        watched.note("health", &answer("x"));
        assert_eq!(watched, Watched::default());
        for key in ["agent:main:main", "agent:main:work"] {
            watched.note("sessions.messages.subscribe", &answer(key));
        }
        watched.note("sessions.messages.unsubscribe", &answer("agent:main:main"));
        watched.note("sessions.subscribe", &answer(""));
        let messages = BTreeSet::from([SessionKey::new("agent:main:work")]);
        assert_eq!(watched, Watched { session_list: true, messages });
    }

    #[test]
    fn only_the_same_gateway_hears_of_it_and_only_what_fits() {
        let key = || KeyPair::generate().unwrap().public_key();
        let mut point = ResumePoint {
            gateway: key(),
            boot_id: "b".to_owned(),
            conn_id: "c".to_owned(),
            last_seq: 7,
            watched: Watched::default(),
        };
        let gateway = point.gateway;
        assert_eq!(point.params(&gateway).map(|params| params.last_seq.get()), Some(7));
        assert_eq!(point.params(&key()), None);
        let long = |index| SessionKey::new(format!("{index}{}", "x".repeat(400)));
        point.watched.messages = (0..100).map(long).collect();
        assert_eq!(point.params(&gateway), None);
    }
}
