//! Telegram accounts from the configuration.

use std::{collections::BTreeMap, io::Read as _, sync::Arc, time::Duration};

use openclaw_channel_telegram::{Hook, ReplyMode, Settings, Telegram};
use openclaw_channels::{
    Channel,
    policy::{AccountPolicy, Ack, AckScope, GroupPolicy, GroupRule},
};
use openclaw_config::{
    Loaded, Paths,
    schema::{self, AckReactionScope, GroupAccess, PeerId, ReactionLevel, ReplyTo, StreamMode},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::{Build, Wanted, approvals, dm_policy, history, peers};

/// Longest token file.
const MAX_TOKEN: u64 = 4096;
/// The Bot API server, unless the configuration names another.
const TELEGRAM: &str = "https://api.telegram.org";
/// How long the Bot API holds a poll open at most.
const POLL: Duration = Duration::from_secs(30);

/// Asks Telegram whose token this is; gives the bot's username.
///
/// # Errors
/// Why it cannot be used, in words for a person.
pub async fn check_telegram(
    token: SecretString,
    api_root: Option<&str>,
    proxy: Option<&str>,
) -> Result<String, String> {
    openclaw_channel_telegram::check(token, api_root.unwrap_or(TELEGRAM), proxy).await
}

/// The accounts that the configuration wants.
pub(super) fn wanted(loaded: &Loaded, paths: &Paths) -> Vec<Wanted> {
    let Some(telegram) = &loaded.config.channels.telegram else { return Vec::new() };
    let accounts = if telegram.accounts.is_empty() {
        BTreeMap::from([("default".to_owned(), schema::TelegramAccount::default())])
    } else {
        telegram.accounts.clone()
    };
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut hooks: BTreeMap<String, String> = BTreeMap::new();
    let mut wanted = Vec::new();
    for (name, own) in accounts {
        let (fingerprint, settings) = one(&name, &own, &telegram.shared, loaded, paths);
        let build = match (settings, seen.get(&fingerprint.token)) {
            (Ok(Some(_)), Some(other)) => {
                Build::Broken(format!("it has the same bot token as the account {other}"))
            }
            (Ok(Some(settings)), None) if shared_hook(&mut hooks, &name, &settings).is_some() => {
                Build::Broken(
                    "it has the webhookUrl or webhookPath of another account; give it its own"
                        .to_owned(),
                )
            }
            (Ok(Some(settings)), None) => Build::Account(Box::new(move || {
                let bot = Telegram::new(*settings).map_err(|error| error.to_string())?;
                Ok(Arc::new(bot) as Arc<dyn Channel>)
            })),
            (Ok(None), _) => Build::Off,
            (Err(why), _) => Build::Broken(why),
        };
        if !fingerprint.token.is_empty() {
            seen.entry(fingerprint.token.clone()).or_insert_with(|| name.clone());
        }
        let fingerprint = format!("{} {}", fingerprint.token, fingerprint.rest);
        wanted.push(Wanted { channel: "telegram", name, fingerprint, build });
    }
    wanted
}

struct Fingerprint {
    token: String,
    rest: String,
}

fn one(
    name: &str,
    own: &schema::TelegramAccount,
    shared: &schema::TelegramAccount,
    loaded: &Loaded,
    paths: &Paths,
) -> (Fingerprint, Result<Option<Box<Settings>>, String>) {
    let pick = Pick { own, shared };
    let messages = &loaded.config.messages;
    let of_all = schema::Messages { queue: schema::Queue::default(), ..messages.clone() };
    let rest = serde_json::to_string(&(own, shared, of_all)).unwrap_or_default();
    let nothing = |rest| Fingerprint { token: String::new(), rest };
    let enabled = shared.enabled != Some(false) && own.enabled != Some(false);
    if !enabled {
        return (nothing(rest), Ok(None));
    }
    let (token, token_source) = match token(name, own, shared, loaded, paths) {
        Ok(found) => found,
        Err(why) => return (nothing(rest), Err(why)),
    };
    let digest = openclaw_store::ParamsDigest::of(&json!(token.expose_secret()));
    let hook = match hook(&pick, loaded) {
        Ok(hook) => hook,
        Err(why) => return (nothing(rest), Err(why)),
    };
    let rest = format!("{rest} {}", hook.as_ref().map_or_else(String::new, digest_of));
    let timeout = pick.of(|account| account.timeout_seconds).unwrap_or(20);
    let timeout = Duration::from_secs(timeout.into());
    let settings = Settings {
        account: name.to_owned(),
        name: pick.of(|account| account.name.clone()),
        token,
        token_source,
        api_root: pick
            .of(|account| account.api_root.clone())
            .unwrap_or_else(|| TELEGRAM.to_owned()),
        proxy: pick.of(|account| account.proxy.clone()),
        timeout,
        webhook: hook,
        // Who wants answers soon does not wait long for a poll that hangs either.
        poll: POLL.min(timeout * 3 / 2),
        policy: policy(&pick, &loaded.config.messages),
        chunk: usize::try_from(pick.of(|account| account.text_chunk_limit).unwrap_or(4000))
            .unwrap_or(4000),
        reply: match pick.of(|account| account.reply_to_mode) {
            Some(ReplyTo::First) => ReplyMode::First,
            Some(ReplyTo::All) => ReplyMode::All,
            Some(ReplyTo::Off) | None => ReplyMode::Off,
        },
        media_max: u64::from(pick.of(|account| account.media_max_mb).unwrap_or(5)) * 1024 * 1024,
        link_preview: pick.of(|account| account.link_preview).unwrap_or(true),
        drafts: pick.of(|account| account.stream_mode) != Some(StreamMode::Off),
    };
    (Fingerprint { token: digest.as_str().to_owned(), rest }, Ok(Some(Box::new(settings))))
}

/// Where Telegram posts to, if it does.
fn hook(pick: &Pick<'_>, loaded: &Loaded) -> Result<Option<Hook>, String> {
    let Some(url) = pick.of(|account| account.webhook_url.clone()) else { return Ok(None) };
    let secret = pick.of(|account| account.webhook_secret.clone());
    let secret = secret.ok_or("webhookUrl needs webhookSecret, or anybody could post to it")?;
    let secret = loaded.secrets().resolve(&secret).map_err(|error| error.to_string())?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let text = secret.expose_secret();
    if text.is_empty() || text.len() > 256 || !text.chars().all(plain) {
        return Err("webhookSecret is not 1 to 256 letters, digits, _ and -".to_owned());
    }
    Ok(Some(Hook { url, secret, path: pick.of(|account| account.webhook_path.clone()) }))
}

fn digest_of(hook: &Hook) -> String {
    let digest = openclaw_store::ParamsDigest::of(&json!(hook.secret.expose_secret()));
    digest.as_str().to_owned()
}

/// The account that has the same webhook already: what is posted there would reach one of both bots.
fn shared_hook(
    hooks: &mut BTreeMap<String, String>,
    name: &str,
    settings: &Settings,
) -> Option<String> {
    let hook = settings.webhook.as_ref()?;
    let places = [Some(&hook.url), hook.path.as_ref()];
    let mut other = None;
    for place in places.into_iter().flatten() {
        let first = hooks.entry(place.clone()).or_insert_with(|| name.to_owned());
        if first.as_str() != name {
            other = Some(first.clone());
        }
    }
    other
}

/// An account's own keys before the shared ones.
struct Pick<'a> {
    own: &'a schema::TelegramAccount,
    shared: &'a schema::TelegramAccount,
}

