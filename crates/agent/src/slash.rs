//! Answering commands: their effect, their words, and the run that carries both.

use std::sync::Arc;

use openclaw_protocol::ids::SessionKey;
use openclaw_store::{
    runs::{RunEnd, RunState, Step},
    sessions::{Change, SessionPatch, SettingsPatch},
    transcripts::NewMessage,
};

use crate::{
    commands::{self, Command},
    compact::{self, Checkpoint, CompactReason},
    error::AgentError,
    events::AgentEventKind,
    inner::Inner,
    live::LiveRun,
    model::ThinkingLevel,
    outcome::stored_state,
    prompt,
    queue::QueueMode,
    rows,
    run::{FinalState, RunError},
    status::StatusSource,
    turn::MAX_ROWS,
};

/// Answers a command and ends its run.
pub(crate) async fn answer(inner: &Arc<Inner>, run: &Arc<LiveRun>, command: Command) {
    let now_ms = inner.now_ms();
    match inner.store.runs().start(&run.run_id, Vec::new(), now_ms).await {
        Ok(Step::Taken(_)) => {}
        Ok(Step::Ended(_)) => return inner.lanes.forget(&run.run_id),
        Err(error) => tracing::warn!(run_id = %run.run_id, %error, "start of a command not stored"),
    }
    let started_at_ms = run.started(now_ms);
    run.emit(AgentEventKind::Started { started_at_ms });
    let (state, text, error) = match obey(inner, run, command).await {
        Ok(text) => (FinalState::Done, text, None),
        Err(error) => {
            tracing::warn!(run_id = %run.run_id, error = ?error, "command failed");
            let error = RunError::plain("command", &error.to_string());
            (FinalState::Error, String::new(), Some(error))
        }
    };
    let mut outcome = inner.outcome(run, state, "command");
    let mut end = RunEnd::new(stored_state(state), None);
    if error.is_none() {
        run.emit(AgentEventKind::Text {
            cumulative: text.clone(),
            delta: text.clone(),
            replace: false,
        });
        end.messages.push(rows::command_reply(run, &text, inner.now_ms()));
        outcome.text = Some(text);
    } else {
        end.state = RunState::Error;
    }
    outcome.error = error;
    inner.finish(run, outcome, end).await;
}

async fn obey(inner: &Arc<Inner>, run: &LiveRun, command: Command) -> Result<String, AgentError> {
    match command {
        Command::Help => Ok(commands::help_text()),
        Command::Whoami => Ok(whoami(run)),
        Command::Status => Ok(status(inner)
            .text(&run.session_key, &run.agent_id, run.options.route.as_ref())
            .await?),
        // The reset itself was done before this run could be accepted into the new transcript.
        Command::Reset { .. } => Ok(match model_name(inner, run) {
            Some(model) => format!("New session started · model: {model}"),
            None => String::from("New session started"),
        }),
        Command::Model { wanted } => model(inner, run, &wanted).await,
        Command::Models => Ok(models(inner)),
        Command::Think { level } => think(inner, run, &level).await,
        Command::Compact { wish } => compact_here(inner, run, &wish).await,
        Command::Queue { mode } => queue(inner, run, &mode).await,
        Command::Activation { when } => activation(inner, run, &when).await,
        Command::Unknown { name } => {
            Ok(format!("There is no command /{name}. /help lists those there are."))
        }
    }
}

/// Who asks, as the configuration would name them, and where.
fn whoami(run: &LiveRun) -> String {
    let mut lines = Vec::new();
    match &run.options.route {
        Some(route) => {
            let start = format!("{}:", route.channel);
            let sender = run.principal.strip_prefix(&start).unwrap_or(&run.principal);
            lines.push(format!("You: {sender}"));
            lines.push(format!("Channel: {} (account {})", route.channel, route.account));
            lines.push(format!("Chat: {}", route.chat));
            lines.extend(route.thread.as_ref().map(|thread| format!("Topic: {thread}")));
        }
        None => lines.push(format!("You: {}", run.principal)),
    }
    lines.push(format!("Agent: {}", run.agent_id));
    lines.push(format!("Session: {}", run.session_key));
    lines.join("\n")
}

fn status(inner: &Inner) -> StatusSource {
    StatusSource {
        store: inner.store.clone(),
        settings: inner.settings.clone(),
        models: Arc::clone(&inner.models),
        lanes: Arc::clone(&inner.lanes),
        clock: Arc::clone(&inner.voice.clock),
    }
}

