//! Secrets in places where others, or backups, find them.

use crate::{
    check::{Check, Hit, Origin},
    facts::{Facts, ProcessFact},
    severity::Severity,
};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "config.secrets.gateway_password_in_config",
        severity: Severity::Warn,
        origin: Origin::Documented,
        title: "The password is spelled out in the configuration",
        remedy: "write a reference in its place: openclaw config set gateway.auth.password '\"$OPENCLAW_GATEWAY_PASSWORD\"'",
        run: |facts| {
            let detail = format!("{} is spelled out", facts.spot("gateway.auth.password"));
            Hit::when(facts.password_spelled_out, detail)
        },
    },
    Check {
        id: "secrets.in_argv",
        severity: Severity::Critical,
        origin: Origin::Ours,
        title: "A secret stands in the arguments of a running program",
        remedy: "leave the flag out; the Gateway and the commands find the token file by themselves",
        run: in_argv,
    },
    Check {
        id: "secrets.in_unit_file",
        severity: Severity::Critical,
        origin: Origin::Ours,
        title: "A secret stands in a service's unit file",
        remedy: "take it out of the unit file; the Gateway finds the token file by itself",
        run: in_units,
    },
    Check {
        id: "secrets.in_shell_history",
        severity: Severity::Warn,
        origin: Origin::Ours,
        title: "A secret stands in a shell's history",
        remedy: "take the line out of the history, and give the Gateway a new secret",
        run: in_histories,
    },
];

fn in_argv(facts: &Facts) -> Vec<Hit> {
    let found = facts.machine.processes.iter().filter_map(|process| {
        let named = leaked(facts, &process.argv.join("\0"));
        let flag = given_flag(process);
        let what = named.map(|name| format!("the {name}")).or(flag)?;
        Some(Hit::new(format!("process {} ({}) shows {what}", process.pid, program(process))))
    });
    found.collect()
}

/// The program's name.
pub(super) fn program(process: &ProcessFact) -> &str {
    let first = process.argv.first().map_or("", String::as_str);
    first.rsplit('/').next().unwrap_or(first)
}

/// A secret flag on a command line of OpenClaw, whatever its value is.
fn given_flag(process: &ProcessFact) -> Option<String> {
    if program(process) != "openclaw" {
        return None;
    }
    let flag = process.argv.iter().find_map(|word| {
        let name = word.split('=').next().unwrap_or_default();
        ["--token", "--password"].into_iter().find(|flag| *flag == name)
    })?;
    Some(format!("the value of {flag}"))
}

/// Which known secret a text holds.
fn leaked(facts: &Facts, text: &str) -> Option<&'static str> {
    facts.auth.known().find(|(_, secret)| text.contains(secret)).map(|(name, _)| name)
}

fn in_units(facts: &Facts) -> Vec<Hit> {
    let found = facts.machine.units.iter().filter_map(|unit| {
        let what = leaked(facts, &unit.text).or_else(|| assigned(&unit.text))?;
        let detail = format!("{} holds the {what}", unit.path.display());
        let severity = if unit.mode & 0o077 == 0 { Severity::Warn } else { Severity::Critical };
        Some(Hit::new(detail).at(severity))
    });
    found.collect()
}

/// A secret variable that is set to something, not to another variable.
fn assigned(text: &str) -> Option<&'static str> {
    let set = |name: &str| {
        text.lines().any(|line| {
            let value = line.split_once(&format!("{name}=")).map(|(_, value)| value);
            let value = value.map(|value| value.trim_matches(['"', '\'', ' ']));
            !line.trim_start().starts_with(['#', ';'])
                && value.is_some_and(|value| !value.is_empty() && !value.starts_with(['$', '%']))
        })
    };
    let all = [("OPENCLAW_GATEWAY_TOKEN", "token"), ("OPENCLAW_GATEWAY_PASSWORD", "password")];
    all.into_iter().find(|(name, _)| set(name)).map(|(_, what)| what)
}

fn in_histories(facts: &Facts) -> Vec<Hit> {
    let found = facts.machine.histories.iter().filter_map(|history| {
        let what = leaked(facts, &history.text)?;
        Some(Hit::new(format!("{} holds the {what}", history.path.display())))
    });
    found.collect()
}
