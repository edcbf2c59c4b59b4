//! A connection that comes back: `run` decides when to try, `attempt` is one life.
//!
//! Errors that pass by themselves are retried with a growing, jittered delay; others (a refused
//! credential, another key, a missing pairing) stop it, because trying again would change nothing.

use std::time::Duration;

use openclaw_base::{Backoff, Tasks};
use tokio::{sync::watch, time::Instant};

use crate::{
    client::Client,
    endpoint::Endpoint,
    error::{ClientError, CloseReason},
    options::ClientOptions,
};

/// The shortest delay between two attempts.
pub const MIN_DELAY: Duration = Duration::from_millis(500);
/// The longest delay between two attempts.
pub const MAX_DELAY: Duration = Duration::from_secs(30);

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
        let tasks = options.tasks.child();
        let runner = Runner {
            endpoint,
            options: ClientOptions { tasks: tasks.clone(), ..options },
            backoff,
            state: sender,
        };
        // Its end is seen through the state; the owner of the options' tasks awaits it.
        drop(tasks.spawn("gateway reconnect", runner.run()));
        Self { state, tasks }
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
            if !error.is_passing() {
                return error;
            }
            let least = retry_after(&error);
            let delay = self.backoff.next_delay().max(least);
            tracing::debug!(%error, ?delay, "gateway link down");
            self.state.send_replace(LinkState::Waiting { error, delay });
            tokio::time::sleep(delay).await;
        }
    }

    /// One life of one connection; says how it ended.
    async fn attempt(&self) -> ClientError {
        match Client::connect(&self.endpoint, &self.options).await {
            Ok(client) => {
                self.state.send_replace(LinkState::Up(client.clone()));
                ClientError::LinkLost(client.closed().await)
            }
            Err(error) => error,
        }
    }
}

/// How long the Gateway asked us to stay away.
fn retry_after(error: &ClientError) -> Duration {
    let asked = error.rpc().and_then(|error| error.retry_after_ms).unwrap_or(0);
    Duration::from_millis(asked).min(10 * MAX_DELAY)
}
