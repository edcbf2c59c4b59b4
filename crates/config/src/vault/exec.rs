//! Secrets from a program: asked over standard input, answered as JSON on standard output.
//!
//! The program is started directly (no shell), with only the variables it was given, in a process
//! group of its own. It is ended when it overstays its deadline, stays silent too long, or answers
//! more than it may. What it prints is never shown: it may hold secrets.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use secrecy::SecretString;
use serde::Deserialize;

use crate::env::Environment;
use crate::schema::SecretProvider;

/// Longest run, in milliseconds, and largest answer, in bytes, unless the configuration says more.
const TIMEOUT_MS: u64 = 5_000;
const MAX_OUTPUT_BYTES: u64 = 1024 * 1024;
const CHUNK_BYTES: usize = 8 * 1024;
/// Refusals that are passed on to a person.
const SHOWN_CODES: [&str; 2] = ["NOT_FOUND", "AMBIGUOUS_DUPLICATE_KEY"];
/// Chunks that may wait between the reading thread and the caller.
const CHUNKS: usize = 4;

/// Asks the program for one secret.
pub(super) fn ask(
    provider: &SecretProvider,
    name: &str,
    id: &str,
    env: &Environment,
    expand: &dyn Fn(&str) -> PathBuf,
) -> Result<SecretString, String> {
    let SecretProvider::Exec {
        command,
        args,
        timeout_ms,
        no_output_timeout_ms,
        max_output_bytes,
        json_only,
        env: given,
        pass_env,
        trusted_dirs,
    } = provider
    else {
        return Err(format!("secrets.providers.{name} is not a program"));
    };
    let command = command.as_deref().ok_or("the source names no command (plug-ins are not run)")?;
    let path = Path::new(command);
    let trusted = trusted_dirs.as_ref();
    let trusted = trusted.map(|dirs| dirs.iter().map(|dir| expand(dir)).collect::<Vec<_>>());
    check_program(path, trusted.as_deref())?;

    let limits = Limits {
        total: Duration::from_millis(timeout_ms.unwrap_or(TIMEOUT_MS)),
        silence: Duration::from_millis(no_output_timeout_ms.or(*timeout_ms).unwrap_or(TIMEOUT_MS)),
        bytes: max_output_bytes.unwrap_or(MAX_OUTPUT_BYTES),
    };
    let mut child = Command::new(path);
    child.args(args).env_clear().envs(given);
    child.envs(pass_env.iter().filter_map(|name| Some((name, env.get(name)?))));
    let request = serde_json::json!({ "protocolVersion": 1, "provider": name, "ids": [id] });
    let output = run(&mut child, &format!("{request}\n"), &limits)?;
    read_answer(&output, id, *json_only)
}

struct Limits {
    total: Duration,
    silence: Duration,
    bytes: u64,
}

/// A program that others could replace would be handed our secrets' names, and could answer lies.
fn check_program(path: &Path, trusted: Option<&[PathBuf]>) -> Result<(), String> {
    let shown = path.display();
    if !path.is_absolute() {
        return Err(format!("{shown} must be an absolute path"));
    }
    let meta = std::fs::symlink_metadata(path).map_err(|error| format!("{shown}: {error}"))?;
    if !meta.is_file() {
        return Err(format!("{shown} must be a regular file, not a link"));
    }
    let own = rustix::process::getuid().as_raw();
    if meta.uid() != own && meta.uid() != 0 || meta.mode() & 0o022 != 0 {
        return Err(format!(
            "{shown} must belong to this user or root, and be writable by no other"
        ));
    }
    match trusted {
        Some(dirs) if !dirs.iter().any(|dir| path.starts_with(dir)) => {
            Err(format!("{shown} is in none of the trusted folders"))
        }
        _ => Ok(()),
    }
}

enum Event {
    Output(Vec<u8>),
    Ended(std::io::Result<ExitStatus>),
}

/// Starts the program, sends the request, and collects the answer until the program ends.
fn run(command: &mut Command, request: &str, limits: &Limits) -> Result<Vec<u8>, String> {
    let mut child = command
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("the program did not start: {error}"))?;
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input may have closed it; its answer decides.
        stdin.write_all(request.as_bytes()).ok();
    }
    let (events, inbox) = mpsc::sync_channel(CHUNKS);
    // The thread ends with the program, which is ended below at the latest.
    std::thread::spawn(move || watch(child, &events));
    let answer = collect(&inbox, limits);
    if answer.is_err()
        && let Some(group) = group
    {
        // Already gone is as good as ended.
        rustix::process::kill_process_group(group, Signal::KILL).ok();
    }
    answer
}

/// Passes on what the program prints, and reaps it.
fn watch(mut child: Child, events: &SyncSender<Event>) {
    if let Some(mut stdout) = child.stdout.take() {
        let mut buffer = vec![0; CHUNK_BYTES];
        while let Ok(count @ 1..) = stdout.read(&mut buffer) {
            let chunk = buffer.get(..count).unwrap_or_default().to_vec();
            if events.send(Event::Output(chunk)).is_err() {
                break;
            }
        }
    }
    // The caller may have given up; the program is reaped all the same.
    events.send(Event::Ended(child.wait())).ok();
}

fn collect(inbox: &Receiver<Event>, limits: &Limits) -> Result<Vec<u8>, String> {
    let started = Instant::now();
    let mut output = Vec::new();
    loop {
        let left = limits.total.saturating_sub(started.elapsed());
        match inbox.recv_timeout(left.min(limits.silence)) {
            Ok(Event::Output(chunk)) => output.extend_from_slice(&chunk),
            Ok(Event::Ended(Ok(status))) if status.success() => return Ok(output),
            Ok(Event::Ended(Ok(status))) => return Err(format!("the program failed ({status})")),
            Ok(Event::Ended(Err(error))) => return Err(error.to_string()),
            Err(_) => return Err("the program did not answer in time".to_owned()),
        }
        if u64::try_from(output.len()).unwrap_or(u64::MAX) > limits.bytes {
            return Err(format!("the program answered more than {} bytes", limits.bytes));
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    protocol_version: u32,
    #[serde(default)]
    values: BTreeMap<String, String>,
    #[serde(default)]
    errors: BTreeMap<String, Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: Option<String>,
}

fn read_answer(output: &[u8], id: &str, json_only: bool) -> Result<SecretString, String> {
    let text = std::str::from_utf8(output).map_err(|_| "the answer is not UTF-8".to_owned())?;
    let answer: Answer = match serde_json::from_str(text) {
        Ok(answer) => answer,
        Err(_) if json_only => return Err("the answer is not the expected JSON".to_owned()),
        Err(_) => {
            let value = text.trim_end_matches(['\r', '\n']);
            return match value {
                "" => Err("the answer is empty".to_owned()),
                value => Ok(SecretString::from(value.to_owned())),
            };
        }
    };
    if answer.protocol_version != 1 {
        return Err("the answer has another protocol version than 1".to_owned());
    }
    // Only the codes that are known to be codes are shown; anything else might be a secret.
    let code = answer.errors.get(id).map(|refusal| refusal.code.as_deref().unwrap_or_default());
    let code = code.map(|code| if SHOWN_CODES.contains(&code) { code } else { "refused" });
    if let Some(code) = code {
        return Err(format!("the program says {code}"));
    }
    let value = answer.values.get(id).filter(|value| !value.is_empty());
    let value = value.ok_or_else(|| "the answer lacks this secret".to_owned())?;
    Ok(SecretString::from(value.clone()))
}
