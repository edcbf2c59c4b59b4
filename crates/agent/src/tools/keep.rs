//! Files that come from outside, put where the agent's tools find them.

use std::sync::Arc;

use openclaw_protocol::ids::AgentId;
use tokio::sync::watch;

use crate::settings::AgentSettings;
use crate::workspace::{Workspaces, blocking};

/// Writes a file into an agent's workspace; gives its path there. One that is there is replaced, and no
/// link is followed.
///
/// # Errors
/// Why it was not written, in words.
pub async fn keep_file(
    settings: &watch::Receiver<Arc<AgentSettings>>,
    agent: &AgentId,
    path: String,
    bytes: Vec<u8>,
) -> Result<String, String> {
    let workspace = Workspaces(settings.clone()).of(agent);
    let written = blocking(move || {
        let place = workspace?.place(&path, true)?;
        place.write(&bytes)?;
        Ok(place.shown)
    });
    written.await
}
