//! What programs are known to do with their arguments.
//!
//! A program that runs whatever it is told, or loads code, cannot be allowed by its path alone: the path
//! says nothing about what would happen. Such a one is allowed with exactly its arguments, or asked about
//! each time.

mod names;

use std::path::Path;

use names::{BUILTINS, CARRIERS, FIND_TESTS, INTERPRETERS, PLAIN, SHELLS};

/// What a program is, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Reads, prints or measures; its arguments make it run nothing else.
    Plain,
    /// A shell: `-c` is looked into.
    Shell,
    /// Runs the command that its arguments name: those are looked into.
    Wrapper(Wrapper),
    /// Runs code in its arguments, in a file, or in its input.
    Interpreter,
    /// Runs other programs in ways that are not looked into.
    Carrier,
    /// Is part of the shell, and means something else there.
    Builtin,
    /// Nothing is known of it.
    Unknown,
}

/// Wrappers whose arguments are looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrapper {
    Env,
    Nice,
    Nohup,
    Stdbuf,
    Timeout,
}

/// What a program is, by one of its names. Two names of one program may differ; the worse counts.
pub(crate) fn kind_of(written: &str, found: &Path, real: &Path) -> Kind {
    let last = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let names = [last(Path::new(written)), last(found), last(real)];
    let kinds = names.iter().flatten().map(|name| kind_by_name(name));
    kinds.max_by_key(|kind| rank(*kind)).unwrap_or(Kind::Unknown)
}

/// How careful to be, most careful last.
fn rank(kind: Kind) -> u8 {
    match kind {
        // A wrapper that is found to be something else (one program of many names) is that.
        Kind::Plain => 0,
        Kind::Unknown => 1,
        Kind::Wrapper(_) => 2,
        Kind::Shell => 3,
        Kind::Interpreter => 4,
        Kind::Carrier => 5,
        Kind::Builtin => 6,
    }
}

fn kind_by_name(name: &str) -> Kind {
    // Case matters not on every file system.
    let lower = name.to_ascii_lowercase();
    let lower = lower.strip_suffix(".exe").unwrap_or(&lower);
    // `python3.11`, `lua5.4`, `gcc-12`, `ld-linux-x86-64.so.2`, `x86_64-linux-gnu-gcc-12`
    let base = lower.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    let cross = base.rsplit_once("-gnu-").map_or(base, |(_, tool)| tool);
    if lower.starts_with("ld-linux") || lower.starts_with("ld-musl") || lower.starts_with("ld64") {
        return Kind::Carrier;
    }
    for name in [lower, base, cross] {
        let wrapper = match name {
            "env" => Some(Wrapper::Env),
            "nice" => Some(Wrapper::Nice),
            "nohup" => Some(Wrapper::Nohup),
            "stdbuf" => Some(Wrapper::Stdbuf),
            "timeout" => Some(Wrapper::Timeout),
            _ => None,
        };
        if let Some(wrapper) = wrapper {
            return Kind::Wrapper(wrapper);
        }
        for (list, kind) in [
            (BUILTINS, Kind::Builtin),
            (SHELLS, Kind::Shell),
            (INTERPRETERS, Kind::Interpreter),
            (CARRIERS, Kind::Carrier),
            (PLAIN, Kind::Plain),
        ] {
            if list.split_whitespace().any(|known| known.eq_ignore_ascii_case(name)) {
                return kind;
            }
        }
    }
    Kind::Unknown
}

/// Whether a program that could run others does not with these arguments.
pub(crate) fn is_tame(name: &str, arguments: &[String]) -> bool {
    match name {
        "sort" => arguments.iter().all(|argument| {
            argument.strip_prefix('-').is_none_or(|letters| {
                !letters.is_empty()
                    && letters.chars().all(|c| "bdfghiMnRrsuVz0123456789k,.".contains(c))
            })
        }),
        "find" => arguments.iter().filter(|argument| argument.starts_with('-')).all(|argument| {
            FIND_TESTS.split_whitespace().any(|test| test == argument)
                || argument.get(1..).is_some_and(|rest| rest.parse::<u32>().is_ok())
        }),
        _ => false,
    }
}

/// What a wrapper runs: the position in its arguments, and the variables it sets.
pub(crate) struct Inner<'a> {
    pub(crate) argv: &'a [String],
    pub(crate) sets: Vec<(String, String)>,
}

