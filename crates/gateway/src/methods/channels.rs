//! Channels: how they are, who may write, what is sent.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use openclaw_agent::{MAX_FILES, of_bytes};
use openclaw_channels::pairing;
use openclaw_protocol::{RpcError, ids::AgentId, list::OpenObject, methods::channels::*};
use openclaw_store::{
    channels::Request,
    outbox::{Delivery, DeliveryState, NewDelivery, OutFile, Route, Shown, ShownAs},
    trail::TrailKind,
};
use serde_json::{Value, json};

use crate::{
    router::{Cx, Failure, Handle, Methods},
    shape::target,
};

/// How long a probe may take when nobody says, in milliseconds, and the least that is waited.
const PROBE_MS: (u64, u64) = (10_000, 1_000);
/// How long `send` waits for the channel.
const SEND_LIMIT: Duration = Duration::from_secs(20);
/// Rows of one list when nobody says.
const PAGE: u64 = 100;
/// Characters of a text in a list.
const EXCERPT: usize = 120;

/// A channel's name for people.
fn label(channel: &str) -> String {
    let mut letters = channel.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

impl Handle<ChannelsStatus> for Methods {
    async fn handle(cx: Cx, params: ChannelsStatusParams) -> Result<ChannelsStatusResult, Failure> {
        let limit = params.timeout_ms.map_or(PROBE_MS.0, |limit| limit.get()).max(PROBE_MS.1);
        let limit = Duration::from_millis(limit.min(PROBE_MS.0));
        let probe = (params.probe == Some(true)).then_some(limit);
        let mut result =
            ChannelsStatusResult { ts: cx.now_ms(), ..ChannelsStatusResult::default() };
        for (channel, accounts) in cx.state.channels.status(probe).await {
            if params.channel.as_ref().is_some_and(|only| only.as_str() != channel) {
                continue;
            }
            let rows: Vec<OpenObject> = accounts
                .iter()
                .filter_map(|account| match serde_json::to_value(account) {
                    Ok(Value::Object(row)) => Some(row),
                    _ => None,
                })
                .collect();
            let any = |of: fn(&openclaw_channels::AccountStatus) -> bool| accounts.iter().any(of);
            let summary = json!({
                "configured": any(|account| account.configured),
                "running": any(|account| account.running),
            });
            let named = label(&channel);
            result.channel_order.push(channel.clone());
            result.channel_labels.insert(channel.clone(), named.clone());
            result.channel_detail_labels.insert(channel.clone(), named.clone());
            result.channel_meta.push(json!({"id": channel, "label": named, "detailLabel": named}));
            result.channels.insert(channel.clone(), summary);
            let default = default_account(accounts.iter().map(|row| row.account_id.as_str()));
            result.channel_default_account_id.extend(default.map(|name| (channel.clone(), name)));
            result.channel_accounts.insert(channel, rows);
        }
        Ok(result)
    }
}

/// `default`, or the first.
fn default_account<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<&str> = names.collect();
    let named = names.iter().find(|name| **name == "default").or(names.first());
    named.map(|name| (*name).to_owned())
}

/// The accounts that a request means.
fn meant(cx: &Cx, channel: &str, account: Option<&str>) -> Result<Vec<String>, Failure> {
    let known = cx.state.channels.known();
    let account = account.map(str::trim).filter(|account| !account.is_empty());
    let accounts: Vec<String> = known
        .into_iter()
        .filter(|(known, name)| known == channel && account.is_none_or(|account| account == name))
        .map(|(_, name)| name)
        .collect();
    if !accounts.is_empty() {
        return Ok(accounts);
    }
    Err(match account {
        Some(account) => RpcError::invalid(format!("unknown account {account} of {channel}")),
        None => RpcError::invalid(format!("unsupported channel: {channel}")),
    }
    .into())
}

impl Handle<ChannelsStart> for Methods {
    async fn handle(cx: Cx, params: ChannelsStartParams) -> Result<ChannelsChanged, Failure> {
        let channel = params.channel.into_string();
        let accounts = meant(&cx, &channel, params.account_id.as_deref())?;
        for account in &accounts {
            if !cx.state.channels.start(&channel, account) {
                let why = format!(
                    "{channel} account {account} cannot run as it is configured; see channels.status"
                );
                return Err(RpcError::unavailable(why).into());
            }
        }
        Ok(ChannelsChanged { ok: true, channel, accounts })
    }
}

