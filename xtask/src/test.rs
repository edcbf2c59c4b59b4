//! `cargo xtask test`: installs what the tests need, then runs every check there is.
//!
//! The order is cheapest refusal first: formatting, lints, house rules, generated files, dependencies,
//! tests, documentation examples.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::{deny, docs, shell, tidy, tools, ui};

type Step = (&'static str, fn() -> anyhow::Result<()>);

const STEPS: &[Step] = &[
    ("system packages", tools::system_packages),
    ("npm packages", tools::npm_packages),
    ("browser interface", ui::build),
    ("formatting", formatting),
    ("lints", lints),
    ("tidy", tidy::run),
    ("build", build),
    ("generated files", docs::check),
    ("dependencies", deny::run),
    ("tests", tests),
    ("browser tests", ui::test),
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
