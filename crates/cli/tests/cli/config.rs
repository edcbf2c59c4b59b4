//! Reading and changing the configuration file.

use std::os::unix::fs::PermissionsExt;

use crate::sandbox::{Sandbox, code, json};

const FILE: &str = ".openclaw/openclaw.json";

const COMMENTED: &str = "\
// My Gateway.
{
  gateway: {
    port: 18790, // not the usual one
    auth: { token: 'tok-0123456789-0123456789-0123' },
  },
}
";

#[test]
fn a_missing_file_reads_as_its_defaults() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!("config_file_missing", sandbox.shown(&["config", "validate"]));
    assert_eq!(sandbox.run(&["config", "get", "gateway.bind"]).stdout, b"loopback\n");
    let output = sandbox.run(&["config", "file", "--json"]);
    assert_eq!(json(&output)["exists"], false);
    assert_eq!(code(&sandbox.run(&["config", "get", "gateway.remote.url"])), 1);
}

#[test]
fn a_change_keeps_every_other_byte() {
    let sandbox = Sandbox::new();
    sandbox.write(FILE, COMMENTED);
    let output = sandbox.run(&["config", "set", "gateway.port", "18791"]);
    assert_eq!(code(&output), 0, "{}", sandbox.show(&output));
    assert_eq!(sandbox.read(FILE), COMMENTED.replace("18790", "18791"));
    assert_eq!(sandbox.run(&["config", "get", "gateway.port"]).stdout, b"18791\n");

    let output = sandbox.run(&["config", "set", "gateway.mode", "local", "--json"]);
    assert_eq!(json(&output)["ok"], true);
    assert!(sandbox.read(FILE).contains("// not the usual one"));
    let output = sandbox.run(&["config", "unset", "gateway.mode"]);
    assert_eq!(code(&output), 0, "{}", sandbox.show(&output));
    assert_eq!(code(&sandbox.run(&["config", "unset", "gateway.mode"])), 1);
    assert!(!sandbox.read(FILE).contains("mode"));
}

#[test]
fn secrets_come_in_by_standard_input_and_do_not_come_out() {
    let sandbox = Sandbox::new();
    let mut set = sandbox.command(&["config", "set", "gateway.auth.token"]);
    let output = set.write_stdin("tok-abcdefghijklmnopqrstuvwxyz\n").output().unwrap();
    assert_eq!(code(&output), 0, "{}", sandbox.show(&output));
    assert!(sandbox.read(FILE).contains("tok-abcdef"));
    let mode = std::fs::metadata(sandbox.home().join(FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for args in [
        &["config", "get"][..],
        &["config", "get", "gateway.auth.token"],
        &["config", "get", "gateway", "--json"],
    ] {
        let shown = sandbox.shown(args);
        assert!(shown.contains("__OPENCLAW_REDACTED__") && !shown.contains("tok-abc"), "{shown}");
    }
}

#[test]
fn a_change_that_breaks_the_file_is_refused_and_nothing_is_written() {
    let sandbox = Sandbox::new();
    sandbox.write(FILE, COMMENTED);
    let refused: &[&[&str]] = &[
        &["gateway.port", "99999"],
        &["gateway.port", "many"],
        &["gateway.bind", "everywhere"],
        &["gateway.prot", "1"],
        &["gateway", "{ port: "],
        &["gateway.auth.token", "__OPENCLAW_REDACTED__"],
        &["gateway..port", "1"],
    ];
    for change in refused {
        let args: Vec<&str> = ["config", "set"].into_iter().chain(change.iter().copied()).collect();
        let output = sandbox.run(&args);
        assert!(matches!(code(&output), 1 | 2 | 78), "{args:?}: {}", sandbox.show(&output));
        assert!(output.stdout.is_empty(), "{args:?}");
        assert_eq!(sandbox.read(FILE), COMMENTED, "{args:?}");
    }
    insta::assert_snapshot!(
        "config_set_refused",
        sandbox.shown(&["config", "set", "gateway.bind", "everywhere"])
    );
}

#[test]
fn every_problem_is_listed_at_once() {
    let sandbox = Sandbox::new();
    sandbox.write(
        FILE,
        "{\n  gateway: {\n    prot: 1,\n    bind: 'everywhere',\n    port: 'x',\n  },\n}\n",
    );
    insta::assert_snapshot!("config_validate_broken", sandbox.shown(&["config", "validate"]));
    let output = sandbox.run(&["config", "validate", "--json"]);
    assert_eq!(code(&output), 78);
    assert_eq!(json(&output)["problems"].as_array().unwrap().len(), 3);
    assert_eq!(json(&output)["problems"][0]["line"], 3);
}

#[test]
fn profiles_have_files_of_their_own() {
    let sandbox = Sandbox::new();
    let path = |args: &[&str]| String::from_utf8(sandbox.run(args).stdout).unwrap();
    assert!(path(&["config", "file"]).ends_with("/.openclaw/openclaw.json\n"));
    assert!(
        path(&["--profile", "ops", "config", "file"]).ends_with("/.openclaw-ops/openclaw.json\n")
    );
    assert!(path(&["config", "file", "--dev"]).ends_with("/.openclaw-dev/openclaw.json\n"));
}
