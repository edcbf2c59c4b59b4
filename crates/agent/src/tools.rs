//! The tools that come with the agent, one file each.

mod edit;
mod exec;
mod keep;
mod process;
mod processes;
mod read;
mod sessions;
mod web_fetch;
mod workspace;
mod write;

pub use self::{
    edit::EditTool,
    exec::{ExecParts, ExecTool},
    keep::keep_file,
    process::ProcessTool,
    processes::Processes,
    read::ReadTool,
    sessions::{SessionsHistoryTool, SessionsListTool},
    web_fetch::WebFetchTool,
    write::WriteTool,
};
