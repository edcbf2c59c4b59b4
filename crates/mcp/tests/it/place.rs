//! What the tests share.

use std::{path::PathBuf, sync::Arc, time::Duration};

use openclaw_agent::{Tool, ToolContext, ToolOutcome, ToolSource};
use openclaw_base::{CancellationToken, Tasks};
use openclaw_exec::run::Hidden;
use openclaw_mcp::{McpSettings, ServerSetting, Servers, ToolFilter, Way};
use openclaw_protocol::ids::{AgentId, RunId, SessionId, SessionKey};
use openclaw_testkit::mcp_stand_in::command;
use serde_json::{Value, json};

/// Long enough for anything that is to happen.
pub(crate) const SOON: Duration = Duration::from_secs(30);

pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) servers: Arc<Servers>,
    pub(crate) tasks: Tasks,
}

/// A server of the stand-in with these flags.
pub(crate) fn server(flags: &[&str]) -> ServerSetting {
    ServerSetting {
        way: Ok(Way::Stdio { argv: command(flags), environment: Default::default(), cwd: None }),
        connect_timeout: SOON,
        request_timeout: SOON,
        parallel: false,
        filter: ToolFilter::default(),
    }
}

/// With a variable.
pub(crate) fn with(mut setting: ServerSetting, name: &str, value: &str) -> ServerSetting {
    if let Ok(Way::Stdio { environment, .. }) = &mut setting.way {
        environment.insert(name.to_owned(), value.into());
    }
    setting
}

impl Place {
    pub(crate) fn of(servers: &[(&str, ServerSetting)]) -> Self {
        Self::idle_after(servers, None)
    }

    pub(crate) fn idle_after(servers: &[(&str, ServerSetting)], idle: Option<Duration>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (state, work) = (folder.path().join("state"), folder.path().join("work"));
        for made in [&state, &work] {
            std::fs::create_dir_all(made).expect("made");
        }
        std::fs::write(state.join("token"), "the-secret").expect("written");
        let tasks = Tasks::new();
        let environment = vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())];
        let hidden = Hidden { folders: vec![state], ..Hidden::default() };
        let all = Servers::new(environment, hidden, work, tasks.child()).turns_wait(SOON);
        let place = Self { folder, servers: Arc::new(all), tasks };
        place.apply(servers, idle);
        place
    }

    pub(crate) fn apply(&self, servers: &[(&str, ServerSetting)], idle: Option<Duration>) {
        let servers = servers.iter().map(|(name, setting)| ((*name).to_owned(), setting.clone()));
        self.servers.apply(McpSettings { servers: servers.collect(), idle });
    }

    pub(crate) fn starts_file(&self) -> PathBuf {
        self.folder.path().join("work/starts")
    }

    /// The process ids of all lives, if the server was given `STARTS`.
    pub(crate) fn starts(&self) -> Vec<u32> {
        let text = std::fs::read_to_string(self.starts_file()).unwrap_or_default();
        text.lines().map(|line| line.parse().expect("a process id")).collect()
    }

    pub(crate) async fn ready(&self) -> Vec<Arc<dyn Tool>> {
        self.servers.ready(&|_| true).await
    }

    pub(crate) async fn names(&self) -> Vec<String> {
        self.ready().await.iter().map(|tool| tool.name().to_owned()).collect()
    }

    /// Calls a tool that is known, or that there is after a start.
    pub(crate) async fn call(&self, name: &str, arguments: Value) -> ToolOutcome {
        let named = |tools: Vec<Arc<dyn Tool>>| tools.into_iter().find(|tool| tool.name() == name);
        let tool = match named(self.servers.known()) {
            Some(tool) => tool,
            None => named(self.ready().await).expect("such a tool"),
        };
        let context = context();
        tool.run(arguments, &context).await
    }
}

pub(crate) fn context() -> ToolContext {
    ToolContext {
        run_id: RunId::new("run"),
        session_key: SessionKey::new("agent:main:main"),
        session_id: SessionId::new("session"),
        agent_id: AgentId::new("main"),
        call_id: "call".into(),
        principal: "owner".into(),
        route: None,
        cancel: CancellationToken::new(),
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let mut look = tokio::time::interval(Duration::from_millis(5));
    let waiting = async {
        while !is_so() {
            look.tick().await;
        }
    };
    assert!(tokio::time::timeout(SOON, waiting).await.is_ok(), "not so in time: {what}");
}

impl Place {
    /// Calls until the server is there again.
    pub(crate) async fn answers_again(&self) {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        let answering = async {
            while self.call("s__echo", json!({"text": "again"})).await.is_error {
                look.tick().await;
            }
        };
        tokio::time::timeout(SOON, answering).await.expect("it answers again in time");
    }
}

/// Whether a process runs.
pub(crate) fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}
