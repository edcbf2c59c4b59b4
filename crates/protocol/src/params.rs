//! Decoding of request params: unknown keys are ignored; types, required fields and limits hold.
//!
//! The first fault is reported in the documented text, `invalid NAME params: at /a/b: must be string`.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::RpcError;

/// Decodes params of a method; absent params count as `{}`.
///
/// # Errors
/// `INVALID_REQUEST` with the first fault.
pub fn decode<T: DeserializeOwned>(method: &str, params: Option<&RawValue>) -> Result<T, RpcError> {
    let text = match params.map(RawValue::get) {
        None | Some("null") => "{}",
        Some(text) => text,
    };
    if !text.starts_with('{') {
        return Err(RpcError::invalid(format!("invalid {method} params: at root: must be object")));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let (pointer, sentence) = describe(error.path(), &error.inner().to_string());
        let place = if sentence.starts_with("must have required") && pointer.is_empty() {
            String::new()
        } else if pointer.is_empty() {
            "at root: ".to_owned()
        } else {
            format!("at {pointer}: ")
        };
        RpcError::invalid(format!("invalid {method} params: {place}{sentence}"))
    })
}

/// Turns a serde path and message into a JSON pointer and the validator's sentence.
fn describe(path: &serde_path_to_error::Path, message: &str) -> (String, String) {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            serde_path_to_error::Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            serde_path_to_error::Segment::Map { key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            serde_path_to_error::Segment::Enum { .. } | serde_path_to_error::Segment::Unknown => {}
        }
    }
    let message = message.split(" at line ").next().unwrap_or(message);
    (pointer, sentence(message))
}

fn sentence(message: &str) -> String {
    if let Some(rest) = message.strip_prefix("missing field `") {
        let field = rest.trim_end_matches('`');
        return format!("must have required property '{field}'");
    }
    if message.starts_with("unknown variant") {
        return "must be equal to one of the allowed values".to_owned();
    }
    if message.starts_with("invalid type") || message.starts_with("invalid value") {
        let expected = message.rsplit_once("expected ").map_or("", |(_, expected)| expected);
        return format!("must be {}", type_name(expected));
    }
    message.to_owned()
}

/// The JSON name of what serde expected.
fn type_name(expected: &str) -> &'static str {
    let is_integer = matches!(
        expected,
        "u8" | "u16" | "u32" | "u64" | "i8" | "i16" | "i32" | "i64" | "usize" | "an integer"
    );
    if is_integer {
        "integer"
    } else if expected.contains("bool") {
        "boolean"
    } else if expected.contains("sequence") || expected.contains("tuple") {
        "array"
    } else if expected.contains("string")
        || expected.contains("variant")
        || expected.contains("enum")
    {
        "string"
    } else if expected.starts_with('f') {
        "number"
    } else {
        "object"
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::text::{Int, NonEmpty};

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Sample {
        session_key: NonEmpty,
        #[serde(default)]
        limit: Option<Int<1, 1000>>,
        #[serde(default)]
        keys: Vec<NonEmpty>,
        #[serde(default)]
        deliver: Option<bool>,
    }

    fn check(params: &str, expected: &str) {
        let raw = RawValue::from_string(params.to_owned()).expect("JSON");
        let error = decode::<Sample>("x.y", Some(&raw)).expect_err(params);
        assert_eq!(error.message, format!("invalid x.y params: {expected}"));
    }

    #[test]
    fn faults_read_as_documented() {
        check("{}", "must have required property 'sessionKey'");
        check("[]", "at root: must be object");
        check(r#"{"sessionKey":1}"#, "at /sessionKey: must be string");
        check(r#"{"sessionKey":""}"#, "at /sessionKey: must NOT have fewer than 1 characters");
        check(r#"{"sessionKey":"a","limit":0}"#, "at /limit: must be >= 1");
        check(r#"{"sessionKey":"a","limit":-1}"#, "at /limit: must be >= 1");
        check(r#"{"sessionKey":"a","limit":1001}"#, "at /limit: must be <= 1000");
        check(r#"{"sessionKey":"a","limit":1.5}"#, "at /limit: must be integer");
        check(r#"{"sessionKey":"a","limit":"x"}"#, "at /limit: must be integer");
        check(r#"{"sessionKey":"a","keys":["b",3]}"#, "at /keys/1: must be string");
        check(r#"{"sessionKey":"a","keys":"b"}"#, "at /keys: must be array");
        check(r#"{"sessionKey":"a","deliver":"yes"}"#, "at /deliver: must be boolean");
    }

    #[test]
    fn unknown_keys_are_ignored() {
        let raw = RawValue::from_string(r#"{"sessionKey":"a","later":1,"limit":5.0}"#.to_owned())
            .expect("JSON");
        let sample: Sample = decode("x.y", Some(&raw)).expect("decodes");
        assert_eq!(sample.session_key.as_str(), "a");
        assert_eq!(sample.limit.map(Int::get), Some(5));
        assert!(sample.keys.is_empty() && sample.deliver.is_none());
    }
}
