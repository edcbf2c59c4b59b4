//! A conversation in a session: send, read, stop.
//!
//! What requests carry is in [`params`].

pub mod params;

pub use params::*;

use crate::{
    ids::{RunId, SessionId, SessionKey},
    macros::{names, record},
    methods::{
        agent::{AgentsListResult, RunStatus},
        models::ModelChoice,
        queue_on,
        sessions::{SessionListDefaults, SessionRow},
    },
    row::{Idempotency, Since, methods},
    transcript::TranscriptMessage,
};

record! {
    /// Result of `chat.send` and `sessions.send`: a run, or for a stop word what was stopped.
    ChatSendResult {
        /// The run; equal to the idempotency key.
        run_id?: RunId,
        /// `started`, `in_flight`, or `ok`.
        status?: RunStatus,
        /// Place of the person's message in the transcript.
        message_seq?: u64,
        /// Stop word: always true.
        ok?: bool,
        /// Stop word: whether something was stopped.
        aborted?: bool,
        /// Stop word: what was stopped.
        run_ids?: Vec<RunId>,
    }

    /// Result of `chat.abort`.
    ChatAbortResult {
        /// Always true.
        ok: bool,
        /// Whether something was stopped.
        aborted: bool,
        /// What was stopped.
        run_ids: Vec<RunId>,
    }

    /// Result of `chat.history` and `chat.startup`.
    ///
    /// Without a cursor it is the tail of the transcript. With one it is `delta`, and holds only what
    /// is new, or `reset`, and holds nothing: the cursor is of no use any more.
    ChatHistoryResult {
        /// Absent on a tail.
        kind?: HistoryKind,
        /// Tail: the session.
        session_key?: SessionKey,
        /// Tail: its transcript.
        session_id?: SessionId,
        /// Oldest first.
        messages?: Vec<TranscriptMessage>,
        /// Messages that wait for their turn.
        pending_inputs?: PendingInputs,
        /// What became of the runs asked for.
        input_receipts?: Vec<InputReceipt>,
        /// Send it back to get only what is new.
        delta_cursor?: String,
        /// Where older messages begin.
        next_offset?: u64,
        /// Whether there are older messages.
        has_more?: bool,
        /// How many messages the transcript has.
        total_messages?: u64,
        /// What a new session uses.
        defaults?: SessionListDefaults,
        /// The session.
        session_info?: SessionRow,
        /// How hard the model thinks.
        thinking_level?: String,
        /// How much of its tools it shows.
        verbose_level?: String,
        /// The run that is busy now.
        in_flight_run?: InFlightRun,
        /// `chat.startup`: models and commands.
        metadata?: ChatMetadataResult,
        /// `chat.startup`: the agents.
        agents_list?: AgentsListResult,
    }

    /// Result of `chat.message.get`.
    ChatMessageGetResult {
        /// Whether the message is here.
        ok: bool,
        /// The message, with the pictures that histories leave out.
        message?: TranscriptMessage,
        /// Why it is not.
        unavailable_reason?: UnavailableReason,
    }

    /// Messages that wait for their turn.
    PendingInputs {
        /// The latest of them, oldest first.
        items: Vec<PendingInput>,
        /// How many there are.
        total: u64,
        /// Where older ones end.
        next_before?: u64,
    }

    /// A message that waits for its turn.
    PendingInput {
        /// Names it.
        id: String,
        /// The run it will start.
        run_id?: RunId,
        /// What it says.
        message: TranscriptMessage,
        /// When it came, in milliseconds since 1970.
        accepted_at: u64,
        /// What became of it.
        state: PendingInputState,
    }

    /// What became of a run's message.
    InputReceipt {
        /// The run.
        run_id: RunId,
        /// Whether the model has it.
        state: InputReceiptState,
        /// The message it became part of.
        consumed_by_event_id?: String,
    }

    /// A run that is busy now.
    InFlightRun {
        /// The run.
        run_id: RunId,
        /// When it began, in milliseconds since 1970.
        started_at: u64,
        /// What the assistant said so far.
        text?: String,
    }

    /// Result of `chat.metadata`.
    ChatMetadataResult {
        /// Models to choose from.
        models: Vec<ModelChoice>,
        /// Commands that start with a slash.
        commands: Vec<CommandEntry>,
        /// Whether many agents can work at once.
        swarm_enabled: bool,
        /// Which account pays.
        account_selection?: AccountSelection,
    }

    /// Which account pays.
    AccountSelection {
        /// How it was chosen.
        kind: String,
        /// Its name for people.
        label: String,
    }

