//! `chat.history`: the end of a transcript, or what came after a cursor, with all that a chat page
//! shows beside it.

use openclaw_protocol::{
    RpcError,
    ids::{MessageId, RunId, SessionId, SessionKey},
    methods::chat::{
        ChatHistoryParams, ChatHistoryResult, HistoryKind, InFlightRun, InputReceipt,
        InputReceiptState, PendingInput, PendingInputState, PendingInputs,
    },
    transcript::{MessageRole, TranscriptMessage},
};
use openclaw_store::{
    StoreError,
    runs::{RunRow, RunState},
    sessions::SessionEntry,
};

use crate::{
    router::{Cx, Failure},
    shape::{
        failure,
        history::{self, Cursor, DEFAULT_LIMIT, MAX_HISTORY_BYTES, Since, Window},
        message::Show,
        models::Catalog,
        session,
        target::Target,
    },
};

/// Waiting messages that one answer holds.
const MAX_PENDING: usize = 20;

/// What a client wants to read.
#[derive(Debug)]
pub(crate) struct Ask {
    /// Which session, as the client spells it.
    pub(crate) session_key: String,
    /// Its agent.
    pub(crate) agent_id: Option<String>,
    /// Where the client is.
    pub(crate) cursor: Option<String>,
    /// Most messages.
    pub(crate) limit: Option<usize>,
    /// How many of the latest to leave out.
    pub(crate) offset: u64,
    /// Waiting messages before this one.
    pub(crate) pending_before: Option<usize>,
    /// Runs whose messages' fate is asked for.
    pub(crate) input_run_ids: Vec<RunId>,
    /// A message that must be in the answer.
    pub(crate) message_id: Option<MessageId>,
    /// An older transcript.
    pub(crate) session_id: Option<SessionId>,
    /// Longest text.
    pub(crate) max_chars: Option<usize>,
    /// Most bytes.
    pub(crate) max_bytes: Option<usize>,
}

impl From<ChatHistoryParams> for Ask {
    fn from(params: ChatHistoryParams) -> Self {
        let ids = params.input_run_ids.map(openclaw_protocol::list::List::into_vec);
        Self {
            session_key: params.session_key.into_string(),
            agent_id: params.agent_id.map(openclaw_protocol::text::Text::into_string),
            cursor: params.cursor,
            limit: params.limit.map(|limit| limit.as_usize()),
            offset: params.offset.map_or(0, |offset| offset.get()),
            pending_before: params.pending_before.map(|before| before.as_usize()),
            input_run_ids: ids
                .unwrap_or_default()
                .into_iter()
                .map(|id| RunId::new(id.into_string()))
                .collect(),
            message_id: params.message_id.map(|id| MessageId::new(id.into_string())),
            session_id: params.session_id.map(|id| SessionId::new(id.into_string())),
            max_chars: params.max_chars.map(|chars| chars.as_usize()),
            max_bytes: params.max_bytes.map(|bytes| bytes.as_usize()),
        }
    }
}

impl Ask {
    fn window(&self, protocol: u32) -> Window {
        let show = Show::for_protocol(protocol);
        Window {
            limit: self.limit.unwrap_or(DEFAULT_LIMIT).min(history::MAX_LIMIT),
            offset: self.offset,
            max_bytes: self.max_bytes.unwrap_or(MAX_HISTORY_BYTES).min(MAX_HISTORY_BYTES),
            show: Show { max_chars: self.max_chars.unwrap_or(show.max_chars), ..show },
        }
    }
}