/// Finds the command that a wrapper runs; none if the arguments are not exactly of the known form.
pub(crate) fn unwrap(wrapper: Wrapper, arguments: &[String]) -> Option<Inner<'_>> {
    let (with_value, flags): (&[&str], &[&str]) = match wrapper {
        Wrapper::Env => (&["-u", "--unset"], &["-i", "--ignore-environment", "-"]),
        Wrapper::Nice => (&["-n", "--adjustment"], &[]),
        Wrapper::Nohup => (&[], &[]),
        Wrapper::Stdbuf => (&["-i", "-o", "-e", "--input", "--output", "--error"], &[]),
        Wrapper::Timeout => (
            &["-s", "--signal", "-k", "--kill-after"],
            &["--foreground", "--preserve-status", "-v", "--verbose"],
        ),
    };
    let mut rest = arguments;
    while let Some((first, after)) = rest.split_first() {
        if first == "--" {
            rest = after;
            break;
        }
        if !first.starts_with('-') {
            break;
        }
        if flags.contains(&first.as_str()) {
            rest = after;
        } else if with_value.contains(&first.as_str()) {
            rest = after.split_first()?.1;
        } else {
            let long = first.split_once('=').filter(|(name, _)| name.starts_with("--"));
            let short = first.get(..2).filter(|name| with_value.contains(name));
            if !long.is_some_and(|(name, _)| with_value.contains(&name)) && short.is_none() {
                return None;
            }
            rest = after;
        }
    }
    let mut sets = Vec::new();
    match wrapper {
        Wrapper::Env => {
            while let Some((first, after)) = rest.split_first() {
                let Some((name, value)) = first.split_once('=') else { break };
                sets.push((name.to_owned(), value.to_owned()));
                rest = after;
            }
        }
        Wrapper::Timeout => {
            let (duration, after) = rest.split_first()?;
            let digits = duration.trim_end_matches(['s', 'm', 'h', 'd']);
            if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit() || c == '.') {
                return None;
            }
            rest = after;
        }
        Wrapper::Nice | Wrapper::Nohup | Wrapper::Stdbuf => {}
    }
    (!rest.is_empty()).then_some(Inner { argv: rest, sets })
}

/// The text a shell is given with `-c`, if that is all it is given.
pub(crate) fn shell_text(arguments: &[String]) -> Option<&str> {
    match arguments {
        [flag, text] if flag == "-c" => Some(text),
        [flag, dashes, text] if flag == "-c" && dashes == "--" => Some(text),
        _ => None,
    }
}

/// Programs that only change what they are given on their standard input, needing no entry of their own;
/// with these arguments they touch no file.
pub(crate) fn is_safe_filter(real: &Path, arguments: &[String]) -> bool {
    let trusted =
        ["/bin", "/usr/bin"].iter().any(|folder| real.parent() == Some(Path::new(folder)));
    let name = real.file_name().map(|name| name.to_string_lossy());
    let number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let set = |text: &str| !text.starts_with('-') || text.len() == 1;
    trusted
        && match (name.as_deref(), arguments) {
            (Some("wc"), []) => true,
            (Some("wc"), [flag]) => matches!(flag.as_str(), "-l" | "-w" | "-c" | "-m" | "-L"),
            (Some("uniq"), []) => true,
            (Some("uniq"), [flag]) => matches!(flag.as_str(), "-c" | "-d" | "-u" | "-i"),
            (Some("head" | "tail"), []) => true,
            (Some("head" | "tail"), [flag]) => {
                flag.strip_prefix("-n").is_some_and(number)
                    || flag.strip_prefix('-').is_some_and(number)
            }
            (Some("head" | "tail"), [flag, count]) => {
                matches!(flag.as_str(), "-n" | "-c") && number(count)
            }
            (Some("tr"), [from]) => set(from),
            (Some("tr"), [flag, from]) if flag == "-d" || flag == "-s" => set(from),
            (Some("tr"), [from, to]) => set(from) && set(to),
            (Some("cut"), [flag]) => {
                ["-f", "-c", "-b"].iter().any(|f| flag.starts_with(f) && flag.len() > 2)
            }
            (Some("cut"), [delimiter, fields]) => {
                delimiter.starts_with("-d")
                    && delimiter.len() > 2
                    && fields.starts_with("-f")
                    && fields.len() > 2
            }
            _ => false,
        }
}