    /// A command that starts with a slash.
    CommandEntry {
        /// Its name, without the slash.
        name: String,
        /// Its name where a channel knows commands of its own.
        native_name?: String,
        /// Other ways to write it, with the slash.
        text_aliases?: Vec<String>,
        /// What it does.
        description: String,
        /// Where it is listed.
        category?: CommandCategory,
        /// Who brought it.
        source: CommandSource,
        /// Where it works.
        scope: CommandScope,
        /// Whether it takes arguments.
        accepts_args: bool,
        /// Its arguments.
        args?: Vec<CommandArgument>,
    }

    /// An argument of a command.
    CommandArgument {
        /// Its name.
        name: String,
        /// What it means.
        description: String,
        /// Its type.
        #[serde(rename = "type")]
        kind: CommandArgumentType,
        /// Whether it must be there.
        required?: bool,
        /// What may stand there.
        choices?: Vec<CommandChoice>,
    }

    /// What may stand for an argument.
    CommandChoice {
        /// The value.
        value: String,
        /// Its name for people.
        label: String,
    }
}

names! {
    /// Kind of a history answer that was asked for with a cursor.
    HistoryKind {
        /// Only what is new.
        Delta = "delta",
        /// Read again from the start.
        Reset = "reset",
    }

    /// Why a message cannot be had.
    UnavailableReason = NotFound {
        /// The session has none of this name.
        NotFound = "not_found",
        /// It is larger than an answer may be.
        Oversized = "oversized",
        /// It is not for this reader.
        NotVisible = "not_visible",
    }

    /// What became of a waiting message.
    PendingInputState = Queued {
        /// It waits.
        Queued = "queued",
        /// It was taken back.
        Cancelled = "cancelled",
        /// The Gateway stopped before its turn.
        Interrupted = "interrupted",
    }

    /// Whether the model has a message.
    InputReceiptState = Pending {
        /// Not yet.
        Pending = "pending",
        /// It has.
        Consumed = "consumed",
    }

    /// Where a command is listed.
    CommandCategory {
        /// Sessions.
        Session = "session",
        /// Options.
        Options = "options",
        /// Status.
        Status = "status",
        /// Management.
        Management = "management",
        /// Media.
        Media = "media",
        /// Tools.
        Tools = "tools",
    }

    /// Who brought a command.
    CommandSource = Native {
        /// The Gateway.
        Native = "native",
        /// A skill.
        Skill = "skill",
        /// A plugin.
        Plugin = "plugin",
    }

    /// Where a command works.
    CommandScope = Both {
        /// As text.
        Text = "text",
        /// Where a channel knows commands of its own.
        Native = "native",
        /// Both.
        Both = "both",
    }

    /// Type of a command's argument.
    CommandArgumentType = String {
        /// Text.
        String = "string",
        /// A number.
        Number = "number",
        /// Yes or no.
        Boolean = "boolean",
    }
}

methods! {
    /// Sends a message to a session and starts a run. The answer comes before the model's; the rest
    /// is events.
    ChatSend = "chat.send", Write, ChatSendParams => ChatSendResult
        { idempotency: Idempotency::Run, queued: true }
        [
            fn queue_key(params: &ChatSendParams) -> Option<String> {
                queue_on(&params.session_key, params.agent_id.as_deref())
            }
            fn idempotency_key(params: &ChatSendParams) -> Option<&str> {
                Some(&params.idempotency_key)
            }
        ];
    /// Reads the end of a transcript, or what came after a cursor.
    ChatHistory = "chat.history", Read, ChatHistoryParams => ChatHistoryResult;
    /// Reads one message, whole: with the pictures that histories leave out.
    ChatMessageGet = "chat.message.get", Read, ChatMessageGetParams => ChatMessageGetResult
        { since: Since::V4 };
    /// Stops runs of a session.
    ChatAbort = "chat.abort", Write, ChatAbortParams => ChatAbortResult
        { queued: true }
        [
            fn queue_key(params: &ChatAbortParams) -> Option<String> {
                queue_on(&params.session_key, params.agent_id.as_deref())
            }
        ];
    /// Reads all that a chat page needs at once: history, models, commands, agents.
    ChatStartup = "chat.startup", Read, ChatStartupParams => ChatHistoryResult { since: Since::V4 };
    /// Models and commands for the composer.
    ChatMetadata = "chat.metadata", Read, ChatMetadataParams => ChatMetadataResult
        { since: Since::V4 };
}
