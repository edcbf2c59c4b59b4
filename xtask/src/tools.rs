//! What jobs need that cargo does not bring: programs of Debian, Node and packages of npm.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, bail};

use crate::shell;

/// Programs the tests start, with the Debian package that brings each.
const PROGRAMS: &[(&str, &str)] = &[
    ("/usr/sbin/sshd", "openssh-server"),
    ("/usr/bin/ssh", "openssh-client"),
    ("/usr/bin/openssl", "openssl"),
    ("/usr/bin/chromium", "chromium"),
    ("/usr/sbin/ip", "iproute2"),
    ("/usr/sbin/nft", "nftables"),
    ("/usr/bin/nsenter", "util-linux"),
    ("/usr/bin/systemd-analyze", "systemd"),
    ("/usr/sbin/nginx", "nginx-light"),
    ("/usr/bin/caddy", "caddy"),
];

/// The Node that `tests-js` brings, installed if need be.
pub(crate) fn node() -> anyhow::Result<PathBuf> {
    npm_packages()?;
    Ok(shell::root().join("tests-js/node_modules/node/bin/node"))
}

/// Installs what is missing of [`PROGRAMS`].
pub(crate) fn system_packages() -> anyhow::Result<()> {
    let missing: Vec<&str> = PROGRAMS
        .iter()
        .filter(|(program, _)| !std::path::Path::new(program).exists())
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return shell::say("all programs that the tests start are there");
    }
    let wanted = missing.join(" ");
    let command =
        format!("apt-get update && apt-get install --yes --no-install-recommends {wanted}");
    if shell::read(Command::new("id").arg("-u"))?.trim() != "0" {
        bail!("the tests need {wanted}; install with: sudo sh -c '{command}'");
    }
    // The packages must not start a daemon of their own: the tests start theirs on a spare port.
    shell::run(
        Command::new("sh")
            .args(["-c", &command])
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("RUNLEVEL", "1")
            .stdin(std::process::Stdio::null()),
    )
}

/// Installs what the tests need of npm.
pub(crate) fn npm_packages() -> anyhow::Result<()> {
    npm_install("tests-js")
}

/// Installs what a folder's lock file names, unless that is what is there.
pub(crate) fn npm_install(name: &str) -> anyhow::Result<()> {
    let folder = shell::root().join(name);
    let lock = std::fs::read(folder.join("package-lock.json"))
        .with_context(|| format!("failed to read {name}/package-lock.json"))?;
    let stamp = folder.join("node_modules/.installed-lock");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return shell::say(format_args!("{name}/node_modules is as the lock file says"));
    }
    shell::run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder))?;
    std::fs::write(&stamp, lock).context("failed to note what was installed")
}
