//! Hooks, browser, nodes and tools: what the file says for the original, which may run on it another day.

use std::net::IpAddr;

use openclaw_config::schema::AuthMode;
use openclaw_identity::secret::eq_constant_time;
use secrecy::ExposeSecret;
use serde_json::Value as Json;

use crate::{
    check::{Check, Hit, Origin},
    facts::Facts,
    severity::Severity,
};

/// Tools that must not be called by whoever knows the secret of the HTTP interface.
const DANGEROUS_TOOLS: &[&str] = &[
    "exec",
    "spawn",
    "shell",
    "process",
    "fs_write",
    "fs_delete",
    "fs_move",
    "apply_patch",
    "sessions_spawn",
    "sessions_send",
    "cron",
    "gateway",
    "nodes",
];
/// What nodes do that looks into a person's life or writes into it.
const DANGEROUS_COMMANDS: &[&str] = &[
    "camera.snap",
    "camera.clip",
    "screen.record",
    "contacts.add",
    "calendar.add",
    "reminders.add",
    "sms.send",
    "sms.search",
    "system.run",
];

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "hooks.token_reuse_gateway_token",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "The token of the hooks opens the Gateway too",
        remedy: "openclaw config set hooks.token, with a secret of its own",
        run: hooks_token,
    },
    Check {
        id: "hooks.path_root",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "Hooks take every path of the port",
        remedy: "openclaw config set hooks.path /hooks",
        run: |facts| {
            let root = facts.raw.text("hooks.path").is_some_and(|path| path.trim() == "/");
            Hit::when(root, "hooks.path is \"/\"")
        },
    },
    Check {
        id: "browser.control_no_auth",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "The browser can be steered without a secret",
        remedy: "openclaw config set gateway.auth.mode token",
        run: |facts| {
            let on = facts.raw.is_on("browser.enabled");
            let open = facts.auth.mode == AuthMode::None;
            Hit::when(on && open, "browser.enabled is true and gateway.auth.mode is none")
        },
    },
    Check {
        id: "browser.remote_cdp_http",
        severity: Severity::Warn,
        origin: Origin::Documented,
        title: "A browser on another machine is steered without encryption",
        remedy: "use an https or wss address, or a tunnel",
        run: remote_cdp,
    },
    Check {
        id: "gateway.nodes.allow_commands_dangerous",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "Nodes are allowed what a person should be asked for",
        remedy: "openclaw config set gateway.nodes.commands.allow '[]'",
        run: dangerous_commands,
    },
    Check {
        id: "gateway.nodes.deny_commands_ineffective",
        severity: Severity::Warn,
        origin: Origin::Documented,
        title: "Entries of the list of refused commands refuse nothing",
        remedy: "write whole names of commands, such as camera.snap",
        run: deny_ineffective,
    },
    Check {
        id: "gateway.tools_invoke_http.dangerous_allow",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "Dangerous tools may be called over HTTP",
        remedy: "openclaw config unset gateway.tools.allow",
        run: dangerous_tools,
    },
    Check {
        id: "config.insecure_or_dangerous_flags",
        severity: Severity::Warn,
        origin: Origin::Documented,
        title: "Switches are on that are called dangerous or insecure",
        remedy: "openclaw config unset KEY, unless you know why it is on",
        run: dangerous_flags,
    },
];

fn hooks_token(facts: &Facts) -> Vec<Hit> {
    let Some(token) = facts.raw.text("hooks.token") else { return Vec::new() };
    let secrets = [&facts.auth.token, &facts.auth.password];
    let same =
        secrets.into_iter().flatten().any(|one| eq_constant_time(one.expose_secret(), token));
    Hit::when(same, "hooks.token is the Gateway's own secret")
}

fn remote_cdp(facts: &Facts) -> Vec<Hit> {
    let main = facts.raw.text("browser.cdpUrl").map(|url| ("browser.cdpUrl".to_owned(), url));
    let profiles = facts.raw.members("browser.profiles").filter_map(|(name, profile)| {
        let url = profile.get("cdpUrl").and_then(Json::as_str)?;
        Some((format!("browser.profiles.{name}.cdpUrl"), url))
    });
    let open = main.into_iter().chain(profiles).filter(|(_, url)| is_open_and_remote(url));
    open.map(|(key, _)| Hit::new(format!("{key} is a plain http or ws address"))).collect()
}

fn is_open_and_remote(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("ws://")) else {
        return false;
    };
    !is_this_machine(host_of(rest))
}

/// The host of an address whose scheme is cut off.
pub(super) fn host_of(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// Whether a host is loopback.
pub(super) fn is_this_machine(host: &str) -> bool {
    let named = host.eq_ignore_ascii_case("localhost") || host.ends_with(".localhost");
    named || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn dangerous_commands(facts: &Facts) -> Vec<Hit> {
    let keys = ["gateway.nodes.commands.allow", "gateway.nodes.allowCommands"];
    let severity = if facts.is_exposed() { Severity::Critical } else { Severity::Warn };
    listed(facts, &keys, DANGEROUS_COMMANDS).into_iter().map(|hit| hit.at(severity)).collect()
}

fn dangerous_tools(facts: &Facts) -> Vec<Hit> {
    let severity = if facts.is_exposed() { Severity::Critical } else { Severity::Warn };
    let hits = listed(facts, &["gateway.tools.allow"], DANGEROUS_TOOLS);
    hits.into_iter().map(|hit| hit.at(severity)).collect()
}

/// Which of the names a list holds, one hit per list.
fn listed(facts: &Facts, keys: &[&str], names: &[&str]) -> Vec<Hit> {
    let found = keys.iter().filter_map(|key| {
        let held = facts.raw.texts(key);
        let bad: Vec<&str> = held
            .into_iter()
            .filter(|item| *item == "*" || names.contains(&item.trim().to_lowercase().as_str()))
            .collect();
        (!bad.is_empty()).then(|| Hit::new(format!("{key} holds {}", bad.join(", "))))
    });
    found.collect()
}

fn deny_ineffective(facts: &Facts) -> Vec<Hit> {
    let keys = ["gateway.nodes.commands.deny", "gateway.nodes.denyCommands"];
    let found = keys.iter().filter_map(|key| {
        let held = facts.raw.texts(key);
        let bad: Vec<&str> = held.into_iter().filter(|item| !is_command(item)).collect();
        (!bad.is_empty())
            .then(|| Hit::new(format!("{key}: no command is called {}", bad.join(", "))))
    });
    found.collect()
}

/// Commands are whole names such as `camera.snap`; patterns and shell text match nothing.
fn is_command(item: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
    };
    item.contains('.') && item.split('.').all(part)
}

fn dangerous_flags(facts: &Facts) -> Vec<Hit> {
    let named = |key: &str| {
        ["dangerously", "allowUnsafe", "allowInsecure"].iter().any(|word| key.starts_with(word))
    };
    let mut on = facts.raw.flags(named);
    // These have a row of their own.
    on.retain(|key| key != "gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback");
    let variable = "OPENCLAW_ALLOW_INSECURE_PRIVATE_WS";
    if facts.variables.iter().any(|name| name == variable) {
        on.push(format!("{variable} in the environment"));
    }
    Hit::when(!on.is_empty(), format!("on: {}", on.join(", ")))
}
