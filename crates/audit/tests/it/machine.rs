//! A machine of files: a home folder, and a root folder with `/proc` and `/etc`.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use openclaw_audit::{Facts, Finding, Overrides, Report, Severity, Sources, audit, gather};
use openclaw_config::{Environment, PathOptions, Paths};
use tempfile::TempDir;

/// A secret that no check minds.
pub(crate) const TOKEN: &str = "tok-0123456789-0123456789-0123456789";
/// The day of the tests.
pub(crate) const NOW_MS: u64 = 1_800_000_000_000;

/// A machine on which all is well.
pub(crate) struct Machine {
    folder: TempDir,
    env: Vec<(String, String)>,
    state: PathBuf,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("home/.openclaw");
        let machine = Self { folder, env: Vec::new(), state };
        machine.private_folder("home/.openclaw");
        machine.private_folder("home/.openclaw/identity");
        machine.configure("{}");
        machine.state_file("gateway-token", TOKEN, 0o600);
        machine.state_file("identity/gateway.json", "{}", 0o600);
        machine.write("root/etc/ssh/sshd_config", "PasswordAuthentication no\n", 0o644);
        machine.write("root/proc/net/tcp", &tcp(&[("0100007F", 18789, own())]), 0o444);
        machine
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    pub(crate) fn private_folder(&self, below: &str) {
        fs::create_dir_all(self.path(below)).unwrap();
        self.mode(below, 0o700);
    }

    pub(crate) fn write(&self, below: &str, text: &str, mode: u32) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self.mode(below, mode);
    }

    pub(crate) fn mode(&self, below: &str, mode: u32) {
        fs::set_permissions(self.path(below), fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn configure(&self, text: &str) {
        self.state_file("openclaw.json", text, 0o600);
    }

    pub(crate) fn state_file(&self, name: &str, text: &str, mode: u32) {
        fs::create_dir_all(self.state.join(name).parent().unwrap()).unwrap();
        fs::write(self.state.join(name), text).unwrap();
        fs::set_permissions(self.state.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A process with these arguments.
    pub(crate) fn process(&self, pid: u32, argv: &[&str]) {
        let line: String = argv.iter().map(|word| format!("{word}\0")).collect();
        self.write(&format!("root/proc/{pid}/cmdline"), &line, 0o444);
    }

    /// Listening sockets: address as the kernel writes it, port, uid.
    pub(crate) fn listeners(&self, sockets: &[(&str, u16, u32)]) {
        fs::remove_file(self.path("root/proc/net/tcp")).unwrap();
        self.write("root/proc/net/tcp", &tcp(sockets), 0o444);
    }

    pub(crate) fn set_env(&mut self, name: &str, value: &str) {
        self.env.push((name.to_owned(), value.to_owned()));
    }

    /// Moves the state folder.
    pub(crate) fn move_state(&mut self, below: &str) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::rename(&self.state, &path).unwrap();
        self.set_env("OPENCLAW_STATE_DIR", path.to_str().unwrap());
        self.state = path;
    }

    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    pub(crate) fn surroundings(&self) -> (Paths, Environment) {
        let home = self.path("home").to_str().unwrap().to_owned();
        let own = [("HOME".to_owned(), home)];
        let env = Environment::from_pairs(own.into_iter().chain(self.env.iter().cloned()));
        let paths = Paths::resolve(&env, &PathOptions::default()).unwrap();
        (paths, env)
    }

    pub(crate) fn facts(&self) -> Facts {
        let (paths, env) = self.surroundings();
        let loaded = openclaw_config::load(&paths, &env);
        gather(&Sources {
            paths: &paths,
            env: &env,
            loaded: loaded.as_ref().map_err(ToString::to_string),
            overrides: Overrides::default(),
            certificate: None,
            root: self.path("root"),
            now_ms: NOW_MS,
        })
    }

    pub(crate) fn report(&self) -> Report {
        audit(&self.facts())
    }
}

/// The user who runs the tests.
pub(crate) fn own() -> u32 {
    rustix::process::getuid().as_raw()
}

fn tcp(sockets: &[(&str, u16, u32)]) -> String {
    let mut text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n".to_owned();
    for (index, (address, port, uid)) in sockets.iter().enumerate() {
        text.push_str(&format!(
            "{index:4}: {address}:{port:04X} 00000000:0000 0A 00000000:00000000 00:00000000 00000000 {uid:5}        0 {index} 1 0000000000000000 100 0 0 10 0\n"
        ));
    }
    text
}

/// The ids of everything but notes.
pub(crate) fn ids(report: &Report) -> Vec<&'static str> {
    let worth = |finding: &&Finding| {
        finding.severity != Severity::Info || finding.check_id != "summary.attack_surface"
    };
    let mut ids: Vec<&str> =
        report.findings.iter().filter(worth).map(|finding| finding.check_id).collect();
    ids.dedup();
    ids
}
