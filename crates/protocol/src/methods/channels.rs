//! Channels: how they are, who may write through them, and what is sent.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    list::OpenObject,
    macros::{names, params, record},
    row::{BaseScope, Idempotency, Since, methods},
    scope::Scope,
    text::{Int0, NonEmpty},
};

params! {
    /// Params of `channels.status`.
    #[derive(Default)]
    ChannelsStatusParams {
        /// Ask the channels now.
        probe?: bool,
        /// How long to wait for them, in milliseconds.
        timeout_ms?: Int0,
        /// Only this channel.
        channel?: NonEmpty,
    }

    /// Params of `channels.start`.
    ChannelsStartParams {
        /// The channel.
        channel: NonEmpty,
        /// Its account; all of them when left out.
        account_id?: String,
    }

    /// Params of `channels.stop`.
    ChannelsStopParams {
        /// The channel.
        channel: NonEmpty,
        /// Its account; all of them when left out.
        account_id?: String,
    }

    /// Params of `channels.logout`.
    ChannelsLogoutParams {
        /// The channel.
        channel: NonEmpty,
        /// Its account; the default one when left out.
        account_id?: String,
    }

    /// Params of `channels.pairing.list`.
    #[derive(Default)]
    ChannelsPairingListParams {
        /// Only this channel.
        channel?: NonEmpty,
        /// Only this account.
        account_id?: NonEmpty,
    }

    /// Params of `channels.pairing.approve`.
    ChannelsPairingApproveParams {
        /// The channel.
        channel: NonEmpty,
        /// Its account.
        account_id: NonEmpty,
        /// The request, which is the code the person was told.
        request_id: NonEmpty,
        /// Whether the person is told.
        notify?: bool,
        /// Whether the person becomes the owner of commands; not done by this Gateway.
        bootstrap_command_owner?: bool,
    }

    /// Params of `channels.pairing.dismiss`.
    ChannelsPairingDismissParams {
        /// The channel.
        channel: NonEmpty,
        /// Its account.
        account_id: NonEmpty,
        /// The request, which is the code the person was told.
        request_id: NonEmpty,
    }

    /// Params of `send`.
    SendParams {
        /// The chat, as the channel names it.
        to: NonEmpty,
        /// What is said, in Markdown.
        message?: String,
        /// A file to be sent: an address of the web, or a path in the workspace of the agent.
        media_url?: String,
        /// Files to be sent.
        media_urls?: Vec<String>,
        /// A file's bytes, in base64.
        buffer?: String,
        /// Its name.
        filename?: String,
        /// Its kind.
        content_type?: String,
        /// Whether sound is a voice message.
        as_voice?: bool,
        /// Whether a film is shown as a moving picture.
        gif_playback?: bool,
        /// The channel; the only one when left out.
        channel?: String,
        /// Its account; `default`, or the only one, when left out.
        account_id?: String,
        /// On whose behalf: paths are in its workspace.
        agent_id?: String,
        /// The message that is replied to.
        reply_to_id?: String,
        /// The thread or topic.
        thread_id?: String,
        /// Whether a picture is sent as a file.
        force_document?: bool,
        /// Whether the person's device makes no sound; not supported yet.
        silent?: bool,
        /// How the message is marked; not supported yet.
        parse_mode?: ParseMode,
        /// The session on whose behalf.
        session_key?: String,
        /// A repeat with the same key sends nothing and gets the first result.
        idempotency_key: NonEmpty,
    }

    /// Params of `outbox.list`.
    #[derive(Default)]
    OutboxListParams {
        /// All that are remembered, not only those that wait, failed, or may have arrived twice.
        all?: bool,
        /// How many at most; 100 when left out.
        limit?: Int0,
    }

    /// Params of `outbox.retry`.
    OutboxRetryParams {
        /// The delivery.
        id: Int0,
    }
}

