//! Where a method's schemas are called otherwise, and where we differ from the contract or the peer.
//! Every line has its reason; an empty table would be better.

/// Params whose schema does not follow from the method's name.
pub(crate) const PARAMS: &[(&str, &str)] = &[
    ("agent.identity.get", "AgentIdentityParams"),
    // It takes what `sessions.list` takes, and answers with the list.
    ("sessions.subscribe", "SessionsListParams"),
    // It takes none, as `node.list` does.
    ("node.pending.pull", "NodeListParams"),
];

/// Results whose schema does not follow from the method's name.
pub(crate) const RESULTS: &[(&str, &str)] = &[
    ("agent.identity.get", "AgentIdentityResult"),
    ("config.schema", "ConfigSchemaResponse"),
    ("exec.approvals.get", "ExecApprovalsSnapshot"),
    ("exec.approvals.set", "ExecApprovalsSnapshot"),
    ("exec.approvals.node.get", "ExecApprovalsNodeSnapshot"),
    ("exec.approvals.node.set", "ExecApprovalsNodeSnapshot"),
];

/// Params where we deliberately decide otherwise: request, path, reason.
pub(crate) const LENIENT: &[(&str, &str, &str)] = &[
    ("connect", "/device/nonce", "protocol 3 clients on the same machine may leave it out"),
    ("connect", "/computerUse", "node hosts only; read when nodes are served"),
    ("connect", "/workerRuns", "node hosts only; read when nodes are served"),
    ("connect", "/auth/approvalRuntimeToken", "a credential that this Gateway does not take"),
    ("connect", "/auth/agentRuntimeIdentityToken", "a credential that this Gateway does not take"),
    ("node.invoke", "/turnSourceThreadId", "text or a number; nothing reads it yet"),
    ("node.invoke.result", "/payloadJSON", "real nodes send null where there is nothing"),
    ("node.invoke.result", "/error", "real nodes send null where there is nothing"),
    ("node.pluginTools.update", "/tools", "nothing reads them yet, so they may be missing"),
    ("node.pluginTools.update", "/tools", "nothing reads them yet, so they may be anything"),
    ("node.skills.update", "/skills", "nothing reads them yet, so they may be missing"),
    ("node.skills.update", "/skills", "nothing reads them yet, so they may be anything"),
    ("node.event", "/payloadJSON", "real nodes send null where there is nothing"),
    ("device.pair.setupCode", "/joinUrl", "an address that gives codes away is not served"),
    ("tools.invoke", "/conversationReadOrigin", "for a tool that this Gateway does not have"),
    ("config.patch", "/deliveryContext/threadId", "text or a number; nothing reads it"),
    ("config.apply", "/deliveryContext/threadId", "text or a number; nothing reads it"),
    ("exec.approvals.set", "/file", "checked as a whole where it is kept"),
    ("exec.approvals.set", "/file", "as above"),
    ("exec.approvals.node.set", "/file", "checked by the node that keeps it"),
    ("exec.approvals.node.set", "/native", "checked by the node that keeps it"),
    ("exec.approval.request", "/systemRunPlan", "shown or left out, and nothing depends on it"),
    ("exec.approval.request", "/scope", "shown or left out, and nothing depends on it"),
    ("exec.approval.request", "/commandSpans", "shown or left out, and nothing depends on it"),
    (
        "exec.approval.request",
        "/turnSourceThreadId",
        "shown or left out, and nothing depends on it",
    ),
    (
        "exec.approval.request",
        "/approvalReviewerDeviceIds",
        "shown or left out, and nothing depends on it",
    ),
    (
        "exec.approval.request",
        "/requireDeliveryRoute",
        "shown or left out, and nothing depends on it",
    ),
    ("exec.approval.request", "/suppressDelivery", "shown or left out, and nothing depends on it"),
    (
        "exec.approval.request",
        "/deliverToApprovalClientsOnly",
        "shown or left out, and nothing depends on it",
    ),
    (
        "exec.approval.request",
        "/unavailableDecisions",
        "shown or left out, and nothing depends on it",
    ),
    ("exec.approval.resolve", "/reviewer", "channels and jobs that this Gateway does not have yet"),
    (
        "exec.approval.resolve",
        "/grantExpiresInDays",
        "channels and jobs that this Gateway does not have yet",
    ),
    ("approval.resolve", "/reviewer", "channels and jobs that this Gateway does not have yet"),
    (
        "approval.resolve",
        "/grantExpiresInDays",
        "channels and jobs that this Gateway does not have yet",
    ),
];

