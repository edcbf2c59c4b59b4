//! All accounts of all channels: started, kept running, asked how they are.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::{BoxFuture, join_all};
use openclaw_base::{Backoff, CancellationToken, SharedClock, Tasks};
use openclaw_protocol::ids::RunId;
use openclaw_store::{
    Store, StoreError,
    outbox::{Delivery, DeliveryState, NewDelivery, Route},
};
use serde_json::json;
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

use crate::{
    accounts::{Account, Accounts, Running},
    acks::Acks,
    channel::{Channel, ChannelError, SendError},
    choice::{Choice, Decide, Question},
    courier::Courier,
    drafts::Drafts,
    inbox::{Inbox, Intake},
    media::{Fetched, Service},
    message::Media,
    routing::Routing,
    status::{AccountStatus, Condition},
    web::{WebCall, WebReply},
};

/// The pauses before an account that failed is started again.
const RESTART: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));
/// How long an account that was told to stop may take.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// What a hub is made of.
pub struct HubParts {
    /// State.
    pub store: Store,
    /// Starts runs.
    pub intake: Arc<dyn Intake>,
    /// Takes answers to questions.
    pub decide: Arc<dyn Decide>,
    /// Who answers what.
    pub routing: watch::Receiver<Arc<Routing>>,
    /// The clock.
    pub clock: SharedClock,
    /// Owner of all tasks.
    pub tasks: Tasks,
}

/// All accounts of all channels. Clones are the same.
#[derive(Clone)]
pub struct Hub {
    parts: Arc<HubParts>,
    accounts: Accounts,
    acks: Acks,
    drafts: Drafts,
    poke: Arc<Notify>,
    ended: Arc<Notify>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").finish_non_exhaustive()
    }
}

impl Hub {
    /// Puts the parts together and starts sending what is in the outbox.
    #[must_use]
    pub fn new(parts: HubParts) -> Self {
        let (accounts, acks) = (Accounts::default(), Acks::default());
        let (poke, ended) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let drafts = Drafts::new(
            parts.store.clone(),
            accounts.clone(),
            Arc::clone(&parts.clock),
            parts.tasks.clone(),
        );
        let courier = Courier {
            store: parts.store.clone(),
            accounts: accounts.clone(),
            acks: acks.clone(),
            drafts: drafts.clone(),
            poke: Arc::clone(&poke),
            ended: Arc::clone(&ended),
            clock: Arc::clone(&parts.clock),
            tasks: parts.tasks.clone(),
        };
        drop(parts.tasks.spawn("outbox", courier.run()));
        Self { parts: Arc::new(parts), accounts, acks, drafts, poke, ended }
    }

    /// Adds an account, or puts it in the place of the one with its name, and starts it.
    pub async fn add(&self, channel: Arc<dyn Channel>) {
        let key = (channel.channel().to_owned(), channel.account().to_owned());
        self.remove(&key.0, &key.1).await;
        let status = AccountStatus {
            account_id: key.1.clone(),
            enabled: true,
            configured: true,
            facts: facts(&*channel),
            ..AccountStatus::default()
        };
        let condition = Arc::new(Condition::new(status, Arc::clone(&self.parts.clock)));
        let account = Account { channel: Some(channel), condition, running: None };
        self.accounts.all.lock().insert(key.clone(), account);
        self.start(&key.0, &key.1);
    }

    /// Adds an account that does not run, and says why.
    pub async fn add_idle(&self, channel: &str, account: &str, enabled: bool, why: Option<&str>) {
        self.remove(channel, account).await;
        let status = AccountStatus {
            account_id: account.to_owned(),
            enabled,
            configured: why.is_none(),
            last_error: why.map(str::to_owned),
            ..AccountStatus::default()
        };
        let condition = Arc::new(Condition::new(status, Arc::clone(&self.parts.clock)));
        let idle = Account { channel: None, condition, running: None };
        self.accounts.all.lock().insert((channel.to_owned(), account.to_owned()), idle);
    }

    /// Stops an account and forgets it.
    pub async fn remove(&self, channel: &str, account: &str) {
        self.stop(channel, account).await;
        self.accounts.all.lock().remove(&(channel.to_owned(), account.to_owned()));
    }

