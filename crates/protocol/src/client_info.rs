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

/// Operator capability: wants tool events of the runs it starts.
pub const CAP_TOOL_EVENTS: &str = "tool-events";
/// Operator capability: only wants events of sessions it subscribed to.
pub const CAP_SESSION_SCOPED_EVENTS: &str = "session-scoped-events";
