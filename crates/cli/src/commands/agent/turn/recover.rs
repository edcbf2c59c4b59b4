//! The end of a run whose own answer was lost with its link: `agent.wait` says when, the transcript what.

use std::time::Duration;

use openclaw_client::Events;
use openclaw_protocol::methods::agent::{AgentWait, AgentWaitResult, RunStatus};
use openclaw_protocol::methods::chat::{ChatHistory, ChatHistoryResult};
use openclaw_protocol::transcript::MessageRole;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Followed, Turn};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::{Link, params};
use crate::output::harmless;

/// How long one `agent.wait` waits.
const WAIT: Duration = Duration::from_secs(20);

impl Turn<'_> {
    /// Waits for the end of a run that was accepted over an earlier link.
    pub(super) async fn wait(&mut self, link: &Link) -> Result<Followed, Failure> {
        let mut events = link.events();
        loop {
            let milliseconds = u64::try_from(WAIT.as_millis()).unwrap_or(u64::MAX);
            let wanted =
                params::<AgentWait>(json!({ "runId": self.run_id, "timeoutMs": milliseconds }))?;
            let asked = link.try_ask::<AgentWait>(&wanted, WAIT + Duration::from_secs(10));
            let waited = tokio::select! {
                _ = tokio::signal::ctrl_c() => return Ok(Followed::Interrupted),
                waited = self.watch(&mut events, asked) => waited?,
            };
            match waited {
                Ok(value) => {
                    let result: AgentWaitResult = serde_json::from_value(value)
                        .map_err(|error| Failure::local("agent.wait answered oddly", &error))?;
                    if result.status != RunStatus::Timeout {
                        return self.recovered(link, result).await.map(Followed::Done);
                    }
                    if Instant::now() >= self.deadline {
                        let message = "the run did not end in time; it may still go on";
                        return Err(Failure::new(ExitCode::LinkLost, message)
                            .hint("openclaw sessions show --follow"));
                    }
                }
                Err(error) => return self.last_word(Some(Err(error))),
            }
        }
    }

    /// Prints events until the call has its answer.
    async fn watch<T>(
        &mut self,
        events: &mut Events,
        call: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        tokio::pin!(call);
        loop {
            tokio::select! {
                answer = &mut call => return Ok(answer),
                Some(delivery) = events.next() => drop(self.show(&delivery)?),
            }
        }
    }

    /// The result of a run whose final answer was lost: what the transcript says.
    async fn recovered(&self, link: &Link, waited: AgentWaitResult) -> Result<Value, Failure> {
        if waited.status == RunStatus::Error {
            let message = waited.error.unwrap_or_else(|| "the run failed".to_owned());
            return Err(Failure::new(ExitCode::Failed, harmless(&message)));
        }
        let key = self.session_key.as_deref().unwrap_or("main");
        let wanted = params::<ChatHistory>(json!({ "sessionKey": key, "limit": 50 }))?;
        let history = link.ask::<ChatHistory>(&wanted).await?.into_typed()?;
        let payloads: Vec<Value> = self
            .said(&history)
            .into_iter()
            .map(|text| json!({ "text": text, "mediaUrl": null }))
            .collect();
        let duration = waited.ended_at.zip(waited.started_at);
        let duration = duration.map_or(0, |(end, start)| end.saturating_sub(start));
        Ok(json!({
            "runId": self.run_id,
            "status": waited.status,
            "summary": "recovered",
            "result": { "payloads": payloads, "meta": { "durationMs": duration } },
        }))
    }

    /// What the assistant said in this run, oldest first.
    fn said(&self, history: &ChatHistoryResult) -> Vec<String> {
        let messages = history.messages.iter().flatten();
        let of_this_run = messages.filter(|message| {
            let run = message.mark.as_ref().and_then(|mark| mark.run_id.as_ref());
            message.role == MessageRole::Assistant
                && run.is_some_and(|run| run.as_str() == self.run_id)
        });
        of_this_run
            .map(|message| message.content.plain_text())
            .filter(|text| !text.is_empty())
            .collect()
    }
}
