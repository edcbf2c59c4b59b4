//! The table of tools: what the agent can do, one line each.

use std::sync::Arc;

use openclaw_agent::{
    AgentSettings, NodeReach, NodesTool, Tool,
    tools::{
        EditTool, ExecParts, ExecTool, MessageTool, Postman, ProcessTool, Processes, ReadTool,
        SessionsHistoryTool, SessionsListTool, WebFetchTool, WriteTool,
    },
};
use openclaw_base::Tasks;
use openclaw_config::{Environment, Paths};
use openclaw_exec::run::base_environment;
use openclaw_gateway::approval_flow::AgentApprover;
use openclaw_store::Store;
use openclaw_web::{Fetcher, Limits};
use tokio::sync::watch;

use crate::VERSION;

/// What tools are made of.
pub(crate) struct Ingredients<'a> {
    pub(crate) paths: &'a Paths,
    pub(crate) env: &'a Environment,
    pub(crate) settings: &'a watch::Receiver<Arc<AgentSettings>>,
    pub(crate) nodes: Arc<dyn NodeReach>,
    pub(crate) approver: &'a Arc<AgentApprover>,
    pub(crate) store: &'a Store,
    pub(crate) postman: Arc<dyn Postman>,
    pub(crate) tasks: &'a Tasks,
}

/// All of them.
pub(crate) fn table(ingredients: Ingredients<'_>) -> Vec<Arc<dyn Tool>> {
    let Ingredients { paths, env, settings, nodes, approver, store, postman, tasks } = ingredients;
    let processes = Processes::new(tasks.child());
    let exec = ExecParts {
        store: store.clone(),
        settings: settings.clone(),
        approvals: Arc::clone(approver.file()),
        approver: Arc::clone(approver) as Arc<_>,
        processes: processes.clone(),
        environment: environment(env),
        state_dir: paths.state_dir().to_owned(),
    };
    let mut tools: Vec<Arc<dyn Tool>> = vec![
        Arc::new(ReadTool::new(settings.clone())),
        Arc::new(WriteTool::new(settings.clone())),
        Arc::new(EditTool::new(settings.clone())),
        Arc::new(ExecTool::new(exec)),
        Arc::new(ProcessTool::new(processes)),
        Arc::new(MessageTool::new(settings.clone(), postman)),
        Arc::new(NodesTool::new(nodes)),
        Arc::new(SessionsListTool::new(store.clone(), settings.clone())),
        Arc::new(SessionsHistoryTool::new(store.clone(), settings.clone())),
    ];
    match Fetcher::new(&format!("openclaw/{VERSION}"), Limits::default(), Vec::new()) {
        Ok(fetcher) => tools.push(Arc::new(WebFetchTool::new(fetcher))),
        Err(error) => tracing::warn!(%error, "the tool web_fetch is missing"),
    }
    tools
}

/// What of the Gateway's own environment others are given.
pub(crate) fn environment(env: &Environment) -> Vec<(String, String)> {
    let variables = env
        .names()
        .into_iter()
        .filter_map(|name| env.get(name).map(|value| (name.to_owned(), value.to_owned())));
    base_environment(variables)
}
