//! How the agent reaches nodes.

use std::sync::{Arc, OnceLock, Weak};

use futures_util::future::BoxFuture;
use openclaw_agent::{NodeCall, NodeReach, fenced};
use openclaw_protocol::{
    RpcError,
    ids::{DeviceId, SessionKey},
    methods::nodes::{NodeRow, NotOneNode, find as by_name, needs_admin},
};
use serde_json::Value;

use crate::{
    node_approval::{Asker, invoke_asking},
    node_invoke::{Request, list},
    state::State,
};

/// The command whose rules depend on who asks.
const SYSTEM_RUN: &str = "system.run";

/// The agent's way to the nodes. It leads nowhere until the Gateway serves it.
#[derive(Debug, Default)]
pub struct AgentReach {
    state: OnceLock<Weak<State>>,
}

impl AgentReach {
    /// Leads to the nodes of this Gateway from now on.
    pub(crate) fn serve(&self, state: &Arc<State>) {
        self.state.get_or_init(|| Arc::downgrade(state));
    }

    fn state(&self) -> Result<Arc<State>, String> {
        let state = self.state.get().and_then(Weak::upgrade);
        state.ok_or_else(|| "the Gateway is starting or stopping".to_owned())
    }

    async fn call(&self, call: NodeCall) -> Result<Value, String> {
        // Whoever talks to the agent need not be an administrator.
        if needs_admin(&call.command) {
            return Err(format!("{} takes an administrator; the agent is none", call.command));
        }
        let state = self.state()?;
        if call.command == SYSTEM_RUN {
            let entry = state.store.sessions().get(&SessionKey::new(&*call.session_key)).await;
            let entry = entry.map_err(|error| format!("the session cannot be read: {error}"))?;
            let set = entry.and_then(|entry| entry.settings.exec_security);
            if set.as_deref() == Some("deny") {
                return Err("commands are switched off for this session (execSecurity)".to_owned());
            }
        }
        let known = list(&state).await.map_err(|error| words(&error))?;
        let node = meant(&known, &call.node)?;
        let mut params = call.params;
        // Whose rules hold on the node is not the model's to say.
        if let (SYSTEM_RUN, Some(params)) = (call.command.as_str(), params.as_object_mut()) {
            params.insert("agentId".to_owned(), call.agent_id.to_string().into());
        }
        let request = Request {
            node,
            command: call.command,
            params: Some(params),
            timeout_ms: call.timeout_ms,
            key: call.key,
        };
        let asker = Asker {
            agent_id: Some(call.agent_id),
            session_key: Some(call.session_key),
            run_id: Some(call.run_id),
            route: call.route,
            listener: None,
        };
        let outcome = invoke_asking(&state, request, asker).await.map_err(|error| words(&error))?;
        Ok(outcome.payload.unwrap_or_default())
    }
}

/// An error with the reason that stands in its details.
fn words(error: &RpcError) -> String {
    let details = serde_json::to_value(error).unwrap_or_default();
    if details.pointer("/details/nodeError").is_some() {
        return format!(
            "the node refused or failed\n{}",
            fenced("answer of a node", &error.message)
        );
    }
    match details.pointer("/details/reason").and_then(Value::as_str) {
        Some(reason) => format!("{}: {reason}", error.message),
        None => error.message.clone(),
    }
}

fn meant(known: &[NodeRow], wanted: &str) -> Result<DeviceId, String> {
    let found = by_name(known, wanted).map(|row| row.node_id.clone());
    found.map_err(|error| match error {
        NotOneNode::None => {
            format!("no paired node is called {wanted:?}; ask for the status first")
        }
        NotOneNode::Several(rows) => {
            let ids: Vec<&str> = rows.iter().map(|row| row.node_id.as_str()).collect();
            let ids = ids.join(", ");
            format!("several nodes are called {wanted:?}; name one by its id: {ids}")
        }
    })
}

impl NodeReach for AgentReach {
    fn list(&self) -> BoxFuture<'_, Result<Value, String>> {
        Box::pin(async move {
            let rows = list(&*self.state()?).await.map_err(|error| words(&error))?;
            serde_json::to_value(rows).map_err(|error| error.to_string())
        })
    }

    fn invoke(&self, call: NodeCall) -> BoxFuture<'_, Result<Value, String>> {
        Box::pin(self.call(call))
    }
}
