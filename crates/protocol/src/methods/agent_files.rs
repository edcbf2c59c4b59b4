//! The files of a workspace that say what an agent is.

use crate::{
    ids::AgentId,
    macros::{params, record},
    row::{Since, methods},
    text::NonEmpty,
};

params! {
    /// Params of `agents.files.list`.
    AgentsFilesListParams {
        /// The agent.
        agent_id: NonEmpty,
    }

    /// Params of `agents.files.get`.
    AgentsFilesGetParams {
        /// The agent.
        agent_id: NonEmpty,
        /// The file's name.
        name: NonEmpty,
    }

    /// Params of `agents.files.set`.
    AgentsFilesSetParams {
        /// The agent.
        agent_id: NonEmpty,
        /// The file's name.
        name: NonEmpty,
        /// Its whole text from now on.
        content: String,
    }
}

record! {
    /// One of the files.
    AgentsFileEntry {
        /// Its name.
        name: String,
        /// Where it is, or would be.
        path: String,
        /// Whether it is not there.
        missing: bool,
        /// Whether it is usual that it is not there.
        expected_absent?: bool,
        /// Its size in bytes.
        size?: u64,
        /// When it was changed, in milliseconds since 1970.
        updated_at_ms?: u64,
        /// Its text.
        content?: String,
    }

    /// Result of `agents.files.list`.
    AgentsFilesListResult {
        /// The agent.
        agent_id: AgentId,
        /// Its folder.
        workspace: String,
        /// The files, without their text.
        files: Vec<AgentsFileEntry>,
    }

    /// Result of `agents.files.get`.
    AgentsFilesGetResult {
        /// The agent.
        agent_id: AgentId,
        /// Its folder.
        workspace: String,
        /// The file.
        file: AgentsFileEntry,
    }

    /// Result of `agents.files.set`.
    AgentsFilesSetResult {
        /// Always true; a failure is an error.
        ok: bool,
        /// The agent.
        agent_id: AgentId,
        /// Its folder.
        workspace: String,
        /// The file as it is now.
        file: AgentsFileEntry,
    }
}

methods! {
    /// Lists the files that say what an agent is.
    AgentsFilesList = "agents.files.list", Read, AgentsFilesListParams => AgentsFilesListResult
        { since: Since::V3 };
    /// Shows one of them.
    AgentsFilesGet = "agents.files.get", Read, AgentsFilesGetParams => AgentsFilesGetResult
        { since: Since::V3 };
    /// Replaces one of them.
    AgentsFilesSet = "agents.files.set", Admin, AgentsFilesSetParams => AgentsFilesSetResult
        { since: Since::V3 };
}
