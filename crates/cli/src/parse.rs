//! The command line as a whole: reading it, and explaining one that cannot be used.

mod refusal;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser};

use crate::args::GlobalArgs;
use crate::commands::Command;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{OutputOptions, Printer};

/// Run, reach and look after an OpenClaw Gateway.
#[derive(Debug, Parser)]
#[command(name = "openclaw", version, propagate_version = false, max_term_width = 100)]
#[command(after_help = "Exit codes and every flag: docs/cli.md")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The command line, or what to print instead and how to end.
pub(crate) enum Parsed {
    /// Run this.
    Run(Box<Cli>),
    /// Help, version or a refusal was printed.
    Printed(ExitCode),
}

/// Reads the command line.
pub(crate) fn parse(args: &[OsString], plain: bool) -> Parsed {
    let given = |flag: &str| args.iter().any(|arg| arg == flag);
    let plain = plain || given("--no-color");
    let mut command = Cli::command();
    if plain {
        command = command.color(clap::ColorChoice::Never);
    }
    let options = OutputOptions { json: given("--json"), plain };
    let parsed =
        command.try_get_matches_from_mut(args).and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => Parsed::Run(Box::new(cli)),
        Err(error) => Parsed::Printed(explain(&error, &command, args, options)),
    }
}

fn explain(
    error: &clap::Error,
    command: &clap::Command,
    args: &[OsString],
    options: OutputOptions,
) -> ExitCode {
    if !error.use_stderr() {
        // A closed pipe under `--help | head` is fine.
        drop(error.print());
        return ExitCode::Done;
    }
    let refusal = refusal::explain(error, command, args);
    if options.json || refusal.is_some() {
        let failure = refusal.unwrap_or_else(|| plain_usage(error));
        Printer::new(options).failure(&failure);
    } else {
        drop(error.print());
    }
    ExitCode::Usage
}

/// A usage error as a failure: clap's first paragraph, without its colours.
fn plain_usage(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let first = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
    Failure::usage(first.trim()).hint("openclaw --help")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a document that a reader would type.
    fn typed(text: &str) -> Vec<String> {
        let mut inside = false;
        let mut found = Vec::new();
        for line in text.replace("\\\n", " ").lines() {
            if line.trim_start().starts_with("```") {
                inside = !inside && (line.contains("console") || line.contains("sh"));
            } else if inside {
                let line = line.trim().trim_start_matches("$ ").trim_start_matches("sudo ");
                found.extend(line.starts_with("openclaw ").then(|| line.to_owned()));
            }
        }
        found
    }

    fn documents(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                documents(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }

    #[test]
    fn every_command_line_in_the_documents_is_one() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut files = vec![root.join("README.md"), root.join("SECURITY.md")];
        documents(&root.join("docs"), &mut files);
        let (mut bad, mut seen) = (Vec::new(), 0);
        for file in files {
            for line in typed(&std::fs::read_to_string(&file).unwrap()) {
                let words = shlex::split(&line).unwrap_or_default();
                seen += 1;
                if let Err(error) = Cli::command().try_get_matches_from(words)
                    && error.use_stderr()
                {
                    let why = error.to_string();
                    bad.push(format!(
                        "{}: {line}: {}",
                        file.display(),
                        why.lines().next().unwrap()
                    ));
                }
            }
        }
        assert!(seen > 40, "only {seen} lines were found");
        assert!(bad.is_empty(), "{bad:#?}");
    }

    #[test]
    fn the_command_table_is_consistent() {
        Cli::command().debug_assert();
    }
}
