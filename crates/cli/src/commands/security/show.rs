//! The audit for people: grouped by severity, no wider than a terminal, the sum last.

use openclaw_audit::{Finding, Report, Severity, fix::Step};

use super::audit::left;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Printer, Style, harmless, wrapped};

/// What `--fix` is about to do.
pub(super) fn plan(context: &Context, steps: &[Step]) -> Result<(), Failure> {
    let printer = context.printer;
    if steps.is_empty() {
        return printer.line("Nothing here can be put right without you.\n");
    }
    printer.line(printer.paint(Style::Bold, "Putting right what is safe:"))?;
    for step in steps {
        printer.line(format!("  {}", harmless(&step.action)))?;
    }
    Ok(())
}

/// What came of it.
pub(super) fn done(context: &Context, steps: &[Step]) -> Result<(), Failure> {
    let printer = context.printer;
    for step in steps.iter().filter(|step| !step.ok) {
        let why = step.error.as_deref().unwrap_or("it failed");
        let failed = printer.paint(Style::Bad, "not done:");
        printer.line(format!("  {failed} {}: {}", harmless(&step.action), harmless(why)))?;
    }
    let done = steps.iter().filter(|step| step.ok).count();
    if steps.is_empty() {
        Ok(())
    } else {
        printer.line(format!("Done: {done} of {}.\n", steps.len()))
    }
}

/// The findings.
pub(super) fn report(context: &Context, report: &Report, fixed: bool) -> Result<(), Failure> {
    let printer = context.printer;
    for severity in [Severity::Critical, Severity::Warn, Severity::Info] {
        group(printer, report, severity)?;
    }
    if !report.suppressed_findings.is_empty() {
        let count = report.suppressed_findings.len();
        printer.line(format!("{count} more hidden by security.audit.suppressions\n"))?;
    }
    let summary = report.summary;
    let style = match (summary.critical, summary.warn) {
        (0, 0) => Style::Good,
        (0, _) => Style::Warn,
        _ => Style::Bad,
    };
    let sum =
        format!("{} critical, {} warn, {} info", summary.critical, summary.warn, summary.info);
    printer.line(printer.paint(style, &sum))?;
    next(context, report, fixed);
    Ok(())
}

fn group(printer: Printer, report: &Report, severity: Severity) -> Result<(), Failure> {
    let (style, word) = match severity {
        Severity::Critical => (Style::Bad, "CRITICAL"),
        Severity::Warn => (Style::Warn, "WARN"),
        Severity::Info => (Style::Dim, "INFO"),
    };
    let of_it: Vec<&Finding> =
        report.findings.iter().filter(|finding| finding.severity == severity).collect();
    if of_it.is_empty() {
        return Ok(());
    }
    printer.line(printer.paint(style, word))?;
    for same in of_it.chunk_by(|a, b| a.check_id == b.check_id && a.remediation == b.remediation) {
        same_check(printer, same)?;
    }
    printer.line("")
}

/// Findings of one check with one remedy: the title once, then every place.
fn same_check(printer: Printer, findings: &[&Finding]) -> Result<(), Failure> {
    let Some(first) = findings.first() else { return Ok(()) };
    for line in wrapped(first.title, 2, 78) {
        printer.line(printer.paint(Style::Bold, &line))?;
    }
    for finding in findings {
        for line in wrapped(&harmless(&finding.detail), 4, 78) {
            printer.line(line)?;
        }
    }
    if let Some(remedy) = &first.remediation {
        for line in wrapped(&format!("Do: {}", harmless(remedy)), 4, 78) {
            printer.line(line)?;
        }
    }
    printer.line(printer.paint(Style::Dim, &format!("    {}", first.check_id)))
}

/// What to type next.
fn next(context: &Context, report: &Report, fixed: bool) {
    let fixable = report.findings.iter().any(|finding| finding.fix.is_some());
    let own = &context.own;
    if fixable && !fixed {
        context.printer.hint(format!("`{own} security audit --fix` puts right what is safe"));
    } else if left(report) > 0 {
        let left = left(report);
        let plural = if left == 1 { "finding needs" } else { "findings need" };
        context.printer.hint(format!("{left} {plural} you; each says what to do"));
    }
}
