//! No credential is ever in a log, a process list or a unit file, whatever was done with it.

use std::path::{Path, PathBuf};

use openclaw_testkit::FakeServiceManager;
use openclaw_testkit::sshd::Sshd;
use serde_json::Value;

use crate::machine::{Machine, shown};
use crate::model::{Provider, Turn};
use crate::ssh::laptop;

const MODEL_KEY: &str = "sk-model-key-of-this-test-0123456789";
const WRONG: &str = "wrong-token-of-this-test-0123456789";

/// Every file below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&path, found),
            Ok(kind) if kind.is_file() => found.push(path),
            _ => {}
        }
    }
}

/// The files of a machine in which a text stands.
fn holders(machine: &Machine, text: &str, wanted: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut all = Vec::new();
    files(machine.home(), &mut all);
    let holds = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    all.into_iter().filter(|path| wanted(path)).filter(holds).collect()
}

fn is_log(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "logs")
        || path.extension().is_some_and(|extension| extension == "log")
}

/// The command lines of everything that runs on this host.
fn command_lines() -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let read = |entry: std::fs::DirEntry| std::fs::read(entry.path().join("cmdline")).ok();
    processes.filter_map(read).map(|line| String::from_utf8_lossy(&line).into_owned()).collect()
}

/// The private key in an identity file.
fn key(file: &Path) -> String {
    let kept: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let text = kept.as_object().unwrap().iter().find(|(name, _)| name.contains("rivate"));
    let pem = text.unwrap_or_else(|| panic!("no key in {}", file.display())).1.as_str().unwrap();
    pem.lines().find(|line| !line.starts_with('-')).unwrap().to_owned()
}

#[test]
fn no_credential_is_in_a_log_or_a_process_list() {
    let sshd = Sshd::start().unwrap();
    let server = Machine::new();
    let provider = Provider::start(&[Turn::Say("hello")]);
    let model = provider.configuration().replace("apiKey: 'k'", &format!("apiKey: '{MODEL_KEY}'"));
    let trace = "{ logging: { level: 'trace' }, ";
    server.configure(&model.replacen('{', trace, 1));
    let gateway = server.gateway(&["--port", "0"]);
    let (token, target) = (server.token(), sshd.target());
    let laptop = laptop(&sshd);
    let url = format!("ws://127.0.0.1:{}", gateway.port);
    let refused = laptop.run(&["gateway", "probe", "--url", &url, "--token", WRONG]);
    assert_eq!(refused.status.code(), Some(6), "{}", shown(&refused));
    // A login without the program there: the token goes through `ssh -W`, as with the original. What
    // `ssh` is started with is written down.
    let (bin, config) = (laptop.home().join("bin"), sshd.config());
    let seen = laptop.home().join("ssh.log");
    let script = format!(
        "echo \"$@\" >> {}\nexec /usr/bin/ssh -F {} \"$@\"",
        seen.display(),
        config.display()
    );
    Sshd::script(&bin, "ssh", &script).unwrap();
    laptop.configure(&format!(
        "{trace} gateway: {{ mode: 'remote', remote: {{ sshTarget: '{target}', url: '{url}', token: '{token}' }} }} }}"
    ));
    laptop.text(&["health"]);
    assert!(std::fs::read_to_string(&seen).unwrap().contains("-W"), "the port was forwarded");
    laptop.text(&["agent", "--message", "hello"]);
    let secrets = [
        ("the token", token),
        ("a wrong token", WRONG.to_owned()),
        ("the model key", MODEL_KEY.to_owned()),
        ("the Gateway's key", key(&server.state().join("identity/gateway.json"))),
        ("the device's key", key(&laptop.state().join("identity/device.json"))),
    ];
    let lines = command_lines();
    assert!(lines.iter().any(|line| line.contains("gateway\0run")), "the Gateway is in the list");
    for (what, secret) in &secrets {
        for machine in [&server, &laptop] {
            let found = holders(machine, secret, is_log);
            assert!(found.is_empty(), "{what} is in {found:?}");
        }
        let shown = lines.iter().find(|line| line.contains(secret.as_str()));
        assert_eq!(shown, None, "{what} is in a process list");
    }
    let mut logs = Vec::new();
    files(server.home(), &mut logs);
    assert!(logs.iter().any(|path| is_log(path)), "there is a log to look into");
}

#[test]
fn no_credential_is_in_a_unit_file() {
    let manager = FakeServiceManager::new().unwrap();
    let machine = Machine::new()
        .with_env("PATH", manager.path())
        .with_env("USER", "me")
        .with_env("OPENCLAW_GATEWAY_TOKEN", WRONG)
        .with_env("ANTHROPIC_API_KEY", MODEL_KEY);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    drop(listener);
    machine.json(&["gateway", "install", "--port", &port]);
    let is_unit = |path: &Path| path.components().any(|part| part.as_os_str() == "systemd");
    let mut all = Vec::new();
    files(machine.home(), &mut all);
    assert!(all.iter().any(|path| is_unit(path)), "there is a unit");
    for secret in [WRONG, MODEL_KEY] {
        let found = holders(&machine, secret, is_unit);
        assert!(found.is_empty(), "{secret} is in {found:?}");
    }
    machine.json(&["gateway", "uninstall"]);
}