    /// Starts an account that does not run; whether there is one that can.
    pub fn start(&self, channel: &str, account: &str) -> bool {
        let mut all = self.accounts.all.lock();
        let Some(known) = all.get_mut(&(channel.to_owned(), account.to_owned())) else {
            return false;
        };
        let Some(channel) = known.channel.clone() else { return false };
        if known.running.as_ref().is_some_and(|running| !*running.done.borrow()) {
            return true;
        }
        let (done, over) = watch::channel(false);
        let stop = self.parts.tasks.token().child_token();
        let inbox = Arc::new(Inbox {
            channel: channel.channel(),
            service: Arc::new(ServiceOf(Arc::clone(&channel))),
            account: channel.account().to_owned(),
            policy: channel.policy().clone(),
            condition: Arc::clone(&known.condition),
            backlog: Arc::default(),
            acks: self.acks.clone(),
            store: self.parts.store.clone(),
            intake: Arc::clone(&self.parts.intake),
            decide: Arc::clone(&self.parts.decide),
            routing: self.parts.routing.clone(),
            poke: Arc::clone(&self.poke),
            clock: Arc::clone(&self.parts.clock),
        });
        let running = Running { stop: stop.clone(), done: over, inbox: Arc::clone(&inbox) };
        known.running = Some(running);
        drop(all);
        self.parts.tasks.spawn("channel", async move {
            keep(&*channel, &inbox, &stop).await;
            done.send_replace(true);
        });
        self.poke.notify_one();
        true
    }

    /// Stops an account; whether it ran. It is not sent to any more either.
    pub async fn stop(&self, channel: &str, account: &str) -> bool {
        let key = (channel.to_owned(), account.to_owned());
        let running =
            self.accounts.all.lock().get_mut(&key).and_then(|account| account.running.take());
        let Some(mut running) = running else { return false };
        running.stop.cancel();
        timeout(STOP_GRACE, running.done.wait_for(|done| *done)).await.ok();
        true
    }

    /// Hands a post to an account; `None` if there is none that runs.
    pub async fn web(&self, channel: &str, account: &str, call: WebCall) -> Option<WebReply> {
        let (channel, inbox) = {
            let all = self.accounts.all.lock();
            let known = all.get(&(channel.to_owned(), account.to_owned()))?;
            (known.channel.clone()?, Arc::clone(&known.running.as_ref()?.inbox))
        };
        Some(channel.receive(&inbox, call).await)
    }

    /// The account that posts to this path of the Gateway go to, beside its own.
    #[must_use]
    pub fn at_path(&self, path: &str) -> Option<(String, String)> {
        let all = self.accounts.all.lock();
        let found = all.iter().find(|(_, account)| {
            account.channel.as_ref().and_then(|channel| channel.web_path()) == Some(path)
        });
        found.map(|(key, _)| key.clone())
    }

    /// The accounts there are, by channel.
    #[must_use]
    pub fn known(&self) -> Vec<(String, String)> {
        self.accounts.all.lock().keys().cloned().collect()
    }

    /// How the accounts are, by channel. With `probe` each is asked whether it works.
    pub async fn status(&self, probe: Option<Duration>) -> BTreeMap<String, Vec<AccountStatus>> {
        if let Some(limit) = probe {
            let all: Vec<_> = {
                let all = self.accounts.all.lock();
                let pair = |account: &Account| {
                    Some((account.channel.clone()?, Arc::clone(&account.condition)))
                };
                all.values().filter_map(pair).collect()
            };
            join_all(all.into_iter().map(|(channel, condition)| async move {
                let began = Instant::now();
                let answer = timeout(limit, channel.probe()).await;
                let elapsed = began.elapsed().as_millis();
                let found = match answer {
                    Ok(Ok(found)) => json!({"ok": true, "bot": found, "elapsedMs": elapsed}),
                    Ok(Err(error)) => {
                        json!({"ok": false, "error": error.to_string(), "elapsedMs": elapsed})
                    }
                    Err(_) => {
                        json!({"ok": false, "error": "no answer in time", "elapsedMs": elapsed})
                    }
                };
                condition.fact("probe", found);
            }))
            .await;
        }
        let mut found: BTreeMap<String, Vec<AccountStatus>> = BTreeMap::new();
        for ((channel, _), account) in self.accounts.all.lock().iter() {
            found.entry(channel.clone()).or_default().push(account.condition.now());
        }
        found
    }

