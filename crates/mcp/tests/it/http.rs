//! Servers behind an address.

use openclaw_agent::ToolSource;
use openclaw_mcp::{ServerSetting, Way};
use openclaw_testkit::mcp_stand_in::HttpStandIn;
use serde_json::json;

use crate::place::{Place, server};

fn at(url: &str, key: &str) -> ServerSetting {
    let headers = [("Authorization".to_owned(), format!("Bearer {key}").into())].into();
    ServerSetting { way: Ok(Way::Http { url: url.to_owned(), headers }), ..server(&[]) }
}

#[tokio::test]
async fn streamable_http_is_spoken_with_the_headers() {
    let stand_in = HttpStandIn::start().await;
    let place = Place::of(&[("web", at(&format!("{}/mcp", stand_in.url), "the-key"))]);
    let outcome = place.call("web__echo", json!({"text": "over HTTP"})).await;
    assert!(outcome.text.contains("echo: over HTTP"), "{}", outcome.text);
    let long = place.call("web__huge", json!({"chars": 5_000_000})).await;
    assert!(long.is_error, "{}", long.text.len());
    let outcome = place.call("web__fails", json!({})).await;
    assert!(outcome.is_error && outcome.text.contains("no such page"), "{}", outcome.text);
}

#[tokio::test]
async fn a_wrong_key_a_redirect_and_nobody_there_give_no_tools() {
    let stand_in = HttpStandIn::start().await;
    let place = Place::of(&[
        ("away", at(&format!("{}/away", stand_in.url), "the-key")),
        ("nobody", at("http://127.0.0.1:9/mcp", "the-key")),
        ("wrong", at(&format!("{}/mcp", stand_in.url), "another-key")),
    ]);
    assert!(place.names().await.is_empty());
    assert!(place.servers.known().is_empty());
}
