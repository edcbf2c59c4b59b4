//! What a command says when it cannot do its job: what happened, why, and the next command to type.
//!
//! One value carries everything for both faces: lines on standard error for people, and with `--json`
//! the envelope `{ok:false, error:{type, message, code?, kind?, details?, hint?}}` on standard output.

use std::error::Error;
use std::io;

use serde::Serialize;
use serde_json::Value;

use crate::exit::ExitCode;

/// The coarse type in the JSON envelope; the names are those of the original's CLI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailureType {
    /// This machine or the command line.
    CliError,
    /// The Gateway answered with an error.
    GatewayRequestError,
    /// No answer came.
    GatewayTransportError,
    /// A credential is needed before anything is sent.
    GatewayCredentialsRequired,
}

/// A command's failure.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// How the program ends.
    pub(crate) exit: ExitCode,
    silent: bool,
    said: Box<Said>,
}

#[derive(Clone, Debug)]
struct Said {
    body: Body,
    target: Option<TargetNote>,
    causes: Vec<String>,
}

/// The object under `error` in the envelope.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body {
    #[serde(rename = "type")]
    kind_of_failure: FailureType,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// Which Gateway was meant, under `gateway` in the envelope.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TargetNote {
    /// The address.
    pub(crate) url: String,
    /// What named it.
    #[serde(rename = "urlSource")]
    pub(crate) source: String,
}

impl TargetNote {
    fn is_obvious(&self) -> bool {
        self.source == "local" || self.source.starts_with("--")
    }
}

/// A failure as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Envelope<'a> {
    ok: bool,
    error: Body,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<&'a TargetNote>,
}

impl Failure {
    /// A failure with its exit code and sentence.
    pub(crate) fn new(exit: ExitCode, message: impl Into<String>) -> Self {
        let body = Body {
            kind_of_failure: FailureType::CliError,
            message: message.into(),
            code: None,
            kind: None,
            details: None,
            retry_after_ms: None,
            hint: None,
        };
        Self {
            exit,
            silent: false,
            said: Box::new(Said { body, target: None, causes: Vec::new() }),
        }
    }

    /// The command line cannot be used.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, message)
    }

    /// Something on this machine failed; the chain of causes is kept.
    pub(crate) fn local(message: impl Into<String>, source: &dyn Error) -> Self {
        Self::new(ExitCode::Failed, message).caused_by(Some(source))
    }

    /// The command already said what is wrong; only the exit code is left to report.
    pub(crate) fn already_shown(exit: ExitCode) -> Self {
        Self { silent: true, ..Self::new(exit, "") }
    }

    /// Ends with another code.
    pub(crate) fn exit_with(mut self, exit: ExitCode) -> Self {
        self.exit = exit;
        self
    }

    /// Sets the coarse type.
    pub(crate) fn of_type(mut self, kind: FailureType) -> Self {
        self.said.body.kind_of_failure = kind;
        self
    }

    /// Sets `error.code`.
    pub(crate) fn code(mut self, code: impl Into<String>) -> Self {
        self.said.body.code = Some(code.into());
        self
    }

    /// Sets `error.kind`.
    pub(crate) fn kind(mut self, kind: impl Into<String>) -> Self {
        self.said.body.kind = Some(kind.into());
        self
    }

    /// Sets `error.details`.
    pub(crate) fn details(mut self, details: Option<Value>) -> Self {
        self.said.body.details = details;
        self
    }

    /// Sets `error.retryAfterMs`.
    pub(crate) fn retry_after(mut self, milliseconds: Option<u64>) -> Self {
        self.said.body.retry_after_ms = milliseconds;
        self
    }

    /// Sets the next thing to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.said.body.hint = Some(hint.into());
        self
    }

    /// Says which Gateway was meant.
    pub(crate) fn about(mut self, target: TargetNote) -> Self {
        self.said.target.get_or_insert(target);
        self
    }

    /// Keeps the chain of causes.
    pub(crate) fn caused_by(mut self, mut source: Option<&dyn Error>) -> Self {
        while let Some(error) = source {
            self.said.causes.push(error.to_string());
            source = error.source();
        }
        self
    }

    /// The sentence.
    pub(crate) fn message(&self) -> &str {
        &self.said.body.message
    }

    /// The next thing to do, if there is one.
    pub(crate) fn next_step(&self) -> Option<&str> {
        self.said.body.hint.as_deref()
    }

    /// Whether dialling again can only end the same way until a person does something.
    pub(crate) const fn is_lasting(&self) -> bool {
        matches!(
            self.exit,
            ExitCode::Usage
                | ExitCode::CredentialRefused
                | ExitCode::PairingNeeded
                | ExitCode::ScopeMissing
                | ExitCode::Identity
                | ExitCode::Protocol
                | ExitCode::Configuration
        )
    }

    /// Whether nothing is left to print.
    pub(crate) const fn is_silent(&self) -> bool {
        self.silent
    }

    /// The lines for a person, without colour.
    pub(crate) fn lines(&self) -> Vec<String> {
        let causes = self.said.causes.iter().map(|cause| format!("  caused by: {cause}"));
        // Who wrote no address on the command line may not know which one was asked.
        let target = self.said.target.as_ref().filter(|target| !target.is_obvious());
        let target = target.map(|target| format!("  asked: {} ({})", target.url, target.source));
        let message = std::iter::once(self.said.body.message.clone());
        message.chain(causes).chain(target).collect()
    }

    /// What stands under `error`; the causes go into the message, so that nothing is lost.
    pub(crate) fn body(&self) -> Body {
        let mut body = self.said.body.clone();
        for cause in &self.said.causes {
            body.message.push_str(": ");
            body.message.push_str(cause);
        }
        body
    }

    /// The whole envelope.
    pub(crate) fn envelope(&self) -> Envelope<'_> {
        Envelope { ok: false, error: self.body(), gateway: self.said.target.as_ref() }
    }
}

/// A failed write to standard output. A closed pipe is how `| head` ends a program: that is success.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::already_shown(ExitCode::Done);
        }
        Self::local("writing the output failed", &error)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_faces_say_the_same() {
        let source = io::Error::other("disk on fire");
        let failure = Failure::local("reading the file failed", &source)
            .code("UNAVAILABLE")
            .hint("openclaw status")
            .about(TargetNote { url: "ws://127.0.0.1:1".into(), source: "local".into() });
        assert_eq!(failure.lines(), ["reading the file failed", "  caused by: disk on fire"]);
        let expected = json!({
            "ok": false,
            "error": {
                "type": "cli_error",
                "message": "reading the file failed: disk on fire",
                "code": "UNAVAILABLE",
                "hint": "openclaw status",
            },
            "gateway": { "url": "ws://127.0.0.1:1", "urlSource": "local" },
        });
        assert_eq!(serde_json::to_value(failure.envelope()).unwrap(), expected);
    }

    #[test]
    fn a_closed_pipe_is_success() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(failure.is_silent() && failure.exit == ExitCode::Done);
    }
}
