//! Rules of `channels`.

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
    all.filter_map(|(path, account)| {
        Some((format!("{path}.botToken"), account.bot_token.as_ref()?))
    })
    .collect()
}

pub(super) fn check(config: &Config, found: &mut Vec<Problem>) {
    let Some(telegram) = &config.channels.telegram else { return };
    for (path, account) in accounts(telegram) {
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
