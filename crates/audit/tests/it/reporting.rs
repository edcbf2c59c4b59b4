//! The report: shape, order, suppressions, and what never stands in it.

use openclaw_audit::Severity;
use serde_json::Value;

use crate::machine::{Machine, TOKEN};

#[test]
fn the_json_has_the_shape_of_the_original() {
    let machine = Machine::new();
    machine.configure("{ hooks: { path: '/' }, logging: { file: '/tmp/x/openclaw.log' } }");
    let json = serde_json::to_value(machine.report()).unwrap();
    let keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["findings", "secretDiagnostics", "summary", "ts"]);
    assert_eq!(json.pointer("/summary/critical"), Some(&Value::from(1)));
    let first = json.pointer("/findings/0").unwrap();
    let keys: Vec<&str> = first.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["checkId", "detail", "remediation", "severity", "title"]);
    let of = |key| first.get(key).and_then(Value::as_str);
    assert_eq!((of("checkId"), of("severity")), (Some("hooks.path_root"), Some("critical")));
}

#[test]
fn the_worst_comes_first_and_hidden_findings_do_not_count() {
    let machine = Machine::new();
    machine.configure(
        "{ hooks: { path: '/' }, logging: { file: '/tmp/x/openclaw.log' }, security: { audit: {
            suppressions: [
                { checkId: 'hooks.path_root', titleIncludes: 'EVERY path' },
                { checkId: 'logging.shared_tmp', detailIncludes: 'elsewhere' },
                { checkId: 'security.audit.suppressions.active' },
            ] } } }",
    );
    let report = machine.report();
    assert_eq!((report.summary.critical, report.summary.warn), (0, 1));
    let severities: Vec<Severity> = report.findings.iter().map(|found| found.severity).collect();
    assert!(severities.is_sorted());
    let hidden: Vec<&str> = report.suppressed_findings.iter().map(|one| one.check_id).collect();
    assert_eq!(hidden, ["hooks.path_root"]);
    let note = report.findings.iter().find(|one| one.check_id.ends_with("suppressions.active"));
    assert_eq!(note.unwrap().detail, "hidden: hooks.path_root");
}

#[test]
fn no_secret_is_told() {
    let machine = Machine::new();
    let password = "hunter2-hunter2";
    machine.configure(&format!(
        "{{ gateway: {{ auth: {{ token: '{TOKEN}', password: '{password}', mode: 'password' }} }}, \
         hooks: {{ token: '{TOKEN}' }} }}"
    ));
    machine.process(80, &["openclaw", "health", "--token", TOKEN]);
    machine.write("home/.bash_history", &format!("openclaw health --password {password}\n"), 0o600);
    let report = machine.report();
    assert!(report.findings.len() > 4, "{:#?}", report.findings);
    let facts = machine.facts();
    for text in [serde_json::to_string(&report).unwrap(), format!("{report:?} {facts:?}")] {
        assert!(!text.contains(TOKEN) && !text.contains(password), "{text}");
    }
}

#[test]
fn commands_are_given_as_they_must_be_typed() {
    let machine = Machine::new();
    machine.configure("{ hooks: { path: '/' } }");
    let report = machine.report().for_program("openclaw --profile ops");
    let remedy = report.findings.first().and_then(|found| found.remediation.as_deref());
    assert_eq!(remedy, Some("openclaw --profile ops config set hooks.path /hooks"));
}
