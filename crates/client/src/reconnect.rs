//! A connection that comes back: `run` decides when to try, `attempt` is one life.
//!
//! A new life takes up where the last one ended: [`Reconnecting::events`] hands out every event once, or
//! says what to read anew. Requests that were on their way are asked again where that does no harm
//! ([`Reconnecting::call`]).
//!
//! Errors that pass by themselves are retried with a growing, jittered delay; others (a refused
//! credential, another key, a missing pairing) stop it, because trying again would change nothing.

use std::time::Duration;

use openclaw_base::{Backoff, Tasks};
use openclaw_protocol::{ErrorCode, Rpc};
use parking_lot::Mutex;
use tokio::{
    sync::{broadcast, watch},
    time::{Instant, timeout_at},
};

use crate::{
    client::{CallOptions, Client},
    endpoint::Endpoint,
    error::{ClientError, CloseReason, Stage},
    events::{Delivery, Events, QUEUE},
    options::ClientOptions,
};

/// The shortest delay between two attempts.
pub const MIN_DELAY: Duration = Duration::from_millis(500);
/// The longest delay between two attempts.
pub const MAX_DELAY: Duration = Duration::from_secs(30);

/// Between two questions after a request that still runs, unless the Gateway says otherwise.
const STILL_RUNNING: Duration = Duration::from_millis(250);

/// How things stand.
#[derive(Clone, Debug)]
pub enum LinkState {
    /// An attempt is being made.
    Connecting,
    /// The connection is up.
    Up(Client),
    /// The next attempt comes later.
    Waiting {
        /// Why the last one failed or ended.
        error: ClientError,
        /// How long until the next one.
        delay: Duration,
    },
    /// No further attempt is made.
    Stopped(ClientError),
}

/// Keeps one connection alive.
#[derive(Debug)]
pub struct Reconnecting {
    state: watch::Receiver<LinkState>,
    tasks: Tasks,
    call_timeout: Duration,
    events: broadcast::WeakSender<Delivery>,
    /// The reader that saw every event from the first on, until somebody takes it.
    first: Mutex<Option<broadcast::Receiver<Delivery>>>,
}

impl Reconnecting {
    /// Starts connecting, with the delays that suit a person's client.
    #[must_use]
    pub fn start(endpoint: Endpoint, options: ClientOptions) -> Self {
        Self::with_backoff(endpoint, options, Backoff::new(MIN_DELAY, MAX_DELAY))
    }

    /// Starts connecting with delays of one's own.
    #[must_use]
    pub fn with_backoff(endpoint: Endpoint, options: ClientOptions, backoff: Backoff) -> Self {
        let (sender, state) = watch::channel(LinkState::Connecting);
        let (events, first) = broadcast::channel(QUEUE);
        let tasks = options.tasks.child();
        let call_timeout = options.call_timeout;
        let weak = events.downgrade();
        let runner = Runner {
            endpoint,
            options: ClientOptions { tasks: tasks.clone(), ..options },
            backoff,
            state: sender,
            events,
            was_up: false,
        };
        // Its end is seen through the state; the owner of the options' tasks awaits it.
        drop(tasks.spawn("gateway reconnect", runner.run()));
        Self { state, tasks, call_timeout, events: weak, first: Mutex::new(Some(first)) }
    }

