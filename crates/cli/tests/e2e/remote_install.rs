//! `remote install` and `remote uninstall`, through a real `sshd`, on a home folder where nothing is, with
//! stand-ins for the programs of the service manager.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use openclaw_testkit::service_manager::FakeServiceManager;
use openclaw_testkit::sshd::Sshd;
use rustix::process::Signal;
use serde_json::Value;

use crate::machine::{Machine, OPENCLAW, PATIENCE, shown};
use crate::ssh::laptop;
use crate::tunnel::{processes, signal};

/// A laptop, and a server on which nothing was ever installed.
struct Fresh {
    laptop: Machine,
    sshd: Sshd,
    manager: FakeServiceManager,
}

impl Fresh {
    fn new() -> Self {
        let sshd = Sshd::start().unwrap();
        let manager = FakeServiceManager::new().unwrap();
        for name in ["systemctl", "loginctl", "journalctl"] {
            std::os::unix::fs::symlink(manager.bin().join(name), sshd.bin().join(name)).unwrap();
        }
        let config = sshd.home().join(".openclaw");
        std::fs::create_dir_all(&config).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let text = format!("{{ gateway: {{ port: {port} }} }}");
        std::fs::write(config.join("openclaw.json"), text).unwrap();
        Self { laptop: laptop(&sshd), sshd, manager }
    }

    fn install(&self, more: &[&str]) -> (i32, String) {
        let target = self.sshd.target();
        let args = ["remote", "install", &target, "--name", "server"];
        let output =
            self.laptop.run(&args.into_iter().chain(more.iter().copied()).collect::<Vec<_>>());
        (output.status.code().unwrap(), shown(&output))
    }

    fn program(&self) -> PathBuf {
        self.sshd.home().join(".local/bin/openclaw")
    }

    /// Every file there with its size and time, so that nothing can change unnoticed.
    fn tree(&self) -> BTreeMap<PathBuf, (u64, std::time::SystemTime)> {
        let mut found = BTreeMap::new();
        walk(&self.sshd.home(), &mut found);
        found
    }
}

fn walk(folder: &Path, found: &mut BTreeMap<PathBuf, (u64, std::time::SystemTime)>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let data = entry.metadata().unwrap();
        found.insert(entry.path(), (data.len(), data.modified().unwrap()));
        if data.is_dir() {
            walk(&entry.path(), found);
        }
    }
}

/// Our program with something at its end that changes nothing but what file it is.
fn marked(folder: &Path, mark: &str) -> PathBuf {
    let path = folder.join(mark);
    std::fs::copy(OPENCLAW, &path).unwrap();
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(mark.as_bytes()).unwrap();
    path
}

/// A program of the test's own that behaves as ours up to a point.
fn script(folder: &Path, text: &str) -> PathBuf {
    Sshd::script(folder, "openclaw-of-a-test", text).unwrap();
    folder.join("openclaw-of-a-test")
}

