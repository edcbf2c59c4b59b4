//! The tools that come with the agent, one file each.

mod edit;
mod exec;
mod keep;
mod message;
mod process;
mod processes;
mod reach;
mod read;
mod sessions;
mod sessions_send;
mod web_fetch;
mod write;

pub(crate) use self::sessions_send::SessionsSendTool;
pub use self::{
    edit::EditTool,
    exec::{ExecParts, ExecTool},
    keep::keep_file,
    message::{MessageTool, Postman},
    process::ProcessTool,
    processes::Processes,
    read::ReadTool,
    sessions::{SessionsHistoryTool, SessionsListTool},
    web_fetch::WebFetchTool,
    write::WriteTool,
};
