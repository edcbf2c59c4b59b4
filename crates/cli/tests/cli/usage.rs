//! Help, versions, and command lines that cannot be used.

use crate::sandbox::{Sandbox, code, json};

#[test]
fn help_texts_are_as_they_were() {
    let sandbox = Sandbox::new();
    let commands: &[&[&str]] = &[
        &[],
        &["gateway"],
        &["gateway", "call"],
        &["gateway", "dial-stdio"],
        &["agent"],
        &["sessions", "show"],
        &["logs"],
        &["config", "set"],
        &["models", "auth", "set"],
        &["devices", "rotate"],
    ];
    for words in commands {
        let args: Vec<&str> = words.iter().copied().chain(["--help"]).collect();
        let name =
            format!("help_{}", if words.is_empty() { "root".into() } else { words.join("_") });
        insta::assert_snapshot!(name, sandbox.shown(&args));
    }
}

#[test]
fn the_version_is_one_line() {
    let output = Sandbox::new().run(&["--version"]);
    let expected = format!("openclaw {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

#[test]
fn unusable_command_lines_end_with_2() {
    let sandbox = Sandbox::new();
    let lines: &[&[&str]] = &[
        &[],
        &["frobnicate"],
        &["health", "extra"],
        &["health", "--url", "ws://127.0.0.1:1", "--ssh", "me@host"],
        &["health", "--remote-port", "18789"],
        &["health", "--timeout", "soon"],
        &["agent"],
        &["agent", "--message", "  "],
        &["gateway", "call", "health", "--params", "[]"],
        &["gateway", "call", "health", "--params", "{"],
        &["gateway", "--bind", "everywhere"],
        &["devices", "approve"],
        &["devices", "rename", "abc", ""],
        &["devices", "rotate", "abc", "--role", "king"],
        &["sessions", "show", "--limit", "0"],
        &["completion", "tcsh"],
        &["--profile", "a/b", "health"],
        &["--profile", "x", "--dev", "health"],
    ];
    for line in lines {
        let output = sandbox.run(line);
        assert_eq!(code(&output), 2, "{line:?}: {}", sandbox.show(&output));
        assert!(output.stdout.is_empty(), "{line:?}");
        assert!(!output.stderr.is_empty(), "{line:?}");
    }
}

#[test]
fn local_commands_refuse_target_flags_by_name() {
    let sandbox = Sandbox::new();
    let commands: &[&[&str]] = &[
        &["config", "get"],
        &["config", "set", "gateway.port", "1"],
        &["config", "unset", "gateway.port"],
        &["config", "validate"],
        &["config", "file"],
        &["models", "auth", "set", "openai"],
        &["models", "auth", "status"],
        &["models", "auth", "remove", "openai"],
        &["completion", "bash"],
        &["gateway", "auth-token"],
        &["gateway", "dial-stdio"],
    ];
    let flags = [
        "--url",
        "--ssh",
        "--remote-port",
        "--token",
        "--password",
        "--password-file",
        "--timeout",
    ];
    for command in commands {
        for flag in flags {
            let args: Vec<&str> = command.iter().copied().chain([flag, "1"]).collect();
            let output = sandbox.run(&args);
            assert_eq!(code(&output), 2, "{args:?}");
            let told = String::from_utf8(output.stderr).unwrap();
            assert!(told.contains("works on files of this machine"), "{args:?}: {told}");
            assert!(told.contains(&format!("`{flag}`")), "{args:?}: {told}");
        }
    }
    insta::assert_snapshot!("refused_target_flag", sandbox.shown(&["config", "get", "--url", "x"]));
}

#[test]
fn a_secret_may_begin_with_a_dash() {
    let sandbox = Sandbox::new();
    for flag in ["--token", "--password"] {
        let output = sandbox.run(&["health", "--url", "ws://127.0.0.1:1", flag, "-mEHgnMof0"]);
        assert_eq!(code(&output), 3, "{}", sandbox.show(&output));
    }
}

#[test]
fn with_json_a_usage_error_is_an_envelope() {
    let sandbox = Sandbox::new();
    for line in
        [&["health", "--json", "--nonsense"][..], &["config", "get", "--json", "--url=x"][..]]
    {
        let output = sandbox.run(line);
        assert_eq!(code(&output), 2, "{line:?}");
        let envelope = json(&output);
        assert_eq!(envelope["ok"], false);
        assert_eq!(envelope["error"]["type"], "cli_error");
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn no_escape_sequence_is_printed_into_a_pipe() {
    let sandbox = Sandbox::new();
    for line in [&["--help"][..], &["frobnicate"][..], &["health"][..], &["gateway", "status"][..]]
    {
        let output = sandbox.run(line);
        assert!(!output.stdout.contains(&0x1b), "{line:?}");
        assert!(!output.stderr.contains(&0x1b), "{line:?}");
    }
}

#[test]
fn a_closed_pipe_is_success() {
    let sandbox = Sandbox::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_openclaw"));
    let status = command
        .arg("reference")
        .env_clear()
        .env("HOME", sandbox.home())
        .stdout(writer)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
}
