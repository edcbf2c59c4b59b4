//! Skills over the wire, and in what models are given.

use openclaw_testkit::{
    TestGateway,
    played_model::{Play, PlayedModel},
};
use serde_json::json;

use crate::nodes::Node;

#[tokio::test]
async fn skills_are_listed_as_they_stand_and_models_are_told_of_those_that_fit() {
    let model = PlayedModel::start(|_| Play::say("done")).await;
    let mut config = model.configuration();
    config["skills"] = json!({"entries": {"off": {"enabled": false}}});
    config["agents"]["defaults"]["bootstrapMaxChars"] = json!(100);
    let gateway = TestGateway::with_config(&config.to_string()).await;
    let workspace = gateway.paths().state_dir().join("workspace");
    for (name, text) in [
        ("report", "---\nname: report\ndescription: Writes reports\n---\nSteps."),
        ("off", "---\nname: off\ndescription: Is off\n---\n"),
        (
            "needy",
            "---\nname: needy\nmetadata: {\"openclaw\": {\"requires\": {\"bins\": [\"no-such-program\"]}}}\n---\n",
        ),
    ] {
        let folder = workspace.join("skills").join(name);
        std::fs::create_dir_all(&folder).expect("made");
        std::fs::write(folder.join("SKILL.md"), text).expect("written");
    }
    std::fs::write(workspace.join("AGENTS.md"), "a".repeat(1000)).expect("written");
    let mut client = gateway.operator().await;
    let status = client.ok("skills.status", json!({})).await;
    let skills = status["skills"].as_array().expect("skills");
    let named = |name: &str| skills.iter().find(|skill| skill["name"] == name).expect("a skill");
    assert_eq!(
        (&named("report")["eligible"], &named("report")["modelVisible"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        (&named("off")["disabled"], &named("off")["eligible"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(named("needy")["missing"]["bins"], json!(["no-such-program"]));
    assert_eq!(status["workspaceDir"], json!(workspace.display().to_string()));
    let mut node = Node::new(&gateway, &["system.run"]).await;
    assert_eq!(node.client.ok("skills.bins", json!({})).await["bins"], json!(["no-such-program"]));
    let refused = client.refused("skills.bins", json!({})).await;
    assert_eq!(refused["code"], "INVALID_REQUEST", "only nodes are told");
    let refused = client.refused("skills.status", json!({"agentId": "nobody"})).await;
    assert_eq!(refused["code"], "INVALID_REQUEST");

    let run = json!({"sessionKey": "main", "message": "go", "idempotencyKey": "r1"});
    client.ok("chat.send", run).await;
    let request = model.asked(1).await[0].to_string();
    assert!(
        request.contains("report: Writes reports") && !request.contains("off: Is off"),
        "{request}"
    );
    assert!(request.contains("[… 910 characters left out …]"), "the budget holds: {request}");
}
