//! The commands, one file each.

mod approvals;
mod file_list;
mod file_read;
mod file_write;
mod notify;
mod run;
mod stats;
mod which;

use std::{path::PathBuf, sync::Arc};

use openclaw_exec::approvals::Approvals;

use crate::{
    command::{NodeCommand, Registry},
    roots::Roots,
};

/// What commands know of the machine they are on.
#[derive(Debug)]
pub struct Machine {
    /// The environment that programs get, without secrets.
    pub environment: Vec<(String, String)>,
    /// Where programs run unless the caller says otherwise.
    pub home: PathBuf,
    /// What may run here.
    pub approvals: Arc<Approvals>,
    /// Folders that are open to callers.
    pub roots: Roots,
}

impl Machine {
    /// Where programs are looked for.
    fn search(&self) -> &str {
        let path = self.environment.iter().find(|(name, _)| name == "PATH");
        path.map_or("", |(_, value)| value.as_str())
    }
}

/// Every command of a machine. Those about files are there when a folder is open.
#[must_use]
pub fn registry(machine: &Arc<Machine>) -> Registry {
    let own = || Arc::clone(machine);
    let mut commands: Vec<Arc<dyn NodeCommand>> = vec![
        Arc::new(run::Run::new(own())),
        Arc::new(which::Which(own())),
        Arc::new(notify::Notify(own())),
        Arc::new(stats::Stats(own())),
        Arc::new(approvals::Get(own())),
        Arc::new(approvals::Set(own())),
    ];
    if !machine.roots.is_empty() {
        let files: [Arc<dyn NodeCommand>; 3] = [
            Arc::new(file_read::FileRead(own())),
            Arc::new(file_write::FileWrite(own())),
            Arc::new(file_list::FileList(own())),
        ];
        commands.extend(files);
    }
    Registry::new(commands)
}