/// The name of a method's schema: its words in one, and a suffix.
pub(crate) fn definition_name(method: &str, suffix: &str, exceptions: &[(&str, &str)]) -> String {
    if let Some((_, name)) = exceptions.iter().find(|(exception, _)| *exception == method) {
        return (*name).to_owned();
    }
    let words = method.split(['.', '-']).map(|word| {
        let mut chars = word.chars();
        let first = chars.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(chars).collect::<String>()
    });
    words.chain([suffix.to_owned()]).collect()
}

/// Our types that the contract defines under a name of their own; each is validated by itself, so their
/// fields need no line below wherever they stand.
pub(crate) const NESTED: &[(&str, &str)] = &[
    ("AgentSummary", "AgentSummary"),
    ("CommandEntry", "CommandEntry"),
    ("ModelChoice", "ModelChoice"),
    ("PresenceEntry", "PresenceEntry"),
    ("SessionRow", "SessionRow"),
];

/// What stands in an answer although the contract has no place for it.
pub(crate) const BEYOND: &[(&str, &str, &str)] = &[
    ("hello-ok", "/auth/method", "the peer says it, and clients show it"),
    ("system.info", "/processMemory", "the peer says it"),
    ("device.pair.setupCode", "/pagePath", "ours: a link for a browser is made from it"),
    ("device.pair.requested", "/commands", "a node's commands are part of what is approved"),
];

/// Lines of a table of differences in shape: keys, reason. A key is the name of a property, wherever it
/// stands, or a method (or `event.NAME`) and a path; what is below it is meant as well.
type Lines = &'static [(&'static [&'static str], &'static str)];

/// What only we say, or what only we have seen a place for.
pub(crate) const OURS: Lines = &[
    (&["kept"], "settings that a client may make and that this Gateway only keeps so far"),
    (
        &[
            "chat.send $.aborted",
            "chat.send $.ok",
            "chat.send $.runIds",
            "sessions.send $.aborted",
            "sessions.send $.ok",
            "sessions.send $.runIds",
        ],
        "documented answer to a stop word; none was recorded",
    ),
    (&["messageSeq"], "documented; the recorded runs were started otherwise"),
    (
        &["agent $.acceptedAt", "agent $.agentId", "agent $.sessionKey"],
        "the first answer, recorded as agent.accepted",
    ),
    (
        &[
            "agentsList",
            "chat.history $.metadata",
            "chat.startup $.metadata",
            "chat.startup $.kind",
        ],
        "documented; both methods share one type, and the recorded calls were not the first",
    ),
    (
        &[
            "hasActiveRun",
            "activeRunIds",
            "inFlightRun",
            "inputReceipts",
            "nextBefore",
            "nextOffset",
            "mediaUrls",
            "list",
        ],
        "documented; nothing of the kind happened while recording",
    ),
    (
        &[
            "errorMessage",
            "isError",
            "openclawAbort",
            "toolCallId",
            "toolName",
            "truncated",
            "reason",
            "arguments",
            "bytes",
            "data",
            "mimeType",
            "omitted",
            "thinking",
            "chat.history $.messages[].content[].id",
            "chat.history $.messages[].content[].name",
            "chat.startup $.messages[].content[].id",
            "chat.startup $.messages[].content[].name",
            "sessions.get $.messages[].content[].id",
            "sessions.get $.messages[].content[].name",
            "event.session.message $.message.content[].id",
            "event.session.message $.message.content[].name",
        ],
        "documented parts of a transcript; the recorded one has no tool, thought, picture or fault",
    ),
    (
        &[
            "archived",
            "cacheRead",
            "cacheWrite",
            "category",
            "color",
            "compactionCount",
            "contextTokens",
            "displayName",
            "elevatedLevel",
            "execAsk",
            "execHost",
            "execNode",
            "execSecurity",
            "fastMode",
            "groupActivation",
            "groupChannel",
            "icon",
            "lastInteractionAt",
            "modelOverride",
            "permissionMode",
            "pinned",
            "providerOverride",
            "reasoningLevel",
            "responseUsage",
            "sendPolicy",
            "space",
            "spawnedBy",
            "subject",
            "thinkingDefault",
            "thinkingLevel",
            "thinkingLevels",
            "thinkingOptions",
            "toolOverrides",
            "traceLevel",
            "unread",
            "verboseLevel",
            "sessions.reset $.entry.status",
        ],
        "documented settings and counters of a session that the recorded ones do not have",
    ),
    (
        &[
            "chat.history $.messages[].__openclaw.kind",
            "chat.startup $.messages[].__openclaw.kind",
            "event.session.message $.message.__openclaw.kind",
            "sessions.get $.messages[].__openclaw.kind",
        ],
        "documented mark of a summary; the recorded conversations have none",
    ),
    (
        &[
            "deviceFamily",
            "remoteIp",
            "lastUsedAtMs",
            "revokedAtMs",
            "rotatedAtMs",
            "health $.agents[].name",
            "event.health $.agents[].name",
        ],
        "documented; the recorded devices and agents do not have it",
    ),
];

