//! Params are refused by us exactly when the contract refuses them, except for unknown keys.

use openclaw_protocol::{
    Rpc,
    connect::ConnectParams,
    methods::{Visitor, visit_methods},
};
use serde_json::Value;

use crate::{
    agreement::{agree_at_random, check_unknown_key, differences},
    contract::CONTRACT,
    tables::{LENIENT, PARAMS, definition_name},
};

/// The schema of a method's params, where the contract has one.
pub(crate) fn schema(method: &str) -> Option<&'static Value> {
    CONTRACT.definition(&definition_name(method, "Params", PARAMS))
}

fn connect() -> &'static Value {
    CONTRACT.definition("ConnectParams").expect("ConnectParams")
}

#[test]
fn limits_types_and_required_fields_agree() {
    #[derive(Default)]
    struct Compare(Vec<String>, usize);

    impl Visitor for Compare {
        fn visit<M: Rpc>(&mut self) {
            let Some(schema) = schema(M::NAME) else { return };
            let (differing, tried) = differences::<M::Params>(M::NAME, schema);
            self.0.extend(differing);
            self.1 += tried;
        }
    }

    let mut compare = Compare::default();
    visit_methods(&mut compare);
    let (differing, tried) = differences::<ConnectParams>("connect", connect());
    compare.0.extend(differing);
    println!("contract: {} params compared", compare.1 + tried);
    assert!(compare.0.is_empty(), "{} differences:\n{}", compare.0.len(), compare.0.join("\n"));
}

#[test]
fn random_params_agree() {
    struct Compare;

    impl Visitor for Compare {
        fn visit<M: Rpc>(&mut self) {
            if let Some(schema) = schema(M::NAME) {
                agree_at_random::<M::Params>(M::NAME, schema);
            }
        }
    }

    visit_methods(&mut Compare);
    agree_at_random::<ConnectParams>("connect", connect());
}

#[test]
fn unknown_keys_are_ignored() {
    struct Compare;

    impl Visitor for Compare {
        fn visit<M: Rpc>(&mut self) {
            if let Some(schema) = schema(M::NAME) {
                check_unknown_key::<M::Params>(M::NAME, schema);
            }
        }
    }

    visit_methods(&mut Compare);
    check_unknown_key::<ConnectParams>("connect", connect());
}

#[test]
fn every_exception_is_of_a_method() {
    let mut names: Vec<_> = PARAMS.iter().map(|(method, _)| *method).collect();
    names.extend(LENIENT.iter().map(|(method, _, _)| *method).filter(|name| *name != "connect"));
    for name in names {
        assert!(openclaw_protocol::methods::find(name).is_some(), "{name}");
    }
}
