//! Completion scripts and the reference.

use crate::sandbox::{Sandbox, code};

#[test]
fn every_shell_gets_a_script() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = sandbox.run(&["completion", shell]);
        assert_eq!(code(&output), 0, "{shell}");
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(script.contains("openclaw") && script.contains("auth-token"), "{shell}");
    }
}

#[test]
fn bash_can_read_its_script() {
    let sandbox = Sandbox::new();
    let script = sandbox.run(&["completion", "bash"]).stdout;
    let mut bash = assert_cmd::Command::new("bash");
    bash.args(["-n"]).write_stdin(script).assert().success().stderr("");
}

#[test]
fn the_reference_needs_no_home_and_names_every_exit_code() {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_openclaw"));
    let output = command.arg("reference").env_clear().output().unwrap();
    assert_eq!(code(&output), 0);
    let text = String::from_utf8(output.stdout).unwrap();
    for number in (0..=11).chain([78]) {
        assert!(text.contains(&format!("| {number} | ")), "{number}");
    }
    for command in
        ["gateway probe", "sessions show", "config set", "models auth set", "devices approve"]
    {
        assert!(text.contains(&format!("## `openclaw {command}")), "{command}");
    }
}
