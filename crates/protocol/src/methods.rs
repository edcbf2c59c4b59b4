//! The method table: one row per method, grouped by family, listed once in `with_methods!`.
//!
//! To add a method, write its row in its family's file and add its path to the list below. The router
//! then fails to compile until somebody handles it, and documentation, contract test and rights test
//! pick it up by themselves.

use crate::{
    ids::{AgentId, DEFAULT_AGENT, SessionKey},
    row::{MethodRow, Rpc},
};

pub mod agent;
pub mod agent_files;
pub mod approvals;
pub mod channels;
pub mod chat;
pub mod config;
pub mod devices;
pub mod models;
pub mod node_pairing;
pub mod node_pending;
pub mod nodes;
pub mod pending;
pub mod security;
pub mod sessions;
pub mod setup;
pub mod skills;
pub mod system;
pub mod tools;
pub mod usage;
pub mod voicewake;

/// Hands the path of every row to another macro: `with_methods!(callback)` calls
/// `callback! { path, path, … }`.
#[macro_export]
macro_rules! with_methods {
    ($callback:path) => {
        $callback! {
            $crate::methods::system::Health,
            $crate::methods::system::Status,
            $crate::methods::system::SystemPresence,
            $crate::methods::system::SystemInfo,
            $crate::methods::system::LogsTail,
            $crate::methods::system::LastHeartbeat,
            $crate::methods::system::UpdateStatus,
            $crate::methods::system::GatewayIdentityGet,
            $crate::methods::usage::UsageCost,
            $crate::methods::chat::ChatSend,
            $crate::methods::chat::ChatHistory,
            $crate::methods::chat::ChatMessageGet,
            $crate::methods::chat::ChatAbort,
            $crate::methods::chat::ChatStartup,
            $crate::methods::chat::ChatMetadata,
            $crate::methods::agent::Agent,
            $crate::methods::agent::AgentWait,
            $crate::methods::agent::AgentIdentityGet,
            $crate::methods::agent::AgentsList,
            $crate::methods::agent_files::AgentsFilesList,
            $crate::methods::agent_files::AgentsFilesGet,
            $crate::methods::agent_files::AgentsFilesSet,
            $crate::methods::skills::SkillsStatus,
            $crate::methods::skills::SkillsBins,
            $crate::methods::sessions::SessionsList,
            $crate::methods::sessions::SessionsSubscribe,
            $crate::methods::sessions::SessionsMessagesSubscribe,
            $crate::methods::sessions::SessionsMessagesUnsubscribe,
            $crate::methods::sessions::SessionsDescribe,
            $crate::methods::sessions::SessionsPreview,
            $crate::methods::sessions::SessionsResolve,
            $crate::methods::sessions::SessionsPatch,
            $crate::methods::sessions::SessionsReset,
            $crate::methods::sessions::SessionsCompact,
            $crate::methods::sessions::SessionsDelete,
            $crate::methods::sessions::SessionsCreate,
            $crate::methods::sessions::SessionsSend,
            $crate::methods::sessions::SessionsAbort,
            $crate::methods::sessions::SessionsGet,
            $crate::methods::models::ModelsList,
            $crate::methods::models::ModelsAuthStatus,
            $crate::methods::devices::DevicePairList,
            $crate::methods::devices::DevicePairApprove,
            $crate::methods::devices::DevicePairReject,
            $crate::methods::devices::DevicePairRemove,
            $crate::methods::devices::DevicePairRename,
            $crate::methods::devices::DeviceTokenRotate,
            $crate::methods::devices::DeviceTokenRevoke,
            $crate::methods::setup::DevicePairSetupCode,
            $crate::methods::setup::DevicePairSetupStatus,
            $crate::methods::config::ConfigGet,
            $crate::methods::config::ConfigSchema,
            $crate::methods::config::ConfigSchemaLookup,
            $crate::methods::config::ConfigSet,
            $crate::methods::config::ConfigPatch,
            $crate::methods::config::ConfigApply,
            $crate::methods::approvals::ExecApprovalsGet,
            $crate::methods::approvals::ExecApprovalsSet,
            $crate::methods::approvals::ExecApprovalsNodeGet,
            $crate::methods::approvals::ExecApprovalsNodeSet,
            $crate::methods::approvals::ExecApprovalsGrants,
            $crate::methods::approvals::ExecApprovalsRevoke,
            $crate::methods::approvals::ExecApprovalAsk,
            $crate::methods::approvals::ExecApprovalWaitDecision,
            $crate::methods::approvals::ExecApprovalResolve,
            $crate::methods::approvals::ExecApprovalGet,
            $crate::methods::approvals::ExecApprovalList,
            $crate::methods::approvals::ApprovalGet,
            $crate::methods::approvals::ApprovalResolve,
            $crate::methods::tools::ToolsCatalog,
            $crate::methods::tools::ToolsEffective,
            $crate::methods::tools::ToolsInvoke,
            $crate::methods::pending::PluginApprovalList,
            $crate::methods::pending::OpenclawApprovalList,
            $crate::methods::pending::QuestionList,
            $crate::methods::pending::CronList,
            $crate::methods::pending::TasksList,
            $crate::methods::pending::UsageStatus,
            $crate::methods::security::SecurityTrail,
            $crate::methods::security::SecurityAudit,
            $crate::methods::security::SecurityFix,
            $crate::methods::channels::ChannelsStatus,
            $crate::methods::channels::ChannelsStart,
            $crate::methods::channels::ChannelsStop,
            $crate::methods::channels::ChannelsLogout,
            $crate::methods::channels::ChannelsPairingList,
            $crate::methods::channels::ChannelsPairingApprove,
            $crate::methods::channels::ChannelsPairingDismiss,
            $crate::methods::channels::Send,
            $crate::methods::channels::OutboxList,
            $crate::methods::channels::OutboxRetry,
            $crate::methods::nodes::NodeList,
            $crate::methods::nodes::NodeDescribe,
            $crate::methods::nodes::NodeInvoke,
            $crate::methods::nodes::NodeInvokeResult,
            $crate::methods::nodes::NodeInvokeProgress,
            $crate::methods::nodes::NodeEvent,
            $crate::methods::node_pairing::NodePairList,
            $crate::methods::node_pairing::NodePairApprove,
            $crate::methods::node_pairing::NodePairReject,
            $crate::methods::node_pairing::NodePairRemove,
            $crate::methods::node_pairing::NodeRename,
            $crate::methods::node_pairing::NodePluginToolsUpdate,
            $crate::methods::node_pairing::NodeSkillsUpdate,
            $crate::methods::node_pairing::NodeRunnerInventoryUpdate,
            $crate::methods::node_pending::NodePendingEnqueue,
            $crate::methods::node_pending::NodePendingDrain,
            $crate::methods::node_pending::NodePendingPull,
            $crate::methods::node_pending::NodePendingAck,
            $crate::methods::node_pending::NodePluginSurfaceRefresh,
            $crate::methods::voicewake::VoicewakeGet,
            $crate::methods::voicewake::VoicewakeSet,
            $crate::methods::voicewake::VoicewakeRoutingGet,
            $crate::methods::voicewake::VoicewakeRoutingSet,
        }
    };
}

