//! `openclaw devices list` for people.

use openclaw_protocol::ScopeSet;
use openclaw_protocol::methods::devices::{DevicePairListResult, PairedDevice};

use crate::context::now_ms;
use crate::failure::Failure;
use crate::output::{Printer, Style, Table, age, harmless, short_id};

/// Two tables: who waits, and who is paired.
pub(super) fn print(printer: Printer, result: &DevicePairListResult) -> Result<(), Failure> {
    let now = now_ms();
    if !result.pending.is_empty() {
        printer.line(printer.paint(Style::Warn, "Waiting for approval"))?;
        let mut table = Table::new(["REQUEST", "DEVICE", "ROLE", "SCOPES", "FROM", "ASKED"]);
        for request in &result.pending {
            let device = request.display_name.clone().or_else(|| request.client_id.clone());
            table.row([
                short_id(request.request_id.as_str()),
                device.unwrap_or_else(|| short_id(request.device_id.as_str())),
                request.role.clone().unwrap_or_else(|| "-".to_owned()),
                scopes(&request.scopes.clone().unwrap_or_default()),
                request.remote_ip.clone().unwrap_or_else(|| "this machine".to_owned()),
                age(now, request.ts),
            ]);
        }
        printer.table(&table)?;
        for request in &result.pending {
            let id = short_id(request.request_id.as_str());
            printer.line(harmless(&format!("{id}  key {}", request.device_id)))?;
            for line in wrapped(request.commands.as_deref().unwrap_or_default()) {
                printer.line(harmless(&format!("              {line}")))?;
            }
        }
        printer.line("")?;
    }
    let mut table = Table::new(["DEVICE", "NAME", "ROLES", "SCOPES", "LAST SEEN"]);
    for device in &result.paired {
        table.row([
            short_id(device.device_id.as_str()),
            name(device).unwrap_or_else(|| "-".to_owned()),
            if device.roles.is_empty() { "-".to_owned() } else { device.roles.join(", ") },
            scopes(&device.scopes.names()),
            last_seen(device, now),
        ]);
    }
    if table.is_empty() {
        printer.note("no device is paired");
    } else {
        printer.table(&table)?;
    }
    if let Some(request) = result.pending.first() {
        let id = short_id(request.request_id.as_str());
        printer.hint(format!("`openclaw devices approve {id}` lets it in"));
    }
    Ok(())
}

/// Names in lines that fit beside their request.
fn wrapped(names: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for name in names {
        match lines.last_mut() {
            Some(line) if line.len() + name.len() + 2 <= 64 => {
                line.push_str(", ");
                line.push_str(name);
            }
            _ => lines.push(name.clone()),
        }
    }
    lines
}

fn last_seen(device: &PairedDevice, now: u64) -> String {
    if device.connected == Some(true) {
        return "connected".to_owned();
    }
    device.last_seen_at_ms.map_or_else(|| "never".to_owned(), |then| age(now, then))
}

/// What people call a device.
pub(super) fn name(device: &PairedDevice) -> Option<String> {
    let names = [&device.operator_label, &device.display_name, &device.client_id];
    names.into_iter().flatten().next().cloned()
}

/// Scopes in short: `all` for an administrator, else without the common prefix.
pub(super) fn scopes(names: &[String]) -> String {
    let set = ScopeSet::parse(names);
    if set.contains(openclaw_protocol::Scope::Admin) {
        return "all".to_owned();
    }
    if names.is_empty() {
        return "none".to_owned();
    }
    let short = names.iter().map(|name| name.strip_prefix("operator.").unwrap_or(name));
    short.collect::<Vec<_>>().join(", ")
}