    /// Follows how things stand.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<LinkState> {
        self.state.clone()
    }

    /// Waits for a connection that is up.
    ///
    /// # Errors
    /// The error that made it stop for good.
    pub async fn client(&self) -> Result<Client, ClientError> {
        let mut state = self.state.clone();
        loop {
            match &*state.borrow_and_update() {
                LinkState::Up(client) if client.close_reason().is_none() => {
                    return Ok(client.clone());
                }
                LinkState::Stopped(error) => return Err(error.clone()),
                LinkState::Up(_) | LinkState::Connecting | LinkState::Waiting { .. } => {}
            }
            if state.changed().await.is_err() {
                return Err(ClientError::LinkLost(CloseReason::Local));
            }
        }
    }

    /// A reader of events over all connections. The first one handed out holds every event from the
    /// beginning, later ones what comes from now on. Each event comes once; where that is not possible
    /// a [`Delivery`] says so.
    #[must_use]
    pub fn events(&self) -> Events {
        let first = self.first.lock().take();
        let later = || match self.events.upgrade() {
            Some(events) => events.subscribe(),
            None => broadcast::channel(1).1,
        };
        Events::new(first.unwrap_or_else(later))
    }

    /// Calls a method, over as many connections as it takes within the time limit.
    ///
    /// When a connection ends before the answer, what only reads is asked again, and what has an
    /// idempotency key is asked again with the same key, so that it is done once.
    ///
    /// # Errors
    /// As [`Client::call`]; [`ClientError::Uncertain`] when the connection ended before the answer and
    /// asking again might do the thing twice.
    pub async fn call<M: Rpc>(
        &self,
        params: &M::Params,
        options: CallOptions,
    ) -> Result<M::Result, ClientError> {
        let after = options.timeout.unwrap_or(self.call_timeout);
        let deadline = Instant::now() + after;
        let late = |_| ClientError::Timeout { stage: Stage::Call(M::NAME.to_owned()), after };
        let harmless = M::ROW.only_reads() || M::idempotency_key(params).is_some();
        let mut asked_before = false;
        loop {
            let client = timeout_at(deadline, self.client()).await.map_err(late)??;
            let left = deadline.saturating_duration_since(Instant::now());
            match client.call::<M>(params, CallOptions { timeout: Some(left), ..options }).await {
                Err(ClientError::LinkLost(_)) if harmless => asked_before = true,
                Err(ClientError::LinkLost(reason)) => {
                    return Err(ClientError::Uncertain { method: M::NAME.to_owned(), reason });
                }
                Err(error) if asked_before && still_runs(&error) => {
                    let pause = retry_after(&error).max(STILL_RUNNING);
                    timeout_at(deadline, tokio::time::sleep(pause)).await.map_err(late)?;
                }
                outcome => return outcome,
            }
        }
    }

    /// Ends the connection and makes no further attempt.
    pub async fn close(self) {
        self.tasks.shutdown(Duration::from_secs(1)).await;
    }
}

impl Drop for Reconnecting {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

struct Runner {
    endpoint: Endpoint,
    options: ClientOptions,
    backoff: Backoff,
    state: watch::Sender<LinkState>,
    events: broadcast::Sender<Delivery>,
    was_up: bool,
}

impl Runner {
    async fn run(mut self) {
        let token = self.options.tasks.token();
        let stopped = token.run_until_cancelled(self.retry()).await;
        let error = stopped.unwrap_or(ClientError::LinkLost(CloseReason::Local));
        self.state.send_replace(LinkState::Stopped(error));
    }

    /// Tries until an error does not pass by itself.
    async fn retry(&mut self) -> ClientError {
        loop {
            self.state.send_replace(LinkState::Connecting);
            let began = Instant::now();
            let error = self.attempt().await;
            self.backoff.reset_after(began.elapsed());
            if !self.may_pass(&error) {
                return error;
            }
            let least = retry_after(&error);
            let delay = self.backoff.next_delay().max(least);
            tracing::debug!(%error, ?delay, "gateway link down");
            self.state.send_replace(LinkState::Waiting { error, delay });
            tokio::time::sleep(delay).await;
        }
    }

    /// Whether to try again. What answers strangely, or closes the socket without a word, in a place where
    /// a Gateway answered before is taken for a broken link: a tunnel whose far end is not there yet does
    /// the same. Nothing secret is sent before a Gateway has proven itself.
    fn may_pass(&self, error: &ClientError) -> bool {
        error.is_passing() || (self.was_up && matches!(error, ClientError::NotAGateway { .. }))
    }

    /// One life of one connection; says how it ended.
    async fn attempt(&mut self) -> ClientError {
        let client = match Client::connect(&self.endpoint, &self.options).await {
            Ok(client) => client,
            Err(error) => return error,
        };
        if self.was_up && self.options.resume.is_none() {
            self.hand_on(Delivery::resync(None));
        }
        self.was_up = true;
        let mut events = client.events();
        self.state.send_replace(LinkState::Up(client.clone()));
        while let Some(delivery) = events.next().await {
            self.hand_on(Some(delivery));
        }
        let reason = client.closed().await;
        self.options.resume = client.resume_point();
        ClientError::LinkLost(reason)
    }

    fn hand_on(&self, delivery: Option<Delivery>) {
        if let Some(delivery) = delivery {
            // Nobody listening is no fault.
            self.events.send(delivery).ok();
        }
    }
}

/// Whether the Gateway still works on what was asked over an earlier connection.
fn still_runs(error: &ClientError) -> bool {
    error
        .rpc()
        .is_some_and(|error| error.code == ErrorCode::Unavailable && error.retryable == Some(true))
}

/// How long the Gateway asked us to stay away.
fn retry_after(error: &ClientError) -> Duration {
    let asked = error.rpc().and_then(|error| error.retry_after_ms).unwrap_or(0);
    Duration::from_millis(asked).min(10 * MAX_DELAY)
}
