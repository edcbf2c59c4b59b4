//! Commands that wait for a person's word, and the lists of what may run without asking.
//!
//! Shapes are those of the published contract.

use std::collections::BTreeMap;

use crate::{
    list::OpenObject,
    macros::{names, params, record},
    methods::system::NoParams,
    row::{Since, methods},
    text::{Int, NonEmpty},
};

names! {
    /// What a person says to a command.
    ApprovalDecision = Deny {
        /// This once.
        AllowOnce = "allow-once",
        /// From now on.
        AllowAlways = "allow-always",
        /// No.
        Deny = "deny",
    }

    /// What kind of thing waits.
    ApprovalKind = Exec {
        /// A command.
        Exec = "exec",
        /// An action of a plugin.
        Plugin = "plugin",
        /// A change of the Gateway itself.
        SystemAgent = "system-agent",
    }

    /// What became of a request.
    ApprovalStatus = Pending {
        /// Nobody has decided.
        Pending = "pending",
        /// Somebody allowed it.
        Allowed = "allowed",
        /// Somebody refused it.
        Denied = "denied",
        /// Nobody decided in time.
        Expired = "expired",
        /// Nobody waits for it any more.
        Cancelled = "cancelled",
    }

    /// Why.
    ApprovalReason = User {
        /// A person said so.
        User = "user",
        /// The time was up.
        Timeout = "timeout",
        /// The run that asked was stopped.
        RunAborted = "run-aborted",
    }
}

params! {
    /// Params of `exec.approvals.set`.
    ExecApprovalsSetParams {
        /// The whole file.
        file?: OpenObject,
        /// Hash of the file it replaces; needed where there is one.
        base_hash?: NonEmpty,
    }

    /// Params of `exec.approvals.node.get`.
    ExecApprovalsNodeGetParams {
        /// The node.
        node_id: NonEmpty,
    }

    /// Params of `exec.approvals.node.set`.
    ExecApprovalsNodeSetParams {
        /// The node.
        node_id: NonEmpty,
        /// The whole file.
        file?: OpenObject,
        /// Rules in the node's own form; handed on as they are.
        native?: OpenObject,
        /// Hash of the file it replaces.
        base_hash?: NonEmpty,
    }

    /// Params of `exec.approvals.grants`.
    #[derive(Default)]
    ExecApprovalsGrantsParams {
        /// On this node instead of the Gateway's machine.
        node_id?: NonEmpty,
    }

    /// Params of `exec.approvals.revoke`.
    ExecApprovalsRevokeParams {
        /// The entry: its id, the beginning of it (eight characters or more), or its pattern.
        id: NonEmpty,
        /// On this node instead of the Gateway's machine.
        node_id?: NonEmpty,
    }

    /// Params of `exec.approval.request`.
    #[derive(Default)]
    ExecApprovalRequestParams {
        /// Names it; a fresh one when left out.
        id?: NonEmpty,
        /// The command as people read it.
        command?: NonEmpty,
        /// Its words.
        command_argv?: Vec<String>,
        /// What exactly would run; handed on as it is.
        system_run_plan?: OpenObject,
        /// Variables it would get; only their names are shown.
        env?: BTreeMap<String, String>,
        /// Where it would run.
        cwd??: String,
        /// The node it would run on.
        node_id??: NonEmpty,
        /// The host it would run on.
        host??: String,
        /// What may run there.
        security??: String,
        /// When somebody is asked there.
        ask??: String,
        /// What to look at before deciding.
        warning_text??: String,
        /// Decisions that are not offered.
        unavailable_decisions?: Vec<ApprovalDecision>,
        /// The agent.
        agent_id??: String,
        /// The program it was found to be.
        resolved_path??: String,
        /// The session.
        session_key??: String,
        /// Its transcript.
        session_id??: String,
        /// The run.
        run_id??: String,
        /// The call within the run.
        tool_call_id??: String,
        /// The channel of the turn that asks.
        turn_source_channel??: String,
        /// Its recipient.
        turn_source_to??: String,
        /// Its account.
        turn_source_account_id??: String,
        /// How long to wait, in milliseconds.
        timeout_ms?: Int<1, 9_007_199_254_740_991>,
        /// Whether to say at once that it was taken up.
        two_phase?: bool,
    }

    /// Names an approval.
    ExecApprovalIdParams {
        /// Its id.
        id: NonEmpty,
    }

    /// Params of `exec.approval.resolve`.
    ExecApprovalResolveParams {
        /// Its id.
        id: NonEmpty,
        /// `allow-once`, `allow-always` or `deny`.
        decision: NonEmpty,
    }

    /// Params of `approval.get`.
    ApprovalGetParams {
        /// Its id.
        id: NonEmpty,
    }

    /// Params of `approval.resolve`.
    ApprovalResolveParams {
        /// Its id.
        id: NonEmpty,
        /// What kind it is.
        kind: ApprovalKind,
        /// What is decided.
        decision: ApprovalDecision,
    }
}

