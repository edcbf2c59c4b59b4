//! What would run, who allows it, and that nothing else is run.
//!
//! A [`Plan`] is made of what somebody asks for. It is judged by an agent's [`Rules`], shown to whoever is
//! asked, and run only as long as everything it was made of is still the same: arguments, folder,
//! environment, the program's path, and the content of scripts.

mod binding;
mod examine;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

pub use examine::Use;

use crate::{
    approvals::{Entry, Rules, Used},
    matching,
    policy::{Ask, Security},
    run::{RefusedVariable, Spec, checked_variables},
    shell::{Line, Unclear, quoted},
};

/// Longest command, in bytes.
const MAX_REQUEST: usize = 64 * 1024;

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A program and its arguments; nothing is expanded.
    Argv(Vec<String>),
    /// A text for the shell.
    Shell(String),
}

/// What somebody asks for, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What.
    pub what: What,
    /// The folder to run it in.
    pub cwd: PathBuf,
    /// Variables to add.
    pub environment: Vec<(String, String)>,
}

/// What is the same for all requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The environment commands get, `PATH` included; see [`crate::run::base_environment`].
    pub environment: Vec<(String, String)>,
    /// Folders whose content the one who asks can change: a program there is never allowed for ever.
    pub changeable: Vec<PathBuf>,
}

/// Why there is no plan, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// There is nothing to run.
    #[error("the command is empty")]
    Empty,
    /// It is longer than anybody could look through.
    #[error("the command is longer than {MAX_REQUEST} bytes; write a script and run that")]
    TooLong,
    /// The folder is not one.
    #[error("the working directory {0} is not a folder")]
    Folder(PathBuf),
    /// A variable may not be set.
    #[error(transparent)]
    Variable(#[from] RefusedVariable),
    /// A script is so large that an approval cannot be bound to it.
    #[error("{0} is too large for an approval to be bound to it")]
    TooLarge(PathBuf),
    /// Something that would be run cannot be read.
    #[error("{0} cannot be read, so an approval cannot be bound to it")]
    Unreadable(PathBuf),
    /// It is not what was approved any more.
    #[error("what was approved has changed since; ask again")]
    Changed,
}

/// What would run.
#[derive(Clone, Debug)]
pub struct Plan {
    request: Request,
    surroundings: Surroundings,
    argv: Vec<String>,
    environment: Vec<(String, String)>,
    uses: Result<Vec<Use>, Unclear>,
    digest: String,
}

/// What the rules say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may run; these entries allow it.
    Allow(Vec<Used>),
    /// Somebody has to be asked, and this is why.
    Ask(String),
    /// It may not run, and this is why.
    Refuse(String),
}

impl Plan {
    /// Looks into a request.
    ///
    /// # Errors
    /// If it can never be run. What is merely not understood is a plan that no list allows.
    pub fn new(request: Request, surroundings: &Surroundings) -> Result<Self, PlanError> {
        let length = match &request.what {
            What::Argv(argv) => argv.iter().map(|word| word.len() + 1).sum(),
            What::Shell(text) => text.len(),
        };
        if length > MAX_REQUEST {
            return Err(PlanError::TooLong);
        }
        let cwd = std::fs::canonicalize(&request.cwd).ok().filter(|path| path.is_dir());
        let cwd = cwd.ok_or_else(|| PlanError::Folder(request.cwd.clone()))?;
        let request = Request { cwd, ..request };
        let extra = checked_variables(request.environment.clone())?;
        let mut environment = surroundings.environment.clone();
        environment.retain(|(name, _)| !extra.iter().any(|(other, _)| other == name));
        environment.extend(extra);
        let search = environment.iter().find(|(name, _)| name == "PATH");
        let search = search.map_or("", |(_, value)| value.as_str());
        let place =
            examine::Place { cwd: &request.cwd, search, changeable: &surroundings.changeable };
        let (argv, uses) = match &request.what {
            What::Argv(argv) if argv.first().is_none_or(String::is_empty) => {
                return Err(PlanError::Empty);
            }
            What::Shell(text) if text.trim().is_empty() => return Err(PlanError::Empty),
            What::Argv(argv) => match examine::argv(argv, &place) {
                Ok((argv, uses)) => (argv, Ok(uses)),
                Err(unclear) => (argv.clone(), Err(unclear)),
            },
            What::Shell(text) => {
                match crate::shell::parse(text).and_then(|line| examine::line(&line, &place)) {
                    Ok((line, uses)) => (shell_or_direct(&line), Ok(uses)),
                    Err(unclear) => (shell(text), Err(unclear)),
                }
            }
        };
        let digest = binding::digest(&request, &argv, &environment, uses.as_deref().ok())?;
        Ok(Self { request, surroundings: surroundings.clone(), argv, environment, uses, digest })
    }

    /// What the rules say to it.
    #[must_use]
    pub fn judge(&self, rules: &Rules) -> Verdict {
        if rules.policy.security == Security::Deny {
            return Verdict::Refuse("commands are switched off here (security is deny)".to_owned());
        }
        if rules.policy.ask == Ask::Always {
            return Verdict::Ask("every command is asked about (ask is always)".to_owned());
        }
        if rules.policy.security == Security::Full {
            return Verdict::Allow(Vec::new());
        }
        match self.listed(rules) {
            Ok(used) => Verdict::Allow(used),
            Err(why) if rules.policy.ask == Ask::Off => Verdict::Refuse(why),
            Err(why) => Verdict::Ask(why),
        }
    }

