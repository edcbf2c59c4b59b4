//! Who a client says it is: ids, modes and capabilities of the contract.

use crate::macros::names;

names! {
    /// Which program connects.
    ClientId {
        /// WebChat page.
        WebchatUi = "webchat-ui",
        /// Control UI page.
        ControlUi = "openclaw-control-ui",
        /// Browser extension.
        BrowserCopilot = "openclaw-browser-copilot",
        /// Terminal chat.
        Tui = "openclaw-tui",
        /// WebChat, older name.
        Webchat = "webchat",
        /// Command line.
        Cli = "cli",
        /// Any program that uses a client library.
        GatewayClient = "gateway-client",
        /// macOS app.
        MacosApp = "openclaw-macos",
        /// Linux app.
        LinuxApp = "openclaw-linux",
        /// iOS app.
        IosApp = "openclaw-ios",
        /// watchOS app.
        WatchosApp = "openclaw-watchos",
        /// Android app.
        AndroidApp = "openclaw-android",
        /// Headless node host.
        NodeHost = "node-host",
        /// Worker process.
        Worker = "openclaw-worker",
        /// Tests.
        Test = "test",
        /// TLS fingerprint reader.
        Fingerprint = "fingerprint",
        /// Connection doctor.
        Probe = "openclaw-probe",
    }
}

names! {
    /// Coarse kind of client.
    ClientMode {
        /// Chat page.
        Webchat = "webchat",
        /// Command line.
        Cli = "cli",
        /// Graphical client.
        Ui = "ui",
        /// Program.
        Backend = "backend",
        /// Offers commands.
        Node = "node",
        /// Runs work for the Gateway.
        Worker = "worker",
        /// Only looks.
        Probe = "probe",
        /// Tests.
        Test = "test",
    }
}

names! {
    /// What an operator's client can do, in `connect.caps`. Nodes name theirs freely.
    ClientCap {
        /// Knows kinds of agents.
        AgentKind = "agent-kind",
        /// Can decide on approvals of any kind.
        Approvals = "approvals",
        /// Can decide on commands.
        ExecApprovals = "exec-approvals",
        /// Shows widgets in a conversation.
        InlineWidgets = "inline-widgets",
        /// Takes the model catalogue as an event.
        ModelCatalogSnapshot = "model-catalog-snapshot",
        /// Knows rules of model selection.
        ModelSelectionPolicy = "model-selection-policy",
        /// Can decide on plugin actions.
        PluginApprovals = "plugin-approvals",
        /// Binds values to tools of a run.
        RunToolBindings = "run-tool-bindings",
        /// Only wants events of sessions it subscribed to.
        SessionScopedEvents = "session-scoped-events",
        /// Shows skills as they change.
        SkillCuratorLiveInventory = "skill-curator-live-inventory",
        /// Shows proposed tasks.
        TaskSuggestions = "task-suggestions",
        /// Counts terminal output by offset.
        TerminalOffsetSeq = "terminal-offset-seq",
        /// Shows what a terminal is for.
        TerminalSessionMetadata = "terminal-session-metadata",
        /// Names paths of uploads in a terminal's own way.
        TerminalUploadPathStyle = "terminal-upload-path-style",
        /// Wants tool events of the runs it starts.
        ToolEvents = "tool-events",
        /// Takes commands for its surface.
        UiCommands = "ui-commands",
        /// Shows usage while it is read anew.
        UsageRefreshing = "usage-refreshing",
    }
}

/// Operator capability: wants tool events of the runs it starts.
pub const CAP_TOOL_EVENTS: &str = ClientCap::ToolEvents.as_str();
/// Operator capability, ours: hears what a node's command says before its result.
pub const CAP_NODE_OUTPUT: &str = "node-output";
/// Operator capability: only wants events of sessions it subscribed to.
pub const CAP_SESSION_SCOPED_EVENTS: &str = ClientCap::SessionScopedEvents.as_str();
