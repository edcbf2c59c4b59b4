//! Flags that name a Gateway, given to a command that works on files of this machine.
//!
//! The parser only knows that the flag is unknown there; a person deserves to hear why.

use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::failure::Failure;

/// Every flag that chooses a Gateway or a credential for it.
const TARGET_FLAGS: [&str; 7] =
    ["--url", "--ssh", "--remote-port", "--token", "--password", "--password-file", "--timeout"];

/// Commands that start a Gateway.
const RUNS_A_GATEWAY: [&str; 2] = ["openclaw gateway", "openclaw gateway run"];

/// The refusal, when that is what happened.
pub(super) fn explain(
    error: &clap::Error,
    command: &Command,
    args: &[OsString],
) -> Option<Failure> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else { return None };
    let flag = TARGET_FLAGS.into_iter().find(|flag| flag == given)?;
    let name = command_name(command, args);
    let work = if RUNS_A_GATEWAY.contains(&name.as_str()) {
        "runs a Gateway on this machine"
    } else {
        "works on files of this machine"
    };
    let failure = Failure::usage(format!("`{name}` {work}, so it takes no `{flag}`"));
    Some(failure.hint(format!("leave out `{flag}`, or run `{name}` on the other machine itself")))
}

/// The command that was meant: as many words as name one.
fn command_name(command: &Command, args: &[OsString]) -> String {
    let mut name = command.get_name().to_owned();
    let mut current = command;
    for word in args.iter().skip(1).filter_map(|word| word.to_str()) {
        if let Some(next) = current.find_subcommand(word) {
            name.push(' ');
            name.push_str(next.get_name());
            current = next;
        }
    }
    name
}
