//! Commands that go on while the agent does something else.

use std::{collections::HashMap, sync::Arc};

use openclaw_base::{CancellationToken, Tasks};
use openclaw_exec::run::{Captured, Ended, Event, Limits, RunError, Running, Tail};
use openclaw_protocol::ids::{AgentId, SessionKey};
use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};

/// Commands that run at once, over all agents.
const MAX_RUNNING: usize = 32;
/// Commands that are known at once; the one that ended first gives way.
const MAX_KNOWN: usize = 128;
/// What is kept of a command's output, in bytes.
const LOG: Limits = Limits::total(200_000);
/// What is kept of what was not polled yet, in bytes.
const FRESH: Limits = Limits::total(50_000);

/// All commands that the agent started. Clones are the same.
#[derive(Clone, Debug)]
pub struct Processes {
    known: Arc<Mutex<HashMap<String, Arc<Process>>>>,
    tasks: Tasks,
}

/// One command.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) id: String,
    pub(super) command: String,
    pub(super) began: Instant,
    agent: AgentId,
    session: SessionKey,
    output: Mutex<Output>,
    ended: watch::Sender<Option<Result<Ended, String>>>,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Output {
    log: Tail,
    fresh: Tail,
}

impl Processes {
    /// Commands are tasks of this owner, and end with it.
    #[must_use]
    pub fn new(tasks: Tasks) -> Self {
        Self { known: Arc::default(), tasks }
    }

    /// Follows a command that was just started.
    pub(super) fn follow(
        &self,
        running: Running,
        command: String,
        agent: &AgentId,
        session: &SessionKey,
    ) -> Result<Arc<Process>, String> {
        let process = Arc::new(Process {
            id: uuid::Uuid::new_v4().simple().to_string().chars().take(8).collect(),
            command,
            began: Instant::now(),
            agent: agent.clone(),
            session: session.clone(),
            output: Mutex::new(Output { log: Tail::new(LOG), fresh: Tail::new(FRESH) }),
            ended: watch::Sender::new(None),
            stop: self.tasks.token().child_token(),
        });
        {
            let mut known = self.known.lock();
            if known.values().filter(|process| process.ended().is_none()).count() >= MAX_RUNNING {
                return Err(format!("{MAX_RUNNING} commands run already; end one with `process`"));
            }
            if known.len() >= MAX_KNOWN {
                let ended = known.values().filter(|process| process.ended().is_some());
                let oldest =
                    ended.min_by_key(|process| process.began).map(|process| process.id.clone());
                oldest.and_then(|id| known.remove(&id));
            }
            known.insert(process.id.clone(), Arc::clone(&process));
        }
        let followed = Arc::clone(&process);
        drop(self.tasks.spawn("command", async move {
            let ended = follow(running, &followed).await;
            followed.ended.send_replace(Some(ended.map_err(|error| error.to_string())));
        }));
        Ok(process)
    }

    /// The commands of one session.
    pub(super) fn of(&self, agent: &AgentId, session: &SessionKey) -> Vec<Arc<Process>> {
        let known = self.known.lock();
        let mut own: Vec<_> = known
            .values()
            .filter(|process| process.agent == *agent && process.session == *session)
            .cloned()
            .collect();
        own.sort_by_key(|process| process.began);
        own
    }

    /// Forgets a command that has ended.
    pub(super) fn forget(&self, id: &str) {
        self.known.lock().remove(id);
    }
}

async fn follow(mut running: Running, process: &Process) -> Result<Ended, RunError> {
    loop {
        let event = tokio::select! {
            event = running.next() => event?,
            () = process.stop.cancelled(), if !running.is_stopping() => {
                running.stop();
                continue;
            }
        };
        match event {
            Event::Output(_, bytes) => {
                let mut output = process.output.lock();
                output.log.push(&bytes);
                output.fresh.push(&bytes);
            }
            Event::Ended(ended) => return Ok(ended),
        }
    }
}

impl Process {
    /// How it ended, if it did.
    pub(super) fn ended(&self) -> Option<Result<Ended, String>> {
        self.ended.borrow().clone()
    }

    /// Waits for the end.
    pub(super) async fn wait(&self) -> Result<Ended, String> {
        let mut changes = self.ended.subscribe();
        loop {
            let ended = changes.borrow_and_update().clone();
            if let Some(ended) = ended {
                return ended;
            }
            // The sender is in `self`, so there is a change to wait for.
            changes.changed().await.ok();
        }
    }

    /// Asks it to end, and kills it if it does not.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    /// What it printed in all.
    pub(super) fn log(&self) -> Captured {
        self.output.lock().log.snapshot()
    }

    /// What it printed since this was last asked.
    pub(super) fn fresh(&self) -> Captured {
        std::mem::replace(&mut self.output.lock().fresh, Tail::new(FRESH)).take()
    }
}
