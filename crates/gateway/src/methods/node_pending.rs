//! What waits for nodes that sleep.

use openclaw_protocol::{
    RpcError,
    ids::DeviceId,
    methods::{node_pending::*, system::NoParams},
};
use openclaw_store::node_work::{NewWork, Put, Work, WorkKind};

use crate::{
    node_invoke as invoke,
    router::{Cx, Failure, Handle, Methods},
};

/// How long a request waits when nobody says, in milliseconds.
const REQUEST_MS: u64 = 60 * 60 * 1000;
/// How many requests are handed out at once when nobody says.
const PAGE: u64 = 4;
/// Most that is acknowledged at once.
const MAX_IDS: usize = 256;

/// The calling node, which is a device.
fn own(cx: &Cx) -> Result<DeviceId, Failure> {
    let own = cx.conn.principal.device.clone();
    own.ok_or_else(|| RpcError::invalid("only a node with a device identity has a queue").into())
}

/// A request as it is shown; `None` for a name that this release does not know.
fn item(work: Work) -> Option<NodeWorkItem> {
    let priority = if work.urgent { NodeWorkPriority::High } else { NodeWorkPriority::Normal };
    Some(NodeWorkItem {
        id: work.work_id,
        r#type: NodeWorkType::parse(&work.name)?,
        priority,
        created_at_ms: work.created_at_ms,
        expires_at_ms: Some(work.expires_at_ms),
        payload: None,
    })
}

impl Handle<NodePendingEnqueue> for Methods {
    async fn handle(
        cx: Cx,
        params: NodePendingEnqueueParams,
    ) -> Result<NodePendingEnqueueResult, Failure> {
        let node_id = DeviceId::new(params.node_id.as_str());
        invoke::find(&cx.state, &node_id).await?;
        let new = NewWork {
            node: node_id.clone(),
            kind: WorkKind::Request,
            name: params.r#type.as_str().to_owned(),
            key: String::new(),
            params: None,
            urgent: params.priority == Some(NodeWorkUrgency::High),
            lives_ms: params.expires_in_ms.map_or(REQUEST_MS, |limit| limit.get()),
        };
        let put = cx.state.store.node_work().put(new, cx.now_ms()).await;
        let put = put.map_err(|error| cx.state.storage_error(&error))?;
        let Put::Waits { work, revision } = put else {
            return Err(RpcError::unavailable("the node is no longer paired").into());
        };
        let queued = item(work).ok_or_else(|| RpcError::unavailable("no such kind of work"))?;
        Ok(NodePendingEnqueueResult { node_id, revision, queued, wake_triggered: false })
    }
}

impl Handle<NodePendingDrain> for Methods {
    async fn handle(
        cx: Cx,
        params: NodePendingDrainParams,
    ) -> Result<NodePendingDrainResult, Failure> {
        let node_id = own(&cx)?;
        let store = cx.state.store.node_work();
        let waiting = store.waiting(&node_id, WorkKind::Request, cx.now_ms()).await;
        let waiting = waiting.map_err(|error| cx.state.storage_error(&error))?;
        let mut items: Vec<NodeWorkItem> = waiting.work.into_iter().filter_map(item).collect();
        let page = params.max_items.map_or(PAGE, |limit| limit.get());
        let page = usize::try_from(page).unwrap_or(usize::MAX);
        let has_more = items.len() > page;
        items.truncate(page);
        Ok(NodePendingDrainResult { node_id, revision: waiting.revision, items, has_more })
    }
}

impl Handle<NodePendingPull> for Methods {
    async fn handle(cx: Cx, _: NoParams) -> Result<NodePendingPullResult, Failure> {
        let node_id = own(&cx)?;
        let row = invoke::find(&cx.state, &node_id).await?;
        let store = cx.state.store.node_work();
        let waiting = store.waiting(&node_id, WorkKind::Command, cx.now_ms()).await;
        let waiting = waiting.map_err(|error| cx.state.storage_error(&error))?;
        // What was allowed when it was called may not be any more.
        let allowed = waiting.work.into_iter().filter(|work| row.commands.contains(&work.name));
        let actions = allowed.map(|work| NodePendingAction {
            id: work.work_id,
            command: work.name,
            params_json: work.params,
            enqueued_at_ms: work.created_at_ms,
        });
        Ok(NodePendingPullResult { node_id, actions: actions.collect() })
    }
}

impl Handle<NodePendingAck> for Methods {
    async fn handle(cx: Cx, params: NodePendingAckParams) -> Result<NodePendingAckResult, Failure> {
        let node_id = own(&cx)?;
        if params.ids.len() > MAX_IDS {
            return Err(RpcError::invalid(format!("ids: at most {MAX_IDS} at once")).into());
        }
        let ids = params.ids.iter().map(|id| id.as_str().to_owned()).collect();
        let taken = cx.state.store.node_work().take(&node_id, ids, cx.now_ms()).await;
        let taken = taken.map_err(|error| cx.state.storage_error(&error))?;
        let remaining_count = u64::try_from(taken.left).unwrap_or(u64::MAX);
        Ok(NodePendingAckResult { node_id, acked_ids: taken.ids, remaining_count })
    }
}

impl Handle<NodePluginSurfaceRefresh> for Methods {
    async fn handle(
        _: Cx,
        params: NodePluginSurfaceRefreshParams,
    ) -> Result<NodePluginSurfaceRefreshResult, Failure> {
        let surface = params.surface.map_or_else(String::new, |name| name.into_string());
        let error = RpcError::unavailable("this Gateway hosts no surfaces of plugins");
        Err(error.with_details([("surface", surface.into())]).into())
    }
}
