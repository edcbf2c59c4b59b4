//! What an approval is bound to.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{PlanError, Request, Use, What};

/// Largest script that is read, in bytes.
const MAX_SCRIPT: u64 = 16 * 1024 * 1024;

/// Names that say that a file is run rather than read.
const SCRIPT_ENDINGS: &[&str] = &[
    "awk", "bash", "bat", "cjs", "fish", "gd", "jq", "js", "jsx", "ksh", "lua", "mjs", "mk", "php",
    "pl", "pm", "ps1", "py", "pyw", "r", "rb", "scm", "sed", "sh", "sql", "tcl", "ts", "tsx",
    "vim", "zsh",
];

/// The digest over everything that decides what is run.
pub(super) fn digest(
    request: &Request,
    argv: &[String],
    environment: &[(String, String)],
    uses: Option<&[Use]>,
) -> Result<String, PlanError> {
    let mut hash = Sha256::new();
    let mut field = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    field(b"openclaw exec plan 1");
    match &request.what {
        What::Argv(_) => field(b"argv"),
        What::Shell(text) => field(text.as_bytes()),
    }
    field(&(argv.len() as u64).to_be_bytes());
    argv.iter().for_each(|word| field(word.as_bytes()));
    field(request.cwd.as_os_str().as_encoded_bytes());
    let mut variables: Vec<_> = environment.iter().collect();
    variables.sort();
    for (name, value) in variables {
        field(name.as_bytes());
        field(value.as_bytes());
    }
    for program in uses.unwrap_or_default() {
        field(program.found.as_os_str().as_encoded_bytes());
        field(program.real.as_os_str().as_encoded_bytes());
    }
    for file in files(request, argv, uses) {
        field(file.as_os_str().as_encoded_bytes());
        field(&content(&file)?);
    }
    Ok(hex::encode(hash.finalize()))
}

/// The files that are run, or may be.
fn files(request: &Request, argv: &[String], uses: Option<&[Use]>) -> Vec<PathBuf> {
    let cwd = &request.cwd;
    let mut files: Vec<PathBuf> = match uses {
        Some(uses) => uses
            .iter()
            .flat_map(|program| {
                let own = is_script(&program.real).then(|| program.real.clone());
                let given = program.arguments().iter().filter_map(|word| operand(word, cwd));
                let given = given.filter(|file| program.runs_files() && may_be_run(program, file));
                own.into_iter().chain(given)
            })
            .collect(),
        // Not understood: every word that names a script.
        None => {
            let texts: Vec<&str> = match &request.what {
                What::Shell(text) => vec![text],
                What::Argv(_) => argv.iter().map(String::as_str).collect(),
            };
            let apart = |c: char| c.is_whitespace() || "'\"`;|&()<>={}".contains(c);
            texts
                .iter()
                .flat_map(|text| text.split(apart))
                .filter_map(|word| operand(word, cwd))
                .filter(|file| is_script(file))
                .collect()
        }
    };
    files.sort();
    files.dedup();
    files
}

fn may_be_run(program: &Use, file: &Path) -> bool {
    program.needs_arguments() || is_script(file)
}

/// The file that an argument names, alone or after the `=` of an option.
pub(super) fn operand(argument: &str, cwd: &Path) -> Option<PathBuf> {
    let value = argument.split_once('=').map(|(_, value)| value);
    let glued = argument.strip_prefix('-').and_then(|rest| rest.get(1..));
    [Some(argument), value, glued]
        .into_iter()
        .flatten()
        .filter(|name| !name.is_empty())
        .map(|name| cwd.join(name))
        .find_map(|path| std::fs::canonicalize(path).ok().filter(|real| real.is_file()))
}

fn is_script(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    if ending.is_some_and(|ending| SCRIPT_ENDINGS.contains(&ending.as_str())) {
        return true;
    }
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase());
    if name
        .is_some_and(|name| name.contains("makefile") || name == "justfile" || name == "rakefile")
    {
        return true;
    }
    let Ok(mut file) = File::open(path) else { return false };
    let runnable = file.metadata().is_ok_and(|found| found.permissions().mode() & 0o111 != 0);
    let mut start = [0; 4];
    let read = file.read(&mut start).unwrap_or(0);
    let start = start.get(..read).unwrap_or_default();
    start.starts_with(b"#!") || (runnable && !start.starts_with(b"\x7fELF") && !in_system(path))
}

/// Where only the system's owner writes.
fn in_system(path: &Path) -> bool {
    ["/usr", "/bin", "/sbin", "/lib", "/opt", "/nix"].iter().any(|folder| path.starts_with(folder))
}

fn content(path: &Path) -> Result<[u8; 32], PlanError> {
    let file = File::open(path).map_err(|_| PlanError::Unreadable(path.to_owned()))?;
    let mut hash = Sha256::new();
    let mut limited = file.take(MAX_SCRIPT + 1);
    let copied = io::copy(&mut limited, &mut HashWriter(&mut hash));
    match copied {
        Ok(length) if length > MAX_SCRIPT => Err(PlanError::TooLarge(path.to_owned())),
        Ok(_) => Ok(hash.finalize().into()),
        Err(_) => Err(PlanError::Unreadable(path.to_owned())),
    }
}

struct HashWriter<'h>(&'h mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
