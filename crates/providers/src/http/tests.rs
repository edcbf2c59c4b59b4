use reqwest::header::HeaderValue;
use serde_json::json;

use super::*;

fn classify(status: u16, body: &Value) -> ModelError {
    Failure::read(body.to_string().as_bytes()).unwrap().classify(status, None)
}

fn headers(name: &'static str, value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::from_str(value).unwrap());
    headers
}

#[test]
fn failures_are_told_apart() {
    let named = |kind: &str, message: &str| json!({"error": {"type": kind, "message": message}});
    let reasons = [
        (401, named("authentication_error", "invalid x-api-key"), "auth"),
        (403, named("permission_error", "no"), "auth"),
        (400, named("invalid_request_error", "prompt is too long: 9 > 8"), "context_length"),
        (413, named("request_too_large", "big"), "context_length"),
        (400, named("invalid_request_error", "temperature: no"), "bad_request"),
        (404, named("not_found_error", "model: claude-0"), "unknown_model"),
        (429, named("rate_limit_error", "slow"), "rate_limit"),
        (429, json!({"error": {"code": "insufficient_quota", "message": "pay"}}), "billing"),
        (529, named("overloaded_error", "busy"), "overloaded"),
        (500, named("api_error", "oops"), "server_error"),
        (0, named("overloaded_error", "busy"), "overloaded"),
        (0, named("api_error", "oops"), "server_error"),
        (404, json!({"error": "model 'x' not found"}), "unknown_model"),
        (
            400,
            json!({"error": {"code": "context_length_exceeded", "message": "m"}}),
            "context_length",
        ),
        (400, json!({"error": {"code": "content_filter", "message": "m"}}), "refusal"),
    ];
    for (status, body, reason) in reasons {
        assert_eq!(classify(status, &body).reason(), reason, "{status} {body}");
    }
}

#[test]
fn waiting_times_are_read_in_every_spelling() {
    let now_ms = 1_445_412_470_000;
    let cases = [
        ("retry-after", "7", Some(7_000)),
        ("retry-after", "0.5", Some(500)),
        ("retry-after-ms", "250", Some(250)),
        ("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT", Some(10_000)),
        ("retry-after", "Wed, 21 Oct 2014 07:28:00 GMT", None),
        ("retry-after", "soon", None),
        ("retry-after", "-3", None),
    ];
    for (name, value, wanted) in cases {
        let read = retry_after(&headers(name, value), now_ms);
        assert_eq!(read, wanted.map(Duration::from_millis), "{name}: {value}");
    }
    let past = retry_after(&headers("retry-after", "Tue, 21 Oct 2014 07:28:00 GMT"), now_ms);
    assert_eq!(past, Some(Duration::ZERO));
}

#[test]
fn messages_are_one_short_line() {
    assert_eq!(plain_message(StatusCode::BAD_GATEWAY, b"<html>x</html>"), "Bad Gateway");
    assert_eq!(plain_message(StatusCode::BAD_GATEWAY, b" a\n b "), "a b");
    assert_eq!(short(&"x".repeat(600)).chars().count(), MAX_MESSAGE_CHARS + 1);
}

#[test]
fn only_loopback_is_local() {
    let local = |url: &str| is_local(&Url::parse(url).unwrap());
    assert!(local("http://127.0.0.1:1/v1") && local("http://[::1]/") && local("http://localhost/"));
    assert!(!local("https://api.openai.com/") && !local("http://10.0.0.1/"));
}
