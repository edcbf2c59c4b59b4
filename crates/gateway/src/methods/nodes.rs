//! Nodes: listing them, calling them, and what they answer.

use std::sync::Arc;

use openclaw_protocol::{
    RpcError,
    ids::DeviceId,
    methods::{nodes::*, system::NoParams},
};

use crate::{
    connections::CloseReason,
    node_approval::{Asker, invoke_asking},
    node_invoke as invoke, node_later,
    nodes::{self, Answered, Heard, Listener, Spent},
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
        // Who hears what a command says can wait for a person's word as well; other clients are told at once
        // that it is missing, as they expect.
        if cx.conn.hears_node_output() {
            let asker = Asker { listener: Some(listener(&cx)), ..Asker::default() };
            return Ok(invoke_asking(&cx.state, request, asker).await?);
        }
        Ok(node_later::invoke(&cx.state, request, None).await?)
    }
}

/// The caller, who hears what the command says in interim answers.
fn listener(cx: &Cx) -> Listener {
    let own = cx.clone();
    let say = move |seq, chunk| {
        own.interim(&NodeInvokeOutput { status: "accepted".to_owned(), seq, chunk });
    };
    Listener { connection: Arc::clone(&cx.conn), say: Arc::new(say) }
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

impl Handle<NodeInvokeProgress> for Methods {
    async fn handle(
        cx: Cx,
        params: NodeInvokeProgressParams,
    ) -> Result<NodeInvokeProgressAck, Failure> {
        let node = caller(&cx, params.node_id.as_str())?;
        let (id, seq) = (params.invoke_id.as_str(), params.seq.get());
        match cx.state.nodes.said(&node, id, seq, params.chunk.as_str().len()) {
            Heard::By(listener) => {
                (listener.say)(seq, params.chunk.into_string());
                // A caller that reads slowly slows the node down, and nobody else.
                tokio::select! {
                    () = listener.connection.outbound.room() => {}
                    () = listener.connection.ended() => {}
                }
                Ok(NodeInvokeProgressAck { ok: true, ignored: None })
            }
            Heard::Nobody => Ok(NodeInvokeProgressAck { ok: true, ignored: Some(true) }),
            Heard::Missing => Err(RpcError::invalid("a piece before this one is missing").into()),
            Heard::TooMuch => {
                Err(RpcError::invalid("the command said too much before its result").into())
            }
            Heard::NotYours => Err(RpcError::invalid("nodeId mismatch").into()),
        }
    }
}

/// Refuses the events of a node that tells too much, and closes its connection if it goes on.
fn check_budget(cx: &Cx) -> Result<(), Failure> {
    let Some(node) = &cx.conn.principal.device else { return Ok(()) };
    match cx.state.nodes.tells(node, cx.now_ms()) {
        Spent::Within => return Ok(()),
        Spent::TooMuch => {}
        Spent::Flood => {
            tracing::warn!(conn = %cx.conn.id, %node, "a node floods the Gateway with events");
            cx.conn.close(CloseReason::new(1008, "too many events"));
        }
    }
    let error = RpcError::unavailable("too many events of this node; slow down");
    Err(error.retry_after(nodes::EVENT_WINDOW_MS).into())
}

impl Handle<NodeEvent> for Methods {
    async fn handle(cx: Cx, params: NodeEventParams) -> Result<NodeEventResult, Failure> {
        tracing::debug!(conn = %cx.conn.id, event = params.event.as_str(), "event of a node");
        check_budget(&cx)?;
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
