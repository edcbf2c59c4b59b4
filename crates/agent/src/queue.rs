//! What happens to messages that arrive while their session is busy: pure rules, no tasks.
//!
//! `steer` puts the message into the turn that goes on: no dialect takes more words while it answers, so the
//! model hears them with the results of the tools that it called. A turn that calls none is over with its
//! answer, and the message waits like `followup`. `steer-backlog` is the same, and the older word `queue`
//! means `steer`.

use std::{collections::VecDeque, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// Lines of dropped messages that are kept for the next turn.
const MAX_DROPPED_LINES: usize = 50;
/// Characters of such a line.
const MAX_LINE_CHARS: usize = 160;

/// How a message that arrives during a run is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QueueMode {
    /// Joins the turn that goes on, or waits and is answered on its own; see the module's words.
    Steer,
    /// Waits and is answered on its own.
    Followup,
    /// Waits for a moment of quiet and is answered together with the others that wait.
    Collect,
    /// Stops the run, drops what waits, and is answered at once.
    Interrupt,
}

impl QueueMode {
    /// Reads a mode as configuration, sessions and clients spell it.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        match raw.trim().to_ascii_lowercase().as_str() {
            "steer" | "queue" | "steer-backlog" | "steer+backlog" => Some(Self::Steer),
            "followup" | "follow-up" => Some(Self::Followup),
            "collect" => Some(Self::Collect),
            "interrupt" => Some(Self::Interrupt),
            _ => None,
        }
    }

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Steer => "steer",
            Self::Followup => "followup",
            Self::Collect => "collect",
            Self::Interrupt => "interrupt",
        }
    }
}

/// What gives way when a session's queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overflow {
    /// The oldest message loses its own turn; its first line is named in the next one.
    Summarize,
    /// The oldest message loses its turn.
    Old,
    /// The new message is refused.
    New,
}

impl Overflow {
    /// Reads a policy as configuration spells it.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        match raw.trim().to_ascii_lowercase().as_str() {
            "summarize" => Some(Self::Summarize),
            "old" => Some(Self::Old),
            "new" => Some(Self::New),
            _ => None,
        }
    }
}

/// One message that waits for its turn.
#[derive(Debug)]
pub(crate) struct Waiting<T> {
    /// The run.
    pub(crate) item: T,
    /// How it wants to be treated.
    pub(crate) mode: QueueMode,
    /// Only messages of the same group are answered together: same asker, same options.
    pub(crate) group: String,
    /// The first line of its text, for the summary should it lose its turn.
    pub(crate) line: String,
    /// When it arrived.
    pub(crate) arrived: Instant,
    /// Whether it arrived while the session was busy; only then is quiet waited for.
    pub(crate) busy: bool,
}

/// The messages of one session that wait, oldest first.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    waiting: VecDeque<Waiting<T>>,
    dropped: Vec<String>,
}

/// What to do next in a session.
#[derive(Debug)]
pub(crate) enum Next<T> {
    /// Nothing waits.
    Empty,
    /// More may come; look again then.
    Wait(Instant),
    /// Answer these together.
    Batch(Batch<T>),
}

/// Messages that are answered by one turn.
#[derive(Debug)]
pub(crate) struct Batch<T> {
    /// The oldest, under whose id the turn runs.
    pub(crate) leader: T,
    /// The others.
    pub(crate) followers: Vec<T>,
    /// First lines of messages that lost their turn before these.
    pub(crate) dropped: Vec<String>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), dropped: Vec::new() }
    }
}

impl<T> Queue<T> {
    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Those that wait.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.waiting.iter().map(|waiting| &waiting.item)
    }

    /// Adds a message; gives back those that lose their turn to it.
    pub(crate) fn push(&mut self, waiting: Waiting<T>, cap: usize, overflow: Overflow) -> Vec<T> {
        self.waiting.push_back(waiting);
        let mut out = Vec::new();
        // A cap of zero would let nothing ever run.
        while self.waiting.len() > cap.max(1) {
            let Some(oldest) = self.waiting.pop_front() else { break };
            if overflow == Overflow::Summarize && self.dropped.len() < MAX_DROPPED_LINES {
                self.dropped.push(oldest.line);
            }
            out.push(oldest.item);
        }
        out
    }

    /// Takes those out that match.
    pub(crate) fn remove(&mut self, gone: impl Fn(&T) -> bool) -> Vec<T> {
        let (out, kept) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition::<VecDeque<_>, _>(|waiting| gone(&waiting.item));
        self.waiting = kept;
        out.into_iter().map(|waiting| waiting.item).collect()
    }

    /// Takes the oldest out that are to steer a turn of this group.
    pub(crate) fn steering(&mut self, group: &str) -> Vec<T> {
        let joins =
            |waiting: &&Waiting<T>| waiting.mode == QueueMode::Steer && waiting.group == group;
        let count = self.waiting.iter().take_while(joins).count();
        self.waiting.drain(..count).map(|waiting| waiting.item).collect()
    }

    /// What is to be done at this moment.
    pub(crate) fn next(&mut self, now: Instant, debounce: Duration, cap: usize) -> Next<T> {
        let together = self.together();
        if together == 0 {
            return Next::Empty;
        }
        let quiet_at = self
            .waiting
            .iter()
            .take(together)
            .filter(|waiting| waiting.busy && waiting.mode == QueueMode::Collect)
            .map(|waiting| waiting.arrived + debounce)
            .max();
        match quiet_at {
            Some(at) if at > now && together < cap => Next::Wait(at),
            _ => self.take(together),
        }
    }

    /// How many of the oldest are answered together.
    fn together(&self) -> usize {
        let Some(first) = self.waiting.front() else { return 0 };
        if first.mode != QueueMode::Collect || !first.busy {
            return 1;
        }
        let same = |waiting: &&Waiting<T>| {
            waiting.mode == QueueMode::Collect && waiting.group == first.group
        };
        self.waiting.iter().take_while(same).count()
    }

    fn take(&mut self, count: usize) -> Next<T> {
        let mut batch = self.waiting.drain(..count.min(self.waiting.len())).map(|w| w.item);
        let Some(leader) = batch.next() else { return Next::Empty };
        let followers = batch.collect();
        Next::Batch(Batch { leader, followers, dropped: std::mem::take(&mut self.dropped) })
    }
}

/// The first line of a message, short enough for a summary.
pub(crate) fn summary_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let short: String = line.chars().take(MAX_LINE_CHARS).collect();
    if short.len() < line.len() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests;
