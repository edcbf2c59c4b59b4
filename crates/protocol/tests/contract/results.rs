//! Results: valid where the contract defines them, of the recorded shape where it does not.

use openclaw_protocol::{
    Rpc,
    events::EVENTS,
    hello::PresenceEntry,
    methods::{
        METHODS, Visitor, agent::AgentSummary, chat::CommandEntry, models::ModelChoice,
        sessions::SessionRow, visit_methods,
    },
};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::{
    contract::{CONTRACT, validator},
    peer,
    samples::{Schema, variants},
    tables::{BEYOND, NESTED, RESULTS, definition_name},
};

/// What became of a method's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Valid by the contract.
    Contract,
    /// Of the recorded shape.
    Peer,
    /// Neither defines it.
    None,
}

/// The schema of one of our own types.
pub(crate) fn own_schema<T: schemars::JsonSchema>() -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    generator.into_root_schema_for::<T>().to_value()
}

/// The schema of a method's result, where the contract has one.
pub(crate) fn schema(method: &str) -> Option<&'static Value> {
    CONTRACT.definition(&definition_name(method, "Result", RESULTS))
}

/// Samples of results in which not every field can stand beside every other.
fn by_hand(method: &str) -> Option<Vec<Value>> {
    let samples = match method {
        "sessions.resolve" => vec![
            json!({"ok": true, "key": "agent:main:main", "agentId": "main", "displayName": "Main"}),
            json!({"ok": false}),
            json!({"ok": false, "candidates": [
                {"key": "agent:main:a", "agentId": "main"},
                {"key": "agent:main:b", "agentId": "main", "displayName": "B"},
            ]}),
        ],
        "device.token.rotate" => vec![
            json!({"deviceId": "d", "role": "operator", "scopes": ["operator.read"],
                "rotatedAtMs": 1, "token": "t", "tokenDelivery": "in-band"}),
            json!({"deviceId": "d", "role": "operator", "scopes": [], "rotatedAtMs": 1,
                "tokenDelivery": "withheld-cross-device"}),
        ],
        "approval.get" | "approval.resolve" => approvals(method == "approval.get"),
        "exec.approvals.get"
        | "exec.approvals.set"
        | "exec.approvals.node.get"
        | "exec.approvals.node.set" => vec![
            json!({"path": "p", "exists": false, "hash": "h", "file": {"version": 1}}),
            json!({"path": "p", "exists": true, "hash": "h", "file": {"version": 1,
                "defaults": {"security": "deny", "ask": "off", "askFallback": "full"},
                "agents": {"a": {"allowlist": [{"id": "i", "pattern": "/p", "argPattern": "a",
                    "source": "allow-always", "commandText": "c", "lastUsedAt": 1}]}}},
                "resolvedDefaults": {"security": "deny", "ask": "off", "askFallback": "full",
                    "autoAllowSkills": false}}),
        ],
        _ => return None,
    };
    Some(samples)
}

/// An approval in each of its states; only a decided one is the answer to a decision.
fn approvals(waits_too: bool) -> Vec<Value> {
    let states = [
        json!({"status": "pending"}),
        json!({"status": "allowed", "decision": "allow-once", "reason": "user", "resolvedAtMs": 2}),
        json!({"status": "denied", "decision": "deny", "reason": "user", "resolvedAtMs": 2}),
        json!({"status": "expired", "reason": "timeout", "resolvedAtMs": 2}),
        json!({"status": "cancelled", "reason": "run-aborted", "resolvedAtMs": 2}),
    ];
    let wanted = states.into_iter().filter(|state| waits_too || state["status"] != "pending");
    wanted
        .map(|state| {
            let mut approval = json!({"id": "i", "urlPath": "/approve/i", "createdAtMs": 1,
                "expiresAtMs": 9, "presentation": {"kind": "exec", "commandText": "c",
                    "warningText": "w", "host": "gateway", "agentId": "a",
                    "allowedDecisions": ["allow-once", "deny"]}});
            let fields = approval.as_object_mut().expect("an object");
            fields.extend(state.as_object().expect("an object").clone());
            if waits_too {
                json!({"approval": approval})
            } else {
                json!({"applied": true, "approval": approval})
            }
        })
        .collect()
}

/// Checks what our type can say against a schema of the contract; returns the faults.
pub(crate) fn faults<T>(name: &str, definition: &Value, samples: Vec<Value>) -> Vec<String>
where
    T: serde::de::DeserializeOwned + serde::Serialize,
{
    let contract = validator(definition);
    let mut faults = vec![];
    for sample in samples {
        let typed: T = match serde_json::from_value(sample.clone()) {
            Ok(typed) => typed,
            Err(error) => {
                faults.push(format!("{name}: of our schema and not of our type: {error}"));
                continue;
            }
        };
        let mut sent = serde_json::to_value(&typed).expect("JSON");
        remove_what_goes_beyond(name, &mut sent);
        let found = contract.iter_errors(&sent);
        faults.extend(found.map(|error| {
            let text: String = error.to_string().chars().take(300).collect();
            format!("{name} {}: {text}", error.instance_path())
        }));
    }
    faults.sort();
    faults.dedup();
    faults
}

fn remove_what_goes_beyond(name: &str, value: &mut Value) {
    for (_, path, _) in BEYOND.iter().filter(|(method, _, _)| *method == name) {
        let (parent, field) = path.rsplit_once('/').expect("a path");
        if let Some(fields) = value.pointer_mut(parent).and_then(Value::as_object_mut) {
            fields.remove(field);
        }
    }
}

/// Checks every result and says how each was checked.
pub(crate) fn check_all() -> (Vec<(&'static str, Proof)>, Vec<String>) {
    #[derive(Default)]
    struct Check(Vec<(&'static str, Proof)>, Vec<String>);

    impl Visitor for Check {
        fn visit<M: Rpc>(&mut self) {
            let own = own_schema::<M::Result>();
            if let Some(definition) = schema(M::NAME) {
                let samples = by_hand(M::NAME).unwrap_or_else(|| variants(Schema::new(&own)));
                self.1.extend(faults::<M::Result>(M::NAME, definition, samples));
                self.0.push((M::NAME, Proof::Contract));
            } else if let Some(recorded) = peer::recorded(M::NAME) {
                self.1.extend(peer::faults(M::NAME, &own, &recorded));
                self.0.push((M::NAME, Proof::Peer));
            } else {
                self.0.push((M::NAME, Proof::None));
            }
        }
    }

    let mut check = Check::default();
    visit_methods(&mut check);
    (check.0, check.1)
}

#[test]
fn results_are_valid() {
    let (_, faults) = check_all();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn types_with_a_name_in_the_contract_are_valid() {
    let mut faults = vec![];
    for (ours, name) in NESTED {
        let definition = CONTRACT.definition(name).expect(name);
        let own = match *ours {
            "AgentSummary" => own_schema::<AgentSummary>(),
            "CommandEntry" => own_schema::<CommandEntry>(),
            "ModelChoice" => own_schema::<ModelChoice>(),
            "PresenceEntry" => own_schema::<PresenceEntry>(),
            "SessionRow" => own_schema::<SessionRow>(),
            other => panic!("{other} has no line here"),
        };
        let samples = variants(Schema::new(&own));
        faults.extend(self::faults::<Value>(name, definition, samples));
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn tables_only_name_methods_and_events() {
    let mut names: Vec<String> = METHODS.iter().map(|row| row.name.to_owned()).collect();
    names.extend(EVENTS.iter().map(|row| format!("event.{}", row.name)));
    let idle = peer::idle_lines(&names);
    assert!(idle.is_empty(), "{idle:?}");
}
