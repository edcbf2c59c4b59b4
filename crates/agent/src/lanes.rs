//! Which runs wait and which go on, session by session: one run of a session at a time.
//!
//! A short lock around plain data; nobody waits while holding it. Whoever adds to a lane that has no
//! worker starts one, and a worker leaves only when its lane is empty, both under the lock.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use openclaw_protocol::ids::{RunId, SessionKey};
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use crate::{
    error::AgentError,
    live::LiveRun,
    queue::{Batch, Next, Overflow, Queue, QueueMode, Waiting, summary_line},
    run::SessionActivity,
    settings::QueueSettings,
};

/// All sessions with something to do.
#[derive(Debug)]
pub(crate) struct Lanes {
    state: Mutex<State>,
    /// Grows with every run that is registered or ends, for those who wait for one.
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    lanes: HashMap<SessionKey, Lane>,
    runs: HashMap<RunId, Arc<LiveRun>>,
    /// Run ids on their way into the store.
    starting: HashSet<RunId>,
}

#[derive(Debug, Default)]
struct Lane {
    queue: Queue<Arc<LiveRun>>,
    /// The run that goes on, and those answered with it.
    active: Vec<Arc<LiveRun>>,
    /// Places taken by messages on their way into the store.
    reserved: usize,
    working: bool,
    changed: Arc<Notify>,
}

impl Lane {
    fn is_busy(&self) -> bool {
        self.working || self.reserved > 0
    }
}

/// A place in a lane, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    lanes: Arc<Lanes>,
    key: SessionKey,
    run_id: RunId,
    /// Whether other runs of the session go first.
    pub(crate) queued: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.lanes.state.lock();
        state.starting.remove(&self.run_id);
        if let Some(lane) = state.lanes.get_mut(&self.key) {
            lane.reserved = lane.reserved.saturating_sub(1);
            if !lane.is_busy() {
                state.lanes.remove(&self.key);
            }
        }
    }
}

/// What [`Lanes::push`] asks the caller to do.
#[derive(Debug, Default)]
pub(crate) struct Pushed {
    /// Start a worker for the session.
    pub(crate) start_worker: bool,
    /// Finish these: they lost their turn.
    pub(crate) dropped: Vec<Arc<LiveRun>>,
}

/// What a worker is to do.
#[derive(Debug)]
pub(crate) enum Job {
    /// Leave: the lane is empty.
    Leave,
    /// Look again then, or when the lane changes.
    Wait(Instant, Arc<Notify>),
    /// Answer these.
    Run(Batch<Arc<LiveRun>>),
}

