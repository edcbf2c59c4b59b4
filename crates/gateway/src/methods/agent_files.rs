//! The files of a workspace that say what an agent is, read and changed from afar.

use std::path::Path;

use openclaw_agent::{BootstrapError, BootstrapFile};
use openclaw_protocol::{
    ErrorCode, RpcError, ids::AgentId, methods::agent_files::*, text::NonEmpty,
};

use crate::{
    router::{Cx, Failure, Handle, Methods},
    shape::target::agent_or_default,
};

fn agent(cx: &Cx, id: &NonEmpty) -> Result<AgentId, RpcError> {
    agent_or_default(&cx.state, Some(id.as_str()))
}

fn refused(error: &BootstrapError) -> RpcError {
    match error {
        BootstrapError::Name(_) => RpcError::invalid(error.to_string()),
        BootstrapError::File(_) => RpcError::new(ErrorCode::Unavailable, error.to_string()),
    }
}

fn entry(file: BootstrapFile) -> AgentsFileEntry {
    let missing = file.found.is_none();
    AgentsFileEntry {
        name: file.name.to_owned(),
        path: file.path.display().to_string(),
        missing,
        expected_absent: (missing && file.is_passing()).then_some(true),
        size: file.found.map(|(size, _)| size),
        updated_at_ms: file.found.map(|(_, changed)| changed),
        content: file.content,
    }
}

fn shown(folder: &Path) -> String {
    folder.display().to_string()
}

impl Handle<AgentsFilesList> for Methods {
    async fn handle(
        cx: Cx,
        params: AgentsFilesListParams,
    ) -> Result<AgentsFilesListResult, Failure> {
        let agent_id = agent(&cx, &params.agent_id)?;
        let listed = cx.state.agent.bootstrap(&agent_id).list().await;
        let (folder, files) = listed.map_err(|error| refused(&error))?;
        let files = files.into_iter().map(entry).collect();
        Ok(AgentsFilesListResult { agent_id, workspace: shown(&folder), files })
    }
}

impl Handle<AgentsFilesGet> for Methods {
    async fn handle(cx: Cx, params: AgentsFilesGetParams) -> Result<AgentsFilesGetResult, Failure> {
        let agent_id = agent(&cx, &params.agent_id)?;
        let found = cx.state.agent.bootstrap(&agent_id).get(&params.name).await;
        let (folder, file) = found.map_err(|error| refused(&error))?;
        Ok(AgentsFilesGetResult { agent_id, workspace: shown(&folder), file: entry(file) })
    }
}

impl Handle<AgentsFilesSet> for Methods {
    async fn handle(cx: Cx, params: AgentsFilesSetParams) -> Result<AgentsFilesSetResult, Failure> {
        let agent_id = agent(&cx, &params.agent_id)?;
        let set = cx.state.agent.bootstrap(&agent_id).set(&params.name, params.content).await;
        let (folder, file) = set.map_err(|error| refused(&error))?;
        Ok(AgentsFilesSetResult {
            ok: true,
            agent_id,
            workspace: shown(&folder),
            file: entry(file),
        })
    }
}
