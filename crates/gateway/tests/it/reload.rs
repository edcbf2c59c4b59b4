//! A changed configuration is applied while the Gateway runs, or says that it needs a restart.

use openclaw_testkit::{TestGateway, WireClient, connect_params};
use serde_json::json;

const OLD: &str = "the-first-token-of-24-characters";
const NEW: &str = "the-second-token-of-24-characters";

fn config(token: &str, more: &str) -> String {
    format!(
        "{{ gateway: {{ auth: {{ token: '{token}' }}, reload: {{ debounceMs: 20 }} }}, {more} }}"
    )
}

async fn owner(gateway: &TestGateway) -> WireClient {
    let mut owner = WireClient::door(&gateway.door()).await;
    owner.ok("connect", connect_params(&json!({}))).await;
    owner
}

#[tokio::test]
async fn a_new_token_holds_at_once_and_cuts_who_used_the_old_one() {
    let gateway = TestGateway::with_config(&config(OLD, "")).await;
    let mut owner = owner(&gateway).await;
    let mut old = gateway.wire().await;
    old.enter(OLD).await;
    let file = gateway.paths().config_file().to_owned();
    std::fs::write(&file, config(NEW, "")).expect("configuration");
    let changed = owner.event("config.changed", |_| true).await;
    assert_eq!(changed["payload"]["paths"], json!(["gateway.auth.token"]));
    let closed = old.closed().await;
    assert_eq!((closed.code, closed.reason.as_str()), (4001, "gateway auth changed"));
    let auth = json!({"auth": {"token": OLD}});
    let error = gateway.wire().await.refused("connect", connect_params(&auth)).await;
    assert_eq!(error["details"]["code"], "AUTH_TOKEN_MISMATCH");
    gateway.wire().await.enter(NEW).await;
}

#[tokio::test]
async fn a_broken_file_changes_nothing_and_stays_as_it_is() {
    let gateway = TestGateway::with_config(&config(OLD, "")).await;
    let mut owner = owner(&gateway).await;
    let file = gateway.paths().config_file().to_owned();
    std::fs::write(&file, "{ gateway: ").expect("configuration");
    let broken = owner.ok("config.get", json!({})).await;
    assert_eq!(broken["valid"], false);
    assert!(broken["issues"].as_array().is_some_and(|issues| !issues.is_empty()), "{broken}");
    gateway.wire().await.enter(OLD).await;
    let agents = "agents: { list: [{ id: 'ops' }] }";
    std::fs::write(&file, config(OLD, agents)).expect("configuration");
    owner.event("config.changed", |_| true).await;
    assert_eq!(owner.ok("agents.list", json!({})).await["defaultId"], "ops");
    assert_eq!(std::fs::read_to_string(&file).expect("file"), config(OLD, agents));
}
