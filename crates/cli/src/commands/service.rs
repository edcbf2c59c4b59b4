//! `openclaw gateway install|uninstall|start|stop|restart`: the Gateway as a service of the system.
//!
//! With `--json` each prints `{action, ok, result?, message?, error?, code?, hints, warnings, service}`,
//! whether it worked or not.

mod control;
mod install;

use clap::Args;

pub(crate) use self::control::{ControlArgs, RestartArgs, StopArgs, restart, start, stop};
pub(crate) use self::install::{InstallArgs, UninstallArgs, install, uninstall};
use crate::service::Whose;

/// Whose service.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct WhoseArgs {
    /// A service of the system rather than your own; needs root
    #[arg(long)]
    system: bool,
    /// The account that a service of the system runs as [default: openclaw]
    #[arg(long, value_name = "USER", requires = "system")]
    run_as: Option<String>,
}

impl WhoseArgs {
    /// As the service module has it.
    pub(crate) fn whose(&self) -> Whose {
        Whose { system: self.system, account: self.run_as.clone() }
    }
}