fn model_name(inner: &Inner, run: &LiveRun) -> Option<String> {
    let own = inner.settings().profile(&run.agent_id).and_then(|agent| agent.model.clone());
    Some(inner.models.resolve(own.as_deref()).ok()?.model.id().to_string())
}

async fn patch(inner: &Inner, run: &LiveRun, settings: SettingsPatch) -> Result<(), AgentError> {
    let patch = SessionPatch { settings, ..SessionPatch::default() };
    let sessions = inner.store.sessions();
    sessions.patch(&run.session_key, &run.agent_id, patch, inner.now_ms()).await?;
    inner.session_changed(&run.session_key, &run.session_id, &run.agent_id, "patch");
    Ok(())
}

async fn model(inner: &Inner, run: &LiveRun, wanted: &str) -> Result<String, AgentError> {
    if wanted.is_empty() {
        let line =
            status(inner).text(&run.session_key, &run.agent_id, run.options.route.as_ref()).await?;
        let model = line.lines().find_map(|line| line.strip_prefix("Model")).map(str::trim);
        let model = model.unwrap_or("none");
        return Ok(format!(
            "Model: {model}. /model NAME chooses another, /model default goes back, /models lists them."
        ));
    }
    if wanted.eq_ignore_ascii_case("default") {
        let settings = SettingsPatch {
            model_override: Change::Clear,
            provider_override: Change::Clear,
            ..SettingsPatch::default()
        };
        patch(inner, run, settings).await?;
        let model = model_name(inner, run).unwrap_or_else(|| String::from("none"));
        return Ok(format!("Model: {model} (the default)"));
    }
    match inner.models.resolve(Some(wanted)) {
        Ok(resolved) => {
            let chosen = resolved.model.id();
            let settings = SettingsPatch {
                model_override: Change::Set(chosen.model.clone()),
                provider_override: Change::Set(chosen.provider.clone()),
                ..SettingsPatch::default()
            };
            patch(inner, run, settings).await?;
            Ok(format!("Model: {chosen}"))
        }
        Err(error) => {
            Ok(format!("{}. /models lists those there are.", capital(&error.to_string())))
        }
    }
}

fn models(inner: &Inner) -> String {
    let mut lines = vec![String::from("Models:")];
    for info in inner.models.catalog().into_iter().filter(|info| info.available) {
        let default = if info.is_default { " (default)" } else { "" };
        lines.push(format!("- {}{default}", info.reference()));
    }
    lines.join("\n")
}

async fn think(inner: &Inner, run: &LiveRun, wanted: &str) -> Result<String, AgentError> {
    let levels: Vec<&str> = ThinkingLevel::ALL.iter().map(|level| level.as_str()).collect();
    let levels = levels.join(", ");
    if wanted.is_empty() {
        let entry = inner.store.sessions().get(&run.session_key).await?;
        let chosen = entry.and_then(|entry| entry.settings.thinking_level);
        let level = chosen
            .unwrap_or_else(|| inner.settings().thinking_for(&run.agent_id).as_str().to_owned());
        return Ok(format!("Thinking: {level}. Levels: {levels}."));
    }
    let Some(level) = ThinkingLevel::parse(wanted) else {
        return Ok(format!("There is no thinking level \"{wanted}\". Levels: {levels}."));
    };
    let thinking_level = Change::Set(level.as_str().to_owned());
    patch(inner, run, SettingsPatch { thinking_level, ..SettingsPatch::default() }).await?;
    Ok(format!("Thinking: {}", level.as_str()))
}

async fn queue(inner: &Inner, run: &LiveRun, wanted: &str) -> Result<String, AgentError> {
    const MODES: &str = "steer, followup, collect, interrupt";
    let default = inner.settings().queue.mode_for(run.options.route.as_ref());
    if wanted.is_empty() {
        let entry = inner.store.sessions().get(&run.session_key).await?;
        let chosen =
            entry.and_then(|entry| QueueMode::parse(entry.settings.queue_mode.as_deref()?));
        let mode = chosen.unwrap_or(default);
        return Ok(format!("Queue: {}. Modes: {MODES}.", mode.as_str()));
    }
    if wanted.eq_ignore_ascii_case("default") {
        let settings = SettingsPatch { queue_mode: Change::Clear, ..SettingsPatch::default() };
        patch(inner, run, settings).await?;
        return Ok(format!("Queue: {} (the default)", default.as_str()));
    }
    let Some(mode) = QueueMode::parse(wanted) else {
        return Ok(format!("There is no queue mode \"{wanted}\". Modes: {MODES}."));
    };
    let queue_mode = Change::Set(mode.as_str().to_owned());
    patch(inner, run, SettingsPatch { queue_mode, ..SettingsPatch::default() }).await?;
    let steer = "Queue: steer. A message joins the answer on its way as soon as the tools that run have \
                 ended; if none runs, it waits its turn, as with followup.";
    Ok(if mode == QueueMode::Steer {
        steer.to_owned()
    } else {
        format!("Queue: {}", mode.as_str())
    })
}

