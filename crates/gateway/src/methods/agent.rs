//! Runs of an agent, and the agents themselves.

use openclaw_protocol::methods::{agent::*, system::NoParams};

use crate::router::{Cx, Failure, Handle, Methods};

mod identity;
pub(crate) mod list;
mod run;

impl Handle<Agent> for Methods {
    async fn handle(cx: Cx, params: AgentParams) -> Result<AgentResult, Failure> {
        let order = run::order(&cx, params).await?;
        run::to_the_end(&cx, order).await
    }
}

impl Handle<AgentWait> for Methods {
    async fn handle(cx: Cx, params: AgentWaitParams) -> Result<AgentWaitResult, Failure> {
        run::wait(&cx, params).await
    }
}

impl Handle<AgentIdentityGet> for Methods {
    async fn handle(cx: Cx, params: AgentIdentityParams) -> Result<AgentIdentityResult, Failure> {
        Ok(identity::get(&cx.state, params)?)
    }
}

impl Handle<AgentsList> for Methods {
    async fn handle(cx: Cx, _: NoParams) -> Result<AgentsListResult, Failure> {
        Ok(list::of(&cx.state))
    }
}
