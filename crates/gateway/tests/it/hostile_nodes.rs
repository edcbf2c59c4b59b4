//! Nodes that do what no node should: each is told so by a code or closed, and a node beside it that
//! behaves is served as before.

use futures_util::future::BoxFuture;
use openclaw_testkit::{TestGateway, WireClient};
use serde_json::{Value, json};

use crate::{device::Device, nodes::Node};

const WHICH: &str = "system.which";
/// Far more than a node may tell at once.
const FLOOD: usize = 3_000;

/// A Gateway with an operator, a node that behaves and one that does not.
struct Stage {
    gateway: TestGateway,
    operator: WireClient,
    good: Node,
    bad: Node,
    calls: usize,
}

/// What a hostile node does; gives the code or reason with which it ends.
type Act = for<'s> fn(&'s mut Stage) -> BoxFuture<'s, String>;

impl Stage {
    async fn set() -> Self {
        let gateway = TestGateway::start().await;
        let good = Node::new(&gateway, &[WHICH]).await;
        let bad = Node::new(&gateway, &[WHICH]).await;
        let operator = gateway.operator().await;
        Self { gateway, operator, good, bad, calls: 0 }
    }

    fn params(&mut self, node: &str) -> Value {
        self.calls += 1;
        json!({
            "nodeId": node, "command": WHICH, "params": {"bins": ["ls"]},
            "idempotencyKey": format!("call-{}", self.calls),
        })
    }

    /// Calls the hostile node; gives the operator's request and the call's id.
    async fn call(&mut self) -> (String, String) {
        let params = self.params(&self.bad.id());
        let sent = self.operator.send("node.invoke", &params).await;
        let id = text(&self.bad.request().await["id"]);
        (sent, id)
    }

    fn result(&self, id: &str) -> Value {
        json!({"id": id, "nodeId": self.bad.id(), "ok": true, "payload": {"bins": {}}})
    }

    /// What the operator is told of its call.
    async fn told(&mut self, sent: &str) -> String {
        let answer = self.operator.response(sent).await.expect("answered");
        match &answer["error"]["details"]["nodeError"]["code"] {
            Value::Null => code(&answer),
            code => text(code),
        }
    }

    /// A connect of another device, changed; gives the code it is refused with.
    async fn connect(&mut self, device: Device, change: impl FnOnce(&mut Value)) -> String {
        let mut wire = self.gateway.wire().await;
        let mut params = device.params(&wire);
        change(&mut params);
        let answer = wire.call("connect", params).await;
        assert_eq!(wire.closed().await.code, 1008, "{answer}");
        code(&answer)
    }

    fn stranger(&self) -> Device {
        Device { role: "node", ..Device::new(&self.gateway.token(), &[]) }
    }