record! {
    /// The file of approvals as it is.
    ExecApprovalsSnapshot {
        /// Where it is.
        path: String,
        /// Whether it is there.
        exists: bool,
        /// Hash of its text, for `baseHash`.
        hash: String,
        /// What it says, without secrets.
        file: OpenObject,
        /// What holds where it says nothing.
        resolved_defaults?: ExecApprovalsDefaults,
    }

    /// What holds where the file says nothing.
    ExecApprovalsDefaults {
        /// What may run.
        security: String,
        /// When somebody is asked.
        ask: String,
        /// What holds when nobody answers.
        ask_fallback: String,
        /// Whether programs that skills bring are allowed.
        auto_allow_skills: bool,
    }

    /// Something that runs without asking.
    ExecGrant {
        /// Names it.
        id?: String,
        /// The node on which it holds; none for the Gateway's own machine.
        node_id?: String,
        /// The agent; `*` is everybody.
        agent_id: String,
        /// A glob over the real path of a program.
        pattern: String,
        /// A regular expression over its arguments; any when left out.
        arg_pattern?: String,
        /// Whether it comes of an "always", and not of a change of the list.
        by_decision: bool,
        /// The command that was asked about.
        command_text?: String,
        /// Who allowed it, where the Gateway knows.
        granted_by?: String,
        /// When, in milliseconds since 1970.
        granted_at_ms?: u64,
        /// When it was last used, in milliseconds since 1970.
        last_used_at_ms?: u64,
        /// The last command it allowed.
        last_used_command?: String,
    }

    /// Result of `exec.approvals.grants`.
    ExecApprovalsGrantsResult {
        /// What runs without asking.
        grants: Vec<ExecGrant>,
    }

    /// Result of `exec.approvals.revoke`.
    ExecApprovalsRevokeResult {
        /// What is asked about again.
        revoked: Vec<ExecGrant>,
    }

    /// First answer of `exec.approval.request` in two phases.
    ExecApprovalAccepted {
        /// `accepted`.
        status: String,
        /// The approval.
        id: String,
        /// When it was asked for, in milliseconds since 1970.
        created_at_ms: u64,
        /// Until when somebody may decide.
        expires_at_ms: u64,
    }

    /// What was decided.
    ExecApprovalOutcome {
        /// The approval.
        id: String,
        /// The decision; none if nobody decided in time.
        decision: Option<ApprovalDecision>,
        /// When it was asked for, in milliseconds since 1970.
        created_at_ms: u64,
        /// Until when somebody could decide.
        expires_at_ms: u64,
    }

    /// Result of `exec.approval.resolve`.
    ExecApprovalResolved {
        /// Always true.
        ok: bool,
    }

    /// Result of `exec.approval.get`.
    ExecApprovalView {
        /// The approval.
        id: String,
        /// The command.
        command_text: String,
        /// A shorter form of it.
        command_preview: Option<String>,
        /// What may be decided.
        allowed_decisions: Vec<ApprovalDecision>,
        /// The host it would run on.
        host: Option<String>,
        /// The node it would run on.
        node_id: Option<String>,
        /// The agent that asks.
        agent_id: Option<String>,
        /// Until when somebody may decide.
        expires_at_ms: u64,
    }

    /// Payload of `exec.approval.requested`, and an item of `exec.approval.list`.
    ExecApprovalRequested {
        /// The approval.
        id: String,
        /// What kind it is.
        approval_kind: ApprovalKind,
        /// What is asked for.
        request: ExecApprovalRequest,
        /// When, in milliseconds since 1970.
        created_at_ms: u64,
        /// Until when somebody may decide.
        expires_at_ms: u64,
    }

    /// What is asked for.
    ExecApprovalRequest {
        /// The command.
        command: String,
        /// Its words.
        command_argv?: Vec<String>,
        /// Names of the variables it would get.
        env_keys?: Vec<String>,
        /// Where it would run.
        cwd: Option<String>,
        /// The node it would run on.
        node_id: Option<String>,
        /// The host it would run on.
        host: Option<String>,
        /// What may run there.
        security: Option<String>,
        /// When somebody is asked there.
        ask: Option<String>,
        /// What to look at before deciding.
        warning_text: Option<String>,
        /// What may be decided.
        allowed_decisions: Vec<ApprovalDecision>,
        /// The agent.
        agent_id: Option<String>,
        /// The program it was found to be.
        resolved_path: Option<String>,
        /// The session.
        session_key: Option<String>,
        /// Its transcript.
        session_id?: String,
        /// The run.
        run_id?: String,
        /// The call within the run.
        tool_call_id?: String,
        /// The channel of the turn that asks.
        turn_source_channel?: String,
        /// Its recipient.
        turn_source_to?: String,
        /// Its account.
        turn_source_account_id?: String,
    }

