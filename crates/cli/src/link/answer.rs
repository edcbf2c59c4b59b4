//! A result as it came, and as the type it should be.

use std::marker::PhantomData;

use openclaw_protocol::Rpc;
use serde_json::Value;

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::Printer;

/// The result of a method.
#[derive(Debug)]
pub(crate) struct Answer<M> {
    value: Value,
    method: PhantomData<fn() -> M>,
}

impl<M: Rpc> Answer<M> {
    /// Wraps a result.
    pub(crate) fn new(value: Value) -> Self {
        Self { value, method: PhantomData }
    }

    /// The result as it came.
    pub(crate) const fn value(&self) -> &Value {
        &self.value
    }

    /// The result as it came, to keep.
    pub(crate) fn into_value(self) -> Value {
        self.value
    }

    /// The result as its type.
    pub(crate) fn into_typed(self) -> Result<M::Result, Failure> {
        serde_json::from_value(self.value).map_err(|error| {
            let message = format!("the answer to {} has another shape than documented", M::NAME);
            Failure::new(ExitCode::Protocol, message).caused_by(Some(&error))
        })
    }

    /// Takes a secret out, so that it cannot be printed.
    pub(crate) fn without_secret(mut self, key: &str) -> Self {
        if let Some(map) = self.value.as_object_mut() {
            map.remove(key);
        }
        self
    }

    /// Prints the result: JSON as it came, or for people. A Gateway of another make may answer in
    /// another shape; then people get the JSON too.
    pub(crate) fn show(
        &self,
        printer: Printer,
        for_people: impl FnOnce(Printer, &M::Result) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if printer.is_json() {
            return printer.json(&self.value);
        }
        if let Ok(typed) = serde_json::from_value(self.value.clone()) {
            return for_people(printer, &typed);
        }
        printer.warning(format!("the answer to {} has an unusual shape", M::NAME));
        printer.json(&self.value)
    }
}

/// Params of a method from what was given; what is `null` was not.
pub(crate) fn params<M: Rpc>(mut given: Value) -> Result<M::Params, Failure> {
    if let Some(map) = given.as_object_mut() {
        map.retain(|_, value| !value.is_null());
    }
    serde_json::from_value(given).map_err(|error| {
        Failure::usage(format!("{} does not take this", M::NAME)).caused_by(Some(&error))
    })
}

#[cfg(test)]
mod tests {
    use openclaw_protocol::methods::sessions::SessionsList;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_not_given_is_not_sent() {
        let params = params::<SessionsList>(json!({ "limit": 5, "search": null })).unwrap();
        assert_eq!(serde_json::to_value(params).unwrap(), json!({ "limit": 5 }));
        let failure = super::params::<SessionsList>(json!({ "limit": 0 })).unwrap_err();
        assert_eq!(failure.exit, ExitCode::Usage);
    }
}
