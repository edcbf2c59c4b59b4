//! Questions that this node wants a person to be asked, until they are answered.
//!
//! The Gateway asks, and calls again with the decision. It is taken for exactly what was asked about
//! (arguments, folder, environment, the program and its scripts: [`Plan::digest`]), once, and only for a
//! while: a decision for something that nobody asked about is worth nothing.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use openclaw_exec::{plan::Plan, policy::Decision};
use parking_lot::Mutex;

/// How long a question may be answered: as long as the Gateway keeps it, and some.
const ANSWERABLE: Duration = Duration::from_mins(10);
/// Questions that are remembered; more are not answered.
const MOST: usize = 256;

/// The questions.
#[derive(Debug, Default)]
pub(crate) struct Asked(Mutex<HashMap<String, Instant>>);

impl Asked {
    /// A person has to be asked about this.
    pub(super) fn about(&self, plan: &Plan) {
        let now = Instant::now();
        let mut asked = self.0.lock();
        asked.retain(|_, until| now < *until);
        if asked.len() < MOST {
            asked.insert(plan.digest().to_owned(), now + ANSWERABLE);
        }
    }

    /// The decision about this, if it was asked about and not answered yet.
    pub(super) fn answer(&self, plan: &Plan, word: Option<&str>) -> Option<Decision> {
        let decision = Decision::from_word(word?)?;
        let until = self.0.lock().remove(plan.digest())?;
        (Instant::now() < until).then_some(decision)
    }
}
