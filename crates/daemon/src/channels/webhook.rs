//! Webhook accounts from the configuration.

use std::{sync::Arc, time::Duration};

use openclaw_base::SharedClock;
use openclaw_channel_webhook::{Settings, Webhook};
use openclaw_channels::{
    Channel,
    policy::{AccountPolicy, GroupPolicy},
};
use openclaw_config::{Loaded, schema};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{Build, Wanted, approvals, dm_policy, history, peers};

/// Deadline of a post.
const TIMEOUT: Duration = Duration::from_secs(20);

pub(super) fn wanted(loaded: &Loaded, clock: &SharedClock) -> Vec<Wanted> {
    let Some(webhook) = &loaded.config.channels.webhook else { return Vec::new() };
    let accounts = webhook.accounts.iter();
    accounts.map(|(name, account)| one(name, account, loaded, clock)).collect()
}

fn one(
    name: &str,
    account: &schema::WebhookAccount,
    loaded: &Loaded,
    clock: &SharedClock,
) -> Wanted {
    let of_all = &loaded.config.messages.group_chat;
    let mut fingerprint = serde_json::to_string(&(account, of_all)).unwrap_or_default();
    let build = if account.enabled == Some(false) {
        Build::Off
    } else {
        match settings(name, account, loaded) {
            Ok(settings) => {
                let digest =
                    openclaw_store::ParamsDigest::of(&json!(settings.secret.expose_secret()));
                fingerprint.push_str(digest.as_str());
                let clock = Arc::clone(clock);
                Build::Account(Box::new(move || {
                    let account =
                        Webhook::new(settings, clock).map_err(|error| error.to_string())?;
                    Ok(Arc::new(account) as Arc<dyn Channel>)
                }))
            }
            Err(why) => Build::Broken(why),
        }
    };
    Wanted { channel: "webhook", name: name.to_owned(), fingerprint, build }
}

fn settings(
    name: &str,
    account: &schema::WebhookAccount,
    loaded: &Loaded,
) -> Result<Settings, String> {
    let missing = |key: &str| format!("channels.webhook.accounts.{name}.{key} is missing");
    let secret = account.secret.as_ref().ok_or_else(|| missing("secret"))?;
    let secret = loaded.secrets().resolve(secret).map_err(|error| error.to_string())?;
    if secret.expose_secret().trim().is_empty() {
        return Err(missing("secret"));
    }
    Ok(Settings {
        account: name.to_owned(),
        secret,
        url: account.url.clone().ok_or_else(|| missing("url"))?,
        policy: AccountPolicy {
            dm: dm_policy(account.dm_policy),
            allow_from: account.allow_from.as_deref().map(peers).unwrap_or_default(),
            group: GroupPolicy::Allowlist,
            history: history(None, &loaded.config.messages),
            approvals: approvals(account.exec_approvals.clone()),
            ..AccountPolicy::default()
        },
        timeout: TIMEOUT,
    })
}
