//! `config set` and `config unset`: a person's explicit act, and the only one that writes the file.

use openclaw_config::{ConfigError, Editor, Problem, ReloadClass, Report, Saved};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::Value;

use crate::commands::Outcome;
use crate::context::{Context, config_failure};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::holder::Holder;
use crate::input;

/// What was done, under `--json`.
#[derive(Serialize)]
struct Changed<'a> {
    ok: bool,
    key: &'a str,
    action: &'static str,
    path: String,
    hash: &'a str,
    restart: bool,
    problems: &'a [Problem],
}

/// Sets a key. A value that is no JSON5, such as `loopback`, is taken as text; one that is left out is
/// asked for without an echo, so that a secret never stands on a command line.
pub(super) fn set(context: &Context, key: &str, value: Option<&str>, text: bool) -> Outcome {
    let mut editor = open(context)?;
    match value {
        None => {
            let secret = input::secret(&format!("Value of {key}"))?;
            editor.set_json(key, &Value::String(secret.expose_secret().to_owned()))
        }
        Some(value) if text => editor.set_json(key, &Value::String(value.to_owned())),
        Some(value) => match editor.set(key, value) {
            Err(ConfigError::BadValue { .. }) if is_bare(value) => {
                editor.set_json(key, &Value::String(value.to_owned()))
            }
            outcome => outcome,
        },
    }
    .map_err(|error| config_failure(&error))?;
    save(context, &mut editor, key, "set")
}

/// Removes a key.
pub(super) fn unset(context: &Context, key: &str) -> Outcome {
    let mut editor = open(context)?;
    let removed = editor.unset(key).map_err(|error| config_failure(&error))?;
    if !removed {
        let failure = Failure::new(ExitCode::Failed, format!("{key} is not in the file"));
        return Err(failure.hint("openclaw config get"));
    }
    save(context, &mut editor, key, "removed")
}

fn open(context: &Context) -> Result<Editor, Failure> {
    Editor::open(&context.paths, &context.env).map_err(|error| config_failure(&error))
}

/// Whether a value is a text that somebody did not quote, rather than JSON5 with a slip in it.
fn is_bare(value: &str) -> bool {
    !value.trim_start().starts_with(['{', '[', '"', '\''])
}

fn save(context: &Context, editor: &mut Editor, key: &str, action: &'static str) -> Outcome {
    let saved = editor.save().map_err(|error| match &error {
        ConfigError::Invalid { report } => refused(report, key),
        error => config_failure(error),
    })?;
    let restart = ReloadClass::of(key) == ReloadClass::Restart;
    let printer = context.printer;
    if printer.is_json() {
        printer.json(&Changed {
            ok: true,
            key,
            action,
            path: saved.path.display().to_string(),
            hash: &saved.hash,
            restart,
            problems: saved.report.problems(),
        })?;
    } else {
        tell(context, &saved, key, action, restart)?;
    }
    Ok(ExitCode::Done)
}

/// A value that is not allowed. The places of the problems are left out: they are in a text that was
/// not written.
fn refused(report: &Report, key: &str) -> Failure {
    let errors = report
        .errors()
        .cloned()
        .map(|problem| Problem { file: None, line: None, column: None, ..problem }.to_string());
    let message = errors.collect::<Vec<_>>().join("\n");
    Failure::new(ExitCode::Configuration, message)
        .details(serde_json::to_value(report).ok())
        .hint(format!("nothing was written; give {key} a value that is allowed"))
}

fn tell(
    context: &Context,
    saved: &Saved,
    key: &str,
    action: &str,
    restart: bool,
) -> Result<(), Failure> {
    let printer = context.printer;
    let verb = if action == "set" { "Set" } else { "Removed" };
    printer.line(format!("{verb} {key} in {}", saved.path.display()))?;
    for problem in saved.report.problems() {
        printer.note(problem.to_string());
    }
    if restart && Holder::read(&context.paths.lock_file()).is_some() {
        printer.hint("the running Gateway takes this up when it is started again");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_in_json_is_not_taken_for_text() {
        assert!(is_bare("loopback") && is_bare("ws://127.0.0.1:1"));
        assert!(!is_bare("{ a: ") && !is_bare("[1") && !is_bare("\"x") && !is_bare(" 'x"));
    }
}
