//! `cargo xtask test`: installs what the tests need, then runs every check there is.
//!
//! The order is cheapest refusal first: formatting, lints, house rules, generated files, dependencies,
//! tests, documentation examples.

use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

use crate::{deny, docs, shell, tidy};

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

type Step = (&'static str, fn() -> anyhow::Result<()>);

const STEPS: &[Step] = &[
    ("system packages", system_packages),
    ("npm packages", npm_packages),
    ("formatting", formatting),
    ("lints", lints),
    ("tidy", tidy::run),
    ("build", build),
    ("generated files", docs::check),
    ("dependencies", deny::run),
    ("tests", tests),
    ("documentation examples", doc_tests),
];

/// Runs all steps and ends with one line per step.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut done: Vec<(&str, Duration)> = Vec::new();
    for (title, step) in STEPS {
        shell::heading(title)?;
        let started = Instant::now();
        step().with_context(|| format!("step `{title}` failed"))?;
        done.push((title, started.elapsed()));
    }
    shell::heading("summary")?;
    for (title, took) in &done {
        shell::say(format_args!("ok  {title:<24}{:>8.1} s", took.as_secs_f64()))?;
    }
    let total: Duration = done.iter().map(|(_, took)| *took).sum();
    shell::say(format_args!("all {} steps passed in {:.0} s", done.len(), total.as_secs_f64()))
}

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

fn npm_packages() -> anyhow::Result<()> {
    let folder = shell::root().join("tests-js");
    let lock = std::fs::read(folder.join("package-lock.json"))
        .context("failed to read tests-js/package-lock.json")?;
    let stamp = folder.join("node_modules/.installed-lock");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return shell::say("tests-js/node_modules is as the lock file says");
    }
    shell::run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder))?;
    std::fs::write(&stamp, lock).context("failed to note what was installed")
}

fn formatting() -> anyhow::Result<()> {
    shell::run(shell::cargo().args(["fmt", "--all", "--", "--check"]))
}

fn lints() -> anyhow::Result<()> {
    shell::run(shell::cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "--deny",
        "warnings",
    ]))
}

/// Builds what the next steps run, with the features that the tests need: one build serves them all.
fn build() -> anyhow::Result<()> {
    shell::run(shell::cargo().args(["build", "--workspace", "--all-targets", "--locked"]))
}

fn tests() -> anyhow::Result<()> {
    if shell::answers("cargo", &["nextest", "--version"]) {
        shell::run(shell::cargo().args(["nextest", "run", "--workspace", "--locked"]))
    } else {
        shell::say("cargo-nextest is not installed; cargo test runs the same tests")?;
        let targets = ["--lib", "--bins", "--tests", "--examples"];
        shell::run(shell::cargo().args(["test", "--workspace", "--locked"]).args(targets))
    }
}

fn doc_tests() -> anyhow::Result<()> {
    shell::run(shell::cargo().args(["test", "--workspace", "--locked", "--doc"]))
}
