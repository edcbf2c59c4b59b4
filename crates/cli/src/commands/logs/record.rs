//! One line of the log: JSON if the Gateway is one of ours, anything at all otherwise.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::output::{Printer, Style, harmless};

/// What a line says.
#[derive(Debug, Serialize)]
pub(super) struct Record<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subsystem: Option<String>,
    message: String,
    #[serde(skip_serializing_if = "Map::is_empty")]
    fields: Map<String, Value>,
    raw: &'a str,
}

impl<'a> Record<'a> {
    /// Takes a line apart; one that is no JSON object is all message.
    pub(super) fn parse(raw: &'a str) -> Self {
        let Ok(Value::Object(mut fields)) = serde_json::from_str(raw) else {
            let message = raw.to_owned();
            return Self {
                time: None,
                level: None,
                subsystem: None,
                message,
                fields: Map::new(),
                raw,
            };
        };
        let mut take = |names: &[&str]| {
            names.iter().find_map(|name| match fields.remove(*name) {
                Some(Value::String(text)) => Some(text),
                Some(other) => Some(other.to_string()),
                None => None,
            })
        };
        let time = take(&["time", "timestamp"]);
        let level = take(&["level"]).map(|level| level.to_ascii_lowercase());
        let subsystem = take(&["subsystem", "target"]);
        let message = take(&["message", "msg"]).unwrap_or_default();
        Self { time, level, subsystem, message, fields, raw }
    }

    /// `TIME level subsystem message key=value …`
    pub(super) fn for_people(&self, printer: Printer) -> String {
        let mut parts = Vec::new();
        if let Some(time) = &self.time {
            parts.push(printer.paint(Style::Dim, &harmless(&local(time))));
        }
        if let Some(level) = &self.level {
            let padded = format!("{:<5}", harmless(level));
            parts.push(match level.as_str() {
                "error" | "fatal" => printer.paint(Style::Bad, &padded),
                "warn" => printer.paint(Style::Warn, &padded),
                "info" => printer.paint(Style::Good, &padded),
                _ => printer.paint(Style::Dim, &padded),
            });
        }
        if let Some(subsystem) = &self.subsystem {
            parts.push(printer.paint(Style::Dim, &harmless(subsystem)));
        }
        if !self.message.is_empty() {
            parts.push(harmless(&self.message));
        }
        for (name, value) in &self.fields {
            let value = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            parts.push(harmless(&format!("{name}={value}")));
        }
        parts.join(" ")
    }
}

/// The time of day here, or the text itself if it is no time.
fn local(time: &str) -> String {
    let Ok(timestamp) = time.parse::<jiff::Timestamp>() else { return time.to_owned() };
    timestamp.to_zoned(jiff::tz::TimeZone::system()).strftime("%F %T").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::OutputOptions;

    #[test]
    fn lines_of_any_kind_are_shown() {
        let printer = Printer::new(OutputOptions { json: false, plain: true });
        let line = r#"{"time":"x","level":"WARN","subsystem":"gateway","message":"slow","ms":12,"who":"\u001b[2J"}"#;
        let record = Record::parse(line);
        assert_eq!(record.for_people(printer), "x warn  gateway slow ms=12 who=\u{fffd}[2J");
        assert_eq!(Record::parse("plain text").for_people(printer), "plain text");
    }
}
