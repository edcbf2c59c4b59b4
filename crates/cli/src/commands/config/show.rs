//! `config get`, `config validate`, `config file`: reading only.

use openclaw_config::{ConfigSnapshot, Problem, describe, edit};
use serde::Serialize;
use serde_json::{Value, json};

use crate::commands::Outcome;
use crate::context::{Context, config_failure};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::Style;

/// Shows what holds, defaults included. Of a file that cannot be used it shows what is written.
pub(super) fn get(context: &Context, key: Option<&str>) -> Outcome {
    let snapshot = ConfigSnapshot::read(&context.paths, &context.env);
    let printer = context.printer;
    if !snapshot.valid && !printer.is_json() {
        printer.warning("the configuration is not valid; `openclaw config validate` lists why");
    }
    let all = if snapshot.valid { snapshot.config } else { snapshot.resolved };
    let value = match key {
        None => all,
        Some(key) => find(&all, key)?,
    };
    match &value {
        Value::String(text) if !printer.is_json() => printer.line(text)?,
        value => printer.json(value)?,
    }
    Ok(ExitCode::Done)
}

fn find(all: &Value, key: &str) -> Result<Value, Failure> {
    let found = edit::get(&all.to_string(), key).map_err(|error| config_failure(&error))?;
    found.ok_or_else(|| {
        if describe::lookup(key).is_some() {
            return Failure::new(ExitCode::Failed, format!("{key} is not set"))
                .hint(format!("openclaw config set {key} VALUE"));
        }
        let failure =
            Failure::new(ExitCode::Failed, format!("{key} is no key of this Gateway, and not set"));
        match describe::meant(key) {
            Some(meant) => failure.hint(format!("did you mean: openclaw config get {meant}")),
            None => failure.hint("see what there is: openclaw config get"),
        }
    })
}

#[derive(Serialize)]
struct Verdict<'a> {
    ok: bool,
    path: String,
    exists: bool,
    problems: &'a [Problem],
}

/// Lists every problem, errors and warnings alike.
pub(super) fn validate(context: &Context) -> Outcome {
    let path = context.paths.config_file();
    let loaded = openclaw_config::load(&context.paths, &context.env);
    let problems = match &loaded {
        Ok(loaded) => loaded.warnings.as_slice(),
        Err(error) => match error.report() {
            Some(report) => report.problems(),
            None => return Err(config_failure(error)),
        },
    };
    let printer = context.printer;
    let ok = loaded.is_ok();
    let shown = path.display().to_string();
    if printer.is_json() {
        printer.json(&Verdict { ok, path: shown, exists: path.exists(), problems })?;
    } else {
        for problem in problems {
            printer.line(problem.to_string())?;
        }
        let verdict = match (ok, path.exists()) {
            (true, true) => printer.paint(Style::Good, "valid"),
            (true, false) => "not there, defaults are used".to_owned(),
            (false, _) => printer.paint(Style::Bad, "not valid"),
        };
        printer.line(format!("{shown}: {verdict}"))?;
    }
    if ok { Ok(ExitCode::Done) } else { Ok(ExitCode::Configuration) }
}

/// Prints the path, whether the file exists or not.
pub(super) fn file(context: &Context) -> Outcome {
    let path = context.paths.config_file();
    let printer = context.printer;
    if printer.is_json() {
        printer.json(&json!({ "path": path.display().to_string(), "exists": path.exists() }))?;
    } else {
        printer.line(path.display().to_string())?;
    }
    Ok(ExitCode::Done)
}