    /// The node that behaves is called and answers.
    async fn check_good(&mut self, after: &str) {
        let params = self.params(&self.good.id());
        let sent = self.operator.send("node.invoke", &params).await;
        let id = self.good.request().await["id"].clone();
        let done = json!({"id": id, "nodeId": self.good.id(), "ok": true, "payload": after});
        assert_eq!(self.good.client.ok("node.invoke.result", done).await, json!({"ok": true}));
        let answer = self.operator.response(&sent).await.expect("answered");
        assert_eq!(answer["payload"]["payload"], after, "{answer}");
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The most exact code of an answer; `ignored` or `ok` if it was none.
fn code(answer: &Value) -> String {
    let error = &answer["error"];
    match (&error["details"]["code"], &error["code"]) {
        (Value::String(code), _) | (_, Value::String(code)) => code.clone(),
        _ if answer["payload"]["ignored"] == true => "ignored".to_owned(),
        _ => "ok".to_owned(),
    }
}

/// What is done, and how it ends.
const TABLE: &[(&str, &str, Act)] = &[
    ("is called for what it did not declare", "command not declared by node", |stage| {
        Box::pin(async move {
            let mut params = stage.params(&stage.bad.id());
            params["command"] = "system.run".into();
            let error = stage.operator.refused("node.invoke", params).await;
            assert_eq!(error["code"], "INVALID_REQUEST");
            text(&error["details"]["reason"])
        })
    }),
    ("answers what nobody asked", "ignored", |stage| {
        Box::pin(async move {
            let result = stage.result("no-such-call");
            code(&stage.bad.client.call("node.invoke.result", result).await)
        })
    }),
    ("answers with a payload that is no JSON", "INVALID_RESULT", |stage| {
        Box::pin(async move {
            let (sent, id) = stage.call().await;
            let mut result = stage.result(&id);
            result["payloadJSON"] = "{\"half\":".into();
            stage.bad.client.ok("node.invoke.result", result).await;
            stage.told(&sent).await
        })
    }),
    ("answers in another shape, and then rightly", "INVALID_REQUEST", |stage| {
        Box::pin(async move {
            let (sent, id) = stage.call().await;
            let mut result = stage.result(&id);
            result["ok"] = "yes".into();
            let told = code(&stage.bad.client.call("node.invoke.result", result).await);
            let result = stage.result(&id);
            stage.bad.client.ok("node.invoke.result", result).await;
            assert_eq!(stage.told(&sent).await, "ok", "the call was still open");
            told
        })
    }),
    ("answers with more than a message may hold", "NOT_CONNECTED", |stage| {
        Box::pin(async move {
            let (sent, id) = stage.call().await;
            let mut result = stage.result(&id);
            let limit = openclaw_protocol::limits::MAX_PAYLOAD_BYTES;
            result["payload"] = "x".repeat(limit).into();
            stage.bad.client.send("node.invoke.result", &result).await;
            let closed = stage.bad.client.closed().await;
            assert!([1006, 1009].contains(&closed.code), "{closed:?}");
            stage.told(&sent).await
        })
    }),
    ("answers another node's call", "INVALID_REQUEST", |stage| {
        Box::pin(async move {
            let params = stage.params(&stage.good.id());
            let sent = stage.operator.send("node.invoke", &params).await;
            let id = text(&stage.good.request().await["id"]);
            let mut stolen = stage.result(&id);
            let first = code(&stage.bad.client.call("node.invoke.result", stolen.clone()).await);
            stolen["nodeId"] = stage.good.id().into();
            let second = code(&stage.bad.client.call("node.invoke.result", stolen).await);
            assert_eq!(first, second);
            let own = json!({"id": id, "nodeId": stage.good.id(), "ok": true, "payload": 1});
            stage.good.client.ok("node.invoke.result", own).await;
            assert_eq!(stage.told(&sent).await, "ok", "its own answer counts");
            second
        })
    }),
    ("answers twice", "ignored", |stage| {
        Box::pin(async move {
            let (sent, id) = stage.call().await;
            let mut result = stage.result(&id);
            stage.bad.client.ok("node.invoke.result", result.clone()).await;
            assert_eq!(stage.told(&sent).await, "ok");
            result["payload"] = "something else".into();
            code(&stage.bad.client.call("node.invoke.result", result).await)
        })
    }),
    ("answers when nobody waits any more", "ignored", |stage| {
        Box::pin(async move {
            let mut params = stage.params(&stage.bad.id());
            params["timeoutMs"] = 30.into();
            let error = stage.operator.refused("node.invoke", params).await;
            assert_eq!(error["details"]["nodeError"]["code"], "TIMEOUT");
            let id = text(&stage.bad.request().await["id"]);
            let result = stage.result(&id);
            code(&stage.bad.client.call("node.invoke.result", result).await)
        })
    }),
    ("goes on talking after the end", "ignored", |stage| {
        Box::pin(async move {
            let (sent, id) = stage.call().await;
            let result = stage.result(&id);
            stage.bad.client.ok("node.invoke.result", result).await;
            assert_eq!(stage.told(&sent).await, "ok");
            let piece =
                json!({"invokeId": id, "nodeId": stage.bad.id(), "seq": 0, "chunk": "more"});
            code(&stage.bad.client.call("node.invoke.progress", piece).await)
        })
    }),
    ("says more at once than a piece may hold", "INVALID_REQUEST", |stage| {
        Box::pin(async move {
            let chunk = "x".repeat(16_385);
            let piece =
                json!({"invokeId": "x", "nodeId": stage.bad.id(), "seq": 0, "chunk": chunk});
            code(&stage.bad.client.call("node.invoke.progress", piece).await)
        })
    }),
    ("floods the Gateway with events", "1008 too many events", |stage| {
        Box::pin(async move {
            let event = json!({"event": "noise", "payload": {}, "payloadJSON": null});
            for _ in 0..FLOOD {
                stage.bad.client.send("node.event", &event).await;
            }
            let closed = stage.bad.client.closed().await;
            let answers = stage.bad.client.events.iter().filter(|frame| frame["type"] == "res");
            let (within, beyond): (Vec<_>, Vec<_>) = answers.partition(|frame| frame["ok"] == true);
            assert!(!within.is_empty() && within.len() < FLOOD / 2, "{}", within.len());
            let told = beyond.first().expect("it was told before");
            assert_eq!(told["error"]["code"], "UNAVAILABLE", "{told}");
            assert!(told["error"]["retryAfterMs"].is_u64(), "{told}");
            format!("{} {}", closed.code, closed.reason)
        })
    }),
    ("calls methods of operators", "1008 repeated unauthorized calls", |stage| {
        Box::pin(async move {
            for method in ["config.get", "node.invoke", "exec.approvals.set", "device.pair.list"] {
                let error = stage.bad.client.refused(method, json!({})).await;
                assert_eq!(error["message"], "unauthorized role: node", "{method}");
            }
            for _ in 0..10 {
                stage.bad.client.send("chat.send", &json!({})).await;
            }
            let closed = stage.bad.client.closed().await;
            format!("{} {}", closed.code, closed.reason)
        })
    }),
    ("sends bytes that are no text", "1003 binary frames are not accepted", |stage| {
        Box::pin(async move {
            stage.bad.client.send_binary(vec![0xFF; 64]).await;
            let closed = stage.bad.client.closed().await;
            format!("{} {}", closed.code, closed.reason)
        })
    }),
    ("has a clock that goes wrong", "DEVICE_AUTH_SIGNATURE_EXPIRED", |stage| {
        Box::pin(async move {
            let behind = Device { skew_ms: -11 * 60 * 1000, ..stage.stranger() };
            let first = stage.connect(behind, |_| {}).await;
            let ahead = Device { skew_ms: 11 * 60 * 1000, ..stage.stranger() };
            assert_eq!(stage.connect(ahead, |_| {}).await, first);
            first
        })
    }),
    ("shows the token of another device", "AUTH_TOKEN_MISMATCH", |stage| {
        Box::pin(async move {
            let device = stage.stranger();
            let hello = device.connect(&mut stage.gateway.wire().await).await;
            let token = text(&hello["payload"]["auth"]["deviceToken"]);
            // With its own key and the other's token, and with the other's name as well.
            let thief = Device { role: "node", ..Device::new(&token, &[]) };
            let named = Device { role: "node", ..Device::new(&token, &[]) };
            let id = device.key.device_id();
            let told = stage.connect(named, |params| params["device"]["id"] = id.into()).await;
            assert_eq!(told, "DEVICE_AUTH_DEVICE_ID_MISMATCH");
            let rightful = Device { token: token.clone(), ..device };
            let answer = rightful.connect(&mut stage.gateway.wire().await).await;
            assert_eq!(answer["ok"], true, "the token is good for its own device: {answer}");
            stage.connect(thief, |_| {}).await
        })
    }),
    ("declares thousands of commands", "INVALID_REQUEST", |stage| {
        Box::pin(async move {
            let many: Vec<String> = (0..5_000).map(|number| format!("c{number}")).collect();
            let device = stage.stranger();
            stage.connect(device, |params| params["commands"] = json!(many)).await
        })
    }),
    ("declares a command with a giant name", "INVALID_REQUEST", |stage| {
        Box::pin(async move {
            for claim in ["commands", "caps"] {
                let device = stage.stranger();
                let name = "x".repeat(129);
                let told = stage.connect(device, |params| params[claim] = json!([name])).await;
                assert_eq!(told, "INVALID_REQUEST", "{claim}");
            }
            let device = stage.stranger();
            let permissions = json!({"x".repeat(129): true});
            stage.connect(device, |params| params["permissions"] = permissions).await
        })
    }),
];

#[tokio::test]
async fn whatever_a_node_does_it_is_told_so_and_the_next_is_served() {
    let mut stage = Stage::set().await;
    for (what, expected, act) in TABLE {
        let ended = act(&mut stage).await;
        assert_eq!(ended, *expected, "a node that {what}");
        stage.check_good(what).await;
        stage.bad = Node::new(&stage.gateway, &[WHICH]).await;
    }
    // None of it left anything behind that a person would have to look through.
    let listed = stage.operator.ok("node.pair.list", json!({})).await;
    assert_eq!(listed["pending"], json!([]), "{listed}");
    let stored = listed["paired"].as_array().expect("a list");
    assert!(
        stored
            .iter()
            .all(|node| node["commands"] == json!([WHICH]) || node["commands"] == json!([])),
        "{listed}"
    );
}
