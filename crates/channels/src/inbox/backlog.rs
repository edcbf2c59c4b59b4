//! What a service brought and nobody handled yet: on disk before the service is told that it was read.
//!
//! So a slow file, or an agent that cannot take a message yet, holds up its own chat and no other, and
//! nothing is lost when the process ends.

use std::{collections::HashSet, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use openclaw_base::Backoff;
use openclaw_store::arrivals::{Arrival, Kept, Reader};
use parking_lot::Mutex;
use serde_json::json;
use tokio::{sync::Notify, time::sleep};

use super::{Inbox, NotTaken};

/// Most that may wait of one account; then nothing more is read.
const MOST: usize = 1_000;
/// Lanes of one account that are handled at once.
const MAX_LANES: usize = 16;
/// The pauses before something that could not be handled is handled again.
const PAUSE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(30));
/// It is looked at this often even if nobody says that something came.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);

/// What waits for one account.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    open: Mutex<Option<Open>>,
    came: Notify,
}

#[derive(Debug)]
struct Open {
    scope: String,
    /// Below zero for a moment, when something is handled before its arrival was counted.
    waiting: i64,
}

impl Inbox {
    /// Takes up what waits for this scope, such as the id of a bot. What waited for another is let go.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open(&self, scope: &str) -> Result<(), NotTaken> {
        let waiting = self.store.arrivals().open(self.reader(scope)).await?;
        let waiting = i64::try_from(waiting).unwrap_or(i64::MAX);
        *self.backlog.open.lock() = Some(Open { scope: scope.to_owned(), waiting });
        self.count(0);
        Ok(())
    }

    /// Keeps what came in, and notes how far was read if there is such a number. When this is done it is
    /// on disk and will be handled, once.
    ///
    /// # Errors
    /// When it has to be brought again: it is not to be counted as read.
    pub async fn keep(
        &self,
        arrivals: Vec<Arrival>,
        position: Option<i64>,
    ) -> Result<(), NotTaken> {
        let scope = self.backlog.open.lock().as_ref().map(|open| open.scope.clone());
        let scope = scope.ok_or_else(|| NotTaken::because("the account is not listening yet"))?;
        let now = self.clock.now_ms();
        let kept = self.store.arrivals().keep(self.reader(&scope), arrivals, position, MOST, now);
        match kept.await? {
            Kept::New(0) => {}
            Kept::New(new) => {
                self.count(i64::try_from(new).unwrap_or_default());
                self.backlog.came.notify_one();
            }
            Kept::Full => return Err(NotTaken::because("too many messages wait to be handled")),
        }
        Ok(())
    }

    /// Hands what was kept to `handle`, several lanes at once, each in order, until it is dropped. What
    /// fails is handed to it again after a pause.
    ///
    /// # Errors
    /// Only when the store fails.
    pub async fn work<H, F>(&self, handle: H) -> NotTaken
    where
        H: Fn(Arrival) -> F,
        F: Future<Output = Result<(), NotTaken>>,
    {
        let scope = self.backlog.open.lock().as_ref().map(|open| open.scope.clone());
        let reader = self.reader(&scope.unwrap_or_default());
        let mut busy = HashSet::new();
        let mut under_way = FuturesUnordered::new();
        loop {
            let heads = match self.store.arrivals().heads(reader.clone()).await {
                Ok(heads) => heads,
                Err(error) => return error.into(),
            };
            for (id, arrival) in heads {
                if busy.len() < MAX_LANES && busy.insert(arrival.lane.clone()) {
                    under_way.push(self.persist(id, arrival, &handle));
                }
            }
            tokio::select! {
                Some(lane) = under_way.next() => { busy.remove(&lane); }
                () = self.backlog.came.notified() => {}
                () = sleep(LOOK_INTERVAL) => {}
            }
        }
    }

    /// Handles one until that works; gives its lane.
    async fn persist<H, F>(&self, id: u64, arrival: Arrival, handle: &H) -> String
    where
        H: Fn(Arrival) -> F,
        F: Future<Output = Result<(), NotTaken>>,
    {
        let mut pause = Backoff::new(PAUSE.0, PAUSE.1);
        let mut failed = false;
        loop {
            let handled = match handle(arrival.clone()).await {
                Ok(()) => {
                    let noted = self.store.arrivals().handled(id, self.clock.now_ms()).await;
                    noted.map_err(NotTaken::from)
                }
                Err(error) => Err(error),
            };
            let Err(error) = handled else { break };
            failed = true;
            self.condition.trouble(&format!("a message cannot be taken yet: {error}"));
            sleep(pause.next_delay()).await;
        }
        if failed {
            self.condition.connected();
        }
        self.count(-1);
        arrival.lane
    }

    fn count(&self, more: i64) {
        if let Some(open) = self.backlog.open.lock().as_mut() {
            open.waiting += more;
            self.condition.fact("waiting", json!(open.waiting.max(0)));
        }
    }

    fn reader(&self, scope: &str) -> Reader {
        Reader {
            channel: self.channel.to_owned(),
            account: self.account.clone(),
            scope: scope.to_owned(),
        }
    }
}
