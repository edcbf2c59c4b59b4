//! Any JSON as the params of every method.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openclaw_protocol::{
    Rpc,
    methods::{Visitor, visit_methods},
    params,
};
use serde_json::value::RawValue;

struct Everywhere<'a>(&'a RawValue);

impl Visitor for Everywhere<'_> {
    fn visit<M: Rpc>(&mut self) {
        let Ok(params) = params::decode::<M::Params>(M::NAME, Some(self.0)) else { return };
        M::queue_key(&params);
        M::idempotency_key(&params);
        assert!(M::scope_for(&params).implies(M::ROW.scope.least()));
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(raw) = RawValue::from_string(text.to_owned()) else { return };
    visit_methods(&mut Everywhere(&raw));
});
