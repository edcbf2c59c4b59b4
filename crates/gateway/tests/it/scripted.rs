//! A Gateway whose model follows a script, so that a test decides what is said and when.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use openclaw_agent::{
    Agent, AgentParts, AgentProfile, AgentSettings, Models, NodesTool, RetrySettings,
    tools::{ExecParts, ExecTool, Processes},
};
use openclaw_base::{SharedClock, SystemClock, Tasks};
use openclaw_channels::{Hub, HubParts, Intake, IntakeError, Taken, Turn};
use openclaw_exec::approvals::Approvals;
use openclaw_gateway::{
    Gateway, Parts,
    approval_flow::AgentApprover,
    config_source::{ConfigChange, ConfigSource, Forgotten},
    info::GatewayInfo,
    listen::Listener,
    node_reach::AgentReach,
    run_events::RunEvents,
    settings::{Settings, SharedAuth},
};
use openclaw_identity::KeyPair;
use openclaw_protocol::methods::security::{SecurityAuditResult, SecurityFixResult};
use openclaw_protocol::{
    RpcError,
    ids::AgentId,
    methods::config::{
        ConfigGetResult, ConfigSchemaLookupResult, ConfigSchemaResult, ConfigWriteResult,
    },
};
use openclaw_store::Store;
use openclaw_testkit::{
    WireClient, connect_params,
    scripted_model::{Answer, ScriptedModel, ScriptedModels},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

pub(crate) const TOKEN: &str = "a-token-that-is-long-enough-for-tests";

/// It, its port, and its model.
pub(crate) struct Scripted {
    gateway: Gateway,
    port: u16,
    /// Its files; they go with it.
    folder: tempfile::TempDir,
    /// What answers.
    pub(crate) model: Arc<ScriptedModel>,
}

impl Scripted {
    /// Two agents, `main` and `ops`, and a model that gives these answers.
    pub(crate) async fn start(script: impl IntoIterator<Item = Answer>) -> Self {
        Self::start_with(script, |_| {}).await
    }

    /// The same with some settings changed.
    pub(crate) async fn start_with(
        script: impl IntoIterator<Item = Answer>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let mut gateway_settings = Settings {
            auth: SharedAuth::Token(TOKEN.into()),
            agents: vec![AgentId::new("main"), AgentId::new("ops")],
            ..Settings::default()
        };
        change(&mut gateway_settings);
        let model = ScriptedModel::new("m", script);
        let models: Arc<dyn Models> = ScriptedModels::new(vec![Arc::clone(&model)]);
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::in_memory().expect("store");
        let (tasks, clock) = (Tasks::new(), SystemClock::shared());
        let run_events = RunEvents::default();
        let node_reach = Arc::new(AgentReach::default());
        let (_, settings) = watch::channel(Arc::new(settings(folder.path())));
        let file = Approvals::new(folder.path().join("exec-approvals.json"), folder.path().into());
        let approver = Arc::new(AgentApprover::new(Arc::new(file)));
        let exec = ExecTool::new(ExecParts {
            store: store.clone(),
            settings: settings.clone(),
            approvals: Arc::clone(approver.file()),
            approver: Arc::clone(&approver) as Arc<_>,
            processes: Processes::new(tasks.child()),
            environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
            state_dir: folder.path().to_owned(),
        });
        let agent = Agent::new(AgentParts {
            store: store.clone(),
            settings,
            models: Arc::clone(&models),
            servers: None,
            tools: vec![
                Arc::new(exec),
                Arc::new(NodesTool::new(Arc::clone(&node_reach) as Arc<_>)),
            ],
            events: Arc::new(run_events.clone()),
            tasks: tasks.child(),
            clock: Arc::clone(&clock),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let channels = no_channels(&store, &approver, &clock, &tasks);
        let gateway = Gateway::new(Parts {
            channels,
            tailnet: None,
            info: GatewayInfo { state_dir: folder.path().to_owned(), ..info(port) },
            settings: gateway_settings,
            identity: Arc::new(KeyPair::generate().expect("a key")),
            store,
            agent,
            models,
            config: Arc::new(NoConfig),
            node_reach,
            approver,
            run_events,
            clock,
            tasks,
        });
        gateway.listen(Listener::plain(listener));
        Self { gateway, port, folder, model }
    }

    /// Where its agents have their files.
    pub(crate) fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    /// Its port.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// A socket that was challenged and said nothing yet.
    pub(crate) async fn wire(&self) -> WireClient {
        WireClient::connect(self.port).await
    }

    /// An operator with all scopes, on protocol 4.
    pub(crate) async fn operator(&self) -> WireClient {
        self.client(json!({})).await
    }

    /// The same with some params of `connect` replaced.
    pub(crate) async fn client(&self, replaced: Value) -> WireClient {
        self.enter(replaced).await.0
    }

    /// The same with `hello-ok`.
    pub(crate) async fn enter(&self, replaced: Value) -> (WireClient, Value) {
        let mut client = WireClient::connect(self.port).await;
        let mut params = connect_params(&replaced);
        params["auth"] = json!({"token": TOKEN});
        let hello = client.ok("connect", params).await;
        (client, hello)
    }

    /// An operator on protocol 3.
    pub(crate) async fn operator_v3(&self) -> WireClient {
        self.client(json!({"minProtocol": 3, "maxProtocol": 3})).await
    }

    /// Ends it.
    pub(crate) async fn stop(self) {
        self.gateway.shutdown(None).await;
    }
}

fn settings(folder: &Path) -> AgentSettings {
    let profile = |id: &str| AgentProfile {
        id: AgentId::new(id),
        workspace: Some(folder.join("workspace")),
        ..AgentProfile::default()
    };
    AgentSettings {
        agents: vec![
            AgentProfile { name: Some("Molty".to_owned()), ..profile("main") },
            profile("ops"),
        ],
        retry: RetrySettings { max_attempts: 1, ..RetrySettings::default() },
        delta_interval: Duration::from_millis(1),
        owner_only: vec!["nodes".to_owned()],
        ..AgentSettings::default()
    }
}

fn info(port: u16) -> GatewayInfo {
    GatewayInfo {
        version: "1.2.3".to_owned(),
        boot_id: "boot".to_owned(),
        host: "host".to_owned(),
        port,
        addresses: Vec::new(),
        tls: None,
        started_at_ms: 1,
        config_path: PathBuf::from("/nowhere/openclaw.json"),
        state_dir: PathBuf::from("/nowhere"),
        log_file: PathBuf::from("/nowhere/gateway.log"),
        store_file: PathBuf::from("/nowhere/gateway.db"),
    }
}

#[derive(Debug)]
struct NoConfig;

impl ConfigSource for NoConfig {
    fn snapshot(&self) -> BoxFuture<'_, Result<ConfigGetResult, RpcError>> {
        async { Err(RpcError::unavailable("no configuration in this test")) }.boxed()
    }

    fn write(
        &self,
        _: ConfigChange,
        _: Option<String>,
    ) -> BoxFuture<'_, Result<ConfigWriteResult, RpcError>> {
        async { Err(RpcError::unavailable("no configuration in this test")) }.boxed()
    }

    fn forget_credential(
        &self,
        _: String,
        _: String,
    ) -> BoxFuture<'_, Result<Forgotten, RpcError>> {
        async { Err(RpcError::unavailable("no configuration in this test")) }.boxed()
    }

    fn audit(&self) -> BoxFuture<'_, Result<SecurityAuditResult, RpcError>> {
        async { Err(RpcError::unavailable("no configuration in this test")) }.boxed()
    }

    fn fix(&self, _: String) -> BoxFuture<'_, Result<SecurityFixResult, RpcError>> {
        async { Err(RpcError::unavailable("no configuration in this test")) }.boxed()
    }

    fn schema(&self) -> Result<ConfigSchemaResult, RpcError> {
        Err(RpcError::unavailable("no configuration in this test"))
    }

    fn lookup(&self, _: &str) -> Result<Option<ConfigSchemaLookupResult>, RpcError> {
        Ok(None)
    }
}

