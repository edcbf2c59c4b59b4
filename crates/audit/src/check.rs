//! A row of the table, and what a check finds.

use std::path::PathBuf;

use crate::{facts::Facts, severity::Severity};

/// Who made a check up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The original documents this id.
    Documented,
    /// Ours.
    Ours,
}

/// One check: a row of the table.
#[derive(Debug)]
pub struct Check {
    /// Its id.
    pub id: &'static str,
    /// How bad it is at its worst.
    pub severity: Severity,
    /// Who made it up.
    pub origin: Origin,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// What to do: a command, or the line to write.
    pub remedy: &'static str,
    /// Looks at the facts.
    pub run: fn(&Facts) -> Vec<Hit>,
}

/// What a check found, once per place.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// What exactly, and where. Never a secret.
    pub detail: String,
    /// If it is less bad than the row says.
    pub severity: Option<Severity>,
    /// If there is something better to do than the row says.
    pub remedy: Option<String>,
    /// What may be done about it without asking.
    pub fix: Option<Fix>,
}

/// What may be done without asking, because nothing stops working by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// Take everybody's but the owner's rights away from a file or folder.
    Close {
        /// The file or folder.
        path: PathBuf,
    },
    /// Take a key out of the configuration, so that its default holds.
    Unset {
        /// The key.
        key: &'static str,
    },
}

impl Hit {
    /// Something was found.
    pub fn new(detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), severity: None, remedy: None, fix: None }
    }

    /// It is not as bad as the row says, or exactly as bad as this.
    #[must_use]
    pub fn at(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// What to do here in particular.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// What may be done without asking.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }

    /// One hit if something holds, else none.
    pub fn when(holds: bool, detail: impl Into<String>) -> Vec<Self> {
        if holds { vec![Self::new(detail)] } else { Vec::new() }
    }
}