    /// Result of `approval.get`.
    ApprovalGetResult {
        /// The approval.
        approval: ApprovalSnapshot,
    }

    /// Result of `approval.resolve`.
    ApprovalResolveResult {
        /// Whether this call decided it, and not an earlier one.
        applied: bool,
        /// The approval.
        approval: ApprovalSnapshot,
    }

    /// An approval, waiting or decided.
    ApprovalSnapshot {
        /// Its id.
        id: String,
        /// Where a browser shows it.
        url_path: String,
        /// When it was asked for, in milliseconds since 1970.
        created_at_ms: u64,
        /// Until when somebody may decide.
        expires_at_ms: u64,
        /// What people are shown.
        presentation: ApprovalPresentation,
        /// What became of it.
        status: ApprovalStatus,
        /// When it was decided.
        resolved_at_ms?: u64,
        /// What was decided.
        decision?: ApprovalDecision,
        /// Why.
        reason?: ApprovalReason,
    }

    /// What people are shown.
    ApprovalPresentation {
        /// What kind it is.
        kind: ApprovalKind,
        /// The command.
        command_text: String,
        /// What to look at before deciding.
        warning_text?: String,
        /// The host it would run on.
        host?: String,
        /// The node it would run on.
        node_id?: String,
        /// The agent that asks.
        agent_id?: String,
        /// What may be decided.
        allowed_decisions: Vec<ApprovalDecision>,
    }
}

methods! {
    /// What may run on the Gateway's machine without asking, and when somebody is asked.
    ExecApprovalsGet = "exec.approvals.get", Admin, NoParams => ExecApprovalsSnapshot;
    /// Replaces that file as a whole, if it is still the one that was read.
    ExecApprovalsSet = "exec.approvals.set", Admin, ExecApprovalsSetParams => ExecApprovalsSnapshot;
    /// The same of a node's machine.
    ExecApprovalsNodeGet = "exec.approvals.node.get", Admin,
        ExecApprovalsNodeGetParams => ExecApprovalsSnapshot;
    /// Replaces a node's file.
    ExecApprovalsNodeSet = "exec.approvals.node.set", Admin,
        ExecApprovalsNodeSetParams => ExecApprovalsSnapshot;
    /// What runs without asking: who allowed it, when, for which agent, and when it was last used.
    ExecApprovalsGrants = "exec.approvals.grants", Approvals,
        ExecApprovalsGrantsParams => ExecApprovalsGrantsResult { since: Since::Ours };
    /// Takes back what was allowed: it is asked about again.
    ExecApprovalsRevoke = "exec.approvals.revoke", Approvals,
        ExecApprovalsRevokeParams => ExecApprovalsRevokeResult { since: Since::Ours };
    /// Asks people whether a command may run, and waits for the answer.
    ExecApprovalAsk = "exec.approval.request", Approvals,
        ExecApprovalRequestParams => ExecApprovalOutcome { interim: true, unbounded: true };
    /// Waits for the answer to a request that is there already.
    ExecApprovalWaitDecision = "exec.approval.waitDecision", Approvals,
        ExecApprovalIdParams => ExecApprovalOutcome { unbounded: true };
    /// Decides.
    ExecApprovalResolve = "exec.approval.resolve", Approvals,
        ExecApprovalResolveParams => ExecApprovalResolved;
    /// One command that waits.
    ExecApprovalGet = "exec.approval.get", Approvals, ExecApprovalIdParams => ExecApprovalView
        { since: Since::V4 };
    /// Commands that wait, oldest first.
    ExecApprovalList = "exec.approval.list", Approvals, NoParams => Vec<ExecApprovalRequested>
        { since: Since::V4 };
    /// One approval, waiting or decided a moment ago.
    ApprovalGet = "approval.get", Approvals, ApprovalGetParams => ApprovalGetResult
        { since: Since::V4 };
    /// Decides, and says whether somebody was faster.
    ApprovalResolve = "approval.resolve", Approvals, ApprovalResolveParams => ApprovalResolveResult
        { since: Since::V4 };
}