impl Lanes {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), changes: watch::Sender::new(0) })
    }

    /// Takes a place for a message. `None`: a message with this run id is on its way already.
    pub(crate) fn reserve(
        self: &Arc<Self>,
        key: &SessionKey,
        run_id: &RunId,
        queue: &QueueSettings,
    ) -> Result<Option<Place>, AgentError> {
        let mut state = self.state.lock();
        if state.starting.contains(run_id) {
            return Ok(None);
        }
        let lane = state.lanes.entry(key.clone()).or_default();
        let queued = lane.is_busy();
        let ahead = lane.queue.len() + lane.reserved;
        if queued && queue.overflow == Overflow::New && ahead >= queue.cap.max(1) {
            return Err(AgentError::QueueFull { queued: ahead });
        }
        lane.reserved += 1;
        state.starting.insert(run_id.clone());
        Ok(Some(Place {
            lanes: Arc::clone(self),
            key: key.clone(),
            run_id: run_id.clone(),
            queued,
        }))
    }

    /// Puts an accepted run into its lane. An interrupting one empties the lane first; those it takes
    /// the place of are given back, and the active one is left for the caller to abort.
    pub(crate) fn push(
        &self,
        run: &Arc<LiveRun>,
        mode: QueueMode,
        busy: bool,
        queue: &QueueSettings,
    ) -> Pushed {
        let mut state = self.state.lock();
        state.runs.insert(run.run_id.clone(), Arc::clone(run));
        let lane = state.lanes.entry(run.session_key.clone()).or_default();
        let mut dropped = Vec::new();
        if mode == QueueMode::Interrupt {
            dropped = lane.queue.remove(|_| true);
        }
        let waiting = Waiting {
            item: Arc::clone(run),
            mode,
            group: run.group(),
            line: summary_line(&run.message),
            arrived: Instant::now(),
            busy,
        };
        dropped.extend(lane.queue.push(waiting, queue.cap, queue.overflow));
        lane.changed.notify_one();
        let start_worker = !std::mem::replace(&mut lane.working, true);
        drop(state);
        self.note_change();
        Pushed { start_worker, dropped }
    }

    /// Registers a run that needs no lane.
    pub(crate) fn register(&self, run: &Arc<LiveRun>) {
        self.state.lock().runs.insert(run.run_id.clone(), Arc::clone(run));
        self.note_change();
    }

    /// What the worker of a session does next; a batch becomes the active one.
    pub(crate) fn next(&self, key: &SessionKey, queue: &QueueSettings) -> Job {
        let mut state = self.state.lock();
        let Some(lane) = state.lanes.get_mut(key) else { return Job::Leave };
        lane.active.clear();
        let route = lane.queue.iter().next().and_then(|run| run.options.route.as_ref());
        let debounce = queue.debounce_for(route);
        match lane.queue.next(Instant::now(), debounce, queue.cap) {
            Next::Wait(at) => Job::Wait(at, Arc::clone(&lane.changed)),
            Next::Batch(batch) => {
                lane.active.push(Arc::clone(&batch.leader));
                lane.active.extend(batch.followers.iter().cloned());
                Job::Run(batch)
            }
            Next::Empty => {
                lane.working = false;
                if !lane.is_busy() {
                    state.lanes.remove(key);
                }
                drop(state);
                self.note_change();
                Job::Leave
            }
        }
    }

    /// Takes the waiting runs out that are to steer one that goes on; from now on they go on with it.
    pub(crate) fn join(&self, leader: &LiveRun) -> Vec<Arc<LiveRun>> {
        let mut state = self.state.lock();
        let Some(lane) = state.lanes.get_mut(&leader.session_key) else { return Vec::new() };
        let joined = lane.queue.steering(&leader.group());
        lane.active.extend(joined.iter().cloned());
        joined
    }

    /// Takes waiting runs of a session out, all or one, and gives the active ones meant.
    pub(crate) fn take(&self, key: &SessionKey, run_id: Option<&RunId>) -> Taken {
        let mut state = self.state.lock();
        let Some(lane) = state.lanes.get_mut(key) else { return Taken::default() };
        let meant = |run: &Arc<LiveRun>| run_id.is_none_or(|id| run.run_id == *id);
        let queued = lane.queue.remove(meant);
        lane.changed.notify_one();
        // Runs that are answered together are stopped together.
        let active = if lane.active.iter().any(meant) { lane.active.clone() } else { Vec::new() };
        Taken { queued, active }
    }

    /// The runs of a session that go on.
    pub(crate) fn active(&self, key: &SessionKey) -> Vec<Arc<LiveRun>> {
        self.state.lock().lanes.get(key).map(|lane| lane.active.clone()).unwrap_or_default()
    }

    /// A run that is waiting or going on.
    pub(crate) fn run(&self, run_id: &RunId) -> Option<Arc<LiveRun>> {
        self.state.lock().runs.get(run_id).cloned()
    }

    /// Notes that a run is over, so that nobody who hears of its end still finds it active.
    pub(crate) fn retire(&self, run: &LiveRun) {
        if let Some(lane) = self.state.lock().lanes.get_mut(&run.session_key) {
            lane.active.retain(|active| active.run_id != run.run_id);
        }
    }

    /// Forgets a run that has ended.
    pub(crate) fn forget(&self, run_id: &RunId) {
        self.state.lock().runs.remove(run_id);
        self.note_change();
    }

    /// What a session is doing.
    pub(crate) fn activity(&self, key: &SessionKey) -> SessionActivity {
        let state = self.state.lock();
        let Some(lane) = state.lanes.get(key) else { return SessionActivity::default() };
        SessionActivity {
            active: lane.active.first().map(|run| run.active()),
            queued: lane.queue.iter().map(|run| run.run_id.clone()).collect(),
        }
    }

    /// How many runs wait or go on, over all sessions.
    pub(crate) fn load(&self) -> usize {
        self.state.lock().runs.len()
    }

    /// Sessions with something to do.
    pub(crate) fn busy_sessions(&self) -> Vec<SessionKey> {
        self.state.lock().lanes.keys().cloned().collect()
    }

    /// Whether a session has neither a run that goes on nor one that waits.
    pub(crate) fn is_idle(&self, key: &SessionKey) -> bool {
        let state = self.state.lock();
        state.lanes.get(key).is_none_or(|lane| !lane.working)
    }

    /// Fires whenever a run is registered or ends, or a lane falls idle.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn note_change(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

/// Runs that are to be stopped.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Out of their lane already.
    pub(crate) queued: Vec<Arc<LiveRun>>,
    /// Going on.
    pub(crate) active: Vec<Arc<LiveRun>>,
}
