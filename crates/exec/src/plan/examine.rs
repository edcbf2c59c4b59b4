//! Which programs a line would run.

use std::path::{Path, PathBuf};

use crate::{
    programs::{self, Kind},
    run::{checked_variables, find_program},
    shell::{self, Join, Line, Simple, Unclear},
};

/// Deepest nesting of wrappers and shells.
const MAX_DEPTH: usize = 4;

/// Shells whose `-c` is looked into: the text is written anew for them, in what all of them share.
const KNOWN_SHELLS: &[&str] = &["sh", "bash", "dash", "ash", "ksh"];

/// One program that would run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Where it was found.
    pub found: PathBuf,
    /// The file that is, with every link followed.
    pub real: PathBuf,
    argv: Vec<String>,
    kind: Kind,
    /// Whether a command before it decides what it reads.
    piped: bool,
    /// Whether the one who asks can change it, or a file it would run.
    changeable: bool,
    /// Whether it runs where the one who asks can write, and so can leave settings for it.
    at_home: bool,
}

impl Use {
    /// Its arguments.
    #[must_use]
    pub fn arguments(&self) -> &[String] {
        self.argv.get(1..).unwrap_or_default()
    }

    /// Whether it is harmless enough that any arguments may be remembered.
    pub(crate) fn any_arguments(&self) -> bool {
        self.kind == Kind::Plain
    }

    /// Whether its path says nothing about what it does.
    pub(crate) fn needs_arguments(&self) -> bool {
        matches!(self.kind, Kind::Shell | Kind::Interpreter | Kind::Carrier | Kind::Builtin)
    }

    /// Why no list can allow it.
    pub(crate) fn never_listed(&self) -> Option<&'static str> {
        if self.needs_arguments() && self.piped {
            Some("can run anything, and reads what another command writes")
        } else if self.needs_arguments() && self.at_home {
            Some("can run anything, and reads settings from a folder that the agent can change")
        } else if self.kind == Kind::Shell {
            Some("is a shell with something to run that is not looked into")
        } else {
            None
        }
    }

    /// Whether what is remembered of it stays true.
    pub(crate) fn is_lasting(&self) -> bool {
        !self.changeable && self.never_listed().is_none()
    }

    pub(crate) fn is_safe_filter(&self) -> bool {
        programs::is_safe_filter(&self.real, self.arguments())
    }

    /// Whether files it is given may be what it runs.
    pub(super) fn runs_files(&self) -> bool {
        self.kind != Kind::Plain
    }
}

/// Where programs are looked for.
pub(super) struct Place<'p> {
    pub(super) cwd: &'p Path,
    pub(super) search: &'p str,
    pub(super) changeable: &'p [PathBuf],
}

/// What one command runs, with its programs' paths written out.
pub(super) fn argv(argv: &[String], place: &Place<'_>) -> Result<(Vec<String>, Vec<Use>), Unclear> {
    let mut uses = Vec::new();
    let argv = command(argv, false, place, &mut uses, 0)?;
    Ok((argv, uses))
}

/// What a line runs, with its programs' paths written out.
pub(super) fn line(line: &Line, place: &Place<'_>) -> Result<(Line, Vec<Use>), Unclear> {
    let mut uses = Vec::new();
    let line = examined(line, place, &mut uses, 0)?;
    Ok((line, uses))
}

fn examined(
    line: &Line,
    place: &Place<'_>,
    uses: &mut Vec<Use>,
    depth: usize,
) -> Result<Line, Unclear> {
    let commands = line.commands.iter().map(|simple| {
        let piped = simple.join == Join::Pipe;
        let argv = command(&simple.argv, piped, place, uses, depth)?;
        Ok(Simple { argv, ..simple.clone() })
    });
    Ok(Line { commands: commands.collect::<Result<_, Unclear>>()? })
}

fn command(
    argv: &[String],
    piped: bool,
    place: &Place<'_>,
    uses: &mut Vec<Use>,
    depth: usize,
) -> Result<Vec<String>, Unclear> {
    let (name, arguments) =
        argv.split_first().ok_or_else(|| Unclear::new("a command has no name"))?;
    if depth > MAX_DEPTH {
        return Err(Unclear::new("wrappers are nested too deeply"));
    }
    let found = find_program(name, place.cwd, place.search);
    let found = found
        .ok_or_else(|| Unclear::new(format!("there is no program {}", super::visible(name))))?;
    let real = std::fs::canonicalize(&found);
    let real = real.map_err(|_| Unclear::new("a program's real path cannot be told"))?;
    let path = found.to_str().ok_or_else(|| Unclear::new("a program's path is no text"))?;
    let kind = programs::kind_of(name, &found, &real);
    let trusted = found
        .parent()
        .is_some_and(|folder| [Path::new("/bin"), Path::new("/usr/bin")].contains(&folder));
    match kind {
        Kind::Builtin => return Err(Unclear::new(format!("{name} is part of the shell"))),
        Kind::Wrapper(wrapper) if trusted => {
            let inner = programs::unwrap(wrapper, arguments).ok_or_else(|| {
                Unclear::new(format!("{name} is used in a way that is not looked into"))
            })?;
            checked_variables(inner.sets).map_err(|refused| Unclear::new(refused.to_string()))?;
            let before = arguments.len() - inner.argv.len();
            let rest = command(inner.argv, piped, place, uses, depth + 1)?;
            let kept = arguments.iter().take(before).cloned();
            return Ok(std::iter::once(path.to_owned()).chain(kept).chain(rest).collect());
        }
        Kind::Shell if trusted && is_known_shell(name, &real) && !piped => {
            if let Some(text) = programs::shell_text(arguments) {
                let line = examined(&shell::parse(text)?, place, uses, depth + 1)?;
                return Ok(vec![path.to_owned(), "-c".to_owned(), line.render()]);
            }
        }
        Kind::Wrapper(_) => {
            return Err(Unclear::new(format!("{path} is not the {name} of the system")));
        }
        Kind::Plain | Kind::Shell | Kind::Interpreter | Kind::Carrier | Kind::Unknown => {}
    }
    let file_name =
        real.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let tame = kind == Kind::Carrier && trusted && programs::is_tame(&file_name, arguments);
    let within = |path: &Path| place.changeable.iter().any(|folder| path.starts_with(folder));
    let mut program = Use {
        changeable: within(&real),
        at_home: within(place.cwd),
        found: found.clone(),
        real,
        argv: argv.to_vec(),
        kind: if tame { Kind::Plain } else { kind },
        piped,
    };
    // An interpreter's file, or anything it is given from where the one who asks can write.
    program.changeable |= program.runs_files()
        && arguments.iter().any(|argument| {
            let file = super::binding::operand(argument, place.cwd);
            file.is_some_and(|file| program.kind == Kind::Interpreter || within(&file))
        });
    uses.push(program);
    Ok(std::iter::once(path.to_owned()).chain(arguments.iter().cloned()).collect())
}

fn is_known_shell(name: &str, real: &Path) -> bool {
    let last = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    [last(Path::new(name)), last(real)]
        .iter()
        .all(|name| name.as_deref().is_some_and(|name| KNOWN_SHELLS.contains(&name)))
}
