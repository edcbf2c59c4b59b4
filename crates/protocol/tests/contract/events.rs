//! Payloads of events, as results.

use openclaw_protocol::{
    events::{EVENTS, Visitor, visit_events},
    hello::HelloOk,
    row::{Event, Since},
};
use serde_json::{Value, json};

use crate::{
    contract::CONTRACT,
    peer,
    results::{faults, own_schema},
    samples::{Schema, variants},
};

/// The schema of an event's payload, where the contract has a usable one.
fn definition(event: &str) -> Option<&'static str> {
    match event {
        "tick" => Some("TickEvent"),
        "shutdown" => Some("ShutdownEvent"),
        "chat" => Some("ChatEvent"),
        "device.pair.requested" => Some("DevicePairRequestedEvent"),
        "device.pair.resolved" => Some("DevicePairResolvedEvent"),
        _ => None,
    }
}

/// Payloads in which not every field can stand beside every other.
fn by_hand(event: &str) -> Option<Vec<Value>> {
    let chat = |state: &str, fields: Value| {
        let mut payload = json!({"runId": "r", "sessionKey": "agent:main:main", "agentId": "main",
            "seq": 1, "state": state});
        let all = payload.as_object_mut().expect("an object");
        all.extend(fields.as_object().expect("an object").clone());
        payload
    };
    let message = json!({"role": "assistant", "content": [{"type": "text", "text": "a"}],
        "timestamp": 1});
    let usage = json!({"input": 1, "output": 1, "cacheRead": 0, "cacheWrite": 0, "totalTokens": 2});
    let detail = json!({"provider": "p", "model": "m", "httpStatus": 429, "failoverReason": "f",
        "providerErrorType": "t", "providerErrorMessagePreview": "slow down"});
    match event {
        "chat" => Some(vec![
            chat("status", json!({"phase": "starting_model"})),
            chat("delta", json!({"deltaText": "a", "message": message, "replace": true})),
            chat("final", json!({"message": message, "stopReason": "stop", "usage": usage})),
            chat("aborted", json!({"message": message, "stopReason": "rpc"})),
            chat(
                "error",
                json!({"errorMessage": "e", "errorKind": "rate_limit",
                "errorDetail": detail, "usage": usage, "stopReason": "error"}),
            ),
        ]),
        _ => None,
    }
}

#[test]
fn payloads_are_valid() {
    #[derive(Default)]
    struct Check(Vec<String>, Vec<&'static str>);

    impl Visitor for Check {
        fn visit<E: Event>(&mut self) {
            let name = E::ROW.name;
            let own = own_schema::<E::Payload>();
            if let Some(definition) = definition(name) {
                let samples = by_hand(name).unwrap_or_else(|| variants(Schema::new(&own)));
                let definition = CONTRACT.definition(definition).expect(definition);
                self.0.extend(faults::<E::Payload>(name, definition, samples));
            } else if let Some(recorded) = peer::recorded(&format!("event.{name}")) {
                self.0.extend(peer::faults(&format!("event.{name}"), &own, &recorded));
            } else {
                self.1.push(name);
            }
        }
    }

    let mut check = Check::default();
    visit_events(&mut check);
    println!("contract: events neither defined nor recorded: {}", check.1.join(", "));
    assert!(check.0.is_empty(), "{} faults:\n{}", check.0.len(), check.0.join("\n"));
}

#[test]
fn hello_ok_is_valid() {
    let own = own_schema::<HelloOk>();
    let definition = CONTRACT.definition("HelloOk").expect("HelloOk");
    let mut samples = variants(Schema::new(&own));
    for sample in &mut samples {
        if let Some(mode) = sample.pointer_mut("/snapshot/authMode") {
            *mode = json!("token");
        }
    }
    let faults = faults::<HelloOk>("hello-ok", definition, samples);
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn no_event_is_there_twice() {
    let mut names: Vec<_> = EVENTS.iter().map(|row| row.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(EVENTS.iter().all(|row| row.since != Since::Ours), "ours travel inside payloads");
}
