//! Changing the configuration from afar: from a known state only, valid only, secrets kept.

use openclaw_testkit::{TestGateway, WireClient, connect_params};
use serde_json::{Value, json};

const SECRET: &str = "the-token-of-more-than-24-characters";

fn text() -> String {
    format!(
        "{{ // mine\n  gateway: {{ auth: {{ token: '{SECRET}' }}, reload: {{ debounceMs: 20 }} }},\n  \
         agents: {{ list: [{{ id: 'main' }}, {{ id: 'ops' }}] }},\n}}\n"
    )
}

async fn owner(gateway: &TestGateway) -> WireClient {
    let mut owner = WireClient::door(&gateway.door()).await;
    owner.ok("connect", connect_params(&json!({}))).await;
    owner
}

fn file(gateway: &TestGateway) -> String {
    std::fs::read_to_string(gateway.paths().config_file()).expect("the file")
}

#[tokio::test]
async fn a_text_that_was_shown_comes_back_changed_and_keeps_its_secrets() {
    let gateway = TestGateway::with_config(&text()).await;
    let mut client = owner(&gateway).await;
    let shown = client.ok("config.get", json!({})).await;
    let raw = shown["raw"].as_str().expect("the text");
    assert!(!raw.contains(SECRET));
    let edited = raw.replace("// mine", "// ours").replace("'ops'", "'field'");
    let params = json!({"raw": edited, "baseHash": shown["hash"]});
    let written = client.ok("config.set", params.clone()).await;
    assert_eq!(written["changedPaths"], json!(["agents.list"]));
    assert_eq!(written["needsRestart"], json!([]));
    assert!(!written.to_string().contains(SECRET), "{written}");
    assert_eq!(file(&gateway), text().replace("// mine", "// ours").replace("'ops'", "'field'"));
    client.event("config.changed", |_| true).await;
    let agents = client.ok("agents.list", json!({})).await;
    assert!(agents.to_string().contains("field"), "{agents}");

    let error = client.refused("config.set", params).await;
    assert_eq!(error["message"], "config changed since last load; re-run config.get and retry");
    let error = client.refused("config.apply", json!({"raw": "{}"})).await;
    assert_eq!(error["message"], "config base hash required; re-run config.get and retry");

    let trail = client.ok("security.trail", json!({"kind": "config"})).await;
    let entries = trail["entries"].as_array().expect("entries");
    let changed = entries.iter().find(|entry| entry["outcome"] == "changed").expect("an entry");
    assert_eq!(changed["detail"], "agents.list");
}

#[tokio::test]
async fn a_patch_touches_what_it_names() {
    let gateway = TestGateway::with_config(&text()).await;
    let mut client = owner(&gateway).await;
    let hash = client.ok("config.get", json!({})).await["hash"].clone();
    let raw = "{agents: {list: [{id: 'ops', name: 'Field'}]}, gateway: {port: 4711}}";
    let patch = json!({"raw": raw, "baseHash": hash, "note": "for the field"});
    let written = client.ok("config.patch", patch).await;
    assert_eq!(written["changedPaths"], json!(["agents.list", "gateway.port"]));
    assert_eq!(written["needsRestart"], json!(["gateway.port"]));
    let expected = text().replace("{ id: 'ops' }", "{ id: 'ops', name: \"Field\" }");
    let expected = expected.replace("debounceMs: 20 } }", "debounceMs: 20 }, port: 4711 }");
    assert_eq!(file(&gateway), expected);
    let applied = json!({"raw": file(&gateway), "baseHash": written["hash"]});
    assert_eq!(client.ok("config.apply", applied).await["changedPaths"], json!([]));
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_with_its_line() {
    let gateway = TestGateway::with_config(&text()).await;
    let mut client = owner(&gateway).await;
    let shown = client.ok("config.get", json!({})).await;
    let raw = shown["raw"].as_str().expect("the text");
    let hidden = "__OPENCLAW_REDACTED__";
    let mut set = async |method: &str, raw: &str| -> Value {
        client.refused(method, json!({"raw": raw, "baseHash": shown["hash"]})).await
    };
    let error = set("config.set", &raw.replace("20", "'soon'")).await;
    assert_eq!(error["details"]["issues"][0]["line"], 2, "{error}");
    assert_eq!(error["details"]["issues"][0]["path"], "gateway.reload.debounceMs");
    let error = set("config.set", "{\n\n  gateway: ").await;
    assert_eq!(error["details"]["issues"][0]["line"], 3, "{error}");
    let error = set("config.set", &format!("{{\n agents: '{hidden}' }}")).await;
    assert_eq!(error["details"]["line"], 2, "{error}");
    let error = set("config.patch", "[1]").await;
    assert_eq!(error["message"], "config.patch raw must be an object");
    let error = set("config.patch", "{gateway: {prt: 1}}").await;
    assert_eq!(error["details"]["issues"][0]["path"], "gateway.prt", "{error}");
    assert_eq!(file(&gateway), text());
}

#[tokio::test]
async fn whoever_changes_too_often_is_told_when_to_try_again() {
    let gateway = TestGateway::with_config(&text()).await;
    let mut client = owner(&gateway).await;
    let before = file(&gateway);
    // What cannot be used counts as well.
    for _ in 0..openclaw_gateway::write_limit::WRITES {
        let error = client.refused("config.apply", json!({"raw": "{}"})).await;
        assert_eq!(error["message"], "config base hash required; re-run config.get and retry");
    }
    let error = client.refused("config.apply", json!({"raw": "{}"})).await;
    assert_eq!(error["code"], "UNAVAILABLE", "{error}");
    assert_eq!(error["retryable"], true);
    assert_eq!(error["details"], json!({"method": "config.apply", "limit": "30 per 60s"}));
    let wait = error["retryAfterMs"].as_u64().expect("a time");
    assert!((1..=60_000).contains(&wait), "{wait}");
    assert_eq!(file(&gateway), before);
    // Reading, and other methods, go on.
    let hash = client.ok("config.get", json!({})).await["hash"].clone();
    let patch = json!({"raw": "{gateway: {port: 4711}}", "baseHash": hash});
    client.ok("config.patch", patch).await;
}
