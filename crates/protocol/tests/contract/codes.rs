//! Codes and capabilities that the contract names in its code instead of its schema.

use openclaw_protocol::{DetailCode, ErrorCode, client_info::ClientCap};

use crate::contract::read_text;

/// The values of `NAME: "value"` lines in one object of a file.
fn constants(file: &str, object: &str) -> Vec<String> {
    let text = read_text(&format!("dist/{file}"));
    let start = text.find(&format!("const {object} = {{")).expect("the object is there");
    let body = text[start..].split("};").next().expect("the object ends");
    body.lines().filter_map(|line| line.trim().split_once(": \"")).map(value).collect()
}

fn value((_, rest): (&str, &str)) -> String {
    rest.split('"').next().unwrap_or_default().to_owned()
}

#[test]
fn every_detail_code_is_known() {
    let mut codes = constants("connect-error-details.mjs", "ConnectErrorDetailCodes");
    codes.extend(constants("gateway-error-details.mjs", "GatewayErrorDetailCodes"));
    assert!(codes.len() > 30, "{codes:?}");
    for code in codes {
        assert_eq!(DetailCode::parse(&code).map(DetailCode::as_str), Some(code.as_str()), "{code}");
    }
}

#[test]
fn every_error_code_is_known() {
    let codes = constants("gateway-error-details.mjs", "ErrorCodes");
    assert!(codes.len() > 5, "{codes:?}");
    for code in codes {
        let read: ErrorCode = serde_json::from_value(code.as_str().into()).expect(&code);
        assert_eq!(read.as_str(), code);
    }
}

#[test]
fn every_client_capability_is_known() {
    let caps = constants("client-info.mjs", "GATEWAY_CLIENT_CAPS");
    assert!(caps.len() > 10, "{caps:?}");
    for cap in caps {
        assert_eq!(ClientCap::parse(&cap).map(ClientCap::as_str), Some(cap.as_str()), "{cap}");
    }
}

#[test]
fn codes_read_as_they_are_written() {
    for code in DetailCode::ALL {
        assert_eq!(serde_json::to_value(code).expect("JSON"), code.as_str());
    }
}
