//! Who may write to an account: pure rules.

use std::collections::BTreeMap;

use crate::message::{ChatKind, Inbound};

/// Messages of a group that are remembered when nobody says how many.
pub const HISTORY: usize = 50;

/// What a person who writes for the first time gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DmPolicy {
    /// A code, which the owner approves.
    #[default]
    Pairing,
    /// Nothing, unless the list names them.
    Allowlist,
    /// An answer.
    Open,
    /// Nothing; nobody does.
    Disabled,
}

/// Who is answered in groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupPolicy {
    /// The people that the list names.
    #[default]
    Allowlist,
    /// Everybody there.
    Open,
    /// Nobody.
    Disabled,
}

/// How one group, or one topic of it, differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupRule {
    /// Whether it is served at all.
    pub enabled: Option<bool>,
    /// Whether the account has to be named.
    pub require_mention: Option<bool>,
    /// Who is answered.
    pub policy: Option<GroupPolicy>,
    /// The people that are; in place of the account's.
    pub allow_from: Option<Vec<String>>,
    /// Added to the standing instructions.
    pub system_prompt: Option<String>,
    /// By topic.
    pub topics: BTreeMap<String, GroupRule>,
}

/// Who may write to an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountPolicy {
    /// Direct messages.
    pub dm: DmPolicy,
    /// The people the configuration names; `*` is everybody.
    pub allow_from: Vec<String>,
    /// Groups.
    pub group: GroupPolicy,
    /// The people who are answered in groups; empty: those of `allow_from`.
    pub group_allow_from: Vec<String>,
    /// By group; `*` is every group. If there are any, no other group is served.
    pub groups: BTreeMap<String, GroupRule>,
    /// How many messages that are to others are remembered, for each group and topic.
    pub history: usize,
    /// The reaction that a message gets which is going to be answered, if any.
    pub ack: Option<Ack>,
    /// Commands that wait for a person's word.
    pub approvals: Approvals,
}

/// A reaction that says: seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The emoji.
    pub emoji: String,
    /// Which messages get it.
    pub scope: AckScope,
    /// Whether it goes when the answer is there.
    pub remove: bool,
}

/// Which messages get a reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AckScope {
    /// Those of groups that mention the account.
    GroupMentions,
    /// All of groups that are answered.
    GroupAll,
    /// Direct ones.
    Direct,
    /// All that are answered.
    All,
}

impl Ack {
    /// Whether a message that is answered gets it. Commands are answered at once.
    #[must_use]
    pub fn is_for(&self, message: &Inbound) -> bool {
        let group = message.kind == ChatKind::Group;
        let scope = match self.scope {
            AckScope::GroupMentions => group && message.mentioned,
            AckScope::GroupAll => group,
            AckScope::Direct => !group,
            AckScope::All => true,
        };
        scope && !message.text.trim_start().starts_with('/')
    }
}

/// Whether people are asked in chats about commands, and whose word counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approvals {
    /// Whether they are asked.
    pub enabled: bool,
    /// Exactly these people decide, wherever it was asked; left out: those who may write, where it was.
    pub approvers: Option<Vec<String>>,
}

impl Default for Approvals {
    fn default() -> Self {
        Self { enabled: true, approvers: None }
    }
}

/// What a person may decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approver {
    /// Nothing.
    Nobody,
    /// What was asked in the same chat.
    Here,
    /// Everything.
    Anywhere,
}

/// Says what the author may decide. `paired` says whether the owner let them in; that `*` lets in
/// everybody makes nobody an approver.
#[must_use]
pub fn approver(policy: &AccountPolicy, message: &Inbound, paired: bool) -> Approver {
    let author = &message.author.id;
    let by_name = |list: &[String]| list.iter().any(|entry| is_them(entry, author));
    if !policy.approvals.enabled {
        return Approver::Nobody;
    }
    if let Some(approvers) = &policy.approvals.approvers {
        return if by_name(approvers) { Approver::Anywhere } else { Approver::Nobody };
    }
    let here = match message.kind {
        ChatKind::Direct if policy.dm == DmPolicy::Disabled => false,
        ChatKind::Direct => {
            let paired = paired && policy.dm != DmPolicy::Open;
            by_name(&policy.allow_from) || paired
        }
        ChatKind::Group => {
            let addressed = Inbound { mentioned: true, ..message.clone() };
            let served = group(policy, &addressed, None) == Verdict::Answer;
            served && by_name(group_list(policy, &rules(policy, message)))
        }
    };
    if here { Approver::Here } else { Approver::Nobody }
}

/// The people who are answered in a group where a list says so.
fn group_list<'a>(policy: &'a AccountPolicy, rules: &[&'a GroupRule]) -> &'a [String] {
    let own = rules.iter().find_map(|rule| rule.allow_from.as_deref());
    own.unwrap_or(if policy.group_allow_from.is_empty() {
        &policy.allow_from
    } else {
        &policy.group_allow_from
    })
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is answered.
    Answer,
    /// It is to others, but may be known when the account is mentioned next.
    Overhear,
    /// It is let go, for this reason.
    Ignore(&'static str),
    /// The person gets a code.
    Pair,
}

/// When a conversation of a group is answered, if it says so itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// When the account is mentioned.
    Mention,
    /// Always.
    Always,
}

impl Activation {
    /// Reads a session's setting.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        match raw {
            "mention" => Some(Self::Mention),
            "always" => Some(Self::Always),
            _ => None,
        }
    }
}

