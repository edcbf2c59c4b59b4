//! Nodes: listing them, calling them, and what they answer.

use openclaw_protocol::{
    RpcError,
    ids::DeviceId,
    methods::{nodes::*, system::NoParams},
};

use crate::{
    node_invoke as invoke,
    nodes::{self, Answered},
    router::{Cx, Failure, Handle, Methods},
};

impl Handle<NodeList> for Methods {
    async fn handle(cx: Cx, _: NoParams) -> Result<NodeListResult, Failure> {
        let nodes = invoke::list(&cx.state).await?;
        Ok(NodeListResult { ts: cx.now_ms(), nodes })
    }
}

impl Handle<NodeDescribe> for Methods {
    async fn handle(cx: Cx, params: NodeDescribeParams) -> Result<NodeDescribeResult, Failure> {
        let node = invoke::find(&cx.state, &DeviceId::new(params.node_id.as_str())).await?;
        Ok(NodeDescribeResult { ts: cx.now_ms(), node })
    }
}

impl Handle<NodeInvoke> for Methods {
    async fn handle(cx: Cx, params: NodeInvokeParams) -> Result<NodeInvokeOutcome, Failure> {
        let request = invoke::Request {
            node: DeviceId::new(params.node_id.as_str()),
            command: params.command.into_string(),
            params: params.params,
            timeout_ms: params.timeout_ms.map(|limit| limit.get()),
            key: params.idempotency_key.into_string(),
        };
        Ok(invoke::invoke(&cx.state, request).await?)
    }
}

/// The calling node; nobody answers in another's name.
fn caller(cx: &Cx, named: &str) -> Result<DeviceId, Failure> {
    let own = cx.conn.principal.device.clone().filter(|own| own.as_str() == named);
    own.ok_or_else(|| RpcError::invalid("nodeId mismatch").into())
}

impl Handle<NodeInvokeResult> for Methods {
    async fn handle(
        cx: Cx,
        params: NodeInvokeResultParams,
    ) -> Result<NodeInvokeResultAck, Failure> {
        let node = caller(&cx, params.node_id.as_str())?;
        let id = params.id.as_str().to_owned();
        let outcome = params.outcome().unwrap_or_else(|error| {
            nodes::failed("INVALID_RESULT", &format!("the node's payloadJSON is no JSON: {error}"))
        });
        match cx.state.nodes.answered(&node, &id, outcome) {
            Answered::Delivered => Ok(NodeInvokeResultAck { ok: true, ignored: None }),
            Answered::Late => Ok(NodeInvokeResultAck { ok: true, ignored: Some(true) }),
            Answered::NotYours => Err(RpcError::invalid("nodeId mismatch").into()),
        }
    }
}

impl Handle<NodeEvent> for Methods {
    async fn handle(cx: Cx, params: NodeEventParams) -> Result<NodeEventResult, Failure> {
        tracing::debug!(conn = %cx.conn.id, event = params.event.as_str(), "event of a node");
        let event = params.event.as_str().to_owned();
        let outcome = match event.as_str() {
            "voice.transcript" => match params.told() {
                Ok(payload) => super::voicewake::heard(&cx, payload).await,
                Err(error) => Err(format!("payloadJSON is no JSON: {error}")),
            },
            _ => Err("this Gateway does nothing with this event yet".to_owned()),
        };
        Ok(NodeEventResult { ok: true, event, handled: outcome.is_ok(), reason: outcome.err() })
    }
}