impl Pick<'_> {
    fn of<T>(&self, key: impl Fn(&schema::TelegramAccount) -> Option<T>) -> Option<T> {
        key(self.own).or_else(|| key(self.shared))
    }
}

fn policy(pick: &Pick<'_>, messages: &schema::Messages) -> AccountPolicy {
    let list = |key: fn(&schema::TelegramAccount) -> Option<Vec<PeerId>>| {
        pick.of(key).map(|list| peers(&list)).unwrap_or_default()
    };
    let groups = pick.of(|account| account.groups.clone()).unwrap_or_default();
    AccountPolicy {
        dm: dm_policy(pick.of(|account| account.dm_policy)),
        allow_from: list(|account| account.allow_from.clone()),
        group: pick.of(|account| account.group_policy).map(access).unwrap_or_default(),
        group_allow_from: list(|account| account.group_allow_from.clone()),
        groups: groups.into_iter().map(|(id, group)| (id, rule(group))).collect(),
        history: history(pick.of(|account| account.history_limit), messages),
        ack: ack(pick, messages),
        approvals: approvals(pick.of(|account| account.exec_approvals.clone())),
    }
}

/// The reaction of who has none of their own.
const SEEN: &str = "👀";

fn ack(pick: &Pick<'_>, messages: &schema::Messages) -> Option<Ack> {
    let emoji = pick.of(|account| account.ack_reaction.clone());
    let emoji = emoji.or_else(|| messages.ack_reaction.clone());
    let emoji = emoji.map_or_else(|| SEEN.to_owned(), |emoji| emoji.trim().to_owned());
    let off = pick.of(|account| account.reaction_level) == Some(ReactionLevel::Off);
    let scope = match messages.ack_reaction_scope {
        None | Some(AckReactionScope::GroupMentions) => AckScope::GroupMentions,
        Some(AckReactionScope::GroupAll) => AckScope::GroupAll,
        Some(AckReactionScope::Direct) => AckScope::Direct,
        Some(AckReactionScope::All) => AckScope::All,
        Some(AckReactionScope::Off | AckReactionScope::None) => return None,
    };
    let remove = messages.remove_ack_after_reply == Some(true);
    (!off && !emoji.is_empty()).then_some(Ack { emoji, scope, remove })
}

