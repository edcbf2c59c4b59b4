//! The keys this Gateway uses, as types.
//!
//! A field's doc comment is its manual: the published schema, the reference page and the editor's
//! hints are made from it. Every key may be left out; what then applies is the type's `Default`.
//! Which keys can change without a restart stands in [`crate::reload`]. A key marked `x-unserved` is
//! checked and kept, but nothing uses it yet; whoever writes it is told so.

mod agents;
mod channels;
mod choices;
mod discovery;
mod gateway;
mod general;
mod mcp;
mod models;
mod session;
mod tools;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::agents::{
    Agent, AgentDefaults, AgentGroupChat, AgentIdentity, Agents, ModelChoice, ModelEntry,
};
pub use self::channels::{
    Binding, BindingMatch, BindingPeer, Channels, ChatApprovals, PeerId, Telegram, TelegramAccount,
    TelegramGroup, TelegramTopic, Webhook, WebhookAccount,
};
pub use self::choices::{
    AckReactionScope, ApiDialect, AuthMode, Bind, ConsoleStyle, DirectPolicy, DmScope, ExecAsk,
    ExecSecurity, GatewayMode, GroupAccess, HostKeyPolicy, InputKind, LogLevel, McpTransport,
    MdnsMode, ModelsMode, PeerKind, ProviderAuth, QueueDrop, QueueMode, ReactionLevel, RedactMode,
    ReloadMode, RemoteTransport, ReplyTo, ResetMode, SessionScope, SessionVisibility, StreamMode,
    TailscaleMode, ThinkingLevel, ToolProfile,
};
pub use self::discovery::{Discovery, Mdns, WideArea};
pub use self::gateway::{
    ControlUi, Gateway, GatewayAuth, NodeCommands, Nodes, RateLimit, Reload, RemoteGateway,
    Tailscale, Tls,
};
pub use self::general::{
    EnvBlock, Logging, Meta, SecretDefaults, SecretFileMode, SecretProvider, Secrets, ShellEnv, Ui,
    UiAssistant,
};
pub use self::mcp::{Mcp, McpServer, McpToolFilter};
pub use self::models::{ModelCost, Models, Provider, ProviderModel};
pub use self::session::{GroupChat, Messages, Queue, ResetByType, ResetPolicy, Session};
pub use self::tools::{
    AgentToAgent, AgentTools, ChatTools, Commands, ProviderTools, SkillEntry, Skills, Tools,
    ToolsExec, ToolsSessions,
};

/// A validated configuration with every default filled in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Config {
    /// Names a JSON schema for editors; has no effect.
    #[serde(rename = "$schema", skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Which program wrote the file last, and when.
    pub meta: Meta,
    /// Variables that are set for the Gateway unless the environment already has them.
    pub env: EnvBlock,
    /// What is logged, and where to.
    pub logging: Logging,
    /// How the interface presents itself.
    pub ui: Ui,
    /// Where secret references are looked up.
    pub secrets: Secrets,
    /// Model providers.
    pub models: Models,
    /// Agents and what they share.
    pub agents: Agents,
    /// Where people write to agents.
    pub channels: Channels,
    /// Which agent answers certain messages; the narrowest wins, then the first.
    pub bindings: Vec<Binding>,
    /// Which messages belong to one conversation, and when it starts anew.
    pub session: Session,
    /// What happens to messages that arrive while an agent is busy.
    pub messages: Messages,
    /// Who may do more than others in chats.
    pub commands: Commands,
    /// Which tools agents have, and how far they go.
    pub tools: Tools,
    /// Servers of tools that speak the Model Context Protocol.
    pub mcp: Mcp,
    /// Folders that tell models how to do something.
    pub skills: Skills,
    /// How Gateways are found.
    pub discovery: Discovery,
    /// The Gateway itself: address, authentication, TLS, and the remote one to talk to.
    pub gateway: Gateway,
}
