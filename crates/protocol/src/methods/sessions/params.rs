//! What requests about sessions carry.

use serde_json::Value;

use crate::{
    list::{All, Auto, List, Switch, True},
    macros::params,
    methods::{
        chat::Attachment,
        sessions::settings::{
            Attention, BoardFace, ForkFrom, GroupActivation, PermissionMode, ResetReason,
            ResponseUsage, SendPolicy, SessionLabel, SessionSort, SessionVisibility, ToolOverrides,
            WorktreeNameShape,
        },
    },
    text::{Int, Int0, Int1, NonEmpty, Number0, Shaped, Text},
};

params! {
    /// Params of `sessions.list`, and of `sessions.subscribe`.
    #[derive(Default)]
    SessionsListParams {
        /// Most sessions.
        limit?: Int1,
        /// How many to leave out.
        offset?: Int0,
        /// Only sessions used in the last so many minutes.
        active_minutes?: Int1,
        /// Only sessions somebody wrote to.
        require_last_interaction?: bool,
        /// Order.
        sort_by?: SessionSort,
        /// Whether the session `global` is listed.
        include_global?: bool,
        /// Whether the session `unknown` is listed.
        include_unknown?: bool,
        /// Only sessions of agents that still exist.
        configured_agents_only?: bool,
        /// Whether a title is made up for sessions without one.
        include_derived_titles?: bool,
        /// Whether the last message is shown.
        include_last_message?: bool,
        /// Only this label.
        label?: SessionLabel,
        /// Only sessions shown like this.
        board_face?: BoardFace,
        /// Only sessions made by this person.
        creator_id?: NonEmpty,
        /// Only sessions owned by this person.
        owner_id?: NonEmpty,
        /// Whether the caller's own come first.
        owner_first?: bool,
        /// Only sessions the caller takes part in.
        involving_me?: bool,
        /// Only sessions this person takes part in.
        involving_profile_id?: NonEmpty,
        /// Whether people are listed.
        include_people?: bool,
        /// Only sessions started by this one.
        spawned_by?: NonEmpty,
        /// Only this agent's.
        agent_id?: NonEmpty,
        /// Text to look for.
        search?: String,
        /// Archived ones only, the others only, or all.
        archived?: Switch<All>,
    }

    /// Params of `sessions.messages.subscribe`.
    MessagesSubscribeParams {
        /// Which session.
        key: NonEmpty,
        /// Its agent, if the key does not say.
        agent_id?: NonEmpty,
        /// Whether open approvals are told as well.
        include_approvals?: True,
    }

    /// Params of `sessions.messages.unsubscribe`.
    MessagesUnsubscribeParams {
        /// Which session.
        key: NonEmpty,
        /// Its agent, if the key does not say.
        agent_id?: NonEmpty,
    }

    /// Params of `sessions.describe`.
    SessionsDescribeParams {
        /// Which session.
        key: NonEmpty,
        /// Its agent, if the key does not say.
        agent_id?: NonEmpty,
        /// Whether a title is made up if it has none.
        include_derived_titles?: bool,
        /// Whether the last message is shown.
        include_last_message?: bool,
    }

    /// Params of `sessions.preview`.
    SessionsPreviewParams {
        /// Which sessions; the first 64 are answered.
        keys: List<NonEmpty, 1, { usize::MAX }>,
        /// Most messages of each; 12 if absent.
        limit?: Int1,
        /// Longest text of one; 240 if absent.
        max_chars?: Int<20, { crate::text::MAX_SAFE_INTEGER }>,
    }

    /// Params of `sessions.resolve`: exactly one of key, id, label, and short id.
    #[derive(Default)]
    SessionsResolveParams {
        /// A key.
        key?: NonEmpty,
        /// A transcript.
        session_id?: NonEmpty,
        /// A label.
        label?: SessionLabel,
        /// The beginning of an id.
        short_id?: NonEmpty,
        /// And of a title.
        slug_hint?: NonEmpty,
        /// Only this agent's.
        agent_id?: NonEmpty,
        /// Only sessions started by this one.
        spawned_by?: NonEmpty,
        /// Whether the session `global` counts.
        include_global?: bool,
        /// Whether the session `unknown` counts.
        include_unknown?: bool,
        /// Whether nothing found is an answer instead of an error.
        allow_missing?: bool,
    }

    /// Params of `sessions.patch`. What is `null` goes back to the default.
    SessionsPatchParams {
        /// Which session.
        key: NonEmpty,
        /// Its agent, if the key does not say.
        agent_id?: NonEmpty,
        /// Refuse unless the transcript is this one.
        expected_session_id?: NonEmpty,
        /// Refuse unless the session is in this state.
        expected_lifecycle_revision?: NonEmpty,
        /// Refuse unless the permission mode is this one.
        expected_permission_mode??: PermissionMode,
        /// Refuse unless the tool settings are these.
        expected_tool_overrides??: ToolOverrides,
        /// Refuse unless it was marked unread then.
        expected_marked_unread_at??: Number0,
        /// Label; unique.
        label??: SessionLabel,
        /// Sign.
        icon??: String,
        /// Colour.
        color??: String,
        /// Heading it is listed under.
        category??: SessionLabel,
        /// How it is shown.
        board_face?: BoardFace,
        /// What the agent is doing.
        status_note??: Text<0, 120>,
        /// What it waits for.
        attention??: Attention,
        /// How long note and attention last.
        ttl_minutes?: Int<1, 120>,
        /// Whether it is put away.
        archived?: bool,
        /// Whether it stays on top.
        pinned?: bool,
        /// Whether it counts as unread.
        unread?: bool,
        /// Which of the model's contexts.
        context_window??: NonEmpty,
        /// How hard the model thinks.
        thinking_level??: NonEmpty,
        /// Whether the model answers fast rather than well.
        fast_mode??: Switch<Auto>,
        /// Settings of tools.
        tool_overrides??: ToolOverrides,
        /// How much of its tools it shows.
        verbose_level??: NonEmpty,
        /// How much is recorded.
        trace_level??: NonEmpty,
        /// Whether thoughts are shown: `on`, `off`, `stream`.
        reasoning_level??: NonEmpty,
        /// Whether answers end with what they used.
        response_usage??: ResponseUsage,
        /// What it may do beyond the sandbox.
        elevated_level??: NonEmpty,
        /// Where commands run.
        exec_host??: NonEmpty,
        /// Which commands may run.
        exec_security??: NonEmpty,
        /// When somebody is asked.
        exec_ask??: NonEmpty,
        /// On which node commands run.
        exec_node??: NonEmpty,
        /// What it may do.
        permission_mode??: PermissionMode,
        /// Model, `provider/model` or an alias.
        model??: NonEmpty,
        /// Session that is told when it ends.
        completion_owner_session_key??: NonEmpty,
        /// Version of the inherited tool policy.
        inherited_tool_policy_version??: Int<1, 1>,
        /// Tools inherited.
        inherited_tool_allow??: Vec<NonEmpty>,
        /// Tools not inherited.
        inherited_tool_deny??: Vec<NonEmpty>,
        /// Whether answers go out.
        send_policy??: SendPolicy,
        /// When it speaks in a group.
        group_activation??: GroupActivation,
        /// Protocol 3: session that started it.
        spawned_by??: NonEmpty,
        /// Protocol 3: how deep it was started.
        spawn_depth??: Int0,
    }

    /// Params of `sessions.reset`.
    SessionsResetParams {
        /// Which session.
        key: NonEmpty,
        /// Its agent, if the key does not say.
        agent_id?: NonEmpty,
        /// Refuse unless the transcript is this one.
        expected_session_id?: NonEmpty,
        /// Which command asked.
        reason?: ResetReason,
    }

    /// Params of `sessions.compact`.
    SessionsCompactParams {
        /// Which session.
        key: NonEmpty,
        /// Its agent, if the key does not say.
        agent_id?: NonEmpty,
        /// Protocol 3: how many lines stay. What stays here is the last turn, whatever this says.
        max_lines?: Int1,
    }

    /// Params of `sessions.delete`.
    SessionsDeleteParams {
        /// Which session.
        key: NonEmpty,
        /// Its agent, if the key does not say.
        agent_id?: NonEmpty,
        /// Whether the transcript goes as well; yes if absent.
        delete_transcript?: bool,
        /// Refuse unless the transcript is this one.
        expected_session_id?: NonEmpty,
        /// Refuse unless the session is in this state.
        expected_lifecycle_revision?: NonEmpty,
        /// Refuse unless it was last changed then.
        expected_session_updated_at?: Number0,
        /// Whether plugins are told.
        emit_lifecycle_hooks?: bool,
        /// Refuse unless it is archived.
        archived_only?: bool,
    }

    /// Params of `sessions.create`.
    #[derive(Default)]
    SessionsCreateParams {
        /// Its key; made up if absent.
        key?: NonEmpty,
        /// Names the request.
        idempotency_key?: NonEmpty,
        /// Its agent.
        agent_id?: NonEmpty,
        /// Its label; unique.
        label?: SessionLabel,
        /// Its name.
        display_name?: Text<1, 500>,
        /// Heading it is listed under.
        category?: SessionLabel,
        /// Its model.
        model?: NonEmpty,
        /// Which of the model's contexts.
        context_window?: NonEmpty,
        /// How hard the model thinks.
        thinking_level?: NonEmpty,
        /// Whether the model answers fast rather than well.
        fast_mode?: Switch<Auto>,
        /// What it may do.
        permission_mode?: PermissionMode,
        /// Settings of tools.
        tool_overrides?: ToolOverrides,
        /// Whether nothing of it is kept.
        incognito?: bool,
        /// Who may see it.
        visibility?: SessionVisibility,
        /// Catalogue it comes from.
        catalog_id?: NonEmpty,
        /// Session it belongs to.
        parent_session_key?: NonEmpty,
        /// How deep it was started.
        spawn_depth?: Int1,
        /// Whether it goes on from its parent's transcript.
        fork?: bool,
        /// From where.
        fork_from?: ForkFrom,
        /// Whether plugins are told.
        emit_command_hooks?: bool,
        /// Whether it takes its parent's place.
        succeeds_parent?: bool,
        /// First message, as a task.
        task?: String,
        /// First message.
        message?: String,
        /// Files with it.
        attachments?: Vec<Attachment>,
        /// Project it belongs to.
        project_id?: NonEmpty,
        /// Or: the project's repository.
        project_git_url?: Text<1, 2048>,
        /// Whether it gets a Git worktree.
        worktree?: bool,
        /// Where the worktree starts.
        worktree_base_ref?: NonEmpty,
        /// The worktree's name.
        worktree_name?: Shaped<WorktreeNameShape>,
        /// On which node commands run.
        exec_node?: NonEmpty,
        /// Folder to work in.
        cwd?: NonEmpty,
        /// Longest run, in milliseconds.
        timeout_ms?: Int0,
    }

    /// Params of `sessions.send`.
    SessionsSendParams {
        /// Which session.
        key: NonEmpty,
        /// Its agent, if the key does not say.
        agent_id?: NonEmpty,
        /// What the person says.
        message: String,
        /// How hard the model thinks in this run.
        thinking?: String,
        /// Files.
        attachments?: Vec<Attachment>,
        /// Longest run, in milliseconds.
        timeout_ms?: Int0,
        /// Names the request; becomes the run's id.
        idempotency_key?: NonEmpty,
    }

    /// Params of `sessions.abort`.
    #[derive(Default)]
    SessionsAbortParams {
        /// Which session.
        key?: NonEmpty,
        /// Or: which run.
        run_id?: NonEmpty,
        /// The session's agent, if the key does not say.
        agent_id?: NonEmpty,
        /// Whether messages that wait are dropped as well.
        clear_queued?: bool,
    }

    /// Params of `sessions.get`.
    SessionsGetParams {
        /// Which session.
        key: NonEmpty,
        /// Its agent, if the key does not say.
        agent_id?: NonEmpty,
        /// Most messages; 200 if absent.
        limit?: Int1,
    }
}