/// What only the peer says.
pub(crate) const OMITTED: Lines = &[
    (
        &[
            "eventLoop",
            "heapTotalBytes",
            "heapUsedBytes",
            "externalBytes",
            "arrayBuffersBytes",
            "workerPools",
            "modelRuntime",
        ],
        "inside of a JavaScript process",
    ),
    (&["shutdownBudget", "hostDesktop", "cliProjection"], "only the peer's own programs read it"),
    (
        &[
            "participants",
            "participantCount",
            "expandedParticipants",
            "owners",
            "owner",
            "user",
            "createdActor",
            "archivedBy",
            "clientId",
        ],
        "people with profiles; a Gateway here has one owner",
    ),
    (
        &["placement", "placementMove", "cloudPlacementExecutionMode", "devicePlacement"],
        "sessions run where the Gateway is",
    ),
    (
        &["contextBudgetStatus", "contextTokensSource", "totalTokensVersion"],
        "the peer's accounting of the context",
    ),
    (
        &[
            "agentHarnessId",
            "assistantTurns",
            "bridgeCalls",
            "codeModeEngaged",
            "completion",
            "credentialSource",
            "executionTrace",
            "finalAssistantRawText",
            "finalAssistantVisibleText",
            "finalPromptText",
            "lastCallUsage",
            "livenessState",
            "promptTokens",
            "replayInvalid",
            "requestShaping",
            "sessionFile",
            "sourceReplyDeliveryState",
            "systemPromptReport",
            "terminalReceipt",
            "sessionDiffBaseline",
            "skillsSnapshot",
            "delivery",
            "agent $.result.meta.agentMeta.usage.cost",
        ],
        "diagnostics of the peer's agent",
    ),
    (
        &[
            "activitySummary",
            "activeModel",
            "activeModelProvider",
            "agentStatus",
            "ancestorSessions",
            "archiveReason",
            "autoLabel",
            "boardPresentation",
            "childSessions",
            "controlOwnerSessionKey",
            "effectiveFastModeSource",
            "fastAutoOnSeconds",
            "goal",
            "hasAutomation",
            "lifecycleRevision",
            "modelSelectionTarget",
            "observerDigest",
            "providerReview",
            "restartRecoveryStatus",
            "swarm",
            "channelAvatarUrl",
            "sessions.patch $.resolved.agentRuntime",
            "sessions.patch $.resolved.runtimeSelectionLocked",
            "sessions.patch $.resolved.thinkingLevels",
            "sessions.patch $.entry.endedAt",
            "sessions.patch $.entry.runtimeMs",
            "sessions.patch $.entry.startedAt",
            "sessions.patch $.entry.sessionRoot",
            "sessions.reset $.entry.sessionRoot",
            "chat.metadata $.runtimeSelectionLocked",
            "event.session.message $.category",
            "event.session.message $.thinkingLevel",
            "event.sessions.changed $.category",
        ],
        "parts of a session that come with goals, boards, several runtimes, or not at all",
    ),
    (
        &[
            "contextFreeCommand",
            "excludeFromContext",
            "openclawDisplayContent",
            "transport",
            "lane",
            "waitingForRoute",
            "configuredModel",
            "selectedModel",
            "modelSelectionReason",
            "status $.sessions.recent[].runtime",
            "status $.sessions.byAgent[].recent[].runtime",
            "snapshotRevision",
            "loginOptions",
            "clientPresentation",
            "dynamic",
            "skillDisplayName",
            "skillModelVisible",
        ],
        "notes that no client needs to go on",
    ),
];

/// Events whose payload repeats the fields of the row in `session`; we say them once, and beside it
/// only what tells clients whether to look at the row.
pub(crate) const REPEATING: &[&str] = &["event.session.message", "event.sessions.changed"];
