//! The files of a workspace that say what an agent is, over the wire.

use openclaw_testkit::TestGateway;
use serde_json::json;

#[tokio::test]
async fn files_are_listed_shown_and_replaced_and_the_prompt_has_them() {
    let gateway = TestGateway::start().await;
    let mut client = gateway.operator().await;
    let listed = client.ok("agents.files.list", json!({"agentId": "main"})).await;
    let files = listed["files"].as_array().expect("files");
    assert!(files.iter().any(|file| file["name"] == "BOOTSTRAP.md" && file["missing"] == true));
    let set = json!({"agentId": "main", "name": "SOUL.md", "content": "Be kind.\n"});
    let written = client.ok("agents.files.set", set).await;
    assert_eq!((&written["ok"], &written["file"]["size"]), (&json!(true), &json!(9)));
    let got = client.ok("agents.files.get", json!({"agentId": "main", "name": "SOUL.md"})).await;
    assert_eq!(got["file"]["content"], "Be kind.\n");
    assert_eq!(got["file"]["missing"], false);
    let on_disk = std::path::Path::new(got["file"]["path"].as_str().expect("a path"));
    assert_eq!(std::fs::read_to_string(on_disk).expect("there"), "Be kind.\n");
}

#[tokio::test]
async fn other_names_agents_and_rights_are_refused() {
    let gateway = TestGateway::start().await;
    let mut client = gateway.operator().await;
    for (method, params, part) in [
        ("agents.files.get", json!({"agentId": "main", "name": "../token"}), "unsupported file"),
        ("agents.files.get", json!({"agentId": "main", "name": "notes.md"}), "unsupported file"),
        (
            "agents.files.set",
            json!({"agentId": "main", "name": "x/SOUL.md", "content": ""}),
            "unsupported",
        ),
        ("agents.files.list", json!({"agentId": "nobody"}), "nobody"),
        ("agents.files.set", json!({"agentId": "main", "name": "SOUL.md"}), "content"),
    ] {
        let error = client.refused(method, params).await;
        assert_eq!(error["code"], "INVALID_REQUEST", "{error}");
        assert!(error["message"].as_str().expect("a text").contains(part), "{error}");
    }
}
