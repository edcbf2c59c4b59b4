//! The same question to the contract and to us: is this a valid request?

use openclaw_protocol::params;
use proptest::{
    collection::vec,
    prelude::any,
    sample::Index,
    test_runner::{Config, TestRunner},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json, value::to_raw_value};

use crate::{
    contract::validator,
    samples::{Schema, candidates, least, with},
    tables::LENIENT,
};

/// What we say about params: nothing, or the refusal.
fn ours<P: DeserializeOwned>(name: &str, value: &Value) -> Result<(), String> {
    let raw = to_raw_value(value).expect("JSON");
    params::decode::<P>(name, Some(&raw)).map(drop).map_err(|error| error.message)
}

/// The schema without the places where we decide otherwise.
fn comparable(name: &str, schema: &Value) -> Value {
    let mut schema = schema.clone();
    for (_, path, _) in LENIENT.iter().filter(|(method, _, _)| *method == name) {
        let (parent, property) = path.rsplit_once('/').expect("a path");
        let pointer = parent.replace('/', "/properties/");
        let node = schema.pointer_mut(&pointer).expect("a path into the schema");
        let required = node.get_mut("required").and_then(Value::as_array_mut);
        if let Some(required) = required.filter(|list| list.contains(&json!(property))) {
            required.retain(|name| name != property);
            continue;
        }
        let properties = node.get_mut("properties").and_then(Value::as_object_mut);
        properties.and_then(|all| all.remove(property)).expect("the contract has the property");
    }
    schema
}

/// Every candidate on which we and the contract differ, and how many there were.
pub(crate) fn differences<P: DeserializeOwned>(name: &str, schema: &Value) -> (Vec<String>, usize) {
    let schema = comparable(name, schema);
    let contract = validator(&schema);
    let values: Vec<_> =
        candidates(Schema::new(&schema)).into_iter().filter(Value::is_object).collect();
    let differing = values.iter().filter_map(|value| {
        let refusal = ours::<P>(name, value).err();
        let allowed = contract.is_valid(value);
        (allowed == refusal.is_some()).then(|| describe(name, value, allowed, refusal))
    });
    (differing.collect(), values.len())
}

fn describe(name: &str, value: &Value, allowed: bool, refusal: Option<String>) -> String {
    let text: String = value.to_string().chars().take(300).collect();
    let ours = refusal.unwrap_or_else(|| "accepted".to_owned());
    format!("{name} {text}: contract allows: {allowed}, we: {ours}")
}

/// Random combinations of good and bad properties.
pub(crate) fn agree_at_random<P: DeserializeOwned>(name: &str, schema: &Value) {
    let schema = comparable(name, schema);
    let contract = validator(&schema);
    let base = least(Schema::new(&schema));
    let properties: Vec<_> = Schema::new(&schema)
        .properties()
        .into_iter()
        .map(|(name, property)| (name.to_owned(), candidates(property)))
        .collect();
    if properties.is_empty() {
        return;
    }
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    let picks = vec((any::<Index>(), any::<Index>()), 0..5);
    let outcome = TestRunner::new(config).run(&picks, |picks| {
        let value = picks.iter().fold(base.clone(), |value, (which, what)| {
            let (name, values) = which.get(&properties);
            with(&value, name, what.get(values).clone())
        });
        let refusal = ours::<P>(name, &value).err();
        let allowed = contract.is_valid(&value);
        proptest::prop_assert!(
            allowed == refusal.is_none(),
            "{}",
            describe(name, &value, allowed, refusal)
        );
        Ok(())
    });
    outcome.expect("we and the contract agree");
}

/// A key that nobody knows: refused by the contract, ignored by us.
pub(crate) fn check_unknown_key<P: DeserializeOwned>(name: &str, schema: &Value) {
    let value = with(&least(Schema::new(&comparable(name, schema))), "x-unknown", json!({"a": 1}));
    assert!(!validator(schema).is_valid(&value), "{name}: the contract takes unknown keys now");
    ours::<P>(name, &value).expect(name);
}
