//! `openclaw gateway install|uninstall|start|stop|restart`: the Gateway as a service of the system.
//!
//! With `--json` each prints `{action, ok, result?, message?, error?, code?, hints, warnings, service}`,
//! whether it worked or not.

mod control;
mod install;

use clap::Args;

pub(crate) use self::control::{ControlArgs, RestartArgs, StopArgs, restart, start, stop};
pub(crate) use self::install::{InstallArgs, UninstallArgs, install, uninstall};
use crate::context::Context;
use crate::failure::Failure;
use crate::service::{Site, Whose};

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
    /// Where a service would be put.
    fn site(&self, context: &Context) -> Result<Site, Failure> {
        Site::find(context, &Whose { system: self.system, account: self.run_as.clone() })
    }

    /// Where the service is: without `--system` it may be the system's nevertheless.
    fn installed(&self, context: &Context) -> Result<Site, Failure> {
        if self.system { self.site(context) } else { Ok(Site::installed(context)) }
    }
}
