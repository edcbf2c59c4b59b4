//! Nodes in a process of their own: `fleet PORT COUNT`, the token on standard input.
//!
//! Each has a key of its own and answers every call with its params. Prints `ready` and the names of the
//! devices when all are connected, then serves until standard input ends.

use std::sync::Arc;

use anyhow::Context as _;
use openclaw_base::Tasks;
use openclaw_client::{
    CallOptions, Client, ClientOptions, Delivery, Endpoint, Plan, Secret, SecretSource, TcpDial,
};
use openclaw_identity::KeyPair;
use openclaw_protocol::{
    Role,
    client_info::{ClientId, ClientMode},
    events::nodes::NodeInvokeRequest,
};
use serde_json::json;

use crate::clients::{in_own_process, ready};

/// The command that every node offers.
pub(crate) const COMMAND: &str = "system.which";

/// Connects one after the other and answers.
pub(crate) fn run(words: &[String]) -> anyhow::Result<()> {
    in_own_process(words, serve)
}

async fn serve(port: u16, token: &str, count: u32) -> anyhow::Result<()> {
    let tasks = Tasks::new();
    let mut names = Vec::new();
    for number in 0..count {
        names.push(node(&tasks, port, token, number).await?);
    }
    ready(&format!("ready {}", names.join(" "))).await
}

async fn node(tasks: &Tasks, port: u16, token: &str, number: u32) -> anyhow::Result<String> {
    let key = Arc::new(KeyPair::generate().context("failed to make a key")?);
    let id = key.device_id();
    let options = ClientOptions {
        role: Role::Node,
        scopes: Vec::new(),
        client_id: ClientId::NodeHost,
        client_mode: ClientMode::Node,
        display_name: Some(format!("node {number}")),
        platform: "linux".to_owned(),
        commands: vec![COMMAND.to_owned()],
        device: Some(key),
        ..ClientOptions::cli(tasks.clone(), "1.0.0")
    };
    let token = Secret::new(Some(token.to_owned().into()), SecretSource::TokenFile);
    let plan = Plan { token, ..Plan::nothing() };
    let client = Client::connect(&Endpoint::new(TcpDial::loopback(port), plan), &options)
        .await
        .with_context(|| format!("node {number} did not connect"))?;
    let own = id.clone();
    drop(tasks.spawn("node", async move {
        let mut events = client.events();
        while let Some(delivery) = events.next().await {
            let Delivery::Event(event) = delivery else { continue };
            let Some(call) = event.decode::<NodeInvokeRequest>() else { continue };
            let params = call.params_json.unwrap_or_else(|| "null".to_owned());
            let result = json!({ "id": call.id, "nodeId": own, "ok": true, "payloadJSON": params });
            // A call whose caller has given up is refused, and that is no fault here.
            client.call_raw("node.invoke.result", &result, CallOptions::default()).await.ok();
        }
    }));
    Ok(id)
}
