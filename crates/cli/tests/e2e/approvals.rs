//! Approvals, as a person at a terminal meets them.

use openclaw_client::CallOptions;
use serde_json::json;

use crate::machine::{Machine, shown};

#[test]
fn what_runs_without_asking_is_listed_added_and_taken_away() {
    let machine = Machine::new();
    let _gateway = machine.gateway(&["--port", "0"]);
    assert!(shown(&machine.run(&["approvals", "list"])).contains("no command waits"));
    let fresh = machine.text(&["approvals", "get"]);
    for line in ["May run     allowlist", "Asks        on-miss", "Unanswered  deny"] {
        assert!(fresh.contains(line), "{fresh}");
    }
    let refused = machine.run(&["approvals", "allow", "git"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(shown(&refused).contains("/usr/bin/git"), "{}", shown(&refused));
    let allowed = machine.text(&["approvals", "allow", "/usr/bin/git"]);
    assert_eq!(allowed.trim(), "/usr/bin/git runs without asking now");
    let again = machine.json(&["approvals", "allow", "/usr/bin/git"]);
    assert_eq!(again, json!({"allowed": "/usr/bin/git", "agent": "*", "new": false}));
    machine.text(&["approvals", "allow", "~/bin/*", "--agent", "main"]);
    let list = machine.text(&["approvals", "get"]);
    assert!(list.lines().all(|line| line.chars().count() <= 80), "{list}");
    assert!(list.contains("/usr/bin/git") && list.contains("~/bin/*"), "{list}");
    let entry = &machine.json(&["approvals", "get"])["file"]["agents"]["main"]["allowlist"][0];
    let id = entry["id"].as_str().unwrap();
    assert!(machine.text(&["approvals", "revoke", &id[..8]]).contains("~/bin/*"));
    let gone = machine.run(&["approvals", "revoke", &id[..8]]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(shown(&gone).contains("openclaw approvals grants"), "{}", shown(&gone));
    let grants = machine.text(&["approvals", "grants"]);
    assert!(grants.contains("/usr/bin/git") && grants.contains("put on the list"), "{grants}");
    assert!(!grants.contains("~/bin"), "{grants}");
    let trail = machine.text(&["audit", "--kind", "approval"]);
    assert!(trail.contains("the list of commands was replaced"), "{trail}");
    assert!(trail.contains("revoked"), "{trail}");
}

#[test]
fn a_waiting_command_is_shown_whole_and_decided() {
    let machine = Machine::new();
    let gateway = machine.gateway(&["--port", "0"]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = runtime.block_on(crate::nodes::operator(gateway.port, machine.token()));
    for (words, decision) in [
        (vec!["approve"], "allow-once"),
        (vec!["approve", "--always"], "allow-always"),
        (vec!["deny"], "deny"),
    ] {
        let call = client.clone();
        let asked = runtime.spawn(async move {
            let params = json!({"command": "rm -rf build", "cwd": "/srv", "agentId": "main"});
            call.call_raw("exec.approval.request", &params, CallOptions::default()).await.unwrap()
        });
        let list = loop {
            let list = machine.json(&["approvals", "list"]);
            if list[0].is_object() {
                break list;
            }
        };
        let text = machine.text(&["approvals", "list"]);
        assert!(text.contains("rm -rf build") && text.contains("/srv"), "{text}");
        let id = &list[0]["id"].as_str().unwrap()[..8];
        let mut args = vec!["approvals"];
        args.extend(&words);
        args.push(id);
        let said = machine.text(&args);
        assert!(said.contains("rm -rf build"), "{said}");
        let answer = runtime.block_on(asked).unwrap();
        assert_eq!(answer["decision"], decision);
    }
    let nobody = machine.run(&["approvals", "deny", "12345678"]);
    assert!(shown(&nobody).contains("openclaw approvals list"), "{}", shown(&nobody));
}
