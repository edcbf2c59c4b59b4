//! One server: when it starts, when it rests, and what happens when it fails.
//!
//! A task of its own owns the connection. Callers demand it and wait for its state to tell them; so a
//! server that fails keeps nobody longer than its deadline, and after that says at once why it is not
//! there until its pause is over.

use std::{sync::Arc, time::Duration};

use openclaw_agent::ToolOutcome;
use openclaw_base::{Backoff, CancellationToken};
use parking_lot::Mutex;
use rmcp::{
    Peer, RoleClient, ServiceError,
    model::{CallToolRequestParams, CallToolResponse, JsonObject},
};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout},
};

use crate::{
    connect::{Connection, Next, within},
    listed::{Listed, listed},
    result,
    settings::ServerSetting,
    stdio::Surroundings,
};

/// Pauses between attempts to start a server that fails.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// Calls without an answer, one after the other, after which a server is started again.
const MAX_SILENT: u32 = 2;

/// One server.
pub(crate) struct Server {
    name: String,
    setting: ServerSetting,
    state: watch::Sender<State>,
    /// Counts up whenever somebody wants it to be there.
    demand: watch::Sender<u64>,
    tools: Mutex<Arc<Vec<Listed>>>,
    uses: Mutex<Uses>,
    /// Somebody found out that it does not answer.
    silent: Notify,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Uses {
    calls: usize,
    last: Instant,
    unanswered: u32,
}

#[derive(Clone)]
enum State {
    /// Nobody has wanted it yet, or nobody for a while.
    Resting,
    /// It is being started.
    Starting,
    Up(Peer<RoleClient>),
    /// It failed, and is not tried again before that time.
    Failed {
        why: String,
        until: Instant,
    },
    /// Its owner is stopping, or it is no longer configured.
    Over,
}

/// How a life of a connection ended.
enum Ended {
    Rests,
    Failed(String),
    Stopped,
}

/// Counts a call while it lasts.
struct Using<'s>(&'s Server);

impl Drop for Using<'_> {
    fn drop(&mut self) {
        let mut uses = self.0.uses.lock();
        uses.calls -= 1;
        uses.last = Instant::now();
    }
}

