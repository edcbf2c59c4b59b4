//! Files and folders with their owners and permission bits.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use openclaw_config::{Config, Loaded, Paths};

use crate::facts::{FileFact, LogFact, Role};

/// No folder is read further than this.
const MAX_ENTRIES: usize = 1000;
/// Files of ours and of the original, by their names in the state folder.
const PLAIN: [(&str, Role); 10] = [
    (".env", Role::Env),
    ("gateway-token", Role::Secret),
    ("model-auth.json", Role::ModelKeys),
    ("credentials", Role::Credentials),
    ("gateway.db", Role::Store),
    ("gateway.db-wal", Role::Store),
    ("gateway.db-shm", Role::Store),
    ("gateway.sock", Role::Secret),
    ("node.sock", Role::Secret),
    ("tls/key.pem", Role::TlsKey),
];
/// Folders all of whose files are secret.
const SECRET_FOLDERS: [&str; 2] = ["identity", "clients"];
/// Folders that other computers get a copy of, and whose they are.
const SYNCED: [(&str, &str); 13] = [
    ("Dropbox", "Dropbox"),
    ("OneDrive", "OneDrive"),
    ("Google Drive", "Google Drive"),
    ("GoogleDrive", "Google Drive"),
    ("Mobile Documents", "iCloud"),
    ("iCloud Drive", "iCloud"),
    ("iCloudDrive", "iCloud"),
    ("CloudStorage", "a cloud drive"),
    ("Nextcloud", "Nextcloud"),
    ("ownCloud", "ownCloud"),
    ("pCloudDrive", "pCloud"),
    ("MEGA", "MEGA"),
    ("Syncthing", "Syncthing"),
];
/// Files by which such a folder is known.
const SYNC_MARKS: [(&str, &str); 3] =
    [(".stfolder", "Syncthing"), (".dropbox", "Dropbox"), (".sync", "Resilio Sync")];

pub(super) fn gather(
    paths: &Paths,
    loaded: Option<&Loaded>,
    config: &Config,
    log: &Path,
) -> Vec<FileFact> {
    let state = paths.state_dir();
    let mut found: Vec<(PathBuf, Role)> =
        vec![(state.to_owned(), Role::State), (paths.config_file().to_owned(), Role::Config)];
    let included = loaded.map(Loaded::files).unwrap_or_default();
    found.extend(included.into_iter().skip(1).map(|path| (path, Role::Include)));
    found.extend(PLAIN.into_iter().map(|(name, role)| (state.join(name), role)));
    for folder in SECRET_FOLDERS {
        found.extend(inside(&state.join(folder)).map(|path| (path, Role::Secret)));
    }
    for agent in inside(&state.join("agents")) {
        found.push((agent.join("agent/auth-profiles.json"), Role::ModelKeys));
        found.push((agent.join("sessions/sessions.json"), Role::Store));
    }
    found.push((log.to_owned(), Role::Log));
    let key = config.gateway.tls.key_path.as_deref();
    found.extend(key.map(|path| (paths.expand(path), Role::TlsKey)));
    found.into_iter().filter_map(|(path, role)| look(path, role)).collect()
}

fn look(path: PathBuf, role: Role) -> Option<FileFact> {
    let meta = std::fs::metadata(&path).ok()?;
    let link = std::fs::read_link(&path).ok();
    Some(FileFact { role, mode: meta.mode() & 0o777, uid: meta.uid(), link, path })
}

/// What is in a folder, in order.
pub(super) fn inside(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).take(MAX_ENTRIES).collect();
    paths.sort();
    paths.into_iter()
}

/// Whose service copies the folder, if one does.
pub(super) fn synced(state: &Path) -> Option<String> {
    let real = state.canonicalize().unwrap_or_else(|_| state.to_owned());
    let by_name = real.components().find_map(|part| {
        let part = part.as_os_str().to_string_lossy();
        let is = |name: &str| part == name || part.starts_with(&format!("{name} - "));
        SYNCED.iter().find(|(name, _)| is(name)).map(|(_, service)| *service)
    });
    let by_mark = || {
        real.ancestors().find_map(|folder| {
            let marked = |mark: &str| folder.join(mark).exists();
            SYNC_MARKS.iter().find(|(mark, _)| marked(mark)).map(|(_, service)| *service)
        })
    };
    by_name.or_else(by_mark).map(str::to_owned)
}

/// The log file, and the folder above it that everybody may write to. One that the configuration does not
/// name is in the state folder, for which there are checks of its own.
pub(super) fn log(path: PathBuf, is_named: bool) -> LogFact {
    let mode = |folder: &Path| std::fs::metadata(folder).map(|meta| meta.mode());
    let shared = path
        .ancestors()
        .skip(1)
        // A private folder below the shared one is as good as any other place.
        .take_while(|folder| mode(folder).map_or(true, |mode| mode & 0o077 != 0))
        .find(|folder| mode(folder).is_ok_and(|mode| mode & 0o002 != 0))
        .filter(|_| is_named)
        .map(Path::to_path_buf);
    LogFact { path, shared }
}
