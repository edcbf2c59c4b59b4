//! Keeping a conversation within what its model can read.

use super::{End, Turn, ask::Asked};
use crate::{
    compact::{self, CompactReason},
    error::AgentError,
    events::AgentEventKind,
    model::{ErrorKind, ModelRequest},
    models::Resolved,
    prompt,
};

impl Turn<'_> {
    /// Asks; a conversation that nearly fills the window is made shorter first, and one that a provider
    /// finds too long is made shorter and sent once more. No tool runs in between.
    pub(super) async fn ask_shortened(
        &mut self,
        resolved: &Resolved,
        request: &mut ModelRequest,
    ) -> Result<Asked, AgentError> {
        let budget = prompt::budget(self.context_window, request.system.len());
        if prompt::weigh(&request.messages) > budget {
            self.compact(resolved, request, CompactReason::AutoThreshold, budget).await?;
        }
        request.messages = prompt::fit(std::mem::take(&mut request.messages), budget);
        let asked = self.ask(resolved, request).await;
        let too_long = matches!(&asked, Asked::Ended(End::Failed { error, partial })
            if error.kind == ErrorKind::ContextLength && partial.is_empty());
        if !too_long || self.overflowed {
            return Ok(asked);
        }
        self.overflowed = true;
        // The window is smaller than it was thought to be.
        let budget = budget.min(prompt::weigh(&request.messages)) / 2;
        let shorter = self.compact(resolved, request, CompactReason::OverflowRetry, budget).await?;
        if shorter { Ok(self.ask(resolved, request).await) } else { Ok(asked) }
    }

    /// Makes the oldest part of the conversation into a summary. Whether there is one now.
    async fn compact(
        &mut self,
        resolved: &Resolved,
        request: &mut ModelRequest,
        reason: CompactReason,
        budget: u64,
    ) -> Result<bool, AgentError> {
        let rows = self.rows().await?;
        let Some(plan) = compact::plan(&rows, budget, false) else { return Ok(false) };
        let will_retry = reason == CompactReason::OverflowRetry;
        let tell = |ended, completed| {
            self.run.emit(AgentEventKind::Compaction { ended, completed, will_retry });
        };
        tell(false, false);
        let mut summary = None;
        for model in std::iter::once(&resolved.model).chain(&resolved.fallbacks) {
            match plan.summarise(model, None, &self.run.cancel).await {
                Ok(made) => {
                    summary = Some(made);
                    break;
                }
                Err(error) => tracing::warn!(
                    run_id = %self.run.run_id, model = %model.id(), reason = error.reason(),
                    "no summary of a long conversation"
                ),
            }
        }
        tell(true, summary.is_some());
        let Some((summary, used)) = summary else { return Ok(false) };
        self.usage.add(&used);
        let row = plan.row(&summary, reason, self.run.run_id.as_str());
        self.append(vec![row]).await?;
        request.messages = compact::conversation(&self.rows().await?);
        Ok(true)
    }
}
