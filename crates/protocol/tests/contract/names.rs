//! Same names, same scopes, same enumerations.

use openclaw_protocol::{
    Role,
    client_info::{ClientId, ClientMode},
    methods::METHODS,
    row::{BaseScope, Since},
};
use serde_json::Value;

use crate::contract::CONTRACT;

#[test]
fn every_method_is_in_the_contract_with_its_scope() {
    for row in METHODS.iter().filter(|row| row.since != Since::Ours) {
        let scope = CONTRACT.scopes.get(row.name);
        let ours = match (row.role, row.scope) {
            (Role::Node, _) => "node",
            (Role::Operator, BaseScope::Fixed(scope)) => scope.as_str(),
            (Role::Operator, BaseScope::Dynamic(_)) => "dynamic",
        };
        assert_eq!(scope.map(String::as_str), Some(ours), "{}", row.name);
    }
}

#[test]
fn no_method_is_there_twice() {
    let mut names: Vec<_> = METHODS.iter().map(|row| row.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn client_ids_and_modes_are_those_of_the_contract() {
    let connect = CONTRACT.definition("ConnectParams").expect("ConnectParams");
    let allowed = |field: &str| -> Vec<String> {
        let node = &connect["properties"]["client"]["properties"][field];
        let texts = node["enum"].as_array().expect("an enumeration").iter();
        texts.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let ids: Vec<_> = ClientId::ALL.iter().map(|id| id.as_str()).collect();
    let modes: Vec<_> = ClientMode::ALL.iter().map(|mode| mode.as_str()).collect();
    assert_eq!(ids, allowed("id"));
    assert_eq!(modes, allowed("mode"));
}
