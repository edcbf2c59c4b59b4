//! Putting the parts together: the only place that names concrete ones.

use std::sync::Arc;

use openclaw_agent::{Agent, AgentParts, Models};
use openclaw_base::{SharedClock, Tasks};
use openclaw_channels::{Hub, HubParts};
use openclaw_config::{Environment, Loaded, Paths};
use openclaw_exec::approvals::Approvals;
use openclaw_gateway::{
    Gateway, Parts, approval_flow::AgentApprover, info::GatewayInfo, node_reach::AgentReach,
    run_events::RunEvents, settings::SharedAuth,
};
use openclaw_identity::KeyPair;
use openclaw_store::Store;
use tokio::sync::{OnceCell, watch};

use crate::{
    VERSION,
    announce::{Announce, Reach},
    audit::StartAudit,
    auth::AuthFlags,
    channels::{self, AgentIntake, Fan, Post},
    config_source::FileConfig,
    follow::Follow,
    models,
    tailnet::LocalTailnet,
    tls::Certificate,
    tool_servers, tools,
    wiring::{agent_settings, gateway_settings},
};

/// What a Gateway is composed of.
pub(crate) struct Ingredients<'a> {
    pub(crate) paths: &'a Paths,
    pub(crate) loaded: &'a Loaded,
    pub(crate) env: &'a Environment,
    pub(crate) flags: &'a AuthFlags,
    pub(crate) auth: SharedAuth,
    pub(crate) store: Store,
    pub(crate) identity: Arc<KeyPair>,
    pub(crate) reach: Reach,
    pub(crate) clock: SharedClock,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) tailnet: Option<Arc<LocalTailnet>>,
    pub(crate) audit: StartAudit,
}

/// What comes out.
pub(crate) struct Composed {
    pub(crate) gateway: Gateway,
    pub(crate) agent: Agent,
    pub(crate) models: Arc<dyn Models>,
    pub(crate) tasks: Tasks,
    pub(crate) accounts: Arc<channels::Accounts>,
}

/// Builds everything in the order of its dependencies; nothing listens yet.
pub(crate) fn compose(ingredients: Ingredients<'_>) -> Composed {
    let Ingredients {
        paths,
        loaded,
        env,
        flags,
        auth,
        store,
        identity,
        reach,
        clock,
        certificate,
        tailnet,
        audit,
    } = ingredients;
    let tasks = Tasks::new();
    let run_events = RunEvents::default();
    let node_reach = Arc::new(AgentReach::default());
    let approver = Arc::new(AgentApprover::new(Arc::new(Approvals::new(
        paths.exec_approvals_file(),
        paths.home().to_owned(),
    ))));
    let registry = models::registry(paths, loaded, &tasks, &clock);
    let models: Arc<dyn Models> = Arc::clone(&registry) as Arc<dyn Models>;
    let hub_cell = Arc::new(OnceCell::new());
    let (agent_sender, agent_receiver) =
        watch::channel(Arc::new(agent_settings(&loaded.config, &loaded.env, paths)));
    let tools = tools::table(tools::Ingredients {
        paths,
        env: &loaded.env,
        settings: &agent_receiver,
        nodes: Arc::clone(&node_reach) as Arc<_>,
        approver: &approver,
        store: &store,
        postman: Arc::new(Post(Arc::clone(&hub_cell))),
        tasks: &tasks,
    });
    let servers = tools::environment(&loaded.env);
    let servers = Arc::new(tool_servers::servers(paths, loaded, servers, &tasks));
    let agent = Agent::new(AgentParts {
        store: store.clone(),
        settings: agent_receiver.clone(),
        models: Arc::clone(&models),
        tools,
        servers: Some(Arc::clone(&servers) as Arc<_>),
        events: Arc::new(Fan { clients: run_events.clone(), hub: Arc::clone(&hub_cell) }),
        tasks: tasks.child(),
        clock: Arc::clone(&clock),
    });
    let (routing, routes) = watch::channel(Arc::new(channels::routing(loaded, paths)));
    let hub = Hub::new(HubParts {
        store: store.clone(),
        intake: Arc::new(AgentIntake::new(&agent, &agent_receiver, &store, &clock)),
        decide: Arc::clone(&approver) as Arc<_>,
        routing: routes,
        clock: Arc::clone(&clock),
        tasks: tasks.child(),
    });
    hub_cell.set(hub.clone()).ok();
    let accounts = Arc::new(channels::Accounts::new(hub.clone(), routing, Arc::clone(&clock)));
    let config = Arc::new(FileConfig::new(
        paths.clone(),
        env.clone(),
        loaded.revision(),
        audit.at(reach.port),
    ));
    let gateway = Gateway::new(Parts {
        info: info(loaded, paths, &reach, clock.now_ms()),
        settings: gateway_settings(loaded, paths, auth),
        identity,
        store,
        agent: agent.clone(),
        channels: hub,
        models: Arc::clone(&models),
        config: Arc::clone(&config) as Arc<_>,
        node_reach,
        approver,
        run_events,
        tailnet: tailnet.map(|tailnet| tailnet as Arc<_>),
        clock,
        tasks: tasks.clone(),
    });
    let announce = Announce::start(reach, &host_name(), paths.announce_file(), &tasks);
    announce.follow(&loaded.config, &loaded.env);
    let follow = Follow {
        announce,
        paths: paths.clone(),
        env: env.clone(),
        flags: flags.clone(),
        gateway: gateway.clone(),
        agent_settings: agent_sender,
        config,
        registry,
        servers,
        certificate,
        accounts: Arc::clone(&accounts),
    };
    follow.start(loaded.clone(), &tasks);
    Composed { gateway, agent, models, tasks, accounts }
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// What the Gateway knows about itself.
fn info(loaded: &Loaded, paths: &Paths, reach: &Reach, started_at_ms: u64) -> GatewayInfo {
    GatewayInfo {
        version: VERSION.to_owned(),
        boot_id: uuid::Uuid::now_v7().to_string(),
        host: host_name(),
        port: reach.port,
        addresses: reach.addresses.clone(),
        tls: reach.tls.clone(),
        started_at_ms,
        config_path: paths.config_file().to_owned(),
        state_dir: paths.state_dir().to_owned(),
        log_file: loaded.config.log_file(paths),
        store_file: paths.store_file(),
    }
}
