//! One turn: ask a model, run the tools it calls, ask again, until there is an answer.
//!
//! Every step is in the transcript before the next begins. A turn ends in one of four ways: answered,
//! failed (what there is of the answer is kept), aborted (the same), or left for the next life of the
//! Gateway, which is what happens when the process stops.

use std::{sync::Arc, time::Duration};

use openclaw_store::{
    StoreError,
    runs::Step,
    sessions::SessionEntry,
    transcripts::{MessageRow, NewMessage},
};

use crate::{
    answer::Whole,
    error::AgentError,
    events::AgentEventKind,
    inner::Inner,
    live::LiveRun,
    model::{ModelError, ModelMessage, ModelRef, ModelRequest, Part, Price, ThinkingLevel, Usage},
    models::Resolved,
    prompt,
    queue::Batch,
    rows,
    run::{AbortReason, RunError, RunOutcome},
    settings::AgentSettings,
    standing::Standing,
    throttle::Throttle,
    tool::Tool,
};

mod ask;
mod compact;
mod finish;
mod tools;

/// Rows of a transcript that are looked at for a prompt.
pub(crate) const MAX_ROWS: usize = 1000;

/// Gives a batch its turn. `None`: the Gateway is stopping, and the runs stay unfinished.
pub(crate) async fn take(
    inner: &Arc<Inner>,
    batch: Batch<Arc<LiveRun>>,
) -> Option<Arc<RunOutcome>> {
    let settings = inner.settings();
    let run = Arc::clone(&batch.leader);
    let limit = run.options.timeout(settings.run_timeout);
    let mut turn = Turn {
        inner,
        answer: Throttle::answer(settings.delta_interval),
        thinking: Throttle::thinking(settings.delta_interval),
        settings,
        run: &run,
        usage: Usage::default(),
        last_usage: Usage::default(),
        model: None,
        context_window: None,
        price: None,
        overflowed: false,
        tools: Vec::new(),
    };
    let end = watch_deadline(&run, limit, turn.go(&batch)).await;
    turn.finish(end).await
}

/// How a turn ends.
enum End {
    Answered(Whole),
    Failed {
        error: RunError,
        partial: Vec<Part>,
    },
    /// Cancelled: aborted if the run has a reason, else the Gateway is stopping.
    Cancelled {
        partial: Vec<Part>,
    },
    /// The run had ended before it had its turn.
    Over,
}

struct Turn<'a> {
    inner: &'a Arc<Inner>,
    run: &'a Arc<LiveRun>,
    settings: Arc<AgentSettings>,
    answer: Throttle,
    thinking: Throttle,
    /// Tokens of all answers of this run.
    usage: Usage,
    /// Tokens of the last answer: what the conversation takes of the context.
    last_usage: Usage,
    model: Option<ModelRef>,
    context_window: Option<u64>,
    /// What the model costs that was asked last.
    price: Option<Price>,
    /// The provider said once that the conversation is too long.
    overflowed: bool,
    /// The tools that the agent has in this turn.
    tools: Vec<Arc<dyn Tool>>,
}