/// Reads what is wanted.
///
/// # Errors
/// When the request is at fault or the store cannot be read.
pub(crate) async fn read(cx: &Cx, ask: Ask) -> Result<ChatHistoryResult, Failure> {
    let target = Target::named(&cx.state, &ask.session_key, ask.agent_id.as_deref())?;
    let failed = |error: StoreError| failure::store(&cx.state, &error);
    let entry = cx.state.store.sessions().get(&target.key).await.map_err(failed)?;
    let session_id = which_transcript(cx, &ask, &target, entry.as_ref()).await?;
    let mut result = match (&ask.cursor, &session_id) {
        (Some(_), None) => return Ok(reset()),
        (Some(cursor), Some(session_id)) => match delta(cx, &ask, session_id, cursor).await? {
            Some(result) => result,
            None => return Ok(reset()),
        },
        (None, session_id) => tail(cx, &ask, session_id.as_ref()).await?,
    };
    beside(cx, &ask, &target, entry, &mut result).await.map_err(failed)?;
    Ok(result)
}

fn reset() -> ChatHistoryResult {
    ChatHistoryResult { kind: Some(HistoryKind::Reset), ..ChatHistoryResult::default() }
}

/// The session's transcript, or the older one of it that is asked for.
async fn which_transcript(
    cx: &Cx,
    ask: &Ask,
    target: &Target,
    entry: Option<&SessionEntry>,
) -> Result<Option<SessionId>, Failure> {
    let current = entry.map(|entry| entry.session_id.clone());
    let Some(wanted) = &ask.session_id else { return Ok(current) };
    let info = cx.state.store.transcripts().info(wanted).await;
    let info = info.map_err(|error| failure::store(&cx.state, &error))?;
    match info {
        Some(info) if info.session_key == target.key => Ok(Some(wanted.clone())),
        _ => Err(RpcError::invalid(format!("No session found: {wanted}")).into()),
    }
}

async fn delta(
    cx: &Cx,
    ask: &Ask,
    session_id: &SessionId,
    cursor: &str,
) -> Result<Option<ChatHistoryResult>, Failure> {
    let window = ask.window(cx.conn.protocol);
    let since = history::since(cx.state.store.transcripts(), session_id, cursor, window).await;
    match since.map_err(|error| failure::store(&cx.state, &error))? {
        Since::Reset => Ok(None),
        Since::Delta(messages, next) => Ok(Some(ChatHistoryResult {
            kind: Some(HistoryKind::Delta),
            messages: Some(messages),
            delta_cursor: Some(next.to_string()),
            ..ChatHistoryResult::default()
        })),
    }
}

async fn tail(
    cx: &Cx,
    ask: &Ask,
    session_id: Option<&SessionId>,
) -> Result<ChatHistoryResult, Failure> {
    let mut result = ChatHistoryResult {
        session_key: Some(SessionKey::new(ask.session_key.as_str())),
        session_id: session_id.cloned(),
        messages: Some(Vec::new()),
        ..ChatHistoryResult::default()
    };
    let Some(session_id) = session_id else { return Ok(result) };
    let window = around(cx, ask, session_id).await?;
    let page = history::page(cx.state.store.transcripts(), session_id, window).await;
    let page = page.map_err(|error| failure::store(&cx.state, &error))?;
    let cursor = Cursor { session_id: session_id.clone(), seq: page.total };
    // An older page does not end where new messages begin.
    result.delta_cursor = (window.offset == 0).then(|| cursor.to_string());
    result.messages = Some(page.messages);
    result.has_more = Some(page.has_more);
    result.next_offset = page.next_offset;
    result.total_messages = Some(page.total);
    Ok(result)
}

/// The window, moved so that it holds the message that is asked for.
async fn around(cx: &Cx, ask: &Ask, session_id: &SessionId) -> Result<Window, Failure> {
    let window = ask.window(cx.conn.protocol);
    let Some(message_id) = &ask.message_id else { return Ok(window) };
    let transcripts = cx.state.store.transcripts();
    let failed = |error: StoreError| failure::store(&cx.state, &error);
    let message = transcripts.get(message_id).await.map_err(failed)?;
    let Some(message) = message.filter(|message| message.session_id == *session_id) else {
        return Err(RpcError::invalid(format!("message not found: {message_id}")).into());
    };
    let total = transcripts.count(session_id).await.map_err(failed)?;
    let after = (window.limit / 2) as u64;
    let offset = total.saturating_sub(message.seq.saturating_add(after));
    Ok(Window { offset, ..window })
}