names! {
    /// What became of telling a person.
    Notification = NotRequested {
        /// Nobody asked for it.
        NotRequested = "not-requested",
        /// The message is in the outbox.
        Sent = "sent",
        /// The channel cannot.
        Unsupported = "unsupported",
        /// It went wrong.
        Failed = "failed",
    }

    /// How a message is marked.
    ParseMode = Html {
        /// As HTML.
        Html = "HTML",
    }

    /// What became of making a person the owner of commands.
    OwnerBootstrap = NotRequested {
        /// Nobody asked for it.
        NotRequested = "not-requested",
        /// It was done.
        Configured = "configured",
        /// There is an owner.
        AlreadyConfigured = "already-configured",
        /// It cannot be done.
        Unavailable = "unavailable",
    }
}

record! {
    /// Result of `channels.status`.
    ChannelsStatusResult {
        /// When, in milliseconds since 1970.
        ts: u64,
        /// Channel ids in the order to show them.
        channel_order: Vec<String>,
        /// Names for people.
        channel_labels: BTreeMap<String, String>,
        /// Longer names.
        channel_detail_labels: BTreeMap<String, String>,
        /// Names of pictures.
        channel_system_images: BTreeMap<String, String>,
        /// The same in one list.
        channel_meta: Vec<Value>,
        /// Channels by id; the shape is the channel's own.
        channels: OpenObject,
        /// Accounts by channel id.
        channel_accounts: BTreeMap<String, Vec<OpenObject>>,
        /// Default account by channel id.
        channel_default_account_id: BTreeMap<String, String>,
    }

    /// Result of `channels.start` and `channels.stop`.
    ChannelsChanged {
        /// Always true.
        ok: bool,
        /// The channel.
        channel: String,
        /// The accounts that were told.
        accounts: Vec<String>,
    }

    /// Result of `channels.logout`.
    ChannelsLogoutResult {
        /// The channel.
        channel: String,
        /// The account.
        account_id: String,
        /// Whether a credential was taken out of the configuration.
        cleared: bool,
        /// Whether the account has no credential any more.
        logged_out: bool,
        /// Whether the environment has one that is used now.
        env_token: bool,
        /// The keys that were taken out.
        keys: Vec<String>,
    }

    /// Result of `channels.pairing.list`.
    ChannelsPairingListResult {
        /// Accounts that people can be paired with.
        accounts: Vec<PairingAccount>,
        /// People who wait.
        requests: Vec<ChannelPairingRequest>,
        /// Whether an owner of commands is configured.
        command_owner_configured: bool,
        /// What bounds the list.
        limits: PairingLimits,
    }

    /// An account that people can be paired with.
    PairingAccount {
        /// The channel.
        channel: String,
        /// Its name for people.
        channel_label: String,
        /// The account.
        account_id: String,
        /// Whether a person can be told of the decision.
        notify_supported: bool,
    }

    /// A person who waits.
    ChannelPairingRequest {
        /// The code the person was told.
        request_id: String,
        /// The channel.
        channel: String,
        /// Its name for people.
        channel_label: String,
        /// The account.
        account_id: String,
        /// The person's id.
        sender_id: String,
        /// The person's name.
        sender_label: String,
        /// When they wrote first, ISO 8601.
        created_at: String,
        /// When they wrote last.
        last_seen_at: String,
        /// When the code ends.
        expires_at: String,
        /// Whether the person can be told of the decision.
        notify_supported: bool,
    }

    /// What bounds the list of those who wait.
    PairingLimits {
        /// How many of one account.
        pending_per_account: u64,
        /// How long, in milliseconds.
        ttl_ms: u64,
    }

    /// Result of `channels.pairing.approve`.
    ChannelsPairingApproveResult {
        /// The request.
        request_id: String,
        /// The person.
        sender_id: String,
        /// Whether the person was told.
        notification: Notification,
        /// Whether the person became the owner of commands.
        command_owner_bootstrap: OwnerBootstrap,
    }

