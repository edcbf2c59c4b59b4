//! Rules of `channels`.

use secrecy::ExposeSecret as _;

use crate::problem::Problem;
use crate::schema::{Config, DirectPolicy, PeerId, Telegram, TelegramAccount};
use crate::secret::SecretInput;

/// Every account with the path of its keys: the shared keys first.
fn accounts(telegram: &Telegram) -> Vec<(String, &TelegramAccount)> {
    let mut all = vec![("channels.telegram".to_owned(), &telegram.shared)];
    for (name, account) in &telegram.accounts {
        let mut path = "channels.telegram.accounts".to_owned();
        crate::keypath::push(&mut path, name);
        all.push((path, account));
    }
    all
}

/// The tokens, for the rules that hold for every secret.
pub(super) fn secrets(config: &Config) -> Vec<(String, &SecretInput)> {
    let all = config.channels.telegram.iter().flat_map(accounts);
    all.flat_map(|(path, account)| {
        let both = [("botToken", &account.bot_token), ("webhookSecret", &account.webhook_secret)];
        both.into_iter()
            .filter_map(move |(key, secret)| Some((format!("{path}.{key}"), secret.as_ref()?)))
    })
    .collect()
}

pub(super) fn check(config: &Config, found: &mut Vec<Problem>) {
    let Some(telegram) = &config.channels.telegram else { return };
    for (path, account) in accounts(telegram) {
        webhook(&path, account, &telegram.shared, found);
        let policy = account.dm_policy.or(telegram.shared.dm_policy);
        let allow = account.allow_from.as_ref().or(telegram.shared.allow_from.as_ref());
        let everybody = |list: &Vec<PeerId>| list.iter().any(|peer| peer.to_string() == "*");
        if policy == Some(DirectPolicy::Open) && !allow.is_some_and(everybody) {
            let problem = Problem::error(
                format!("{path}.dmPolicy"),
                "open lets everybody write to your agent",
            );
            found.push(problem.hint("say so twice: set allowFrom to [\"*\"] as well"));
        }
        for (key, address) in [("apiRoot", &account.api_root), ("proxy", &account.proxy)] {
            let Some(address) = address else { continue };
            let allowed: &[&str] = if key == "proxy" {
                &["http://", "https://", "socks5://"]
            } else {
                &["http://", "https://"]
            };
            if !allowed.iter().any(|scheme| address.starts_with(scheme)) {
                let message = format!("begins with none of {}", allowed.join(", "));
                found.push(Problem::error(format!("{path}.{key}"), message));
            }
        }
    }
}

/// The longest secret of a webhook.
const MAX_SECRET: usize = 256;

fn webhook(
    path: &str,
    account: &TelegramAccount,
    shared: &TelegramAccount,
    found: &mut Vec<Problem>,
) {
    let secret = account.webhook_secret.as_ref().or(shared.webhook_secret.as_ref());
    if let Some(url) = &account.webhook_url {
        let at = format!("{path}.webhookUrl");
        let local = account.api_root.as_ref().or(shared.api_root.as_ref()).is_some();
        if !(url.starts_with("https://") || local && url.starts_with("http://")) {
            let problem = Problem::error(at.clone(), "does not begin with https://");
            found.push(problem.hint("Telegram posts over TLS only"));
        }
        if secret.is_none() {
            let problem = Problem::error(at, "needs webhookSecret, or anybody could post to it");
            found.push(problem.hint("set webhookSecret to a long random text"));
        }
    }
    let literal = account.webhook_secret.as_ref().and_then(SecretInput::as_literal);
    if literal.is_some_and(|secret| !is_secret(secret.expose_secret())) {
        let problem = Problem::error(
            format!("{path}.webhookSecret"),
            format!("is not 1 to {MAX_SECRET} letters, digits, _ and -"),
        );
        found.push(problem.hint("Telegram takes nothing else"));
    }
    if account.webhook_path.as_ref().is_some_and(|at| !at.starts_with('/') || at.contains('?')) {
        let problem =
            Problem::error(format!("{path}.webhookPath"), "is no path: it begins with no /");
        found.push(problem.hint("such as /telegram-webhook"));
    }
}

fn is_secret(secret: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (1..=MAX_SECRET).contains(&secret.len()) && secret.chars().all(plain)
}
