//! What a service command did, in both faces.

use openclaw_service::{Manager, ServiceName};
use serde::Serialize;

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{Printer, Style, harmless};

/// What was done and how it went.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    action: &'static str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// What to type next.
    pub(crate) hints: Vec<String>,
    /// What is odd.
    pub(crate) warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<ServiceReport>,
}

/// The service, as its manager has it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServiceReport {
    label: &'static str,
    name: String,
    loaded: bool,
    loaded_text: &'static str,
    not_loaded_text: &'static str,
}

impl ServiceReport {
    /// Says whether it is loaded.
    pub(crate) fn new(manager: &Manager, name: &ServiceName, loaded: bool) -> Self {
        let (loaded_text, not_loaded_text) = manager.words();
        let (label, name) = (manager.label(), manager.service_name(name));
        Self { label, name, loaded, loaded_text, not_loaded_text }
    }

    /// Its name and its manager's.
    pub(crate) fn title(&self) -> String {
        format!("{} ({})", self.name, self.label)
    }
}

impl Report {
    /// Nothing done yet.
    pub(crate) const fn new(action: &'static str) -> Self {
        Self {
            action,
            ok: true,
            result: None,
            message: None,
            error: None,
            code: None,
            hints: Vec::new(),
            warnings: Vec::new(),
            service: None,
        }
    }

    /// What was asked for.
    pub(crate) const fn action(&self) -> &'static str {
        self.action
    }

    /// Names the service.
    pub(crate) fn about(&mut self, service: ServiceReport) {
        self.service = Some(service);
    }

    /// Prints what worked.
    pub(crate) fn done(
        mut self,
        printer: Printer,
        result: &'static str,
        message: String,
    ) -> Result<ExitCode, Failure> {
        self.result = Some(result);
        self.message = Some(message);
        if printer.is_json() {
            printer.json(&self)?;
            return Ok(ExitCode::Done);
        }
        let message = harmless(self.message.as_deref().unwrap_or_default());
        printer.line(printer.paint(Style::Good, &message))?;
        self.asides(printer);
        Ok(ExitCode::Done)
    }

    /// Prints what did not.
    pub(crate) fn failed(
        mut self,
        printer: Printer,
        failure: Failure,
    ) -> Result<ExitCode, Failure> {
        if !printer.is_json() {
            self.asides(printer);
            return Err(failure);
        }
        let body = serde_json::to_value(failure.body()).unwrap_or_default();
        let text = |key: &str| body.get(key).and_then(|value| value.as_str()).map(str::to_owned);
        self.ok = false;
        self.error = text("message");
        self.code = text("code");
        self.hints.extend(text("hint"));
        printer.json(&self)?;
        Err(Failure::already_shown(failure.exit))
    }

    fn asides(&self, printer: Printer) {
        for warning in &self.warnings {
            printer.warning(harmless(warning));
        }
        for hint in &self.hints {
            printer.hint(harmless(hint));
        }
    }
}
