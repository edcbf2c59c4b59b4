//! Writes the generated documents: `docs/protocol.{md,json}`, `docs/configuration.md`, `docs/cli.md`,
//! `docs/security-audit.md`, and the types of the browser interface, `ui/src/lib/protocol.ts`.
//!
//! Started by `cargo xtask gen [--check]`, as
//! `openclaw-docgen --binary OPENCLAW --root WORKSPACE [--check]`. Each document is a pure function of
//! the table or type it describes; with `--check` nothing is written and a difference is a failure.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

mod cli;
mod configuration;
mod protocol;
mod schema;
mod security_audit;
mod table;
mod typescript;

struct Options {
    binary: PathBuf,
    root: PathBuf,
    check: bool,
}

fn main() -> anyhow::Result<()> {
    let options = options(std::env::args().skip(1))?;
    let documents = [
        ("docs/protocol.md", protocol::page()),
        ("docs/protocol.json", protocol::rows()?),
        ("docs/configuration.md", configuration::page()?),
        ("docs/cli.md", cli::page(&options.binary)?),
        ("docs/security-audit.md", security_audit::page()),
        ("ui/src/lib/protocol.ts", typescript::page()),
    ];
    let mut stale = Vec::new();
    for (path, text) in documents {
        let full = options.root.join(path);
        if options.check {
            stale.extend(difference(&full, &text).map(|line| format!("{path}:{line}")));
        } else {
            fs::write(&full, &text).with_context(|| format!("failed to write {path}"))?;
            writeln!(std::io::stdout(), "wrote {path}")?;
        }
    }
    if !stale.is_empty() {
        bail!("not up to date: {} (write them with `cargo xtask gen`)", stale.join(", "));
    }
    Ok(())
}

fn options(mut words: impl Iterator<Item = String>) -> anyhow::Result<Options> {
    let (mut binary, mut root, mut check) = (None, None, false);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--binary" => binary = words.next(),
            "--root" => root = words.next(),
            "--check" => check = true,
            other => bail!("unknown argument `{other}`"),
        }
    }
    Ok(Options {
        binary: binary.context("--binary is missing")?.into(),
        root: root.context("--root is missing")?.into(),
        check,
    })
}

/// The first line in which the file differs from what it should be.
fn difference(path: &Path, wanted: &str) -> Option<usize> {
    let found = fs::read_to_string(path).unwrap_or_default();
    if found == wanted {
        return None;
    }
    let same = found.lines().zip(wanted.lines()).take_while(|(a, b)| a == b).count();
    Some(same + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_required() {
        let words = |line: &str| options(line.split(' ').map(str::to_owned));
        assert!(words("--binary a --root b --check").is_ok_and(|options| options.check));
        assert!(words("--binary a").is_err());
        assert!(words("--binary a --root b --what").is_err());
    }
}