/// Fields of `sessions.patch` that only say where a session is listed and how it answers; every other
/// field, and every field that is added later, needs an admin.
const ORGANISING: [&str; 12] = [
    "label",
    "icon",
    "color",
    "category",
    "boardFace",
    "pinned",
    "archived",
    "unread",
    "model",
    "thinkingLevel",
    "fastMode",
    "permissionMode",
];
/// Fields of `sessions.patch` that change nothing.
const ADDRESSING: [&str; 2] = ["key", "agentId"];

impl SessionsPatchParams {
    /// Whether the change is one that anybody who may write may make.
    #[must_use]
    pub fn only_organises(&self) -> bool {
        let Ok(Value::Object(fields)) = serde_json::to_value(self) else { return false };
        fields.keys().all(|field| {
            let field = field.as_str();
            field.starts_with("expected")
                || ADDRESSING.contains(&field)
                || ORGANISING.contains(&field)
        })
    }
}

impl SessionsCreateParams {
    /// Whether the session would have rights that only an admin may give.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        self.incognito == Some(true)
            || self.exec_node.is_some()
            || self.tool_overrides.is_some()
            || self.permission_mode == Some(PermissionMode::Full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_organising_changes_are_free() {
        let free = |json: &str| {
            serde_json::from_str::<SessionsPatchParams>(json).expect(json).only_organises()
        };
        assert!(free(r#"{"key":"main","label":"a","unread":false,"expectedSessionId":"s"}"#));
        assert!(free(r#"{"key":"main","model":null}"#));
        for guarded in ["sendPolicy", "elevatedLevel", "execNode", "inheritedToolDeny"] {
            assert!(
                !free(&format!(r#"{{"key":"main","label":"a","{guarded}":null}}"#)),
                "{guarded}"
            );
        }
    }

    #[test]
    fn rights_are_given_by_admins() {
        let guarded = |json: &str| {
            serde_json::from_str::<SessionsCreateParams>(json).expect(json).is_guarded()
        };
        assert!(!guarded(r#"{"key":"a","permissionMode":"guarded","incognito":false}"#));
        for json in [
            r#"{"incognito":true}"#,
            r#"{"execNode":"n"}"#,
            r#"{"toolOverrides":{}}"#,
            r#"{"permissionMode":"full"}"#,
        ] {
            assert!(guarded(json), "{json}");
        }
    }
}