impl Handle<ChannelsStop> for Methods {
    async fn handle(cx: Cx, params: ChannelsStopParams) -> Result<ChannelsChanged, Failure> {
        let channel = params.channel.into_string();
        let accounts = meant(&cx, &channel, params.account_id.as_deref())?;
        for account in &accounts {
            cx.state.channels.stop(&channel, account).await;
        }
        Ok(ChannelsChanged { ok: true, channel, accounts })
    }
}

impl Handle<ChannelsLogout> for Methods {
    async fn handle(cx: Cx, params: ChannelsLogoutParams) -> Result<ChannelsLogoutResult, Failure> {
        let channel = params.channel.into_string();
        let accounts = meant(&cx, &channel, params.account_id.as_deref())?;
        let account = default_account(accounts.iter().map(String::as_str)).unwrap_or_default();
        let forgotten = cx.state.config.forget_credential(channel.clone(), account.clone()).await?;
        // With another one from the environment it goes on as soon as the change is seen.
        cx.state.channels.stop(&channel, &account).await;
        let detail = format!("logged out of {channel} {account}");
        cx.state.record_of(&cx.conn, TrailKind::Config, "changed", &detail);
        Ok(ChannelsLogoutResult {
            channel,
            account_id: account,
            cleared: !forgotten.keys.is_empty(),
            logged_out: !forgotten.in_env,
            env_token: forgotten.in_env,
            keys: forgotten.keys,
        })
    }
}

impl Handle<ChannelsPairingList> for Methods {
    async fn handle(
        cx: Cx,
        params: ChannelsPairingListParams,
    ) -> Result<ChannelsPairingListResult, Failure> {
        let fits = |channel: &str, account: &str| {
            params.channel.as_ref().is_none_or(|only| only.as_str() == channel)
                && params.account_id.as_ref().is_none_or(|only| only.as_str() == account)
        };
        let accounts = cx.state.channels.known().into_iter();
        let accounts = accounts.filter(|(channel, account)| fits(channel, account));
        let requests = cx.state.store.channels().requests(cx.now_ms()).await;
        let requests = requests.map_err(|error| cx.state.storage_error(&error))?;
        Ok(ChannelsPairingListResult {
            accounts: accounts
                .map(|(channel, account_id)| PairingAccount {
                    channel_label: label(&channel),
                    channel,
                    account_id,
                    notify_supported: true,
                })
                .collect(),
            requests: requests
                .into_iter()
                .filter(|request| fits(&request.channel, &request.account))
                .map(row)
                .collect(),
            command_owner_configured: false,
            limits: PairingLimits {
                pending_per_account: u64::try_from(pairing::MAX_WAITING).unwrap_or(u64::MAX),
                ttl_ms: pairing::TTL_MS,
            },
        })
    }
}

fn row(request: Request) -> ChannelPairingRequest {
    let iso = |milliseconds: u64| {
        let at = i64::try_from(milliseconds).ok();
        let at = at.and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
        at.unwrap_or_default().to_string()
    };
    ChannelPairingRequest {
        request_id: request.code,
        channel_label: label(&request.channel),
        channel: request.channel,
        account_id: request.account,
        sender_label: request.name.unwrap_or_else(|| request.sender.clone()),
        sender_id: request.sender,
        created_at: iso(request.created_at_ms),
        last_seen_at: iso(request.last_seen_at_ms),
        expires_at: iso(request.expires_at_ms),
        notify_supported: true,
    }
}

fn no_such_code(channel: &str) -> Failure {
    RpcError::invalid(format!(
        "no pending pairing request with this code on {channel}; codes work for an hour: \
         openclaw pairing list"
    ))
    .into()
}

impl Handle<ChannelsPairingApprove> for Methods {
    async fn handle(
        cx: Cx,
        params: ChannelsPairingApproveParams,
    ) -> Result<ChannelsPairingApproveResult, Failure> {
        let (channel, account) = (params.channel.as_str(), params.account_id.as_str());
        let code = params.request_id.as_str();
        let approved =
            cx.state.store.channels().approve(channel, Some(account), code, cx.now_ms()).await;
        let approved = approved.map_err(|error| cx.state.storage_error(&error))?;
        let Some(sender) = approved else { return Err(no_such_code(channel)) };
        cx.state.record_of(
            &cx.conn,
            TrailKind::Pairing,
            "approved",
            &format!("{channel} {account} {}", sender.sender),
        );
        let mut notification = Notification::NotRequested;
        if params.notify == Some(true) {
            let route = Route {
                channel: sender.channel,
                account: sender.account,
                chat: sender.chat,
                thread: None,
                reply_to: None,
                reply_asked: false,
            };
            let key = format!("approved:{channel}:{account}:{code}");
            let told = NewDelivery::new(key, route, "You are let in. Say hello!");
            let told = cx.state.channels.send(told, Duration::ZERO).await;
            notification = if told.is_ok() { Notification::Sent } else { Notification::Failed };
        }
        let asked = params.bootstrap_command_owner == Some(true);
        Ok(ChannelsPairingApproveResult {
            request_id: code.to_owned(),
            sender_id: sender.sender,
            notification,
            command_owner_bootstrap: if asked {
                OwnerBootstrap::Unavailable
            } else {
                OwnerBootstrap::NotRequested
            },
        })
    }
}