    /// Puts a message into the outbox and waits for what becomes of it, at most so long.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn send(
        &self,
        delivery: NewDelivery,
        limit: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        let id = self.put(delivery).await?;
        self.wait(id, limit).await
    }

    /// Puts a message into the outbox, where its place among others to its chat is settled.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn put(&self, delivery: NewDelivery) -> Result<u64, StoreError> {
        let now = self.parts.clock.now_ms();
        let id = self.parts.store.outbox().add(delivery, now).await?;
        self.poke.notify_one();
        Ok(id)
    }

    /// Tries a delivery again that was given up; whether there is such a one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn again(&self, id: u64) -> Result<bool, StoreError> {
        let again = self.parts.store.outbox().again(id, self.parts.clock.now_ms()).await?;
        self.poke.notify_one();
        Ok(again)
    }

    /// Puts a question to a chat, and once `over` is done puts its words in the place of it. `None` if
    /// the account asks nothing in chats.
    ///
    /// # Errors
    /// Why it was not put.
    pub async fn ask(
        &self,
        key: &str,
        route: &Route,
        text: &str,
        choices: &[Choice],
        over: impl Future<Output = String>,
    ) -> Result<Option<()>, SendError> {
        let Some(channel) = self.accounts.channel(route) else { return Ok(None) };
        if !channel.policy().approvals.enabled {
            return Ok(None);
        }
        let message = channel.ask(Question { key, route, text, choices }).await?;
        self.accounts.sent(route);
        let words = over.await;
        // A pause that the service wants is kept once; then the buttons stay, and lead nowhere.
        if let Err(SendError::Later { after, .. }) = channel.close(route, &message, &words).await {
            tokio::time::sleep(after.unwrap_or(RESTART.0).min(RESTART.1)).await;
            channel.close(route, &message, &words).await?;
        }
        Ok(Some(()))
    }

    /// Waits for what becomes of a message in the outbox, at most so long.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn wait(&self, id: u64, limit: Duration) -> Result<Option<Delivery>, StoreError> {
        let ended = async {
            loop {
                let next = self.ended.notified();
                let found = self.parts.store.outbox().get(id).await?;
                let at_end = |found: &Delivery| {
                    matches!(found.state, DeliveryState::Sent | DeliveryState::Failed)
                };
                if found.as_ref().is_none_or(at_end) {
                    return Ok(found);
                }
                next.await;
            }
        };
        match timeout(limit, ended).await {
            Ok(found) => found,
            Err(_) => self.parts.store.outbox().get(id).await,
        }
    }

    /// A run whose answer goes to a chat has its turn.
    pub fn run_begins(&self, run: &RunId, route: &Route) {
        self.drafts.begin(run, route);
    }

    /// Its answer has grown.
    pub fn run_grows(&self, run: &RunId, text: &str) {
        self.drafts.grow(run, text);
    }

    /// It is over, and its answer in the outbox.
    pub fn run_ends(&self, run: &RunId) {
        self.drafts.over(run);
        self.poke.notify_one();
    }

    /// Something was put into the outbox.
    pub fn poke(&self) {
        self.poke.notify_one();
    }
}

/// A channel as the service that messages come from.
struct ServiceOf(Arc<dyn Channel>);

impl Service for ServiceOf {
    fn react<'a>(&'a self, route: &'a Route, emoji: &'a str) -> BoxFuture<'a, bool> {
        self.0.react(route, Some(emoji))
    }

    fn fetch<'a>(&'a self, media: &'a Media) -> BoxFuture<'a, Result<Fetched, String>> {
        self.0.fetch(media)
    }
}

fn facts(channel: &dyn Channel) -> serde_json::Map<String, serde_json::Value> {
    channel.facts().into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Keeps an account listening until it is stopped or cannot go on.
async fn keep(channel: &dyn Channel, inbox: &Inbox, stop: &CancellationToken) {
    let condition = &inbox.condition;
    let mut backoff = Backoff::new(RESTART.0, RESTART.1);
    condition.started();
    loop {
        let began = Instant::now();
        let listened = channel.listen(inbox, condition, stop).await;
        match listened {
            _ if stop.is_cancelled() => return condition.stopped(None),
            Ok(()) => return condition.stopped(None),
            Err(ChannelError::Final(why)) => return condition.stopped(Some(why)),
            Err(ChannelError::Later(why)) => condition.trouble(&why),
        }
        backoff.reset_after(began.elapsed());
        tokio::select! {
            () = stop.cancelled() => return condition.stopped(None),
            () = tokio::time::sleep(backoff.next_delay()) => {}
        }
    }
}
