//! A run that an HTTP request waits for, whole or as it grows.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use openclaw_agent::{AbortReason, FinalState, RunOutcome, Start, StartRun};
use openclaw_protocol::ids::{RunId, SessionKey};

use super::{asked::Place, reply::Fault};
use crate::{run_events::Following, shape::failure, state::State};

/// How often a silent stream says that it lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// How one endpoint puts a growing answer into events.
pub(super) trait Form: Send + 'static {
    /// Said at once.
    fn begin(&mut self) -> String;
    /// More of the answer.
    fn more(&mut self, text: &str) -> String;
    /// The whole answer, and how it ended.
    fn end(&mut self, text: &str, outcome: &RunOutcome) -> String;
    /// There will be no more.
    fn failed(&mut self, fault: &Fault) -> String;
}

/// A run that was started for a request.
pub(super) struct Running {
    state: Arc<State>,
    following: Following,
    /// It was over before; this is how.
    past: Option<Arc<RunOutcome>>,
    /// Stops the run if the caller goes away.
    stop: StopWithCaller,
}

/// How a run ended, with everything the agent said.
pub(super) struct Ended {
    pub(super) text: String,
    pub(super) outcome: Arc<RunOutcome>,
}

/// Stops a run when it is dropped before the run was over.
struct StopWithCaller {
    state: Arc<State>,
    key: SessionKey,
    run_id: RunId,
    armed: bool,
}

impl Drop for StopWithCaller {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let (state, key, run_id) = (Arc::clone(&self.state), self.key.clone(), self.run_id.clone());
        drop(self.state.tasks.spawn("http-abort", async move {
            if let Err(error) = state.agent.abort(&key, Some(&run_id), AbortReason::Rpc).await {
                tracing::debug!(%error, %run_id, "a run whose caller went away goes on");
            }
        }));
    }
}

impl Running {
    /// Starts it.
    pub(super) async fn start(
        state: &Arc<State>,
        place: Place,
        order: StartRun,
    ) -> Result<Self, Fault> {
        let following = state.run_events.follow(&place.run_id);
        let started = state.agent.start(order).await;
        let started = started.map_err(|error| failure::agent(state, &error).error)?;
        let (past, goes_on) = match started {
            Start::Accepted { .. } | Start::InFlight { .. } => (None, true),
            Start::Done(outcome) => (Some(Arc::from(outcome)), false),
            Start::Stopped { .. } => return Err(Fault::invalid("nothing was started")),
        };
        let stop = StopWithCaller {
            state: Arc::clone(state),
            key: place.target.key,
            run_id: place.run_id,
            armed: goes_on && !place.named,
        };
        Ok(Self { state: Arc::clone(state), following, past, stop })
    }

    /// What there is to hear: text from a place on, and the end.
    fn hear(&mut self, from: usize) -> (String, Option<Arc<RunOutcome>>) {
        if let Some(past) = &self.past {
            let text = past.text.as_deref().and_then(|text| text.get(from..)).unwrap_or_default();
            return (text.to_owned(), Some(Arc::clone(past)));
        }
        let Some(heard) = self.following.heard() else { return (String::new(), None) };
        let text = heard.text.get(from..).unwrap_or_default().to_owned();
        (text, heard.outcome.clone())
    }

    /// Waits for the end.
    pub(super) async fn whole(mut self) -> Result<Ended, Fault> {
        let stopping = self.state.accepting.clone();
        loop {
            if let (text, Some(outcome)) = self.hear(0) {
                self.stop.armed = false;
                return match fault_of(&outcome) {
                    Some(fault) => Err(fault),
                    None => Ok(Ended { text, outcome }),
                };
            }
            tokio::select! {
                () = self.following.more() => {}
                () = stopping.cancelled() => {
                    // The run is taken up again after the restart; it is not this caller that stops it.
                    self.stop.armed = false;
                    return Err(Fault::stopping());
                }
            }
        }
    }

    /// Tells it as it grows.
    pub(super) fn stream(self, form: impl Form) -> Response {
        let telling =
            Telling { running: self, form, told: 0, ready: VecDeque::new(), stage: Stage::New };
        let body = Body::from_stream(stream::unfold(telling, async |mut telling| {
            let piece = telling.next().await?;
            Some((Ok::<_, Infallible>(Bytes::from(piece)), telling))
        }));
        let headers = [
            (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
            (header::CACHE_CONTROL, "no-cache"),
        ];
        (StatusCode::OK, headers, body).into_response()
    }
}

/// Why a run gave no answer.
fn fault_of(outcome: &RunOutcome) -> Option<Fault> {
    match outcome.state {
        FinalState::Done => None,
        FinalState::Aborted if outcome.stop_reason != AbortReason::Timeout.as_str() => None,
        FinalState::Aborted | FinalState::Error | FinalState::Interrupted => {
            Some(Fault::of_run(outcome))
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    Growing,
    Over,
}

struct Telling<F> {
    running: Running,
    form: F,
    /// Bytes of the answer that were told.
    told: usize,
    ready: VecDeque<String>,
    stage: Stage,
}

impl<F: Form> Telling<F> {
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some(piece);
            }
            match self.stage {
                Stage::New => {
                    self.stage = Stage::Growing;
                    return Some(self.form.begin());
                }
                Stage::Growing => self.grow().await,
                Stage::Over => return None,
            }
        }
    }

    async fn grow(&mut self) {
        let (text, outcome) = self.running.hear(self.told);
        if !text.is_empty() {
            self.told += text.len();
            self.ready.push_back(self.form.more(&text));
        }
        if let Some(outcome) = outcome {
            let last = match fault_of(&outcome) {
                Some(fault) => self.form.failed(&fault),
                None => {
                    let (whole, _) = self.running.hear(0);
                    self.form.end(&whole, &outcome)
                }
            };
            return self.over(last);
        }
        if !self.ready.is_empty() {
            return;
        }
        let stopping = self.running.state.accepting.clone();
        tokio::select! {
            () = self.running.following.more() => {}
            () = tokio::time::sleep(SIGN_OF_LIFE) => self.ready.push_back(": working\n\n".to_owned()),
            () = stopping.cancelled() => {
                let last = self.form.failed(&Fault::stopping());
                self.over(last);
            }
        }
    }

    fn over(&mut self, last: String) {
        self.ready.push_back(last);
        self.stage = Stage::Over;
        self.running.stop.armed = false;
    }
}