/// Decides. `paired` says whether the owner let the person in; `activation` is the word of the group's
/// own conversation, which counts before the configuration's.
#[must_use]
pub fn decide(
    policy: &AccountPolicy,
    message: &Inbound,
    paired: bool,
    activation: Option<Activation>,
) -> Verdict {
    match message.kind {
        ChatKind::Direct => direct(policy, message, paired),
        ChatKind::Group => group(policy, message, activation),
    }
}

fn direct(policy: &AccountPolicy, message: &Inbound, paired: bool) -> Verdict {
    let named = names(&policy.allow_from, &message.author.id);
    match policy.dm {
        DmPolicy::Disabled => Verdict::Ignore("direct messages are disabled"),
        // A list without `*` still is a list: `open` needs both, so that no single slip opens it.
        DmPolicy::Open | DmPolicy::Allowlist | DmPolicy::Pairing if named => Verdict::Answer,
        DmPolicy::Open => Verdict::Ignore("the sender is not in allowFrom"),
        DmPolicy::Allowlist | DmPolicy::Pairing if paired => Verdict::Answer,
        DmPolicy::Allowlist => Verdict::Ignore("the sender is not in allowFrom"),
        DmPolicy::Pairing => Verdict::Pair,
    }
}

fn group(policy: &AccountPolicy, message: &Inbound, activation: Option<Activation>) -> Verdict {
    let rules = rules(policy, message);
    if !policy.groups.is_empty() && rules.is_empty() {
        return Verdict::Ignore("the group is not in groups");
    }
    let pick = |of: fn(&GroupRule) -> Option<bool>| rules.iter().find_map(|rule| of(rule));
    if pick(|rule| rule.enabled) == Some(false) {
        return Verdict::Ignore("the group is switched off");
    }
    let allowed = match rules.iter().find_map(|rule| rule.policy).unwrap_or(policy.group) {
        GroupPolicy::Disabled => return Verdict::Ignore("groups are disabled"),
        GroupPolicy::Open => true,
        GroupPolicy::Allowlist => names(group_list(policy, &rules), &message.author.id),
    };
    if !allowed {
        return Verdict::Ignore("the sender is not in groupAllowFrom");
    }
    let required = match activation {
        Some(activation) => activation == Activation::Mention,
        None => pick(|rule| rule.require_mention).unwrap_or(true),
    };
    if required && !message.mentioned {
        return Verdict::Overhear;
    }
    Verdict::Answer
}

/// What a group's rules add to the standing instructions.
#[must_use]
pub fn system_prompt(policy: &AccountPolicy, message: &Inbound) -> Option<String> {
    rules(policy, message).iter().find_map(|rule| rule.system_prompt.clone())
}

/// The rules that hold for a chat, the narrowest first.
fn rules<'a>(policy: &'a AccountPolicy, message: &Inbound) -> Vec<&'a GroupRule> {
    let group = policy.groups.get(&message.chat).or_else(|| policy.groups.get("*"));
    let Some(group) = group else { return Vec::new() };
    let topic = message
        .thread
        .as_ref()
        .and_then(|thread| group.topics.get(thread).or_else(|| group.topics.get("*")));
    topic.into_iter().chain([group]).collect()
}

/// Whether a list names a person. The channel's name may stand before the id.
fn names(list: &[String], id: &str) -> bool {
    list.iter().any(|entry| bare(entry) == "*" || is_them(entry, id))
}

/// Whether an entry is this person, and not everybody.
fn is_them(entry: &str, id: &str) -> bool {
    let bare = bare(entry);
    bare != "*" && bare.eq_ignore_ascii_case(id)
}

