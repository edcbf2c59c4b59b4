//! Keys of model providers: in by standard input, private, and never shown.

use std::os::unix::fs::PermissionsExt;

use crate::sandbox::{Sandbox, code, json};

const FILE: &str = ".openclaw/model-auth.json";

#[test]
fn a_key_is_kept_shown_by_name_only_and_removed() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!("auth_status_empty", sandbox.shown(&["models", "auth", "status"]));
    let mut set = sandbox.command(&["models", "auth", "set", "anthropic"]);
    let output = set.write_stdin("sk-ant-very-secret\n").output().unwrap();
    insta::assert_snapshot!("auth_set", sandbox.show(&output));
    let mode = std::fs::metadata(sandbox.home().join(FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(sandbox.read(FILE).contains("sk-ant-very-secret"));

    insta::assert_snapshot!("auth_status", sandbox.shown(&["models", "auth", "status"]));
    let output = sandbox.run(&["models", "auth", "status", "--json"]);
    assert_eq!(json(&output)["keys"][0]["name"], "anthropic");
    assert_eq!(json(&output)["keys"][0]["source"], "key-file");
    assert!(!String::from_utf8(output.stdout).unwrap().contains("very-secret"));

    let output = sandbox.run(&["models", "auth", "remove", "anthropic", "--json"]);
    assert_eq!(json(&output)["action"], "removed");
    assert!(!sandbox.read(FILE).contains("very-secret"));
    assert_eq!(code(&sandbox.run(&["models", "auth", "remove", "anthropic"])), 1);
}

#[test]
fn keys_that_rest_say_until_when_and_why() {
    let sandbox = Sandbox::new();
    for name in ["anthropic", "anthropic@work"] {
        let mut set = sandbox.command(&["models", "auth", "set", name]);
        assert_eq!(code(&set.write_stdin("sk-very-secret\n").output().unwrap()), 0);
    }
    let rest = |reason: &str, until: u64| {
        format!(r#"{{"reason":"{reason}","count":1,"failedAtMs":1,"untilMs":{until}}}"#)
    };
    let (over, coming) = (rest("rate-limit", 2), rest("billing", 4_102_444_800_000));
    let kept = format!(r#"{{"anthropic":{over},"anthropic@work":{coming}}}"#);
    sandbox.write(".openclaw/model-cooldowns.json", &kept);
    let shown = sandbox.shown(&["models", "auth", "status"]);
    assert!(shown.contains("anthropic@work rests until 2"), "{shown}");
    assert!(shown.contains(": billing") && !shown.contains("rate-limit"), "{shown}");
    let output = sandbox.run(&["models", "auth", "status", "--json"]);
    let keys = json(&output)["keys"].clone();
    assert!(keys[0].get("rests").is_none(), "{keys}");
    assert_eq!(keys[1]["name"], "anthropic@work");
    assert_eq!(keys[1]["rests"]["reason"], "billing");
    assert_eq!(keys[1]["rests"]["untilMs"], 4_102_444_800_000_u64);
    assert!(!shown.contains("secret") && !keys.to_string().contains("secret"));
}

#[test]
fn keys_of_the_environment_are_named_by_their_variable() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["models", "auth", "status"]);
    let output = command.env("OPENAI_API_KEY", "sk-env-secret").output().unwrap();
    let shown = sandbox.show(&output);
    assert!(shown.contains("OPENAI_API_KEY") && !shown.contains("sk-env-secret"), "{shown}");
}

#[test]
fn what_is_no_key_or_no_provider_is_refused() {
    let sandbox = Sandbox::new();
    for (provider, key) in [("openai", ""), ("openai", "two words"), ("../x", "k")] {
        let mut command = sandbox.command(&["models", "auth", "set", provider]);
        let output = command.write_stdin(key).output().unwrap();
        assert_eq!(code(&output), 2, "{provider} {key}");
    }
    assert!(!sandbox.home().join(FILE).exists());
}

#[test]
fn a_damaged_key_file_is_not_overwritten() {
    let sandbox = Sandbox::new();
    sandbox.write(FILE, "{ broken sk-secret");
    let mut command = sandbox.command(&["models", "auth", "set", "openai"]);
    let output = command.write_stdin("sk-new").output().unwrap();
    assert_eq!(code(&output), 78);
    assert!(!sandbox.show(&output).contains("sk-secret"));
    assert_eq!(sandbox.read(FILE), "{ broken sk-secret");
}

#[test]
fn the_gateways_own_secret_is_not_printed_into_a_pipe() {
    let sandbox = Sandbox::new();
    sandbox.write(
        ".openclaw/openclaw.json",
        "{ gateway: { auth: { token: 'tok-secret-in-config' } } }",
    );
    insta::assert_snapshot!("auth_token", sandbox.shown(&["gateway", "auth-token"]));
    for args in [&["gateway", "auth-token"][..], &["gateway", "auth-token", "--json"]] {
        let output = sandbox.run(args);
        assert_eq!(code(&output), 0, "{args:?}");
        assert!(!sandbox.show(&output).contains("tok-secret"), "{args:?}");
    }
    let output = sandbox.run(&["gateway", "auth-token", "--show"]);
    assert_eq!(code(&output), 2);
    assert!(!sandbox.show(&output).contains("tok-secret"));
}
