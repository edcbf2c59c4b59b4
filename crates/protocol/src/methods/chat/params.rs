//! What requests about a conversation carry.

use serde_json::Value;

use crate::{
    list::{Auto, List, SmallObject, Switch},
    macros::{names, params},
    methods::{
        agent::InputProvenance,
        sessions::{PermissionMode, ToolOverrides},
    },
    text::{Int, Int0, Int1, NonEmpty, RawSessionKey, Text},
};

params! {
    /// Params of `chat.send`.
    ChatSendParams {
        /// Session to write to.
        session_key: RawSessionKey,
        /// Its agent, if the key does not say.
        agent_id?: NonEmpty,
        /// Refuse unless the session's transcript is this one.
        session_id?: NonEmpty,
        /// What the person says; may be empty beside attachments.
        message: String,
        /// What the message is meant to start.
        intent?: ChatIntent,
        /// How hard the model thinks in this run.
        thinking?: String,
        /// Whether the model answers fast rather than well.
        fast_mode?: Switch<Auto>,
        /// From which length of a run on `auto` means fast.
        fast_auto_on_seconds?: Int1,
        /// What happens while another run is busy.
        queue_mode?: QueueMode,
        /// Whether the answer goes out over a channel.
        deliver?: bool,
        /// Channel the message came over.
        originating_channel?: String,
        /// Its sender.
        originating_to?: String,
        /// Its account.
        originating_account_id?: String,
        /// Its thread.
        originating_thread_id?: String,
        /// Message that is replied to.
        reply_to_id?: NonEmpty,
        /// Files.
        attachments?: Vec<Attachment>,
        /// Values bound to tools for this run.
        tool_bindings?: SmallObject<16>,
        /// Longest run, in milliseconds; 0 means the configured limit.
        timeout_ms?: Int0,
        /// Where the message came from.
        system_input_provenance?: InputProvenance,
        /// Proof of where the message came from.
        system_provenance_receipt?: String,
        /// Whether a leading slash is just text.
        suppress_command_interpretation?: bool,
        /// Refuse unless the transcript ends with this message.
        expected_leaf_entry_id??: NonEmpty,
        /// Refuse unless the session is routed like this.
        expected_session_routing_contract?: NonEmpty,
        /// Refuse unless the session has this permission mode.
        expected_permission_mode??: PermissionMode,
        /// Refuse unless the session has these tool settings.
        expected_tool_overrides??: ToolOverrides,
        /// Names the request; becomes the run's id.
        idempotency_key: NonEmpty,
    }

    /// What a message is meant to start.
    ChatIntent {
        /// Which.
        kind: ChatIntentKind,
        /// Version of the intent.
        version: Int<1, 1>,
        /// When it was given, in milliseconds since 1970.
        issued_at_ms: Int0,
    }

    /// A file sent with a message.
    #[derive(Default)]
    Attachment {
        /// Coarse type, such as `image`.
        #[serde(rename = "type")]
        kind?: String,
        /// Type.
        mime_type?: String,
        /// Name.
        file_name?: String,
        /// The file, base64 or a data address.
        content?: Value,
        /// Size.
        size_bytes?: f64,
        /// Length in time.
        duration_ms?: f64,
        /// Width.
        width?: f64,
        /// Height.
        height?: f64,
    }

    /// Params of `chat.history`.
    ChatHistoryParams {
        /// Which session.
        session_key: NonEmpty,
        /// Its agent, if the key does not say.
        agent_id?: NonEmpty,
        /// `deltaCursor` of an earlier answer: only what came after it.
        cursor?: String,
        /// Most messages; 200 if absent.
        limit?: Int<1, 1000>,
        /// How many of the latest messages to leave out.
        offset?: Int0,
        /// Waiting messages before this one.
        pending_before?: Int1,
        /// Runs whose messages' fate is asked for.
        input_run_ids?: List<Text<1, 256>, 1, 50, true>,
        /// Answer around this message.
        message_id?: NonEmpty,
        /// Of this transcript instead of the session's latest.
        session_id?: NonEmpty,
        /// Longest text of one message.
        max_chars?: Int<1, 500_000>,
        /// Most bytes.
        max_bytes?: Int<1024, { crate::text::MAX_SAFE_INTEGER }>,
    }

    /// Params of `chat.message.get`: one message, whole.
    ChatMessageGetParams {
        /// Session that the message belongs to.
        session_key: NonEmpty,
        /// Its agent, if the key does not say.
        agent_id?: NonEmpty,
        /// Which message.
        message_id: NonEmpty,
        /// Longest text, in characters.
        max_chars?: Int<1, 2_000_000>,
    }

    /// Params of `chat.startup`: what a chat page needs at once.
    #[derive(Default)]
    ChatStartupParams {
        /// Which session.
        session_key?: NonEmpty,
        /// Or: the beginning of its id.
        short_id?: NonEmpty,
        /// And of its title.
        slug_hint?: NonEmpty,
        /// Its agent, if the key does not say.
        agent_id?: NonEmpty,
        /// `deltaCursor` of an earlier answer: only what came after it.
        cursor?: String,
        /// Most messages; 200 if absent.
        limit?: Int<1, 1000>,
        /// How many of the latest messages to leave out.
        offset?: Int0,
        /// Of this transcript instead of the session's latest.
        session_id?: NonEmpty,
        /// Longest text of one message.
        max_chars?: Int<1, 500_000>,
        /// Most bytes.
        max_bytes?: Int<1024, { crate::text::MAX_SAFE_INTEGER }>,
    }

    /// Params of `chat.metadata`.
    #[derive(Default)]
    ChatMetadataParams {
        /// Of which agent.
        agent_id?: NonEmpty,
        /// Or: of the agent of this session.
        session_key?: NonEmpty,
    }

    /// Params of `chat.abort`.
    ChatAbortParams {
        /// Which session.
        session_key: NonEmpty,
        /// Its agent, if the key does not say.
        agent_id?: NonEmpty,
        /// Which run; absent means all of the session.
        run_id?: NonEmpty,
        /// Whether side questions go on.
        preserve_side_runs?: bool,
    }
}

names! {
    /// What a message is meant to start.
    ChatIntentKind {
        /// A goal that the session works on.
        SessionGoalStart = "session-goal-start",
    }

    /// What happens to a message while another run of its session is busy.
    QueueMode {
        /// It goes into the running turn.
        Steer = "steer",
        /// It runs afterwards.
        Followup = "followup",
        /// It runs afterwards, together with others that wait.
        Collect = "collect",
        /// The running turn is cut for it.
        Interrupt = "interrupt",
    }
}
