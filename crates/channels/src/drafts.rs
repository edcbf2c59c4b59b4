//! Answers that are shown while they grow: one task per run, which edits at the channel's pace.

use std::{collections::HashMap, sync::Arc, time::Duration};

use openclaw_base::{SharedClock, Tasks};
use openclaw_protocol::ids::RunId;
use openclaw_store::{Store, outbox::Route};
use parking_lot::Mutex;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use crate::{
    accounts::Accounts,
    channel::{Channel, Draft, SendError},
};

/// Characters there must be before anything is shown: less is shown soon enough by the end.
const FIRST_CHARS: usize = 30;
/// Between two edits of one message.
const EDIT_INTERVAL: Duration = Duration::from_secs(1);
/// How often it is said that something is being written.
const TYPING_INTERVAL: Duration = Duration::from_secs(4);
/// How long an edit that is on its way is waited for.
const LAST_EDIT: Duration = Duration::from_secs(20);
/// Runs that are shown at once; more are answered all the same.
const MAX_DRAFTS: usize = 256;

/// All answers that grow.
#[derive(Clone)]
pub(crate) struct Drafts {
    store: Store,
    accounts: Accounts,
    clock: SharedClock,
    tasks: Tasks,
    live: Arc<Mutex<HashMap<RunId, Live>>>,
}

struct Live {
    /// The answer so far; `None` when it is over.
    text: watch::Sender<Option<String>>,
    done: watch::Receiver<bool>,
}

impl Drafts {
    pub(crate) fn new(store: Store, accounts: Accounts, clock: SharedClock, tasks: Tasks) -> Self {
        Self { store, accounts, clock, tasks, live: Arc::default() }
    }

    /// A run has its turn.
    pub(crate) fn begin(&self, run: &RunId, route: &Route) {
        let Some(channel) = self.accounts.channel(route) else { return };
        let mut live = self.live.lock();
        if live.contains_key(run) || live.len() >= MAX_DRAFTS {
            return;
        }
        let (text, texts) = watch::channel(Some(String::new()));
        let (done, over) = watch::channel(false);
        live.insert(run.clone(), Live { text, done: over });
        drop(live);
        let (store, clock) = (self.store.clone(), Arc::clone(&self.clock));
        let (run, route, all) = (run.clone(), route.clone(), Arc::clone(&self.live));
        let stop = self.tasks.token();
        self.tasks.spawn("channel draft", async move {
            let shown = Shown { channel, store, clock, run: run.clone(), route };
            // Not dropped in the middle by the end of the run: what is on its way is noted.
            stop.run_until_cancelled(shown.follow(texts)).await;
            done.send_replace(true);
            all.lock().remove(&run);
        });
    }

    /// The answer of a run has grown.
    pub(crate) fn grow(&self, run: &RunId, text: &str) {
        if let Some(live) = self.live.lock().get(run) {
            live.text.send_replace(Some(text.to_owned()));
        }
    }

    /// The answer of a run is whole: nothing of it is shown any more when this returns.
    pub(crate) async fn end(&self, run: &RunId) {
        let done = self.live.lock().get(run).map(|live| {
            live.text.send_replace(None);
            live.done.clone()
        });
        if let Some(mut done) = done {
            timeout(LAST_EDIT, done.wait_for(|done| *done)).await.ok();
        }
    }

    /// The run is over; whoever sends its answer waits with [`Self::end`].
    pub(crate) fn over(&self, run: &RunId) {
        if let Some(live) = self.live.lock().get(run) {
            live.text.send_replace(None);
        }
    }
}

struct Shown {
    channel: Arc<dyn Channel>,
    store: Store,
    clock: SharedClock,
    run: RunId,
    route: Route,
}

impl Shown {
    async fn follow(self, mut texts: watch::Receiver<Option<String>>) {
        // A run that goes on after a restart goes on in its message.
        let mut message = self.store.outbox().draft(&self.run).await.ok().flatten();
        let mut shown = String::new();
        let mut next = Instant::now();
        while let Some(text) = self.grown(&mut texts, &shown).await {
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                _ = texts.wait_for(Option::is_none) => return,
            }
            let text = texts.borrow_and_update().clone().unwrap_or(text);
            let draft =
                Draft { route: &self.route, text: text.trim_end(), message: message.as_deref() };
            next = Instant::now() + EDIT_INTERVAL;
            match self.channel.draft(draft).await {
                Ok(Some(id)) => {
                    if message.is_none() {
                        self.note(&id).await;
                    }
                    message = Some(id);
                    shown = text;
                }
                // The channel shows no drafts, or not here.
                Ok(None) | Err(SendError::Refused(_)) => return self.typing(&mut texts).await,
                Err(SendError::Later { after, .. }) => {
                    next = Instant::now() + after.unwrap_or(EDIT_INTERVAL * 3);
                }
                // A second first message would stand beside the first.
                Err(SendError::Uncertain(_)) if message.is_none() => {
                    return self.typing(&mut texts).await;
                }
                Err(SendError::Uncertain(_)) => next = Instant::now() + EDIT_INTERVAL * 3,
            }
        }
    }

    async fn note(&self, message: &str) {
        let now = self.clock.now_ms();
        if let Err(error) = self.store.outbox().note_draft(&self.run, message, now).await {
            tracing::warn!(%error, "a draft is not noted");
        }
    }

    /// Waits until there is something new to show, saying meanwhile that it is being written; `None`
    /// when it is over.
    async fn grown(
        &self,
        texts: &mut watch::Receiver<Option<String>>,
        shown: &str,
    ) -> Option<String> {
        let worth = |text: &Option<String>| {
            text.as_ref().is_none_or(|text| text.chars().count() >= FIRST_CHARS && text != shown)
        };
        loop {
            if shown.is_empty() {
                self.channel.typing(&self.route).await;
            }
            tokio::select! {
                text = texts.wait_for(worth) => return text.ok().and_then(|text| text.clone()),
                () = sleep(TYPING_INTERVAL) => {}
            }
        }
    }

    async fn typing(&self, texts: &mut watch::Receiver<Option<String>>) {
        loop {
            self.channel.typing(&self.route).await;
            tokio::select! {
                _ = texts.wait_for(Option::is_none) => return,
                () = sleep(TYPING_INTERVAL) => {}
            }
        }
    }
}