impl Turn<'_> {
    async fn go(&mut self, batch: &Batch<Arc<LiveRun>>) -> End {
        match self.try_go(batch).await {
            Ok(end) => end,
            Err(AgentError::Model(error)) => {
                self.failed(RunError::plain("unknown_model", &error.to_string()))
            }
            Err(error) => {
                tracing::error!(run_id = %self.run.run_id, error = ?error, "turn failed");
                self.failed(RunError::plain("storage", &error.to_string()))
            }
        }
    }

    fn failed(&self, error: RunError) -> End {
        End::Failed { error, partial: Vec::new() }
    }

    async fn try_go(&mut self, batch: &Batch<Arc<LiveRun>>) -> Result<End, AgentError> {
        if !self.begin(batch).await? {
            return Ok(End::Over);
        }
        let store = &self.inner.store;
        let session = store.sessions().get(&self.run.session_key).await?;
        let resolved = self.resolve(session.as_ref())?;
        self.context_window = resolved.model.context_window();
        let rows = self.rows().await?;
        self.append(tools::missing_results(&rows)).await?;

        let standing = self.standing(batch, &resolved);
        let tools = self.inner.tools_of(&self.settings, &standing);
        self.tools = tokio::select! {
            biased;
            () = self.run.cancel.cancelled() => Vec::new(),
            tools = tools => tools,
        };
        let specs = self.tools.iter().map(|tool| tool.spec()).collect();
        let system = prompt::system(&self.prompt_facts(&resolved)).await;
        let mut request = ModelRequest {
            messages: crate::compact::conversation(&self.rows().await?),
            system,
            tools: specs,
            thinking: self.thinking_level(session.as_ref()),
            max_output_tokens: None,
        };
        for round in 0..=self.settings.max_tool_rounds {
            let whole = match self.ask_shortened(&resolved, &mut request).await? {
                ask::Asked::Answer(whole) => whole,
                ask::Asked::Ended(end) => return Ok(end),
            };
            let calls = tools::calls(&whole.parts);
            if calls.is_empty() {
                return Ok(End::Answered(whole));
            }
            if round == self.settings.max_tool_rounds {
                let message = format!("stopped after {round} rounds of tool calls");
                let error = RunError::plain("tool_limit", &message);
                return Ok(End::Failed { error, partial: tools::without_calls(whole.parts) });
            }
            self.keep_round(&whole).await?;
            let origin = self.model.clone();
            request.messages.push(prompt::assistant(whole.parts, origin));
            request.messages.extend(self.run_tools(&calls).await?);
            if self.run.cancel.is_cancelled() {
                return Ok(End::Cancelled { partial: Vec::new() });
            }
            request.messages.extend(self.steered().await?);
        }
        Ok(self.failed(RunError::plain("tool_limit", "too many rounds of tool calls")))
    }

    async fn rows(&self) -> Result<Vec<MessageRow>, AgentError> {
        let transcripts = self.inner.store.transcripts();
        Ok(transcripts.tail(&self.run.session_id, MAX_ROWS, None).await?)
    }

    /// Notes in the store that the runs have their turn, with the messages that waited.
    async fn begin(&self, batch: &Batch<Arc<LiveRun>>) -> Result<bool, AgentError> {
        for run in std::iter::once(&batch.leader).chain(&batch.followers) {
            let is_leader = Arc::ptr_eq(run, &batch.leader);
            let dropped = (is_leader && !batch.dropped.is_empty()).then_some(&batch.dropped);
            let note = dropped.map(|lines| rows::dropped_note(run, lines, self.inner.now_ms()));
            if self.begin_one(run, note).await?.is_none() && is_leader {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The same of one run, after a note. `None`: it has ended already.
    async fn begin_one(
        &self,
        run: &LiveRun,
        note: Option<NewMessage>,
    ) -> Result<Option<Vec<MessageRow>>, AgentError> {
        let now_ms = self.inner.now_ms();
        let (text, pictures) = (&run.message, &run.options.attachments);
        let user = rows::user(&run.run_id, text, pictures, false, now_ms);
        let messages = note.into_iter().chain([user]).collect();
        let rows = match self.inner.store.runs().start(&run.run_id, messages, now_ms).await? {
            Step::Taken(rows) => rows,
            Step::Ended(_) => return Ok(None),
        };
        // Other rows were told when they were made.
        let new = run.options.queued && !run.resumed;
        for row in rows.iter().filter(|_| new) {
            run.emit(AgentEventKind::Message(Arc::new(row.clone())));
        }
        let started_at_ms = run.started(now_ms);
        run.emit(AgentEventKind::Started { started_at_ms });
        Ok(Some(rows))
    }

    /// What was written meanwhile to steer this turn.
    async fn steered(&self) -> Result<Vec<ModelMessage>, AgentError> {
        let mut messages = Vec::new();
        for run in self.inner.lanes.join(self.run) {
            let rows = self.begin_one(&run, None).await?;
            messages.extend(prompt::messages(&rows.unwrap_or_default()));
        }
        Ok(messages)
    }

    fn resolve(&self, session: Option<&SessionEntry>) -> Result<Resolved, AgentError> {
        let chosen = session.and_then(|entry| {
            let model = entry.settings.model_override.as_deref()?;
            Some(match entry.settings.provider_override.as_deref() {
                Some(provider) => format!("{provider}/{model}"),
                None => model.to_owned(),
            })
        });
        let own = self.settings.profile(&self.run.agent_id).and_then(|agent| agent.model.clone());
        let wanted = self.run.options.model.clone().or(chosen).or(own);
        Ok(self.inner.models.resolve(wanted.as_deref())?)
    }

    /// For whom the turn is: everybody whose message it answers, with whatever model.
    fn standing<'a>(
        &'a self,
        batch: &'a Batch<Arc<LiveRun>>,
        resolved: &'a Resolved,
    ) -> Standing<'a> {
        let runs = std::iter::once(&batch.leader).chain(&batch.followers);
        let owner = runs.clone().all(|run| run.is_of_owner(&self.settings));
        let asked = |run: &'a Arc<LiveRun>| Some((run.options.route.as_ref()?, &*run.principal));
        let models = std::iter::once(&resolved.model).chain(&resolved.fallbacks);
        Standing {
            agent: &self.run.agent_id,
            models: models.map(|model| model.id()).collect(),
            asked: runs.filter_map(asked).collect(),
            owner,
        }
    }

    fn thinking_level(&self, session: Option<&SessionEntry>) -> ThinkingLevel {
        let chosen = session.and_then(|entry| entry.settings.thinking_level.as_deref());
        self.run
            .options
            .thinking
            .or_else(|| ThinkingLevel::parse(chosen?))
            .unwrap_or_else(|| self.settings.thinking_for(&self.run.agent_id))
    }

    fn prompt_facts(&self, resolved: &Resolved) -> prompt::Facts {
        prompt::Facts {
            agent: self.settings.profile(&self.run.agent_id).cloned().unwrap_or_default(),
            model: resolved.model.id().clone(),
            session_key: self.run.session_key.clone(),
            version: self.settings.version.clone(),
            extra: self.run.options.extra_system_prompt.clone(),
            max_chars: self.settings.bootstrap_max_chars,
            total_max_chars: self.settings.bootstrap_total_max_chars,
            skills: self.settings.skills.clone(),
            time_zone: self.settings.time_zone.clone(),
        }
    }

    /// Writes an answer that calls tools.
    async fn keep_round(&self, whole: &Whole) -> Result<(), AgentError> {
        let stop = whole.stop.as_str();
        let usage = (&whole.usage, self.price);
        let row = rows::assistant(self.run, self.model.as_ref(), &whole.parts, usage, stop);
        self.append(vec![row]).await?;
        Ok(())
    }

    /// Adds rows to the transcript and tells of them.
    async fn append(&self, rows: Vec<NewMessage>) -> Result<Vec<MessageRow>, AgentError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let now_ms = self.inner.now_ms();
        let rows = rows.into_iter().map(|row| NewMessage { created_at_ms: now_ms, ..row });
        let runs = self.inner.store.runs();
        match runs.start(&self.run.run_id, rows.collect(), now_ms).await? {
            Step::Taken(rows) => {
                for row in &rows {
                    self.run.emit(AgentEventKind::Message(Arc::new(row.clone())));
                }
                Ok(rows)
            }
            Step::Ended(_) => Err(StoreError::NotFound("unfinished run").into()),
        }
    }
}

/// A failure in words, naming every model that was tried.
fn failure(tried: &[(ModelRef, ModelError)]) -> RunError {
    let Some((model, last)) = tried.last() else {
        return RunError::plain("no_model", "no model could be asked");
    };
    let message = match tried {
        [_] => format!("{model}: {last}"),
        many => {
            let each: Vec<String> =
                many.iter().map(|(model, error)| format!("{model}: {error}")).collect();
            format!("all models failed: {}", each.join("; "))
        }
    };
    RunError::of(last, message)
}

/// Stops a run when its time is over; ends with the run.
async fn watch_deadline<F: Future>(run: &LiveRun, limit: Option<Duration>, work: F) -> F::Output {
    let Some(limit) = limit else { return work.await };
    tokio::pin!(work);
    tokio::select! {
        biased;
        output = &mut work => return output,
        () = tokio::time::sleep(limit) => run.abort(AbortReason::Timeout),
    }
    work.await
}
