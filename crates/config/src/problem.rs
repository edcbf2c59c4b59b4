//! What is wrong with a configuration, as data and as lines for a person.
//!
//! A load never stops at the first fault: every check adds a [`Problem`], and the whole [`Report`] is
//! shown at once. Messages never contain the value of a secret.

use std::fmt;

use serde::Serialize;

/// How bad a [`Problem`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// The configuration is used, but something in it has no effect or deserves a look.
    Warning,
}

/// One fault, with everything a person needs to repair it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Whether it stops the load.
    pub severity: Severity,
    /// The file it stands in, when it stands in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Column in characters, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// Dotted key path, empty for the document as a whole.
    pub path: String,
    /// What is wrong, in lower case, without the value.
    pub message: String,
    /// The values that would be accepted, when they can be listed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// A problem that stops the load.
    pub fn error(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, path.into(), message.into())
    }

    /// A problem that only deserves a line.
    pub fn warning(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, path.into(), message.into())
    }

    fn new(severity: Severity, path: String, message: String) -> Self {
        Self {
            severity,
            file: None,
            line: None,
            column: None,
            path,
            message,
            allowed: Vec::new(),
            hint: None,
        }
    }

    /// Names the place in a file.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.file = Some(place.file);
        self.line = Some(place.line);
        self.column = Some(place.column);
        self
    }

    /// Names the file only.
    #[must_use]
    pub fn in_file(mut self, file: impl Into<String>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// Lists what would be accepted.
    #[must_use]
    pub fn allowing(mut self, allowed: Vec<String>) -> Self {
        self.allowed = allowed;
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line, self.column) {
            (Some(file), Some(line), Some(column)) => write!(f, "{file}:{line}:{column}: ")?,
            (Some(file), ..) => write!(f, "{file}: ")?,
            _ => {}
        }
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if !self.allowed.is_empty() {
            write!(f, "\n  allowed: {}", self.allowed.join(", "))?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file as it was named.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
}

/// Every problem of one load: errors first, then by place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Report {
    problems: Vec<Problem>,
}

impl Report {
    /// Sorts the problems and drops exact repeats.
    #[must_use]
    pub fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|a, b| {
            (a.severity, &a.file, a.line, a.column, &a.path)
                .cmp(&(b.severity, &b.file, b.line, b.column, &b.path))
        });
        problems.dedup();
        Self { problems }
    }

    /// All of them.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Those that stop the load.
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity == Severity::Error)
    }

    /// Those that do not.
    pub fn warnings(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity == Severity::Warning)
    }

    /// Whether anything stops the load.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_like_a_compiler_message() {
        let place = Place { file: "openclaw.json".into(), line: 3, column: 11 };
        let problem = Problem::error("gateway.bind", "unknown value")
            .at(place)
            .allowing(vec!["auto".into(), "loopback".into()])
            .hint("leave it out for loopback");
        assert_eq!(
            problem.to_string(),
            "openclaw.json:3:11: gateway.bind: unknown value\n  allowed: auto, loopback\n  hint: leave it out for loopback"
        );
        let data = serde_json::to_value(&problem).unwrap();
        assert_eq!(data["severity"], "error");
        assert_eq!(data["line"], 3);
        assert_eq!(data["allowed"][1], "loopback");
    }

    #[test]
    fn errors_come_first_and_repeats_are_dropped() {
        let warning = Problem::warning("a", "unused").in_file("x");
        let error = Problem::error("b", "wrong").in_file("x");
        let report = Report::new(vec![warning.clone(), error.clone(), warning]);
        assert_eq!(report.problems().len(), 2);
        assert_eq!(report.problems()[0], error);
        assert!(report.has_errors());
        assert_eq!(report.to_string(), "x: b: wrong\nx: warning: a: unused");
    }
}
