//! What `--fix` does, what it leaves, and that doing it again changes nothing.

use std::{fs, os::unix::fs::PermissionsExt};

use openclaw_audit::fix::{apply, left, plan};

use crate::machine::{Machine, ids, own};

#[test]
fn what_is_safe_is_done_once() {
    let machine = Machine::new();
    machine.configure(
        "{ // mine\n  discovery: { mdns: { mode: 'full' } }, gateway: { auth: { rateLimit: { lockoutMs: 0 } } },\n  hooks: { path: '/' } }\n",
    );
    machine.mode("home/.openclaw", 0o755);
    machine.mode("home/.openclaw/openclaw.json", 0o644);
    machine.state_file(".env", "A=b\n", 0o664);
    let (paths, env) = machine.surroundings();
    let report = machine.report();
    let mut steps = plan(&report.findings);
    assert_eq!(steps.len(), 5, "{steps:#?}");
    assert!(steps.iter().all(|step| !step.ok), "nothing is done by planning");
    steps.iter_mut().for_each(|step| apply(step, &paths, &env));
    assert!(steps.iter().all(|step| step.ok), "{steps:#?}");

    let after = machine.report();
    assert_eq!(ids(&after), ["hooks.path_root"]);
    assert_eq!(left(&after.findings).count(), 1);
    assert!(plan(&after.findings).is_empty());
    let text = fs::read_to_string(paths.config_file()).unwrap();
    assert!(text.contains("// mine") && text.contains("path: '/'"), "{text}");
    let mode = fs::metadata(machine.state().join(".env")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(machine.state().join("openclaw.json").exists());
}

#[test]
fn a_link_is_not_followed() {
    let machine = Machine::new();
    machine.write("home/elsewhere", "", 0o644);
    std::os::unix::fs::symlink(machine.path("home/elsewhere"), machine.state().join(".env"))
        .unwrap();
    let (paths, env) = machine.surroundings();
    let mut steps = plan(&machine.report().findings);
    steps.iter_mut().for_each(|step| apply(step, &paths, &env));
    assert!(steps.iter().all(|step| !step.ok && step.error.is_some()), "{steps:#?}");
    let mode = fs::metadata(machine.path("home/elsewhere")).unwrap().permissions().mode();
    assert_eq!((steps.len(), mode & 0o777), (1, 0o644));
}

#[test]
fn root_closes_nothing_in_a_folder_of_somebody_else() {
    if own() != 0 {
        return; // Only root can give a folder away.
    }
    let machine = Machine::new();
    machine.state_file(".env", "A=b\n", 0o644);
    std::os::unix::fs::chown(machine.state(), Some(4000), Some(4000)).unwrap();
    let (paths, env) = machine.surroundings();
    let mut steps = plan(&machine.report().findings);
    steps.iter_mut().for_each(|step| apply(step, &paths, &env));
    let errors: Vec<&str> = steps.iter().filter_map(|step| step.error.as_deref()).collect();
    assert_eq!(errors, ["it belongs to another user; run the audit as that user"]);
}
