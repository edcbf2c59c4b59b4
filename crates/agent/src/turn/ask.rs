//! Asking: one model until it answers or is given up on, then the next.

use std::sync::Arc;

use futures_util::StreamExt;
use openclaw_base::Backoff;
use tokio::time::Instant;

use super::{End, Turn, failure};
use crate::{
    answer::{Answer, Change, Whole},
    events::AgentEventKind,
    model::{Model, ModelError, ModelRef, ModelRequest, Part},
    models::Resolved,
};

/// What came of asking.
pub(super) enum Asked {
    Answer(Whole),
    Ended(End),
}

/// An attempt that did not end in an answer.
struct Broken {
    error: ModelError,
    partial: Vec<Part>,
}

impl Broken {
    /// Whether a person has seen something of it, so that beginning again would repeat it.
    fn was_shown(&self) -> bool {
        self.partial.iter().any(|part| matches!(part, Part::Text(_)))
    }
}

impl Turn<'_> {
    /// Asks the models in turn.
    pub(super) async fn ask(&mut self, resolved: &Resolved, request: &ModelRequest) -> Asked {
        let request = Arc::new(request.clone());
        let candidates: Vec<&Arc<dyn Model>> =
            std::iter::once(&resolved.model).chain(&resolved.fallbacks).collect();
        let mut tried: Vec<(ModelRef, ModelError)> = Vec::new();
        for (place, model) in candidates.iter().enumerate() {
            self.choose(model);
            let broken = match self.ask_one(model, &request).await {
                Ok(whole) => return Asked::Answer(whole),
                Err(broken) => broken,
            };
            if self.run.cancel.is_cancelled() {
                return Asked::Ended(End::Cancelled { partial: broken.partial });
            }
            let another = candidates
                .get(place + 1)
                .filter(|_| broken.error.allows_fallback() && !broken.was_shown());
            if let Some(next) = another {
                let attempts = self.settings.retry.max_attempts;
                self.tell_retry(&broken.error, attempts, std::time::Duration::ZERO, next.id());
            }
            tried.push((model.id().clone(), broken.error));
            if another.is_none() {
                let error = failure(&tried);
                return Asked::Ended(End::Failed { error, partial: broken.partial });
            }
        }
        Asked::Ended(End::Failed { error: failure(&tried), partial: Vec::new() })
    }

    fn choose(&mut self, model: &Arc<dyn Model>) {
        if self.model.as_ref() != Some(model.id()) {
            self.model = Some(model.id().clone());
            self.price = model.price();
            self.run.emit(AgentEventKind::Model(model.id().clone()));
        }
    }

    /// Asks one model, again where that may help.
    async fn ask_one(
        &mut self,
        model: &Arc<dyn Model>,
        request: &Arc<ModelRequest>,
    ) -> Result<Whole, Broken> {
        let retry = self.settings.retry.clone();
        let mut pause = Backoff::new(retry.min_delay, retry.max_delay);
        let mut attempt = 1;
        loop {
            let broken = match self.attempt(model, request).await {
                Ok(whole) => return Ok(whole),
                Err(broken) => broken,
            };
            // A stream that was cut or fell silent is given one more chance, not as many as a server
            // that asks for patience.
            let most = match broken.error {
                ModelError::Cut | ModelError::Stalled { .. } => retry.max_attempts.min(2),
                _ => retry.max_attempts,
            };
            let asked = broken.error.retry_after();
            let patient = asked.is_none_or(|asked| asked <= retry.max_retry_after);
            let again = broken.error.is_retryable()
                && !broken.was_shown()
                && attempt < most
                && patient
                && !self.run.cancel.is_cancelled();
            if !again {
                return Err(broken);
            }
            let after = pause.next_delay().max(asked.unwrap_or_default());
            self.tell_retry(&broken.error, attempt, after, model.id());
            tokio::select! {
                biased;
                () = self.run.cancel.cancelled() => return Err(broken),
                () = tokio::time::sleep(after) => {}
            }
            attempt += 1;
        }
    }

    fn tell_retry(
        &self,
        error: &ModelError,
        attempt: u32,
        after: std::time::Duration,
        next: &ModelRef,
    ) {
        tracing::warn!(
            run_id = %self.run.run_id, reason = error.reason(), attempt, ?after, %next,
            "model failed, asking again"
        );
        self.run.emit(AgentEventKind::Retry {
            attempt,
            max_attempts: self.settings.retry.max_attempts,
            reason: error.reason(),
            message: error.to_string(),
            after,
            next: next.clone(),
        });
    }

    /// Asks once and tells the answer as it grows.
    async fn attempt(
        &mut self,
        model: &Arc<dyn Model>,
        request: &Arc<ModelRequest>,
    ) -> Result<Whole, Broken> {
        self.answer.restart();
        self.thinking.restart();
        self.run.set_text("");
        let mut answer = Answer::default();
        let ended = self.listen(model, request, &mut answer).await;
        self.tell_rest(matches!(&ended, Err(error) if *error != ModelError::Cancelled));
        let used = answer.usage();
        if used.total() > 0 {
            self.usage.add(&used);
            self.last_usage = used;
            self.run.emit(AgentEventKind::Usage(self.usage));
        }
        match ended {
            Ok(()) => answer.finish().map_err(|error| Broken { error, partial: Vec::new() }),
            Err(error) => Err(Broken { error, partial: answer.partial() }),
        }
    }

    /// Reads the stream to its end. Leaving drops it, which closes the connection.
    async fn listen(
        &mut self,
        model: &Arc<dyn Model>,
        request: &Arc<ModelRequest>,
        answer: &mut Answer,
    ) -> Result<(), ModelError> {
        let cancel = self.run.cancel.child_token();
        let mut stream = model.stream(Arc::clone(request), cancel);
        loop {
            let now = Instant::now();
            let due = [self.answer.due(now), self.thinking.due(now)].into_iter().flatten().min();
            let event = tokio::select! {
                biased;
                () = self.run.cancel.cancelled() => return Err(ModelError::Cancelled),
                () = until(due) => {
                    self.tell_due();
                    continue;
                }
                event = stream.next() => event.ok_or(ModelError::Cut)??,
            };
            match answer.apply(event)? {
                Change::Text(more) => {
                    self.answer.push(&more);
                    self.run.set_text(self.answer.text());
                    self.tell_due();
                }
                Change::Thinking(more) => {
                    self.thinking.push(&more);
                    self.tell_due();
                }
                Change::Stopped => return Ok(()),
                Change::Quiet => {}
            }
        }
    }

    fn tell_due(&mut self) {
        let now = Instant::now();
        if let Some(told) = self.thinking.take(now) {
            self.run.emit(told.into_thinking());
        }
        if let Some(told) = self.answer.take(now) {
            self.run.emit(told.into_text());
        }
    }

    /// What waits for its time is told now. The rest of a text is told with the end of the run, unless
    /// tools come first; the end of one that failed tells only why.
    fn tell_rest(&mut self, failed: bool) {
        let now = Instant::now();
        if let Some(told) = self.thinking.flush(now) {
            self.run.emit(told.into_thinking());
        }
        if failed && let Some(told) = self.answer.flush(now) {
            self.run.emit(told.into_text());
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