async fn activation(inner: &Arc<Inner>, run: &LiveRun, wanted: &str) -> Result<String, AgentError> {
    const WORDS: &str = "mention, always, default";
    if !run.session_key.as_str().contains(":group:") {
        return Ok("Only groups have this: here every message is answered.".to_owned());
    }
    let change = match wanted.to_lowercase().as_str() {
        "" => {
            let entry = inner.store.sessions().get(&run.session_key).await?;
            let chosen = entry.and_then(|entry| entry.settings.group_activation);
            let chosen = chosen.unwrap_or_else(|| "as the configuration says".to_owned());
            return Ok(format!("Activation: {chosen}. To choose from: {WORDS}."));
        }
        "default" => Change::Clear,
        word @ ("mention" | "always") => Change::Set(word.to_owned()),
        _ => return Ok(format!("There is no activation \"{wanted}\". To choose from: {WORDS}.")),
    };
    let answer = match &change {
        Change::Set(word) if word == "always" => "Activation: always. Every message is answered.",
        Change::Set(_) => "Activation: mention. Messages that name me are answered.",
        _ => "Activation: as the configuration says.",
    };
    patch(inner, run, SettingsPatch { group_activation: change, ..SettingsPatch::default() })
        .await?;
    Ok(answer.to_owned())
}

async fn compact_here(inner: &Arc<Inner>, run: &LiveRun, wish: &str) -> Result<String, AgentError> {
    let wish = Some(wish).filter(|wish| !wish.is_empty());
    Ok(match compact(inner, &run.session_key, wish).await {
        Ok(Some(done)) => format!(
            "Compacted: about {} tokens became {}. The last {} messages stay as they are.",
            done.checkpoint.tokens_before, done.checkpoint.tokens_after, done.kept
        ),
        Ok(None) => "There is nothing to compact yet.".to_owned(),
        Err(error @ (AgentError::StillActive(_) | AgentError::Compaction(_))) => error.to_string(),
        Err(error) => return Err(error),
    })
}

/// What became of a conversation that was made shorter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compacted {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// How many of the latest messages stay as they are.
    pub kept: usize,
}

/// Makes a quiet session's conversation shorter; see [`crate::Agent::compact_session`].
pub(crate) async fn compact(
    inner: &Arc<Inner>,
    key: &SessionKey,
    wish: Option<&str>,
) -> Result<Option<Compacted>, AgentError> {
    if inner.lanes.activity(key).active.is_some() {
        return Err(AgentError::StillActive(key.clone()));
    }
    let Some(entry) = inner.store.sessions().get(key).await? else { return Ok(None) };
    let transcripts = inner.store.transcripts();
    let rows = transcripts.tail(&entry.session_id, MAX_ROWS, None).await?;
    let settings = inner.settings();
    let own = settings.profile(&entry.agent_id).and_then(|agent| agent.model.clone());
    let chosen = entry.settings.model_override.as_ref().map(|model| {
        let provider = entry.settings.provider_override.as_ref();
        provider.map_or_else(|| model.clone(), |provider| format!("{provider}/{model}"))
    });
    let resolved = inner.models.resolve(chosen.or(own).as_deref())?;
    let budget = prompt::budget(resolved.model.context_window(), 0);
    let Some(plan) = compact::plan(&rows, budget, true) else { return Ok(None) };
    let cancel = inner.tasks.token();
    let summary = plan.summarise(&resolved.model, wish, &cancel).await;
    let (summary, _) = summary.map_err(|error| AgentError::Compaction(error.to_string()))?;
    let row = plan.row(&summary, CompactReason::Manual, "by-hand");
    let row = NewMessage { created_at_ms: inner.now_ms(), ..row };
    let written = transcripts.append(&entry.session_id, vec![row]).await?;
    inner.session_changed(key, &entry.session_id, &entry.agent_id, "compact");
    let checkpoint = written.first().and_then(Checkpoint::of);
    Ok(checkpoint.map(|checkpoint| Compacted { checkpoint, kept: plan.kept_messages }))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}
