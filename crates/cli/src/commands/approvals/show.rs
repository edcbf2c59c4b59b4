//! Approvals for people.

use openclaw_exec::approvals::{ApprovalsFile, Entry};
use openclaw_protocol::methods::approvals::{
    ExecApprovalRequested, ExecApprovalsSnapshot, ExecGrant,
};

use crate::context::now_ms;
use crate::failure::Failure;
use crate::output::{Printer, Table, age, harmless, short_id};

/// One block for each command that waits, whole: what is cut cannot be decided on.
pub(super) fn waiting(printer: Printer, waiting: &[ExecApprovalRequested]) -> Result<(), Failure> {
    for item in waiting {
        let request = &item.request;
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let host = request.node_id.as_ref().or(request.host.as_ref()).cloned();
        printer.fields(&[
            ("Request", short_id(&item.id)),
            ("Command", harmless(&request.command)),
            ("Program", or_dash(&request.resolved_path)),
            ("Folder", or_dash(&request.cwd)),
            ("On", host.unwrap_or_else(|| "gateway".to_owned())),
            ("Agent", or_dash(&request.agent_id)),
            ("Why asked", or_dash(&request.warning_text)),
            ("Asked", age(now_ms(), item.created_at_ms)),
        ])?;
        printer.line("")?;
    }
    match waiting.first() {
        None => printer.note("no command waits for approval"),
        Some(first) => {
            let id = short_id(&first.id);
            printer.hint(format!("openclaw approvals approve {id} [--always], or deny {id}"));
        }
    }
    Ok(())
}

/// How strict the rules are, and the entries.
pub(super) fn list(
    printer: Printer,
    snapshot: &ExecApprovalsSnapshot,
    file: &ApprovalsFile,
) -> Result<(), Failure> {
    let policy = file.defaults();
    printer.fields(&[
        ("File", format!("{}{}", snapshot.path, if snapshot.exists { "" } else { " (none yet)" })),
        ("May run", policy.security.to_string()),
        ("Asks", policy.ask.to_string()),
        ("Unanswered", policy.fallback.to_string()),
    ])?;
    let mut stricter = Table::new(["AGENT", "MAY RUN", "ASKS", "UNANSWERED"]);
    for (agent, rules) in &file.agents {
        if rules.security.is_some() || rules.ask.is_some() || rules.ask_fallback.is_some() {
            stricter.row([
                agent.clone(),
                rules.security.unwrap_or(policy.security).to_string(),
                rules.ask.unwrap_or(policy.ask).to_string(),
                rules.ask_fallback.unwrap_or(policy.fallback).to_string(),
            ]);
        }
    }
    if !stricter.is_empty() {
        printer.line("")?;
        printer.table(&stricter)?;
    }
    printer.line("")?;
    let mut table = Table::new(["ENTRY", "AGENT", "PROGRAM", "ARGUMENTS", "USED"]);
    for grant in file.grants() {
        let used =
            grant.entry.last_used_at.map_or_else(|| "never".to_owned(), |then| age(now_ms(), then));
        let id = grant.entry.id.as_deref().map_or_else(|| "-".to_owned(), short_id);
        let arguments = arguments(&grant.entry);
        table.row([id, grant.agent, grant.entry.pattern, arguments, used]);
    }
    if table.is_empty() {
        printer.note("nothing runs without asking");
        printer.hint("openclaw approvals allow /usr/bin/git");
        return Ok(());
    }
    printer.table(&table)
}

/// What runs without asking, a block each: who allowed it has to be readable whole.
pub(super) fn grants(printer: Printer, grants: &[ExecGrant]) -> Result<(), Failure> {
    for grant in grants {
        let when =
            |then: Option<u64>| then.map_or_else(|| "-".to_owned(), |then| age(now_ms(), then));
        let by = grant.granted_by.clone().unwrap_or_else(|| "-".to_owned());
        let how = if grant.by_decision { "always, when asked" } else { "put on the list" };
        let arguments = match (&grant.arg_pattern, &grant.command_text) {
            (None, _) => "any".to_owned(),
            (Some(_), Some(command)) => format!("as in: {}", harmless(command)),
            (Some(pattern), None) => harmless(pattern),
        };
        printer.fields(&[
            ("Entry", grant.id.as_deref().map_or_else(|| "-".to_owned(), short_id)),
            ("Agent", grant.agent_id.clone()),
            ("Program", harmless(&grant.pattern)),
            ("Arguments", arguments),
            ("Allowed", how.to_owned()),
            ("By", by),
            ("When", when(grant.granted_at_ms)),
            ("Last used", when(grant.last_used_at_ms)),
        ])?;
        printer.line("")?;
    }
    match grants.first().and_then(|grant| grant.id.as_deref()) {
        None => printer.note("nothing runs without asking"),
        Some(first) => printer.hint(format!("openclaw approvals revoke {}", short_id(first))),
    }
    Ok(())
}

fn arguments(entry: &Entry) -> String {
    match (&entry.arg_pattern, &entry.command_text) {
        (None, _) => "any".to_owned(),
        (Some(_), Some(command)) => format!("as in: {}", harmless(command)),
        (Some(pattern), None) => harmless(pattern),
    }
}