fn access(access: GroupAccess) -> GroupPolicy {
    match access {
        GroupAccess::Open => GroupPolicy::Open,
        GroupAccess::Allowlist => GroupPolicy::Allowlist,
        GroupAccess::Disabled => GroupPolicy::Disabled,
    }
}

fn rule(group: schema::TelegramGroup) -> GroupRule {
    let topics = group.topics.into_iter().map(|(id, topic)| {
        let rule = GroupRule {
            enabled: topic.enabled,
            require_mention: topic.require_mention,
            policy: topic.group_policy.map(access),
            allow_from: topic.allow_from.map(|list| peers(&list)),
            system_prompt: topic.system_prompt,
            topics: BTreeMap::new(),
        };
        (id, rule)
    });
    GroupRule {
        topics: topics.collect(),
        enabled: group.enabled,
        require_mention: group.require_mention,
        policy: group.group_policy.map(access),
        allow_from: group.allow_from.map(|list| peers(&list)),
        system_prompt: group.system_prompt,
    }
}

/// The token and where it is from: the account's own file and key, then, for the account `default`
/// alone, the shared ones and the environment.
fn token(
    name: &str,
    own: &schema::TelegramAccount,
    shared: &schema::TelegramAccount,
    loaded: &Loaded,
    paths: &Paths,
) -> Result<(SecretString, &'static str), String> {
    let places = if name == "default" { vec![own, shared] } else { vec![own] };
    for place in places {
        if let Some(file) = &place.token_file {
            return read_token(file, paths).map(|token| (token, "tokenFile"));
        }
        if let Some(token) = &place.bot_token {
            let token = loaded.secrets().resolve(token).map_err(|error| error.to_string())?;
            return Ok((token, "config"));
        }
    }
    let in_env = loaded.env.get("TELEGRAM_BOT_TOKEN").map(str::trim).filter(|set| !set.is_empty());
    match in_env.filter(|_| name == "default") {
        Some(token) => Ok((SecretString::from(token.to_owned()), "env")),
        None => Err("no bot token; run: openclaw channels add telegram --token TOKEN".to_owned()),
    }
}

fn read_token(file: &str, paths: &Paths) -> Result<SecretString, String> {
    let path = paths.expand(file);
    let unreadable = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let mut text = String::new();
    let opened = std::fs::File::open(&path).map_err(unreadable)?;
    opened.take(MAX_TOKEN).read_to_string(&mut text).map_err(unreadable)?;
    let token = text.trim();
    if token.is_empty() {
        return Err(format!("{} holds no token", path.display()));
    }
    Ok(SecretString::from(token.to_owned()))
}
