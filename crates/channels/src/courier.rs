//! Sends what is in the outbox: several chats at once, each in order.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures_util::future::join_all;
use openclaw_base::{Backoff, SharedClock, Tasks};
use openclaw_store::{
    Store, StoreError,
    outbox::{Delivery, Route},
};
use parking_lot::Mutex;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use crate::{
    accounts::Accounts,
    acks::Acks,
    channel::{Channel, Outgoing, OutgoingFile, SendError},
    drafts::Drafts,
};

/// Chats that are sent to at once.
const MAX_CHATS: usize = 16;
/// The outbox is looked at this often even if nobody says that something is in it.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);
/// A delivery that could not be made for this long is given up, in milliseconds: a day.
const GIVE_UP_MS: u64 = 86_400_000;

/// How long taking back reactions may hold up a chat.
const REACTION_LIMIT: Duration = Duration::from_secs(3);

/// A chat, by channel and account.
type Place = (String, String, String);

#[derive(Clone)]
pub(crate) struct Courier {
    pub(crate) store: Store,
    pub(crate) accounts: Accounts,
    pub(crate) acks: Acks,
    pub(crate) drafts: Drafts,
    pub(crate) poke: Arc<Notify>,
    /// Told whenever a delivery is at its end.
    pub(crate) ended: Arc<Notify>,
    pub(crate) clock: SharedClock,
    pub(crate) tasks: Tasks,
}