    /// What holds when nobody answered.
    #[must_use]
    pub fn unanswered(&self, rules: &Rules) -> Verdict {
        let refused = |why: &str| Verdict::Refuse(format!("nobody decided in time, and {why}"));
        match rules.policy.fallback.min(rules.policy.security) {
            Security::Deny => refused("then nothing runs (askFallback is deny)"),
            Security::Full => Verdict::Allow(Vec::new()),
            Security::Allowlist => match self.listed(rules) {
                Ok(used) => Verdict::Allow(used),
                Err(why) => refused(&why),
            },
        }
    }

    /// The entries that allow all of it, or the first thing that none allows.
    fn listed(&self, rules: &Rules) -> Result<Vec<Used>, String> {
        let uses =
            self.uses.as_ref().map_err(|unclear| format!("it cannot be looked into: {unclear}"))?;
        let mut used = Vec::new();
        for program in uses {
            if program.is_safe_filter() {
                continue;
            }
            let real = program.real.display();
            if let Some(why) = program.never_listed() {
                return Err(format!("{real} {why}"));
            }
            let entry = rules.entries.iter().find(|entry| {
                let fits = matching::path_matches(&entry.pattern, &rules.home, &program.real);
                let arguments = match entry.arg_pattern.as_deref() {
                    Some(pattern) => matching::arguments_match(pattern, program.arguments()),
                    None => !program.needs_arguments(),
                };
                fits && arguments
            });
            match entry {
                Some(entry) => {
                    used.extend(entry.id.clone().map(|id| Used { id, path: program.real.clone() }))
                }
                None if program.needs_arguments() => {
                    return Err(format!(
                        "{real} can run anything, and is not on the list with exactly these arguments"
                    ));
                }
                None => return Err(format!("{real} is not on the list")),
            }
        }
        Ok(used)
    }

    /// The programs that would run, if all of it is understood.
    #[must_use]
    pub fn uses(&self) -> &[Use] {
        self.uses.as_deref().unwrap_or_default()
    }

    /// Why it is not understood, if it is not.
    #[must_use]
    pub fn unclear(&self) -> Option<&Unclear> {
        self.uses.as_ref().err()
    }

    /// What an "always" would be remembered as; none if it would say too much or too little.
    #[must_use]
    pub fn grants(&self, now_ms: u64) -> Option<Vec<Entry>> {
        let uses = self.uses.as_ref().ok()?;
        let wanted: Vec<&Use> = uses.iter().filter(|program| !program.is_safe_filter()).collect();
        if wanted.is_empty() || !wanted.iter().all(|program| program.is_lasting()) {
            return None;
        }
        let command = self.command();
        let entries = wanted.iter().map(|program| {
            let only = (!program.any_arguments()).then(|| program.arguments());
            Entry::granted(&program.real, only, &command, now_ms)
        });
        Some(entries.collect())
    }

    /// What is asked for, as text that shows everything that is in it.
    #[must_use]
    pub fn command(&self) -> String {
        match &self.request.what {
            What::Shell(text) => visible(text),
            What::Argv(argv) => {
                let words: Vec<String> =
                    argv.iter().map(|word| visible(&as_needed(word))).collect();
                words.join(" ")
            }
        }
    }

    /// What is asked for.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The arguments that would be run, the program's path first.
    #[must_use]
    pub fn argv(&self) -> &[String] {
        &self.argv
    }

    /// The folder it would run in.
    #[must_use]
    pub fn cwd(&self) -> &Path {
        &self.request.cwd
    }

    /// The real path of the first program, if it is known.
    #[must_use]
    pub fn resolved_path(&self) -> Option<&Path> {
        self.uses().first().map(|program| program.real.as_path())
    }

    /// Stands for exactly this: two plans with one digest run the same.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What to run, if everything is still as it was planned.
    ///
    /// # Errors
    /// [`PlanError::Changed`] if it is not.
    pub fn spec(&self, deadline: Option<Duration>) -> Result<Spec, PlanError> {
        let now = Self::new(self.request.clone(), &self.surroundings)?;
        if now.digest != self.digest {
            return Err(PlanError::Changed);
        }
        Ok(Spec {
            argv: self.argv.clone(),
            cwd: self.request.cwd.clone(),
            environment: self.environment.clone(),
            deadline,
        })
    }
}

/// One command needs no shell.
fn shell_or_direct(line: &Line) -> Vec<String> {
    match line.commands.as_slice() {
        [only] if only.redirects.is_empty() => only.argv.clone(),
        _ => shell(&line.render()),
    }
}

fn shell(text: &str) -> Vec<String> {
    let bash = Path::new("/bin/bash");
    let shell = if bash.exists() { "/bin/bash" } else { "/bin/sh" };
    vec![shell.to_owned(), "-c".to_owned(), text.to_owned()]
}

fn as_needed(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { quoted(word) }
}

/// The text with everything written out that would move, hide or reorder what is shown.
#[must_use]
pub fn visible(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let hidden = matches!(c,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
            if c == '\n' {
                vec![c]
            } else if c.is_control() || hidden {
                c.escape_unicode().collect()
            } else {
                vec![c]
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hides_in_what_is_shown() {
        for (text, shown) in [
            ("ls -l", "ls -l"),
            ("ls\u{1b}[2K", "ls\\u{1b}[2K"),
            ("a\rb", "a\\u{d}b"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("a\u{200b}b", "a\\u{200b}b"),
            ("é\n世", "é\n世"),
        ] {
            assert_eq!(visible(text), shown);
        }
        assert_eq!(as_needed("a b"), "'a b'");
    }
}
