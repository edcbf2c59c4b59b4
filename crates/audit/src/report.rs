//! From facts to findings, in the shape that the original's command prints.

use serde::Serialize;

use crate::{
    check::{Check, Fix, Hit},
    checks,
    facts::{Facts, LiveReport, Suppression, Unresolved},
    severity::Severity,
};

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Which check.
    pub check_id: &'static str,
    /// How bad.
    pub severity: Severity,
    /// What is wrong.
    pub title: &'static str,
    /// What exactly, and where.
    pub detail: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
    /// What may be done without asking.
    #[serde(skip)]
    pub fix: Option<Fix>,
}

/// How many there are of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Critical ones.
    pub critical: usize,
    /// Warnings.
    pub warn: usize,
    /// The rest.
    pub info: usize,
}

/// Everything an audit has to say.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// When, in milliseconds since 1970.
    pub ts: u64,
    /// How many there are of each, without the suppressed ones.
    pub summary: Summary,
    /// The findings, the worst first.
    pub findings: Vec<Finding>,
    /// What `security.audit.suppressions` hides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suppressed_findings: Vec<Finding>,
    /// Secrets that could not be looked up, so that nothing could be compared with them.
    pub secret_diagnostics: Vec<Unresolved>,
    /// What the running Gateway answered, if it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deep: Option<LiveReport>,
}

/// Runs every check on the facts.
#[must_use]
pub fn audit(facts: &Facts) -> Report {
    let all = checks::all().flat_map(|check| {
        let hits = (check.run)(facts);
        hits.into_iter().map(|hit| Finding::of(check, hit))
    });
    let (mut hidden, mut findings): (Vec<_>, Vec<_>) =
        all.partition(|finding| facts.suppressions.iter().any(|rule| hides(rule, finding)));
    if !hidden.is_empty() {
        findings.push(suppressions_note(&hidden));
    }
    findings.sort_by_key(|finding| finding.severity);
    hidden.sort_by_key(|finding| finding.severity);
    Report {
        ts: facts.now_ms,
        summary: Summary::of(&findings),
        findings,
        suppressed_findings: hidden,
        secret_diagnostics: facts.auth.unresolved.clone(),
        deep: facts.live.clone(),
    }
}

/// Whether a finding is one that a person does not want to hear of.
fn hides(rule: &Suppression, finding: &Finding) -> bool {
    let has = |text: &str, part: &Option<String>| {
        part.as_ref().is_none_or(|part| text.to_lowercase().contains(&part.to_lowercase()))
    };
    rule.check_id == finding.check_id
        && has(finding.title, &rule.title_includes)
        && has(&finding.detail, &rule.detail_includes)
}

/// The note that something is hidden; it cannot be hidden itself.
fn suppressions_note(hidden: &[Finding]) -> Finding {
    let mut ids: Vec<&str> = hidden.iter().map(|finding| finding.check_id).collect();
    ids.sort_unstable();
    ids.dedup();
    Finding::of(&checks::SUPPRESSIONS, Hit::new(format!("hidden: {}", ids.join(", "))))
}

impl Report {
    /// Those that are critical.
    pub fn critical(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Critical)
    }

    /// The same report with commands as they must be typed here, such as `openclaw --profile ops`.
    #[must_use]
    pub fn for_program(mut self, program: &str) -> Self {
        if program != "openclaw" {
            let all = self.findings.iter_mut().chain(&mut self.suppressed_findings);
            for remedy in all.filter_map(|finding| finding.remediation.as_mut()) {
                *remedy = remedy.replace("openclaw ", &format!("{program} "));
            }
        }
        self
    }
}

impl Summary {
    fn of(findings: &[Finding]) -> Self {
        let count = |severity| findings.iter().filter(|found| found.severity == severity).count();
        Self {
            critical: count(Severity::Critical),
            warn: count(Severity::Warn),
            info: count(Severity::Info),
        }
    }
}

impl Finding {
    /// A hit with the words of its row.
    #[must_use]
    pub fn of(check: &Check, hit: Hit) -> Self {
        let usual = (!check.remedy.is_empty()).then(|| check.remedy.to_owned());
        Self {
            check_id: check.id,
            severity: hit.severity.unwrap_or(check.severity),
            title: check.title,
            detail: hit.detail,
            remediation: hit.remedy.or(usual),
            fix: hit.fix,
        }
    }
}
