//! `cargo xtask tidy`: the rules of the house that no compiler and no lint knows.
//!
//! Every rule is a function from the sources (or from what cargo knows) to problems. A problem says
//! where it is and what to do instead. Rules have no exceptions in the sources; an exception is a row
//! of the rule's own table, with its reason.

use std::fmt;

use anyhow::bail;

use crate::shell;

mod tokens;

mod source;

mod borders;
mod budget;
mod cycles;
mod floors;
mod repository;
mod rows;
mod sleeps;

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    place: String,
    message: String,
}

impl Problem {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Checks everything and lists all problems at once.
pub(crate) fn run() -> anyhow::Result<()> {
    let metadata = shell::workspace()?;
    let sources = source::load(&metadata)?;
    let (mut problems, notes) = budget::check(&sources);
    problems.extend(floors::check(&metadata));
    problems.extend(borders::check_packages(&metadata));
    problems.extend(borders::check_sources(&sources));
    problems.extend(cycles::check(&sources));
    problems.extend(sleeps::check(&sources));
    problems.extend(rows::check(&sources)?);
    problems.extend(repository::check()?);
    problems.sort();
    for note in &notes {
        shell::say(format_args!("note: {note}"))?;
    }
    for problem in &problems {
        shell::say(problem)?;
    }
    if !problems.is_empty() {
        bail!("tidy: {} problems", problems.len());
    }
    shell::say(format_args!("tidy: {} files, no problems", sources.len()))
}
