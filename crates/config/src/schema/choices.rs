//! Every closed list of values in the configuration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! choice {
    ($( $(#[doc = $doc:literal])+ $(#[derive($extra:ident)])? $name:ident { $($(#[$meta:meta])* $variant:ident = $text:literal,)+ } )+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        $(#[derive($extra)])?
        pub enum $name {
            $(
                #[doc = concat!("`", $text, "`")]
                $(#[$meta])*
                #[serde(rename = $text)]
                $variant,
            )+
        }

        impl $name {
            /// The value as it is written in the configuration.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )+};
}

choice! {
    /// Where the Gateway that commands talk to runs.
    GatewayMode { Local = "local", Remote = "remote", }
    /// Which addresses the Gateway listens on.
    Bind {
        Auto = "auto",
        Loopback = "loopback",
        Lan = "lan",
        Tailnet = "tailnet",
        Custom = "custom",
    }
    /// What a client has to prove.
    AuthMode {
        None = "none",
        Token = "token",
        Password = "password",
        TrustedProxy = "trusted-proxy",
    }
    /// Which conversations the tools of a conversation see.
    #[derive(Default)]
    SessionVisibility { Own = "self", #[default] Tree = "tree", Agent = "agent", All = "all", }
    /// How a server of tools is spoken to.
    McpTransport { Stdio = "stdio", StreamableHttp = "streamable-http", Sse = "sse", }
    /// What may be done about a changed configuration.
    ReloadMode { Hybrid = "hybrid", Hot = "hot", Restart = "restart", Off = "off", }
    /// What the Gateway says of itself on the local network.
    #[derive(Default)]
    MdnsMode { Off = "off", #[default] Minimal = "minimal", Full = "full", }
    /// How a remote Gateway is reached.
    #[derive(Default)]
    RemoteTransport { #[default] Ssh = "ssh", Direct = "direct", }
    /// How SSH host keys are judged.
    #[derive(Default)]
    HostKeyPolicy { #[default] Strict = "strict", OpenSsh = "openssh", }
    /// How Tailscale publishes the Gateway.
    #[derive(Default)]
    TailscaleMode { #[default] Off = "off", Serve = "serve", Funnel = "funnel", }
    /// How much is logged.
    LogLevel {
        Silent = "silent",
        Fatal = "fatal",
        Error = "error",
        Warn = "warn",
        Info = "info",
        Debug = "debug",
        Trace = "trace",
    }
    /// A set of tools to begin with.
    ToolProfile {
        Minimal = "minimal",
        Coding = "coding",
        Messaging = "messaging",
        Full = "full",
    }
    /// What commands may run.
    ExecSecurity { Deny = "deny", Allowlist = "allowlist", Full = "full", }
    /// When somebody is asked about a command.
    ExecAsk { Off = "off", OnMiss = "on-miss", Always = "always", }
    /// How log lines look on a terminal.
    ConsoleStyle { Pretty = "pretty", Compact = "compact", Json = "json", }
    /// What is hidden in logs.
    RedactMode { Off = "off", Tools = "tools", }
    /// How much a model thinks before it answers.
    ThinkingLevel {
        Off = "off",
        Minimal = "minimal",
        Low = "low",
        Medium = "medium",
        High = "high",
        XHigh = "xhigh",
        Adaptive = "adaptive",
        Max = "max",
        Ultra = "ultra",
    }
    /// Whether configured providers join the built-in ones or take their place.
    #[derive(Default)]
    ModelsMode { #[default] Merge = "merge", Replace = "replace", }
    /// How a provider wants to be authenticated.
    ProviderAuth { ApiKey = "api-key", AwsSdk = "aws-sdk", OAuth = "oauth", Token = "token", }
    /// The wire format a provider speaks.
    ApiDialect {
        OpenAiCompletions = "openai-completions",
        OpenAiResponses = "openai-responses",
        OpenAiChatGptResponses = "openai-chatgpt-responses",
        AnthropicMessages = "anthropic-messages",
        GoogleGenerativeAi = "google-generative-ai",
        GoogleVertex = "google-vertex",
        GithubCopilot = "github-copilot",
        BedrockConverseStream = "bedrock-converse-stream",
        Ollama = "ollama",
        PiMessages = "pi-messages",
        AzureOpenAiResponses = "azure-openai-responses",
    }
    /// What a model can be shown.
    InputKind { Text = "text", Image = "image", Video = "video", Audio = "audio", }
    /// Whether each sender has conversations of its own.
    SessionScope { PerSender = "per-sender", Global = "global", }
    /// Which direct messages share a conversation.
    DmScope {
        Main = "main",
        PerPeer = "per-peer",
        PerChannelPeer = "per-channel-peer",
        PerAccountChannelPeer = "per-account-channel-peer",
    }
    /// What a person who writes for the first time gets.
    DirectPolicy {
        Pairing = "pairing",
        Allowlist = "allowlist",
        Open = "open",
        Disabled = "disabled",
    }
    /// Who is answered in groups.
    GroupAccess { Open = "open", Allowlist = "allowlist", Disabled = "disabled", }
    /// Which messages of an answer reply.
    ReplyTo { Off = "off", First = "first", All = "all", }
    /// Whether an answer is shown while it grows.
    StreamMode { Off = "off", Partial = "partial", Block = "block", }
    /// Which messages get a reaction that says: seen.
    AckReactionScope {
        GroupMentions = "group-mentions",
        GroupAll = "group-all",
        Direct = "direct",
        All = "all",
        Off = "off",
        None = "none",
    }
    /// How much reactions are used.
    ReactionLevel { Off = "off", Ack = "ack", Minimal = "minimal", Extensive = "extensive", }
    /// What kind of chat.
    PeerKind {
        Direct = "direct",
        Dm = "dm",
        Group = "group",
        Channel = "channel",
    }
    /// When a conversation starts anew by itself.
    ResetMode { None = "none", Daily = "daily", Idle = "idle", }
    /// What happens to a message that arrives during a run.
    QueueMode {
        Steer = "steer",
        Followup = "followup",
        Collect = "collect",
        SteerBacklog = "steer-backlog",
        SteerPlusBacklog = "steer+backlog",
        Queue = "queue",
        Interrupt = "interrupt",
    }
    /// Which waiting messages give way when the queue is full.
    QueueDrop { Summarize = "summarize", Old = "old", New = "new", }
}