impl Handle<ChannelsPairingDismiss> for Methods {
    async fn handle(
        cx: Cx,
        params: ChannelsPairingDismissParams,
    ) -> Result<ChannelsPairingDismissResult, Failure> {
        let (channel, account) = (params.channel.as_str(), params.account_id.as_str());
        let code = params.request_id.as_str();
        let dismissed =
            cx.state.store.channels().dismiss(channel, Some(account), code, cx.now_ms()).await;
        let dismissed = dismissed.map_err(|error| cx.state.storage_error(&error))?;
        let Some(request) = dismissed else { return Err(no_such_code(channel)) };
        Ok(ChannelsPairingDismissResult { request_id: request.code, sender_id: request.sender })
    }
}

impl Handle<Send> for Methods {
    async fn handle(cx: Cx, params: SendParams) -> Result<SendResult, Failure> {
        let route = aimed(
            &cx,
            &Aim {
                channel: params.channel.as_deref(),
                account: params.account_id.as_deref(),
                to: params.to.as_str(),
                thread: params.thread_id.as_deref(),
                reply_to: params.reply_to_id.as_deref(),
            },
        )?;
        if params.parse_mode.is_some() {
            return Err(RpcError::invalid("send Markdown; HTML is not taken yet").into());
        }
        let files = files(&cx, &params).await?;
        let text = params.message.map(|text| text.trim().to_owned()).unwrap_or_default();
        if text.is_empty() && files.is_empty() {
            return Err(RpcError::invalid("invalid send params: text or media is required").into());
        }
        let key = params.idempotency_key.into_string();
        let name = format!("send:{}:{key}", cx.conn.principal.id);
        let (channel, chat) = (route.channel.clone(), route.chat.clone());
        let delivery = NewDelivery { files, ..NewDelivery::new(name, route, text) };
        let put = cx.state.channels.put(delivery).await;
        let id = put.map_err(|error| cx.state.storage_error(&error))?;
        cx.give_way();
        let sent = cx.state.channels.wait(id, SEND_LIMIT).await;
        let sent = sent.map_err(|error| cx.state.storage_error(&error))?;
        match sent {
            Some(Delivery { state: DeliveryState::Sent, message_ids, .. }) => Ok(SendResult {
                run_id: key,
                message_id: message_ids.last().cloned().unwrap_or_default(),
                channel,
                chat_id: Some(chat),
            }),
            Some(Delivery { state: DeliveryState::Failed, error, .. }) => {
                Err(RpcError::unavailable(error.unwrap_or_else(|| "it was refused".to_owned()))
                    .into())
            }
            waiting => {
                let why = waiting.and_then(|delivery| delivery.error);
                let why = why.unwrap_or_else(|| format!("{channel} does not run"));
                Err(RpcError::unavailable(format!(
                    "not delivered yet: {why}; it stays in the outbox and is tried again"
                ))
                .with_details([("code", Value::from("OUTBOUND_DELIVERY_QUEUED"))])
                .into())
            }
        }
    }
}

/// The files that `send` sends.
async fn files(cx: &Cx, params: &SendParams) -> Result<Vec<OutFile>, Failure> {
    let invalid = |why: String| Failure::from(RpcError::invalid(format!("no file to send: {why}")));
    let listed = params.media_urls.iter().flatten();
    let mut named: Vec<&str> = Vec::new();
    for url in params.media_url.iter().chain(listed).map(|url| url.trim()) {
        if !url.is_empty() && !named.contains(&url) {
            named.push(url);
        }
    }
    if named.len() > MAX_FILES {
        return Err(invalid(format!("at most {MAX_FILES} at once")));
    }
    let agent = params.agent_id.as_deref().map(str::trim).filter(|agent| !agent.is_empty());
    let agent =
        agent.map_or_else(|| target::default_agent(&cx.state.settings.load()), AgentId::new);
    let mut files = Vec::new();
    for named in named {
        files.push(cx.state.agent.open_file(&agent, named).await.map_err(invalid)?);
    }
    if let Some(buffer) = &params.buffer {
        // Some clients send it as a data URL.
        let base64 = buffer.split_once(";base64,").map_or(buffer.as_str(), |(_, data)| data);
        let bytes = BASE64.decode(base64.trim()).map_err(|error| invalid(error.to_string()))?;
        let name = params.filename.as_deref().unwrap_or("file");
        files.push(of_bytes(name, params.content_type.as_deref(), bytes));
    }
    if let Some(empty) = files.iter().find(|file| file.bytes.is_empty()) {
        return Err(invalid(format!("{} is empty", empty.name)));
    }
    let shown_as = match (params.force_document, params.as_voice) {
        (Some(true), _) => ShownAs::Document,
        (_, Some(true)) => ShownAs::Voice,
        _ => ShownAs::Itself,
    };
    for file in &mut files {
        file.shown_as = shown_as;
    }
    Ok(files)
}