impl Server {
    /// A server that nobody has wanted yet. It is there for as long as `stop` is not cancelled.
    pub(crate) fn new(name: &str, setting: ServerSetting, stop: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            setting,
            state: watch::Sender::new(State::Resting),
            demand: watch::Sender::new(0),
            tools: Mutex::default(),
            uses: Mutex::new(Uses { calls: 0, last: Instant::now(), unanswered: 0 }),
            silent: Notify::new(),
            stop,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn setting(&self) -> &ServerSetting {
        &self.setting
    }

    /// It is no longer wanted at all.
    pub(crate) fn end(&self) {
        self.stop.cancel();
    }

    /// The tools it named last.
    pub(crate) fn listed(&self) -> Arc<Vec<Listed>> {
        Arc::clone(&self.tools.lock())
    }

    /// Waits until it is there, or says why it is not.
    pub(crate) async fn up(&self) -> Result<Peer<RoleClient>, String> {
        let mut changes = self.state.subscribe();
        loop {
            let state = changes.borrow_and_update().clone();
            match state {
                // One whose end is not noted yet is as good as starting.
                State::Up(peer) if peer.is_transport_closed() => {}
                State::Up(peer) => return Ok(peer),
                State::Over => return Err("it is being stopped".to_owned()),
                State::Failed { why, until } if Instant::now() < until => return Err(why),
                State::Failed { .. } | State::Resting => {
                    self.demand.send_modify(|demand| *demand = demand.wrapping_add(1));
                }
                State::Starting => {}
            }
            if changes.changed().await.is_err() {
                return Err("it is being stopped".to_owned());
            }
        }
    }

    /// Starts it when somebody wants it, and again when it has failed, until it is told to stop.
    pub(crate) fn run(
        self: Arc<Self>,
        surroundings: Surroundings,
        idle: Option<Duration>,
    ) -> impl Future<Output = ()> + Send {
        // Now, so that what is demanded before the task has begun counts.
        let demand = self.demand.subscribe();
        self.lives(demand, surroundings, idle)
    }

    async fn lives(
        self: Arc<Self>,
        mut demand: watch::Receiver<u64>,
        surroundings: Surroundings,
        idle: Option<Duration>,
    ) {
        let mut pause = Backoff::new(PAUSE.0, PAUSE.1);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => break,
                wanted = demand.changed() => if wanted.is_err() { break },
            }
            self.state.send_replace(State::Starting);
            let began = Instant::now();
            let ended = self.live(&surroundings, idle).await;
            pause.reset_after(began.elapsed());
            // What was demanded until now was demanded of the life that is over.
            demand.mark_unchanged();
            match ended {
                Ended::Rests => {
                    tracing::info!(server = self.name, "tool server rests");
                    self.state.send_replace(State::Resting);
                }
                Ended::Failed(why) => {
                    let after = pause.next_delay();
                    tracing::warn!(server = self.name, why, ?after, "tool server failed");
                    self.state.send_replace(State::Failed { why, until: Instant::now() + after });
                }
                Ended::Stopped => break,
            }
        }
        self.state.send_replace(State::Over);
    }

    /// One life of the connection.
    async fn live(&self, surroundings: &Surroundings, idle: Option<Duration>) -> Ended {
        let limit = self.setting.connect_timeout;
        let opening = async {
            let connection = Connection::open(&self.name, &self.setting, surroundings).await?;
            let tools = connection.tools().await?;
            Ok((connection, tools))
        };
        let opened = tokio::select! {
            () = self.stop.cancelled() => return Ended::Stopped,
            opened = within(limit, "to start and to name its tools", opening) => opened,
        };
        let (mut connection, tools) = match opened {
            Ok(opened) => opened,
            Err(why) => return Ended::Failed(why),
        };
        *self.tools.lock() = Arc::new(listed(&self.name, &self.setting.filter, tools));
        {
            let mut uses = self.uses.lock();
            uses.last = Instant::now();
            uses.unanswered = 0;
        }
        tracing::info!(server = self.name, tools = self.tools.lock().len(), "tool server is there");
        self.state.send_replace(State::Up(connection.peer.clone()));
        let ended = loop {
            tokio::select! {
                () = self.stop.cancelled() => break Ended::Stopped,
                () = self.silent.notified() => {
                    break Ended::Failed(format!("{MAX_SILENT} calls in a row had no answer"));
                }
                () = self.idle_for(idle) => break Ended::Rests,
                next = connection.next() => match next {
                    Next::Gone(why) => break Ended::Failed(why),
                    Next::Changed => {}
                },
            }
            match within(limit, "to name its tools", connection.tools()).await {
                Ok(tools) => {
                    *self.tools.lock() = Arc::new(listed(&self.name, &self.setting.filter, tools));
                }
                Err(why) => break Ended::Failed(why),
            }
        };
        // Nobody is to find it while it takes its leave.
        self.state.send_replace(State::Starting);
        connection.close().await;
        ended
    }

    /// Ends when nobody has used it for so long.
    async fn idle_for(&self, idle: Option<Duration>) {
        let Some(idle) = idle else { return std::future::pending().await };
        loop {
            let (calls, last) = {
                let uses = self.uses.lock();
                (uses.calls, uses.last)
            };
            match (calls, last + idle) {
                (0, due) if due <= Instant::now() => return,
                (0, due) => tokio::time::sleep_until(due).await,
                _ => tokio::time::sleep(idle).await,
            }
        }
    }

    /// Calls one of its tools.
    pub(crate) async fn call(&self, tool: &str, arguments: JsonObject) -> ToolOutcome {
        let name = &self.name;
        let peer = match self.up().await {
            Ok(peer) => peer,
            Err(why) => {
                return ToolOutcome::error(format!("The tool server {name} is not there: {why}."));
            }
        };
        self.uses.lock().calls += 1;
        let _using = Using(self);
        let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        let limit = self.setting.request_timeout;
        let Ok(answered) = timeout(limit, peer.call_tool_once(request)).await else {
            return self.unanswered(limit);
        };
        self.uses.lock().unanswered = 0;
        match answered {
            Ok(CallToolResponse::Complete(result)) => result::outcome(name, tool, &result),
            Ok(_) => ToolOutcome::error(format!(
                "{name} wants to ask something before it answers, which is not supported."
            )),
            Err(ServiceError::McpError(error)) => ToolOutcome::error(openclaw_agent::fenced(
                &format!("refusal of {name}"),
                &error.message,
            )),
            Err(ServiceError::TransportClosed | ServiceError::Cancelled { .. }) => {
                ToolOutcome::error(format!(
                    "{name} ended while the call was running. It was not called again, and whether \
                     it had an effect is not known."
                ))
            }
            Err(error) => ToolOutcome::error(format!("{name} could not be called: {error}.")),
        }
    }

    fn unanswered(&self, limit: Duration) -> ToolOutcome {
        let many = {
            let mut uses = self.uses.lock();
            uses.unanswered += 1;
            uses.unanswered >= MAX_SILENT
        };
        if many {
            self.silent.notify_one();
        }
        let (name, seconds) = (&self.name, limit.as_secs_f64());
        ToolOutcome::error(format!("{name} did not answer within {seconds} s."))
    }
}
