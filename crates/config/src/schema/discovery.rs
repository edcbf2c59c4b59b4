//! `discovery`: how Gateways are found by others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::choices::MdnsMode;

/// How this Gateway is found, and where others are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Discovery {
    /// The local network.
    pub mdns: Mdns,
    /// A zone of the domain name system.
    pub wide_area: WideArea,
}

/// Multicast DNS on the local network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Mdns {
    /// `minimal` says where the Gateway is, once other machines can reach it; `full` also says how to
    /// get there by `ssh`; `off` says nothing.
    pub mode: MdnsMode,
}

/// DNS-SD in a zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WideArea {
    /// The zone that `openclaw gateway discover` asks too, such as `openclaw.internal`.
    pub domain: Option<String>,
}
