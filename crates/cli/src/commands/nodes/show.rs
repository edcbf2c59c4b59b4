//! Nodes for people.

use openclaw_protocol::methods::nodes::{NodeApprovalState, NodeListResult, NodeRow};

use crate::context::now_ms;
use crate::failure::Failure;
use crate::output::{Printer, Table, age, short_id};

/// One line a node.
pub(super) fn list(printer: Printer, result: &NodeListResult) -> Result<(), Failure> {
    let mut table = Table::new(["NODE", "NAME", "PLATFORM", "STATE", "COMMANDS"]);
    for row in &result.nodes {
        table.row([
            short_id(row.node_id.as_str()),
            or_dash(row.display_name.as_ref()),
            or_dash(row.platform.as_ref()),
            state(row),
            if row.connected { row.commands.len().to_string() } else { "-".to_owned() },
        ]);
    }
    if table.is_empty() {
        printer.note("no node is paired");
        return Ok(());
    }
    printer.table(&table)?;
    if result.nodes.iter().any(|row| row.approval_state == NodeApprovalState::PendingApproval) {
        printer.hint("a node offers more than was approved: `openclaw devices list`");
    }
    Ok(())
}

/// Everything about one.
pub(super) fn one(printer: Printer, row: &NodeRow) -> Result<(), Failure> {
    let commands = match (row.connected, row.commands.is_empty()) {
        (false, _) => "known once it is connected".to_owned(),
        (true, true) => "none may be called".to_owned(),
        (true, false) => row.commands.join(", "),
    };
    printer.fields(&[
        ("Node", row.node_id.as_str().to_owned()),
        ("Name", or_dash(row.display_name.as_ref())),
        ("State", state(row)),
        ("Platform", or_dash(row.platform.as_ref())),
        ("Version", or_dash(row.version.as_ref())),
        ("Address", row.remote_ip.clone().unwrap_or_else(|| "this machine".to_owned())),
        ("Commands", commands),
    ])
}

fn state(row: &NodeRow) -> String {
    let now = now_ms();
    match (row.connected, row.approval_state, row.last_seen_at_ms) {
        (true, NodeApprovalState::PendingApproval, _) => "connected, asks for more".to_owned(),
        (true, NodeApprovalState::Approved, _) => "connected".to_owned(),
        (false, _, Some(then)) => format!("seen {}", age(now, then)),
        (false, _, None) => "never seen".to_owned(),
    }
}

fn or_dash(text: Option<&String>) -> String {
    text.cloned().unwrap_or_else(|| "-".to_owned())
}