fn bare(entry: &str) -> &str {
    let entry = entry.trim();
    entry.split_once(':').map_or(entry, |(_, bare)| bare).trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Author;

    fn message(kind: ChatKind, mentioned: bool) -> Inbound {
        Inbound {
            key: "1".into(),
            chat: "-100".into(),
            kind,
            title: None,
            thread: Some("7".into()),
            author: Author { id: "42".into(), name: None, username: None },
            message_id: "1".into(),
            text: "hello".into(),
            quoted: None,
            files: Vec::new(),
            mentioned,
        }
    }

    fn list(entries: &[&str]) -> Vec<String> {
        entries.iter().map(|entry| (*entry).to_owned()).collect()
    }

    #[test]
    fn direct_messages() {
        let not_listed = Verdict::Ignore("the sender is not in allowFrom");
        let disabled = Verdict::Ignore("direct messages are disabled");
        for (dm, allow, paired, expected) in [
            (DmPolicy::Pairing, &[][..], false, Verdict::Pair),
            (DmPolicy::Pairing, &[], true, Verdict::Answer),
            (DmPolicy::Pairing, &["42"], false, Verdict::Answer),
            (DmPolicy::Allowlist, &[], false, not_listed),
            (DmPolicy::Allowlist, &["tg:42"], false, Verdict::Answer),
            (DmPolicy::Allowlist, &[], true, Verdict::Answer),
            (DmPolicy::Open, &[], true, not_listed),
            (DmPolicy::Open, &["*"], false, Verdict::Answer),
            (DmPolicy::Disabled, &["*"], true, disabled),
        ] {
            let policy = AccountPolicy { dm, allow_from: list(allow), ..AccountPolicy::default() };
            let found = decide(&policy, &message(ChatKind::Direct, false), paired, None);
            assert_eq!(found, expected, "{dm:?} {allow:?} {paired}");
        }
    }

    #[test]
    fn who_decides_is_named_and_never_everybody() {
        let with = |allow: &[&str], approvers: Option<&[&str]>| AccountPolicy {
            allow_from: list(allow),
            approvals: Approvals { enabled: true, approvers: approvers.map(list) },
            ..AccountPolicy::default()
        };
        let direct = message(ChatKind::Direct, true);
        let group = message(ChatKind::Group, false);
        for (policy, paired, in_direct, in_group) in [
            (with(&[], None), false, Approver::Nobody, Approver::Nobody),
            (with(&[], None), true, Approver::Here, Approver::Nobody),
            (with(&["tg:42"], None), false, Approver::Here, Approver::Here),
            (with(&["*"], None), false, Approver::Nobody, Approver::Nobody),
            (with(&["telegram:*"], None), false, Approver::Nobody, Approver::Nobody),
            (with(&["42"], Some(&["7"])), true, Approver::Nobody, Approver::Nobody),
            (with(&[], Some(&["telegram:42"])), false, Approver::Anywhere, Approver::Anywhere),
            (with(&[], Some(&["*"])), true, Approver::Nobody, Approver::Nobody),
        ] {
            assert_eq!(approver(&policy, &direct, paired), in_direct, "{policy:?} {paired}");
            assert_eq!(approver(&policy, &group, false), in_group, "{policy:?}");
        }
        let off = Approvals { enabled: false, approvers: None };
        let off = AccountPolicy { approvals: off, ..with(&["42"], None) };
        assert_eq!(approver(&off, &direct, true), Approver::Nobody);
        let closed = AccountPolicy { dm: DmPolicy::Disabled, ..with(&["42"], None) };
        assert_eq!(approver(&closed, &direct, true), Approver::Nobody);
    }

    #[test]
    fn reactions_have_a_scope_and_commands_get_none() {
        for (scope, direct, named, unnamed) in [
            (AckScope::GroupMentions, false, true, false),
            (AckScope::GroupAll, false, true, true),
            (AckScope::Direct, true, false, false),
            (AckScope::All, true, true, true),
        ] {
            let ack = Ack { emoji: "👀".into(), scope, remove: false };
            assert_eq!(ack.is_for(&message(ChatKind::Direct, true)), direct, "{scope:?}");
            assert_eq!(ack.is_for(&message(ChatKind::Group, true)), named, "{scope:?}");
            assert_eq!(ack.is_for(&message(ChatKind::Group, false)), unnamed, "{scope:?}");
            let command = Inbound { text: "/status".into(), ..message(ChatKind::Group, true) };
            assert!(!ack.is_for(&command), "{scope:?}");
        }
    }

    #[test]
    fn groups() {
        let plain = AccountPolicy { allow_from: list(&["42"]), ..AccountPolicy::default() };
        let check = |policy: &AccountPolicy, mentioned, expected: Verdict| {
            assert_eq!(decide(policy, &message(ChatKind::Group, mentioned), true, None), expected);
        };
        check(&plain, true, Verdict::Answer);
        check(&plain, false, Verdict::Overhear);
        // Who was paired for direct messages may not drive the account in any group.
        let nobody = AccountPolicy::default();
        check(&nobody, true, Verdict::Ignore("the sender is not in groupAllowFrom"));
        let others = AccountPolicy { group_allow_from: list(&["7"]), ..plain.clone() };
        check(&others, true, Verdict::Ignore("the sender is not in groupAllowFrom"));
        let off = AccountPolicy { group: GroupPolicy::Disabled, ..plain.clone() };
        check(&off, true, Verdict::Ignore("groups are disabled"));
        let elsewhere = BTreeMap::from([("-200".to_owned(), GroupRule::default())]);
        check(
            &AccountPolicy { groups: elsewhere, ..plain.clone() },
            true,
            Verdict::Ignore("the group is not in groups"),
        );
        let quiet = GroupRule { require_mention: Some(false), ..GroupRule::default() };
        let topic = GroupRule {
            topics: BTreeMap::from([("7".to_owned(), quiet)]),
            policy: Some(GroupPolicy::Open),
            ..GroupRule::default()
        };
        let topics = AccountPolicy {
            groups: BTreeMap::from([("*".to_owned(), topic)]),
            ..AccountPolicy::default()
        };
        check(&topics, false, Verdict::Answer);
    }
}