/// Where something is to be sent, as a request says it.
pub(super) struct Aim<'a> {
    pub(super) channel: Option<&'a str>,
    pub(super) account: Option<&'a str>,
    pub(super) to: &'a str,
    pub(super) thread: Option<&'a str>,
    pub(super) reply_to: Option<&'a str>,
}

/// What is left of a text without spaces around it, if anything is.
pub(super) fn given(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Finds the channel, the account and the chat.
///
/// # Errors
/// When there is none, or more than one where one is meant.
pub(super) fn aimed(cx: &Cx, aim: &Aim<'_>) -> Result<Route, Failure> {
    let known = cx.state.channels.known();
    let channel = match given(aim.channel) {
        Some(named) => named.to_lowercase(),
        None => match known.first() {
            Some((only, _)) if known.iter().all(|(channel, _)| channel == only) => only.clone(),
            Some(_) => {
                return Err(RpcError::invalid("several channels are configured; name one").into());
            }
            None => {
                let hint = "no channel is configured; run: openclaw channels add telegram";
                return Err(RpcError::invalid(hint).into());
            }
        },
    };
    if channel == "webchat" {
        return Err(RpcError::invalid(
            "unsupported channel: webchat (internal-only). Use `chat.send` for WebChat UI messages \
             or choose a deliverable channel.",
        )
        .into());
    }
    let accounts = meant(cx, &channel, given(aim.account).as_deref())?;
    let account = default_account(accounts.iter().map(String::as_str)).unwrap_or_default();
    let to = aim.to.trim();
    let to = ["telegram:", "tg:"]
        .iter()
        .find_map(|prefix| to.strip_prefix(prefix))
        .or_else(|| to.strip_prefix(&format!("{channel}:")))
        .unwrap_or(to);
    let (chat, topic) = match to.split_once(":topic:") {
        Some((chat, topic)) => (chat, Some(topic.to_owned())),
        None => (to, None),
    };
    Ok(Route {
        channel,
        account,
        chat: chat.to_owned(),
        thread: given(aim.thread).or(topic),
        reply_to: given(aim.reply_to),
        reply_asked: aim.reply_to.is_some(),
    })
}

impl Handle<OutboxList> for Methods {
    async fn handle(cx: Cx, params: OutboxListParams) -> Result<OutboxListResult, Failure> {
        let shown = if params.all == Some(true) { Shown::All } else { Shown::Troubled };
        let limit = params.limit.map_or(PAGE, |limit| limit.get()).min(1_000);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let rows = cx.state.store.outbox().list(shown, limit).await;
        let rows = rows.map_err(|error| cx.state.storage_error(&error))?;
        let deliveries = rows.into_iter().map(|row| OutboxRow {
            id: row.id,
            state: row.state.as_str().to_owned(),
            channel: row.new.route.channel,
            account_id: row.new.route.account,
            to: row.new.route.chat,
            text: row.new.text.chars().take(EXCERPT).collect(),
            attempts: row.attempts.into(),
            uncertain: row.uncertain.into(),
            error: row.error,
            created_at_ms: row.created_at_ms,
            ended_at_ms: row.ended_at_ms,
        });
        Ok(OutboxListResult { deliveries: deliveries.collect() })
    }
}

impl Handle<OutboxRetry> for Methods {
    async fn handle(cx: Cx, params: OutboxRetryParams) -> Result<OutboxRetryResult, Failure> {
        let again = cx.state.channels.again(params.id.get()).await;
        if again.map_err(|error| cx.state.storage_error(&error))? {
            return Ok(OutboxRetryResult { ok: true });
        }
        Err(RpcError::invalid(format!("no failed delivery has the number {}", params.id.get()))
            .into())
    }
}