/// What is shown beside messages.
async fn beside(
    cx: &Cx,
    ask: &Ask,
    target: &Target,
    entry: Option<SessionEntry>,
    result: &mut ChatHistoryResult,
) -> Result<(), StoreError> {
    let state = &cx.state;
    let activity = state.agent.activity(&target.key);
    result.in_flight_run = activity.active.map(|run| InFlightRun {
        run_id: run.run_id,
        started_at: run.started_at_ms,
        text: (!run.text.is_empty()).then_some(run.text),
    });
    result.pending_inputs = Some(pending(cx, &activity.queued, ask.pending_before).await?);
    if !ask.input_run_ids.is_empty() {
        let messages = result.messages.as_deref().unwrap_or_default();
        result.input_receipts = Some(receipts(cx, &ask.input_run_ids, messages).await?);
    }
    if result.kind.is_none() {
        result.defaults = Some(session::defaults(&Catalog::of(state), &target.agent));
    }
    let Some(entry) = entry else { return Ok(()) };
    result.thinking_level.clone_from(&entry.settings.thinking_level);
    result.verbose_level.clone_from(&entry.settings.verbose_level);
    let last = state.store.transcripts().tail(&entry.session_id, 1, None).await?;
    let mut rows = session::rows(state, &[entry], false, false).await?;
    if let Some(row) = rows.first_mut() {
        row.active_leaf_entry_id = last.first().map(|message| message.message_id.to_string());
    }
    result.session_info = rows.pop();
    Ok(())
}

/// Messages that wait for their turn; they have no place in the transcript yet.
async fn pending(
    cx: &Cx,
    queued: &[RunId],
    before: Option<usize>,
) -> Result<PendingInputs, StoreError> {
    // Places count from 1, the oldest first.
    let end = before.map_or(queued.len(), |before| before.saturating_sub(1).min(queued.len()));
    let start = end.saturating_sub(MAX_PENDING);
    let mut items = Vec::new();
    for run in queued.get(start..end).unwrap_or_default() {
        if let Some(row) = cx.state.store.runs().get(run).await? {
            items.push(pending_input(row));
        }
    }
    let next_before = (start > 0).then_some(start as u64 + 1);
    Ok(PendingInputs { items, total: queued.len() as u64, next_before })
}

fn pending_input(run: RunRow) -> PendingInput {
    PendingInput {
        id: run.run_id.to_string(),
        message: TranscriptMessage {
            idempotency_key: Some(run.run_id.to_string()),
            ..TranscriptMessage::text(MessageRole::User, run.message, run.accepted_at_ms)
        },
        run_id: Some(run.run_id),
        accepted_at: run.accepted_at_ms,
        state: PendingInputState::Queued,
    }
}

/// What became of messages: a run that has begun has put its message into the transcript.
async fn receipts(
    cx: &Cx,
    runs: &[RunId],
    messages: &[TranscriptMessage],
) -> Result<Vec<InputReceipt>, StoreError> {
    let mut receipts = Vec::new();
    for run_id in runs {
        let Some(run) = cx.state.store.runs().get(run_id).await? else { continue };
        let receipt = if run.state == RunState::Accepted {
            InputReceipt { run_id: run_id.clone(), ..InputReceipt::default() }
        } else {
            InputReceipt {
                run_id: run_id.clone(),
                state: InputReceiptState::Consumed,
                consumed_by_event_id: Some(message_of(messages, run_id)),
            }
        };
        receipts.push(receipt);
    }
    Ok(receipts)
}

/// The message that a run brought; outside of this answer it goes by the run's id.
fn message_of(messages: &[TranscriptMessage], run: &RunId) -> String {
    let by_run = |message: &&TranscriptMessage| {
        message.role == MessageRole::User
            && message.mark.as_ref().is_some_and(|mark| mark.run_id.as_ref() == Some(run))
    };
    let mark = messages.iter().find(by_run).and_then(|message| message.mark.as_ref());
    mark.map_or_else(|| run.to_string(), |mark| mark.id.to_string())
}
