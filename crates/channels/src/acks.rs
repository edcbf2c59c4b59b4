//! Messages that bear a reaction of ours until they are answered. Only in memory: what is forgotten at a
//! restart keeps its reaction.

use std::{collections::VecDeque, sync::Arc};

use openclaw_store::outbox::Route;
use parking_lot::Mutex;

/// Most that are remembered; the oldest go first.
const MOST: usize = 1_000;

/// Messages that bear a reaction. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acks {
    shown: Arc<Mutex<VecDeque<Route>>>,
}

impl Acks {
    /// A message gets one.
    pub(crate) fn note(&self, route: Route) {
        let mut shown = self.shown.lock();
        if shown.len() >= MOST {
            shown.pop_front();
        }
        shown.push_back(route);
    }

    /// Takes out those of the chat, or topic, in which an answer was sent.
    pub(crate) fn answered(&self, route: &Route) -> Vec<Route> {
        let place = |route: &Route| {
            let Route { channel, account, chat, thread, .. } = route;
            (channel.clone(), account.clone(), chat.clone(), thread.clone())
        };
        let wanted = place(route);
        let mut shown = self.shown.lock();
        let (here, elsewhere): (VecDeque<_>, _) =
            shown.drain(..).partition(|known| place(known) == wanted);
        *shown = elsewhere;
        here.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_to_everything_in_its_chat_and_nothing_elsewhere() {
        let acks = Acks::default();
        let at = |chat: &str, thread: Option<&str>, message: usize| Route {
            channel: "telegram".into(),
            account: "default".into(),
            chat: chat.into(),
            thread: thread.map(str::to_owned),
            reply_to: Some(message.to_string()),
            reply_asked: false,
        };
        for route in [at("1", None, 1), at("1", Some("7"), 2), at("2", None, 3), at("1", None, 4)] {
            acks.note(route);
        }
        assert_eq!(acks.answered(&at("1", None, 9)), [at("1", None, 1), at("1", None, 4)]);
        assert_eq!(acks.answered(&at("1", None, 9)), []);
        assert_eq!(acks.answered(&at("1", Some("7"), 9)), [at("1", Some("7"), 2)]);
        for message in 0..=MOST {
            acks.note(at("3", None, message));
        }
        assert_eq!(acks.answered(&at("2", None, 9)), [], "the oldest went");
        assert_eq!(acks.answered(&at("3", None, 9)).len(), MOST);
    }
}