impl Courier {
    /// Until the Gateway stops.
    pub(crate) async fn run(self) {
        let stop = self.tasks.token();
        match self.store.outbox().recover(self.clock.now_ms()).await {
            Ok(0) => {}
            Ok(uncertain) => {
                tracing::warn!(
                    uncertain,
                    "messages may be sent twice: see `openclaw message outbox`"
                );
            }
            Err(error) => tracing::error!(%error, "the outbox cannot be taken up"),
        }
        let busy = Arc::new(Mutex::new(HashSet::new()));
        loop {
            let wait = match self.look(&busy).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::error!(%error, "the outbox cannot be read");
                    LOOK_INTERVAL
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.poke.notified() => {}
                () = sleep(wait) => {}
            }
        }
    }

    /// Starts what is due; gives how long nothing else is.
    async fn look(&self, busy: &Arc<Mutex<HashSet<Place>>>) -> Result<Duration, StoreError> {
        let now = self.clock.now_ms();
        let mut wait = LOOK_INTERVAL;
        // A delivery that ends while the list is read stands in it as it was, and would be made twice: what
        // was under way before has its turn at the next look, which its end asks for.
        let under_way = busy.lock().clone();
        for head in self.store.outbox().heads().await? {
            let route = &head.new.route;
            let Some(channel) = self.accounts.channel(route) else {
                if now.saturating_sub(head.created_at_ms) > GIVE_UP_MS {
                    let why = format!("{} {} does not run", route.channel, route.account);
                    self.store.outbox().fail(head.id, &why, now).await?;
                    self.ended.notify_waiters();
                }
                continue;
            };
            if head.next_at_ms > now {
                wait = wait.min(Duration::from_millis(head.next_at_ms - now));
                continue;
            }
            let place = (route.channel.clone(), route.account.clone(), route.chat.clone());
            {
                let mut busy = busy.lock();
                let is_old = under_way.contains(&place);
                if is_old || busy.len() >= MAX_CHATS || !busy.insert(place.clone()) {
                    continue;
                }
            }
            let (courier, busy, stop) = (self.clone(), Arc::clone(busy), self.tasks.token());
            self.tasks.spawn("delivery", async move {
                let made = stop.run_until_cancelled(courier.deliver(&*channel, head)).await;
                if let Some(Err(error)) = made {
                    tracing::error!(%error, "what became of a delivery is not noted");
                    stop.run_until_cancelled(sleep(Duration::from_secs(1))).await;
                }
                busy.lock().remove(&place);
                courier.poke.notify_one();
                courier.ended.notify_waiters();
            });
        }
        Ok(wait)
    }

    /// Sends one delivery, as far as it goes.
    async fn deliver(&self, channel: &dyn Channel, head: Delivery) -> Result<(), StoreError> {
        let outbox = self.store.outbox();
        let mut draft = None;
        if let Some(run) = &head.new.run_id {
            self.drafts.end(run).await;
            draft = outbox.draft(run).await?;
        }
        let parts = parts(channel, &head);
        if parts.is_empty() {
            return outbox.fail(head.id, "there is nothing to send", self.clock.now_ms()).await;
        }
        let already = usize::try_from(head.parts_sent).unwrap_or(usize::MAX);
        for (index, part) in parts.iter().enumerate().skip(already) {
            let first = index == 0;
            let draft = draft.as_deref().filter(|_| first && matches!(part, Part::Text(_)));
            let sent = match part {
                Part::Text(text) => {
                    outbox.begin(head.id).await?;
                    let (key, route) = (&head.new.key, &head.new.route);
                    channel.send(Outgoing { key, route, text, first, draft }).await
                }
                Part::File { ordinal, below } => {
                    let Some(file) = outbox.file(head.id, *ordinal).await? else {
                        let why = "the file is gone";
                        return outbox.fail(head.id, why, self.clock.now_ms()).await;
                    };
                    outbox.begin(head.id).await?;
                    let (key, route) = (&head.new.key, &head.new.route);
                    channel
                        .send_file(OutgoingFile { key, route, file: &file, text: below, first })
                        .await
                }
            };
            match sent {
                Ok(message) => {
                    let last = index + 1 == parts.len();
                    outbox.sent(head.id, &message, last, self.clock.now_ms()).await?;
                    self.accounts.sent(&head.new.route);
                    if last && head.new.run_id.is_some() {
                        self.take_back(channel, &head.new.route).await;
                    }
                }
                Err(error) => {
                    // Editing once more what was edited changes nothing.
                    return self.failed(&head, error, draft.is_some()).await;
                }
            }
        }
        Ok(())
    }

    /// What was answered bears no reaction any more, where that is wanted.
    async fn take_back(&self, channel: &dyn Channel, route: &Route) {
        let all = self.acks.answered(route);
        let taken = join_all(all.iter().map(|route| channel.react(route, None)));
        timeout(REACTION_LIMIT, taken).await.ok();
    }

    async fn failed(
        &self,
        head: &Delivery,
        error: SendError,
        harmless: bool,
    ) -> Result<(), StoreError> {
        let now = self.clock.now_ms();
        let outbox = self.store.outbox();
        let why = error.to_string();
        let (after, uncertain) = match error {
            SendError::Refused(_) => {
                tracing::error!(delivery = head.id, why, "delivery refused");
                return outbox.fail(head.id, &why, now).await;
            }
            SendError::Later { after, .. } => (after, false),
            SendError::Uncertain(_) => (None, !harmless),
        };
        if now.saturating_sub(head.created_at_ms) > GIVE_UP_MS {
            tracing::error!(delivery = head.id, why, "delivery given up");
            return outbox.fail(head.id, &why, now).await;
        }
        let after = after.unwrap_or_else(|| pause(head.attempts));
        tracing::warn!(delivery = head.id, why, ?after, "delivery is tried again");
        let after = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        self.accounts.sending_waits(&head.new.route, &why, now.saturating_add(after));
        outbox.retry(head.id, &why, uncertain, now.saturating_add(after)).await
    }
}

/// One message of a delivery.
enum Part {
    Text(String),
    File { ordinal: u32, below: String },
}

/// The messages of a delivery, always the same. A short text stands below the first file, unless it was
/// shown in a message of its own while it grew.
fn parts(channel: &dyn Channel, head: &Delivery) -> Vec<Part> {
    let text = head.new.text.trim();
    let below = head.files > 0 && head.new.run_id.is_none() && channel.fits_below_file(text);
    let texts = if below { Vec::new() } else { channel.split(text) };
    let files = (0..head.files).map(|ordinal| {
        let below = if below && ordinal == 0 { text.to_owned() } else { String::new() };
        Part::File { ordinal, below }
    });
    texts.into_iter().map(Part::Text).chain(files).collect()
}

/// How long after so many attempts: from a second to five minutes.
fn pause(attempts: u32) -> Duration {
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(300));
    let mut pause = backoff.next_delay();
    for _ in 0..attempts.min(10) {
        pause = backoff.next_delay();
    }
    pause
}