    /// Result of `channels.pairing.dismiss`.
    ChannelsPairingDismissResult {
        /// The request.
        request_id: String,
        /// The person.
        sender_id: String,
    }

    /// Result of `send`.
    SendResult {
        /// The idempotency key.
        run_id: String,
        /// The last message of it, as the channel names it.
        message_id: String,
        /// The channel.
        channel: String,
        /// The chat.
        chat_id?: String,
    }

    /// Result of `outbox.list`.
    OutboxListResult {
        /// Newest first.
        deliveries: Vec<OutboxRow>,
    }

    /// A message that is to be sent, or was.
    OutboxRow {
        /// Its number.
        id: u64,
        /// `waiting`, `sending`, `sent`, `failed`.
        state: String,
        /// The channel.
        channel: String,
        /// The account.
        account_id: String,
        /// The chat.
        to: String,
        /// The beginning of it.
        text: String,
        /// How often sending was tried.
        attempts: u64,
        /// How often it was sent again without knowing whether it had arrived.
        uncertain: u64,
        /// What went wrong last.
        error?: String,
        /// When it was put here, in milliseconds since 1970.
        created_at_ms: u64,
        /// When it was sent or given up.
        ended_at_ms?: u64,
    }

    /// Result of `outbox.retry`.
    OutboxRetryResult {
        /// Always true.
        ok: bool,
    }
}

methods! {
    /// State of the channels.
    ChannelsStatus = "channels.status", Read, ChannelsStatusParams => ChannelsStatusResult;
    /// Starts accounts of a channel that were stopped.
    ChannelsStart = "channels.start", Admin, ChannelsStartParams => ChannelsChanged
        { since: Since::V4 };
    /// Stops accounts of a channel until they are started or the Gateway is.
    ChannelsStop = "channels.stop", Admin, ChannelsStopParams => ChannelsChanged
        { since: Since::V4 };
    /// Stops an account and takes its credential out of the configuration.
    ChannelsLogout = "channels.logout", Admin, ChannelsLogoutParams => ChannelsLogoutResult;
    /// Lists people who wrote and wait to be let in.
    ChannelsPairingList = "channels.pairing.list", Pairing, ChannelsPairingListParams
        => ChannelsPairingListResult { since: Since::V4 };
    /// Lets a person in.
    ChannelsPairingApprove = "channels.pairing.approve", Pairing, ChannelsPairingApproveParams
        => ChannelsPairingApproveResult
        { scope: BaseScope::Dynamic(Scope::Pairing), since: Since::V4 }
        [
            fn scope_for(params: &ChannelsPairingApproveParams) -> Scope {
                let owner = params.bootstrap_command_owner == Some(true);
                if owner { Scope::Admin } else { Scope::Pairing }
            }
        ];
    /// Lets a request go without letting the person in.
    ChannelsPairingDismiss = "channels.pairing.dismiss", Pairing, ChannelsPairingDismissParams
        => ChannelsPairingDismissResult { since: Since::V4 };
    /// Sends a message to a chat. It is in the outbox first, in the order in which requests came; a
    /// repeat with the same key sends nothing.
    Send = "send", Write, SendParams => SendResult
        { idempotency: Idempotency::Required, queued: true }
        [
            fn queue_key(params: &SendParams) -> Option<String> {
                Some(format!("send:{}", params.to.as_str()))
            }
            fn idempotency_key(params: &SendParams) -> Option<&str> {
                Some(params.idempotency_key.as_str())
            }
        ];
    /// Lists what is to be sent, what failed, and what may have arrived twice.
    OutboxList = "outbox.list", Read, OutboxListParams => OutboxListResult
        { since: Since::Ours };
    /// Tries a delivery again that was given up.
    OutboxRetry = "outbox.retry", Write, OutboxRetryParams => OutboxRetryResult
        { since: Since::Ours };
}
