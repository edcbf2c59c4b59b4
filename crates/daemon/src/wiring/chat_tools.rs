//! What the configuration says about the tools in single chats.

use std::collections::BTreeMap;

use openclaw_agent::{ChatTools, ToolPolicy};
use openclaw_config::{
    Config,
    schema::{self, TelegramAccount},
};

/// What is said about tools in groups and their topics, the narrower first.
pub(super) fn of(config: &Config) -> Vec<ChatTools> {
    let Some(telegram) = &config.channels.telegram else { return Vec::new() };
    let nothing = BTreeMap::from([("default".to_owned(), TelegramAccount::default())]);
    let accounts = if telegram.accounts.is_empty() { &nothing } else { &telegram.accounts };
    let policy = |rule: &schema::ChatTools| {
        let allow = rule.allow.iter().chain(&rule.also_allow).cloned().collect();
        ToolPolicy { allow, deny: rule.deny.clone(), ..ToolPolicy::default() }
    };
    let mut chats = Vec::new();
    for (account, own) in accounts {
        let groups = own.groups.as_ref().or(telegram.shared.groups.as_ref());
        for (id, group) in groups.into_iter().flatten() {
            let whole = (None, &group.tools, &group.tools_by_sender);
            let topics = group
                .topics
                .iter()
                .map(|(topic, rule)| (Some(topic.clone()), &rule.tools, &rule.tools_by_sender));
            for (thread, tools, by_sender) in topics.chain([whole]) {
                let senders = by_sender.iter().flatten();
                chats.push(ChatTools {
                    channel: "telegram".to_owned(),
                    account: account.clone(),
                    // Groups of Telegram have negative ids.
                    chat: if id == "*" { "-*".to_owned() } else { id.clone() },
                    thread,
                    tools: tools.as_ref().map(policy),
                    by_sender: senders.map(|(who, rule)| (who.clone(), policy(rule))).collect(),
                });
            }
        }
    }
    chats.sort_by_key(|chat| {
        let thread = chat.thread.as_deref();
        (chat.chat.contains('*'), thread.is_none(), thread == Some("*"))
    });
    chats
}

#[cfg(test)]
mod tests {
    use openclaw_config::{Environment, PathOptions, Paths, load_text};

    use super::*;

    #[test]
    fn topics_come_before_their_group_and_named_groups_before_all() {
        let text = r#"{channels: {telegram: {groups: {
            "*": {tools: {allow: ["a"]}, topics: {"5": {tools: {allow: ["b"]}}}},
            "-100": {tools: {allow: ["c"]}, topics: {
                "*": {toolsBySender: {"7": {deny: ["d"]}}},
                "5": {tools: {alsoAllow: ["e"]}},
            }},
        }}}}"#;
        let env = Environment::from_pairs([("HOME".to_owned(), "/nowhere".to_owned())]);
        let paths = Paths::resolve(&env, &PathOptions::default()).expect("paths");
        let loaded = load_text(text, &paths, &env).expect("a configuration");
        let found: Vec<_> = of(&loaded.config)
            .into_iter()
            .map(|rule| {
                let allowed = rule.tools.map(|tools| tools.allow.join(" "));
                (rule.chat, rule.thread, allowed, rule.by_sender.len())
            })
            .collect();
        let row = |chat: &str, thread: Option<&str>, allowed: Option<&str>, senders| {
            (chat.to_owned(), thread.map(str::to_owned), allowed.map(str::to_owned), senders)
        };
        assert_eq!(
            found,
            [
                row("-100", Some("5"), Some("e"), 0),
                row("-100", Some("*"), None, 1),
                row("-100", None, Some("c"), 0),
                row("-*", Some("5"), Some("b"), 0),
                row("-*", None, Some("a"), 0),
            ]
        );
    }
}