#[test]
fn a_fresh_server_is_one_command_away_and_the_way_back_keeps_the_state() {
    let fresh = Fresh::new();
    let before = fresh.tree();
    let (code, said) = fresh.install(&["--dry-run"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("nothing was changed") && said.contains("gateway install"), "{said}");
    assert_eq!(fresh.tree(), before, "a dry run changes nothing");
    assert_eq!(fresh.manager.calls(), "");

    let (code, said) = fresh.install(&["--use"]);
    assert_eq!(code, 0, "{said}\n{}", fresh.manager.calls());
    assert!(said.contains("Added") && said.contains("OK"), "{said}");
    let mode = std::fs::metadata(fresh.program()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    fresh.laptop.text(&["health"]);
    fresh.laptop.text(&["agent", "--message", "hello"]);
    let units = std::fs::read_dir(fresh.sshd.home().join(".config/systemd/user")).unwrap();
    for unit in units.map(|unit| unit.unwrap().path()).filter(|path| path.is_file()) {
        let text = std::fs::read_to_string(&unit).unwrap();
        let token = fresh.sshd.home().join(".openclaw/gateway-token");
        let token = std::fs::read_to_string(token).unwrap();
        assert!(!text.contains(token.trim()), "no secret in {}", unit.display());
    }

    // Once more: the same program and the same service are left as they are.
    let installed = std::fs::metadata(fresh.program()).unwrap().modified().unwrap();
    let output =
        fresh.laptop.json(&["remote", "install", &fresh.sshd.target(), "--name", "server"]);
    assert_eq!(output["steps"][1]["detail"], "this very program is there", "{output}");
    assert_eq!(std::fs::metadata(fresh.program()).unwrap().modified().unwrap(), installed);

    let (state, config) = (fresh.sshd.home().join(".openclaw/gateway.db"), "openclaw.json");
    fresh.laptop.text(&["remote", "uninstall", "server"]);
    assert!(!fresh.program().exists() && state.exists());
    assert_eq!(fresh.laptop.code(&["health", "--gateway", "server"]), 2, "the name is forgotten");
    assert!(fresh.laptop.code(&["health"]) != 0);
    // The rest goes only when its name is typed.
    let target = fresh.sshd.target();
    assert_eq!(fresh.laptop.code(&["remote", "uninstall", &target, "--purge"]), 2);
    assert!(state.exists());
    fresh.laptop.text(&["remote", "uninstall", &target, "--purge", "--confirm", &target]);
    assert!(!state.exists() && fresh.sshd.home().join(".openclaw").join(config).exists());
}

#[test]
fn an_older_program_is_replaced_and_comes_back_if_the_new_one_does_not_work() {
    let fresh = Fresh::new();
    // The older one does all that ours does, and is another file.
    let folder = tempfile::tempdir().unwrap();
    let older = marked(folder.path(), "older!");
    let (code, said) = fresh.install(&["--binary", older.to_str().unwrap(), "--use"]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = fresh.install(&[]);
    assert_eq!(code, 0, "{said}");
    let previous = fresh.sshd.home().join(".local/bin/openclaw.previous");
    assert_eq!(std::fs::read(&previous).unwrap(), std::fs::read(&older).unwrap());
    assert_eq!(
        std::fs::metadata(fresh.program()).unwrap().len(),
        std::fs::metadata(OPENCLAW).unwrap().len()
    );
    fresh.laptop.text(&["health"]);

    // This one can be run, and then does not come to health as a service.
    let broken = marked(folder.path(), "broken");
    let fails = format!(
        "if [ \"$(tail -c 6 \"$HOME/.local/bin/openclaw\")\" = broken ]; then case \"$*\" in \
         *start*) echo 'Job for openclaw-gateway.service failed.' >&2; exit 1;; esac; fi; \
         exec {} \"$@\"",
        fresh.manager.bin().join("systemctl").display()
    );
    std::fs::remove_file(fresh.sshd.bin().join("systemctl")).unwrap();
    Sshd::script(&fresh.sshd.bin(), "systemctl", &fails).unwrap();
    let (code, said) = fresh.install(&["--binary", broken.to_str().unwrap()]);
    assert!(code == 1 && said.contains("taken back"), "{code} {said}");
    assert_eq!(
        std::fs::metadata(fresh.program()).unwrap().len(),
        std::fs::metadata(OPENCLAW).unwrap().len(),
        "the one before is in its place"
    );
    fresh.laptop.text(&["health"]);

    // And this one does not even start.
    let useless = script(folder.path(), "echo 'wrong libc' >&2; exit 127");
    let (code, said) = fresh.install(&["--binary", useless.to_str().unwrap()]);
    assert!(code == 1 && said.contains("does not run there: wrong libc"), "{code} {said}");
    fresh.laptop.text(&["health"]);
}

#[test]
fn what_is_not_ours_or_does_not_fit_is_left_alone() {
    let fresh = Fresh::new();
    // Another architecture.
    Sshd::script(&fresh.sshd.bin(), "uname", "[ \"$1\" = -m ] && echo riscv64 || echo Linux")
        .unwrap();
    let (code, said) = fresh.install(&[]);
    assert!(code == 1 && said.contains("Linux on riscv64") && said.contains("--binary"), "{said}");
    std::fs::remove_file(fresh.sshd.bin().join("uname")).unwrap();

    // The original's program, in the search path and then where ours belongs.
    let theirs = "[ \"$1\" = --version ] && echo 2026.9.6 && exit 0; exit 1";
    Sshd::script(&fresh.sshd.bin(), "openclaw", theirs).unwrap();
    let (code, said) = fresh.install(&[]);
    assert!(code == 1 && said.contains("is not ours (2026.9.6)"), "{said}");
    assert!(said.contains("openclaw remote add"), "{said}");
    std::fs::remove_file(fresh.sshd.bin().join("openclaw")).unwrap();
    Sshd::script(fresh.program().parent().unwrap(), "openclaw", theirs).unwrap();
    let before = fresh.tree();
    assert_eq!(fresh.install(&[]).0, 1);
    let target = fresh.sshd.target();
    assert_eq!(fresh.laptop.code(&["remote", "uninstall", &target]), 1);
    assert_eq!(fresh.tree(), before);
    std::fs::remove_file(fresh.program()).unwrap();

    // A unit of somebody else's.
    let units = fresh.sshd.home().join(".config/systemd/user");
    std::fs::create_dir_all(&units).unwrap();
    let unit = units.join("openclaw-gateway.service");
    std::fs::write(&unit, "[Service]\nExecStart=/usr/bin/true\n").unwrap();
    let (code, said) = fresh.install(&[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("openclaw gateway install"), "{said}");
    assert_eq!(std::fs::read_to_string(&unit).unwrap(), "[Service]\nExecStart=/usr/bin/true\n");
    assert!(fresh.laptop.json(&["remote", "list"])["gateways"].as_array().unwrap().is_empty());
}

#[test]
fn a_copy_that_is_cut_leaves_nothing_half_written() {
    let fresh = Fresh::new();
    // A program that is large enough to be cut on its way.
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large");
    let mut text = format!("#!/bin/sh\nexec {OPENCLAW} \"$@\"\nexit\n");
    text.push_str(&"# padding that nobody reads\n".repeat(4_000_000));
    std::fs::write(&large, text).unwrap();
    let target = fresh.sshd.target();
    let args = ["remote", "install", &target, "--binary", large.to_str().unwrap()];
    let mut child =
        fresh.laptop.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    let place = fresh.program().parent().unwrap().to_owned();
    let arriving = || {
        let files = std::fs::read_dir(&place).into_iter().flatten().flatten();
        files.filter(|file| file.metadata().is_ok_and(|data| data.len() > 0)).count() > 0
    };
    while !arriving() {
        assert!(started.elapsed() < PATIENCE, "{:?}", child.try_wait());
    }
    for process in processes(&fresh.sshd.config().display().to_string()) {
        signal(process, Signal::KILL);
    }
    let output = child.wait_with_output().unwrap();
    assert_ne!(output.status.code(), Some(0), "{}", shown(&output));
    let started = Instant::now();
    let left =
        || std::fs::read_dir(&place).unwrap().map(|file| file.unwrap().path()).collect::<Vec<_>>();
    while !left().is_empty() {
        assert!(started.elapsed() < PATIENCE, "left behind: {:?}", left());
    }
    let report: Value = fresh.laptop.json(&["remote", "list"]);
    assert!(report["gateways"].as_array().unwrap().is_empty());
}
