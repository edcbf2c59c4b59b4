//! What nodes say about themselves when they connect.

use std::collections::BTreeMap;

/// What a node says it can do. Claims: what may be called is decided elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeClaims {
    /// Commands.
    pub commands: Vec<String>,
    /// Permissions of its operating system.
    pub permissions: Option<BTreeMap<String, bool>>,
    /// Its search path.
    pub path_env: Option<String>,
}
