//! The end of a turn: what is stored, what is told.

use std::sync::Arc;

use openclaw_store::{
    runs::RunEnd,
    sessions::{SessionRecord, TokenCounters},
};

use super::{End, Turn};
use crate::{
    answer::text_of,
    outcome::{stored_outcome, stored_state},
    rows,
    run::{FinalState, RunOutcome},
    silent::is_silent,
};

impl Turn<'_> {
    pub(super) async fn finish(self, end: End) -> Option<Arc<RunOutcome>> {
        let (state, stop_reason, parts, error) = match end {
            End::Answered(whole) => {
                let state = FinalState::Done;
                (state, whole.stop.as_str(), whole.parts, None)
            }
            End::Failed { error, partial } => (FinalState::Error, "error", partial, Some(error)),
            End::Cancelled { partial } => {
                let reason = self.run.abort_reason()?;
                (FinalState::Aborted, reason.as_str(), partial, None)
            }
            End::Over => {
                let row = self.inner.store.runs().get(&self.run.run_id).await.ok().flatten()?;
                let outcome = stored_outcome(&row)?;
                self.run.set_outcome(Arc::new(outcome.clone()));
                self.inner.lanes.forget(&self.run.run_id);
                return Some(Arc::new(outcome));
            }
        };
        if let Some(error) = &error {
            // The provider's own words stand in the transcript; they may quote what belongs in no log.
            tracing::warn!(
                run_id = %self.run.run_id, session = %self.run.session_key, reason = %error.reason,
                http_status = error.http_status, "run failed"
            );
        }
        let text = text_of(&parts);
        let silent = state == FinalState::Done && is_silent(&text);
        let mut outcome = self.inner.outcome(self.run, state, stop_reason);
        outcome.text = (!silent && !text.is_empty()).then_some(text);
        outcome.usage = self.usage;
        outcome.model.clone_from(&self.model);
        outcome.error = error;

        let mut stored = RunEnd::new(stored_state(state), None);
        if state == FinalState::Done || !parts.is_empty() || outcome.error.is_some() {
            let model = self.model.as_ref();
            let usage = (&self.last_usage, self.price);
            let mut row = rows::assistant(self.run, model, &parts, usage, stop_reason);
            row.created_at_ms = self.inner.now_ms();
            if let Some(error) = &outcome.error {
                row.meta.insert("errorMessage".into(), error.message.clone().into());
            }
            stored.messages.push(row.once(format!("{}:assistant", self.run.run_id)));
        }
        stored.session = self.record(state);
        self.inner.finish(self.run, outcome, stored).await;
        self.run.outcome().borrow().clone()
    }

    /// What the run leaves on its session.
    fn record(&self, state: FinalState) -> SessionRecord {
        let used = self.usage.total() > 0;
        let tokens = TokenCounters {
            input: self.usage.input,
            output: self.usage.output,
            total: self.last_usage.prompt(),
            total_fresh: used,
            cache_read: self.usage.cache_read,
            cache_write: self.usage.cache_write,
            context: self.context_window,
        };
        SessionRecord {
            model_provider: self.model.as_ref().map(|model| model.provider.clone()),
            model: self.model.as_ref().map(|model| model.model.clone()),
            tokens: used.then_some(tokens),
            aborted_last_run: Some(state == FinalState::Aborted),
            system_sent: self.model.is_some().then_some(true),
            unread: None,
        }
    }
}
