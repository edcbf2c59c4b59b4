//! Processes, sockets, unit files and shell histories.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{Sources, files::inside, sshd};
use crate::facts::{ListenFact, Machine, ProcessFact, TextFact};

/// The last part of a file that is searched, in bytes.
const MAX_TEXT: u64 = 4 * 1024 * 1024;
/// Most processes that are looked at.
const MAX_PROCESSES: usize = 10_000;
/// Shell histories in the home folder.
const HISTORIES: [&str; 6] = [
    ".bash_history",
    ".zsh_history",
    ".zhistory",
    ".ash_history",
    ".histfile",
    ".local/share/fish/fish_history",
];
/// Where services of the system and of a user are described.
const SYSTEM_UNITS: [&str; 3] = ["etc/systemd/system", "Library/LaunchDaemons", "etc/systemd/user"];
const USER_UNITS: [&str; 2] = [".config/systemd/user", "Library/LaunchAgents"];

pub(super) fn gather(sources: &Sources<'_>) -> Machine {
    let root = &sources.root;
    let home = sources.paths.home();
    let folders = SYSTEM_UNITS.iter().map(|folder| root.join(folder));
    let folders = folders.chain(USER_UNITS.iter().map(|folder| home.join(folder)));
    Machine {
        processes: processes(&root.join("proc")),
        listeners: listeners(&root.join("proc")),
        sshd: sshd::read(&root.join("etc/ssh/sshd_config")),
        units: folders.flat_map(|folder| units(&folder)).collect(),
        histories: HISTORIES.iter().filter_map(|name| text(home.join(name))).collect(),
    }
}

#[cfg(target_os = "linux")]
fn processes(proc: &Path) -> Vec<ProcessFact> {
    let Ok(all) = procfs::process::all_processes_with_root(proc) else { return Vec::new() };
    let found = all.take(MAX_PROCESSES).flatten().filter_map(|process| {
        let argv = process.cmdline().ok().filter(|argv| !argv.is_empty())?;
        Some(ProcessFact { pid: process.pid(), uid: process.uid().ok()?, argv })
    });
    found.collect()
}

#[cfg(not(target_os = "linux"))]
fn processes(_proc: &Path) -> Vec<ProcessFact> {
    Vec::new()
}

#[cfg(target_os = "linux")]
fn listeners(proc: &Path) -> Vec<ListenFact> {
    use procfs::{FromBufReadSI, net};

    let table = |name: &str| {
        let file = File::open(proc.join("net").join(name)).ok()?;
        let reader = std::io::BufReader::new(file);
        let system = procfs::current_system_info();
        net::TcpNetEntries::from_buf_read(reader, system).ok().map(|table| table.0)
    };
    let all = ["tcp", "tcp6"].into_iter().filter_map(table).flatten();
    all.filter(|entry| entry.state == net::TcpState::Listen)
        .map(|entry| ListenFact { address: entry.local_address, uid: entry.uid })
        .collect()
}

#[cfg(not(target_os = "linux"))]
fn listeners(_proc: &Path) -> Vec<ListenFact> {
    Vec::new()
}

/// Unit files of OpenClaw in a folder, with what is added to them beside.
fn units(folder: &Path) -> Vec<TextFact> {
    let ours = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        ["openclaw", "clawdbot", "moltbot"].iter().any(|word| name.contains(word))
    };
    let found = inside(folder).filter(|path| ours(path));
    let files = found.flat_map(|path| {
        if path.is_dir() { inside(&path).collect::<Vec<PathBuf>>() } else { vec![path] }
    });
    files.filter_map(text).collect()
}

fn text(path: PathBuf) -> Option<TextFact> {
    let mut file = File::open(&path).ok()?;
    let meta = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    if meta.len() > MAX_TEXT {
        file.seek(SeekFrom::Start(meta.len() - MAX_TEXT)).ok()?;
    }
    let mut bytes = Vec::new();
    file.take(MAX_TEXT).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Some(TextFact { path, mode: meta.mode() & 0o777, text })
}