/// Params of `chat.send` to the main session.
pub(crate) fn message(key: &str, text: &str) -> Value {
    json!({"sessionKey": "main", "message": text, "idempotencyKey": key})
}

/// Sends a message and waits for the end of its run; gives the last `chat` payload.
pub(crate) async fn talk(client: &mut WireClient, key: &str, text: &str) -> Value {
    let ack = client.ok("chat.send", message(key, text)).await;
    assert_eq!((&ack["runId"], &ack["status"]), (&json!(key), &json!("started")));
    ended(client, key).await
}

/// Waits for the end of a run; gives the last `chat` payload.
pub(crate) async fn ended(client: &mut WireClient, run: &str) -> Value {
    let is_end = |payload: &Value| {
        payload["runId"] == run
            && ["final", "aborted", "error"].contains(&payload["state"].as_str().unwrap_or(""))
    };
    client.event("chat", is_end).await["payload"].take()
}

/// What an event says in one or two words.
pub(crate) fn label(frame: &Value) -> Option<String> {
    let payload = &frame["payload"];
    let word = |pointer: &str| payload.pointer(pointer).and_then(Value::as_str);
    let first = |pointers: &[&str]| pointers.iter().find_map(|pointer| word(pointer));
    let what = match frame["event"].as_str()? {
        "chat" => first(&["/state"]),
        "agent" | "session.tool" => first(&["/data/phase", "/stream"]),
        "session.message" => first(&["/message/role"]),
        "sessions.changed" => first(&["/reason", "/phase"]),
        _ => return None,
    };
    let name = match (frame["event"].as_str()?, word("/stream")) {
        ("agent", Some("run_status")) => "run_status",
        (name, _) => name,
    };
    Some(format!("{name} {}", what.unwrap_or("?")))
}

/// The words of a history answer, each with who said it.
pub(crate) fn words(history: &Value) -> Vec<String> {
    let messages = history["messages"].as_array().expect("messages");
    let said = |message: &Value| {
        let blocks = message["content"].as_array().cloned().unwrap_or_default();
        let texts: Vec<_> = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
        format!("{}: {}", message["role"].as_str().unwrap_or("?"), texts.join("|"))
    };
    messages.iter().map(said).collect()
}

/// A hub without any account.
fn no_channels(
    store: &Store,
    approver: &Arc<AgentApprover>,
    clock: &SharedClock,
    tasks: &Tasks,
) -> Hub {
    struct Nobody;
    impl Intake for Nobody {
        fn take(&self, _: Turn) -> BoxFuture<'_, Result<Taken, IntakeError>> {
            Box::pin(async { Err(IntakeError::Refused("there are no channels".to_owned())) })
        }

        fn is_command(&self, _: &str) -> bool {
            false
        }
    }
    let (_, routing) = watch::channel(Arc::default());
    Hub::new(HubParts {
        store: store.clone(),
        intake: Arc::new(Nobody),
        decide: Arc::clone(approver) as Arc<_>,
        routing,
        clock: Arc::clone(clock),
        tasks: tasks.child(),
    })
}