/// Visits every method with its types in hand.
pub trait Visitor {
    /// Called once per row.
    fn visit<M: Rpc>(&mut self);
}

macro_rules! table {
    ($($row:path),+ $(,)?) => {
        /// Every row, in the order of the list.
        pub const METHODS: &[MethodRow] = &[$(<$row as Rpc>::ROW),+];

        /// Visits every row.
        pub fn visit_methods(visitor: &mut impl Visitor) {
            $(visitor.visit::<$row>();)+
        }
    };
}
with_methods!(table);

/// The row of a method.
#[must_use]
pub fn find(name: &str) -> Option<&'static MethodRow> {
    METHODS.iter().find(|row| row.name == name)
}

/// The names listed in `hello-ok.features.methods`, sorted.
#[must_use]
pub fn advertised() -> Vec<String> {
    let mut names: Vec<_> =
        METHODS.iter().filter(|row| row.advertised).map(|row| row.name.to_owned()).collect();
    names.sort();
    names
}

/// The queue of a session as a client spells it; `agent` counts where the key names none.
pub(crate) fn queue_on(key: &str, agent: Option<&str>) -> Option<String> {
    let agent = agent.and_then(AgentId::normalise).unwrap_or_else(|| AgentId::new(DEFAULT_AGENT));
    Some(SessionKey::canonical(key, &agent).into_string())
}
