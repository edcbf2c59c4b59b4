//! Nodes, as a person at a terminal meets them: a real Gateway, a node over its port, and the commands.

use std::sync::Arc;

use openclaw_base::Tasks;
use openclaw_client::{
    CallOptions, Client, ClientOptions, Delivery, Endpoint, Plan, Secret, SecretSource, TcpDial,
};
use openclaw_identity::KeyPair;
use openclaw_protocol::Role;
use openclaw_protocol::client_info::{ClientId, ClientMode};
use openclaw_protocol::events::nodes::NodeInvokeRequest;
use serde_json::{Value, json};

use crate::machine::{Machine, shown};

/// What it says to a call: its params for `system.which`, a failure for everything else.
fn answer(command: &str, params: &str) -> Value {
    if command == "system.which" {
        return json!({"ok": true, "payloadJSON": params});
    }
    json!({"ok": false, "error": {"code": "DENIED", "message": "not on my machine"}})
}

/// A node that answers until the test ends.
async fn node(port: u16, token: String) -> (Tasks, String) {
    let tasks = Tasks::new();
    let key = Arc::new(KeyPair::generate().unwrap());
    let id = key.device_id();
    let options = ClientOptions {
        role: Role::Node,
        scopes: Vec::new(),
        client_id: ClientId::NodeHost,
        client_mode: ClientMode::Node,
        display_name: Some("laptop".to_owned()),
        platform: "linux".to_owned(),
        commands: vec!["system.which".to_owned(), "system.run".to_owned()],
        device: Some(key),
        ..ClientOptions::cli(tasks.clone(), "1.0.0")
    };
    let token = Secret::new(Some(token.into()), SecretSource::TokenFile);
    let plan = Plan { token, ..Plan::nothing() };
    let client = Client::connect(&Endpoint::new(TcpDial::loopback(port), plan), &options).await;
    let client = client.unwrap();
    let mut events = client.events();
    let own = id.clone();
    drop(tasks.spawn("node", async move {
        while let Some(delivery) = events.next().await {
            let Delivery::Event(event) = delivery else { continue };
            let Some(call) = event.decode::<NodeInvokeRequest>() else { continue };
            let mut result = answer(&call.command, call.params_json.as_deref().unwrap_or("null"));
            result["id"] = call.id.into();
            result["nodeId"] = own.clone().into();
            let options = CallOptions::default();
            client.call_raw("node.invoke.result", &result, options).await.unwrap();
        }
    }));
    (tasks, id)
}

/// An operator with all scopes, by the shared token.
pub(crate) async fn operator(port: u16, token: String) -> Client {
    let token = Secret::new(Some(token.into()), SecretSource::TokenFile);
    let plan = Plan { token, ..Plan::nothing() };
    let options = ClientOptions::cli(Tasks::new(), "1.0.0");
    Client::connect(&Endpoint::new(TcpDial::loopback(port), plan), &options).await.unwrap()
}

#[test]
fn nodes_are_listed_described_and_called() {
    let machine = Machine::new();
    let gateway = machine.gateway(&["--port", "0"]);
    assert!(shown(&machine.run(&["nodes", "list"])).contains("no node is paired"));

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (tasks, id) = runtime.block_on(node(gateway.port, machine.token()));
    let list = machine.text(&["nodes", "list"]);
    let lines: Vec<&str> = list.lines().collect();
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{list}");
    assert!(lines[1].contains("laptop") && lines[1].contains("connected"), "{list}");
    let row = &machine.json(&["nodes", "status"])["nodes"][0];
    assert_eq!((&row["nodeId"], &row["connected"]), (&json!(id), &json!(true)));
    assert_eq!(row["commands"], json!(["system.which", "system.run"]));
    assert!(machine.text(&["nodes", "describe", "laptop"]).contains("system.which, system.run"));
    assert_eq!(machine.json(&["nodes", "describe", &id[..8]])["nodeId"], json!(id));

    let which = ["nodes", "invoke", "--node", "laptop", "--command", "system.which"];
    let which: Vec<&str> = which.into_iter().chain(["--params", r#"{"bins":["git"]}"#]).collect();
    let printed: Value = serde_json::from_str(&machine.text(&which)).unwrap();
    assert_eq!(printed, json!({"bins": ["git"]}));
    assert_eq!(machine.json(&which)["payload"], printed);

    let refusals = [
        ("laptop", "system.run", "not on my machine"),
        ("laptop", "camera.snap", "command not allowlisted"),
        ("desktop", "system.run", "openclaw nodes list"),
    ];
    for (node, command, said) in refusals {
        let output = machine.run(&["nodes", "invoke", "--node", node, "--command", command]);
        assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
        assert!(shown(&output).contains(said), "{said}: {}", shown(&output));
    }
    assert!(machine.text(&["nodes", "rename", "laptop", "attic"]).contains("attic"));
    assert!(machine.text(&["nodes", "list"]).contains("attic"));
    machine.text(&["nodes", "remove", "attic"]);
    assert!(shown(&machine.run(&["nodes", "list"])).contains("no node is paired"));
    runtime.block_on(tasks.shutdown(std::time::Duration::from_secs(1)));
}
