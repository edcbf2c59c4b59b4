//! All servers, as the agent's source of tools.

use std::{path::PathBuf, sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, join_all};
use openclaw_agent::{Tool, ToolSource};
use openclaw_base::Tasks;
use openclaw_exec::run::{Hidden, can_hide};
use parking_lot::Mutex;

use crate::{
    names::prefix,
    server::Server,
    settings::{McpSettings, ServerSetting},
    stdio::Surroundings,
    tool::tools,
};

/// Longest that a turn waits for servers; those that come later are there for the next one.
const TURN_WAITS: Duration = Duration::from_secs(10);

/// The servers of the configuration.
pub struct Servers {
    known: Mutex<Vec<Arc<Server>>>,
    surroundings: Surroundings,
    turn_waits: Duration,
}

impl Servers {
    /// None yet. Programs get this environment and this folder, and do not see what is hidden; all of it
    /// belongs to `tasks`.
    #[must_use]
    pub fn new(
        environment: Vec<(String, String)>,
        hidden: Hidden,
        folder: PathBuf,
        tasks: Tasks,
    ) -> Self {
        let surroundings = Surroundings { environment, hidden, folder, tasks };
        Self { known: Mutex::default(), surroundings, turn_waits: TURN_WAITS }
    }

    /// Has turns wait so long at most.
    #[must_use]
    pub fn turns_wait(mut self, longest: Duration) -> Self {
        self.turn_waits = longest;
        self
    }

    /// Takes up settings: servers that changed end and are started again when they are next wanted; the
    /// others go on.
    pub fn apply(&self, settings: McpSettings) {
        let McpSettings { servers, idle } = settings;
        let mut known = self.known.lock();
        let mut old = std::mem::take(&mut *known);
        for (name, setting) in servers {
            let same =
                |server: &Arc<Server>| server.name() == name && server.setting().same(&setting);
            let kept = old.iter().position(same).map(|at| old.swap_remove(at));
            known.push(kept.unwrap_or_else(|| self.begin(&name, setting, idle)));
        }
        for gone in old {
            gone.end();
        }
    }

    fn begin(&self, name: &str, setting: ServerSetting, idle: Option<Duration>) -> Arc<Server> {
        let tasks = &self.surroundings.tasks;
        if setting.way.is_ok() && !can_hide() {
            tracing::warn!(name, "this system cannot hide the state folder from tool servers");
        }
        let server = Server::new(name, setting, tasks.token().child_token());
        let life = Arc::clone(&server).run(self.surroundings.clone(), idle);
        drop(tasks.spawn("tool server", life));
        server
    }
}

impl ToolSource for Servers {
    fn known(&self) -> Vec<Arc<dyn Tool>> {
        self.known.lock().iter().flat_map(tools).collect()
    }

    fn ready<'a>(
        &'a self,
        wanted: &'a (dyn Fn(&str) -> bool + Sync),
    ) -> BoxFuture<'a, Vec<Arc<dyn Tool>>> {
        Box::pin(async move {
            let servers: Vec<Arc<Server>> = self
                .known
                .lock()
                .iter()
                .filter(|server| wanted(&prefix(server.name())))
                .cloned()
                .collect();
            // One that rests has named its tools and starts when one is called.
            let new = servers.iter().filter(|server| server.listed().is_empty());
            let starting = join_all(new.map(|server| server.up()));
            if tokio::time::timeout(self.turn_waits, starting).await.is_err() {
                tracing::warn!(
                    "a turn begins without the tools of a server that is still starting"
                );
            }
            servers.iter().flat_map(tools).collect()
        })
    }
}
