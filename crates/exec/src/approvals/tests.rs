use super::*;
use crate::policy::{Ask, Security};

fn approvals() -> (tempfile::TempDir, Approvals) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("state/exec-approvals.json");
    (folder, Approvals::new(file, PathBuf::from("/home/me")))
}

fn write(approvals: &Approvals, text: &str) {
    std::fs::create_dir_all(approvals.path().parent().expect("a parent")).expect("made");
    std::fs::write(approvals.path(), text).expect("written");
}

#[test]
fn a_fresh_install_asks() {
    let (_folder, approvals) = approvals();
    let rules = approvals.rules("main").expect("rules");
    assert_eq!(rules.policy, Policy::FRESH);
    assert_eq!((rules.policy.security, rules.policy.ask), (Security::Allowlist, Ask::OnMiss));
    assert_eq!(rules.policy.fallback, Security::Deny);
    assert!(rules.entries.is_empty());
    assert!(!approvals.path().exists(), "looking writes nothing");
}

#[test]
fn the_agent_then_everybody_then_the_defaults() {
    let (_folder, approvals) = approvals();
    write(
        &approvals,
        r#"{"version":1,"socket":{"path":"/s","token":"t"},
            "defaults":{"security":"deny","ask":"always","askFallback":"full"},
            "agents":{"*":{"ask":"off","allowlist":[{"pattern":"/bin/b"}]},
                      "main":{"security":"full","allowlist":[{"id":"x","pattern":"/bin/a","lastUsedAt":5}]}}}"#,
    );
    let main = approvals.rules("main").expect("rules");
    assert_eq!(
        (main.policy.security, main.policy.ask, main.policy.fallback),
        (Security::Full, Ask::Off, Security::Full)
    );
    let patterns: Vec<&str> = main.entries.iter().map(|entry| entry.pattern.as_str()).collect();
    assert_eq!(patterns, ["/bin/a", "/bin/b"]);
    let other = approvals.rules("other").expect("rules");
    assert_eq!((other.policy.security, other.policy.ask), (Security::Deny, Ask::Off));
}

#[test]
fn what_is_not_understood_allows_nothing() {
    let (_folder, approvals) = approvals();
    for text in [
        "",
        "{",
        "[]",
        r#"{"version":2}"#,
        r#"{"version":1,"agents":{"main":{"security":"lax"}}}"#,
        r#"{"version":1,"agents":{"main":{"allowlist":[{"pattern":"git"}]}}}"#,
        r#"{"version":1,"agents":{"main":{"allowlist":[{"pattern":"/a","argPattern":"("}]}}}"#,
        r#"{"version":1,"agents":{"main":{"alowlist":[]}}}"#,
        r#"{"version":1,"agents":{"main":{"allowlist":[{"pattern":"/a["}]}}}"#,
    ] {
        write(&approvals, text);
        assert!(matches!(approvals.rules("main"), Err(ApprovalsError::Malformed { .. })), "{text}");
        assert!(approvals.allow("main", "/bin/ls").is_err(), "{text}");
        assert_eq!(
            std::fs::read_to_string(approvals.path()).expect("there"),
            text,
            "nothing is lost"
        );
    }
}

#[test]
fn a_change_names_what_it_changes() {
    let (_folder, approvals) = approvals();
    let first = approvals.replace(ApprovalsFile::default(), None).expect("a new file");
    assert!(first.exists);
    let again = ApprovalsFile::default();
    assert!(matches!(approvals.replace(again.clone(), None), Err(ApprovalsError::HashRequired)));
    assert!(matches!(approvals.replace(again.clone(), Some("x")), Err(ApprovalsError::Changed)));
    let mut with = again;
    with.socket = Some(Socket { path: Some("/s".into()), token: Some("secret".into()) });
    let second = approvals.replace(with.clone(), Some(&first.hash)).expect("replaced");
    let shown = second.file.clone().without_token();
    assert_eq!(shown.socket.as_ref().and_then(|socket| socket.token.clone()), None);
    let third = approvals.replace(shown, Some(&second.hash)).expect("replaced");
    assert_eq!(third.file, second.file, "the token that was not shown is kept");
    assert!(openclaw_base::fs::is_private(approvals.path()).expect("mode"));
}

#[test]
fn grants_are_listed_and_revoked() {
    let (_folder, approvals) = approvals();
    assert!(approvals.allow("main", "/bin/ls").expect("allowed"));
    assert!(!approvals.allow("main", "/bin/ls").expect("allowed before"));
    assert!(approvals.allow("main", "git").is_err(), "names no path");
    assert!(approvals.allow("*", "/bin/cat").expect("allowed"));
    let granted = Entry::granted(Path::new("/bin/sed"), Some(&["p".to_owned()]), "sed p", 5);
    approvals.remember("main", vec![granted.clone()]).expect("remembered");
    approvals.remember("main", vec![granted]).expect("remembered once");
    let grants = approvals.grants().expect("a list");
    assert_eq!(grants.len(), 3);
    let id = grants[1].entry.id.clone().expect("an id");
    let used = Used { id: id.clone(), path: PathBuf::from("/usr/bin/ls") };
    approvals.used("ls -l", &[used], 77).expect("noted");
    let entry = approvals.grants().expect("a list").swap_remove(1).entry;
    assert_eq!((entry.last_used_at, entry.last_used_command.as_deref()), (Some(77), Some("ls -l")));
    assert!(approvals.revoke(&id[..7]).expect("too short to name it").is_empty());
    assert_eq!(approvals.revoke(&id[..8]).expect("revoked").len(), 1);
    assert_eq!(approvals.revoke("/bin/cat").expect("revoked").len(), 1);
    assert!(approvals.revoke(&id).expect("gone").is_empty());
    assert_eq!(approvals.grants().expect("a list").len(), 1);
}
