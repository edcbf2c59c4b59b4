//! The security audit over the wire: what it finds, and what it sets right when it is asked to.

use std::os::unix::fs::PermissionsExt;

use openclaw_testkit::TestGateway;
use serde_json::{Value, json};

fn finding<'a>(report: &'a Value, path: &str) -> Option<&'a Value> {
    let findings = report["findings"].as_array().expect("findings");
    findings.iter().find(|finding| finding["fix"].as_str().is_some_and(|fix| fix.contains(path)))
}

#[tokio::test]
async fn an_open_file_is_found_and_closed_and_the_trail_says_so() {
    let gateway = TestGateway::with_config("{}").await;
    let mut client = gateway.operator().await;
    let file = gateway.paths().config_file().to_owned();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("mode");
    let report = client.ok("security.audit", json!({})).await;
    let found = finding(&report, "openclaw.json").expect("the open file");
    let check = found["checkId"].as_str().expect("a check").to_owned();
    let fixed = client.ok("security.fix", json!({"checkId": check})).await;
    assert_eq!(fixed["steps"][0]["ok"], true, "{fixed}");
    let mode = std::fs::metadata(&file).expect("the file").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let report = client.ok("security.audit", json!({})).await;
    assert!(finding(&report, "openclaw.json").is_none(), "{report}");
    let error = client.refused("security.fix", json!({"checkId": check})).await;
    assert!(error["message"].as_str().is_some_and(|why| why.contains("remediation")), "{error}");
    let trail = client.ok("security.trail", json!({"kind": "config"})).await;
    assert!(trail.to_string().contains("chmod go-rwx"), "{trail}");
}
