//! Files of an agent's workspace, and no others.
//!
//! A path is walked from the workspace's folder, one open folder after the other, and no link is
//! followed: there is no moment between looking and opening in which a name could come to mean something
//! else.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::MetadataExt as _,
    },
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use openclaw_protocol::ids::AgentId;
use rustix::fs::{self, Mode, OFlags};
use tokio::sync::watch;

use crate::settings::AgentSettings;

/// Largest file that is read or written, in bytes.
pub(crate) const MAX_FILE: u64 = 8 * 1024 * 1024;
/// Entries of the private folder that are looked at.
const MAX_PRIVATE: usize = 50_000;

/// The workspaces of all agents, as the settings are at the moment.
#[derive(Clone, Debug)]
pub(crate) struct Workspaces(pub(crate) watch::Receiver<Arc<AgentSettings>>);

impl Workspaces {
    /// An agent's folder, made if it is not there.
    pub(crate) fn of(&self, agent: &AgentId) -> Result<Workspace, String> {
        let settings = Arc::clone(&self.0.borrow());
        let folder = settings.profile(agent).and_then(|profile| profile.workspace.clone());
        let folder = folder.ok_or("this agent has no workspace; set agents.defaults.workspace")?;
        openclaw_base::fs::create_private_dir(&folder)
            .and_then(|()| std::fs::canonicalize(&folder))
            .map(|real| Workspace { written: folder, real, private: settings.private_dir.clone() })
            .map_err(|error| format!("the workspace cannot be opened: {error}"))
    }

    /// The folder in which an agent may read a file: that of skills that are shared, if the path lies in
    /// one, else its own.
    pub(crate) fn to_read(&self, agent: &AgentId, path: &str) -> Result<Workspace, String> {
        let settings = Arc::clone(&self.0.borrow());
        let mut shared = settings.skills.shared().filter_map(|folder| {
            let real = std::fs::canonicalize(folder).ok()?;
            Some(Workspace {
                written: folder.to_owned(),
                real,
                private: settings.private_dir.clone(),
            })
        });
        let path = Path::new(path);
        let around = |folder: &Workspace| {
            path.starts_with(&folder.written) || path.starts_with(&folder.real)
        };
        shared.find(around).map_or_else(|| self.of(agent), Ok)
    }
}

/// One workspace.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    /// As the settings have it.
    written: PathBuf,
    /// With every link followed.
    pub(crate) real: PathBuf,
    /// Files of this folder are not the agent's, under whatever name.
    private: Option<PathBuf>,
}

/// A file in a workspace: the folder it is in, and its name there.
pub(crate) struct Place {
    folder: OwnedFd,
    name: std::ffi::OsString,
    /// For people.
    pub(crate) shown: String,
    private: Option<PathBuf>,
    /// The workspace, which may lie in the private folder.
    own: PathBuf,
}

impl Workspace {
    /// The steps from the workspace's folder to what a path means.
    fn steps(&self, path: &str) -> Result<Vec<std::ffi::OsString>, String> {
        let outside = || {
            format!(
                "{path:?} is outside of the workspace {}; only files within it can be used",
                self.written.display()
            )
        };
        if path.contains('\0') || path.is_empty() {
            return Err("the path is empty or malformed".to_owned());
        }
        let path = Path::new(path);
        let within = if path.is_absolute() {
            let stripped =
                path.strip_prefix(&self.real).or_else(|_| path.strip_prefix(&self.written));
            stripped.map_err(|_| outside())?
        } else {
            path
        };
        let mut steps = Vec::new();
        for component in within.components() {
            match component {
                Component::Normal(name) => steps.push(name.to_owned()),
                Component::CurDir => {}
                Component::ParentDir => {
                    steps.pop().ok_or_else(outside)?;
                }
                Component::RootDir | Component::Prefix(_) => return Err(outside()),
            }
        }
        Ok(steps)
    }

    /// Finds a file's place; `make` makes the folders that are missing.
    pub(crate) fn place(&self, path: &str, make: bool) -> Result<Place, String> {
        let mut steps = self.steps(path)?;
        let name = steps.pop().ok_or("the path names the workspace, not a file in it")?;
        let told = |step: &Path, error: rustix::io::Errno| match error {
            rustix::io::Errno::NOENT => format!("{} does not exist", step.display()),
            rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR => {
                format!("{} is no folder of the workspace: links are not followed", step.display())
            }
            other => format!("{}: {}", step.display(), io::Error::from(other)),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut folder =
            fs::open(&self.real, flags, Mode::empty()).map_err(|error| told(&self.real, error))?;
        let mut walked = PathBuf::new();
        for step in steps {
            walked.push(&step);
            if make {
                match fs::mkdirat(folder.as_fd(), &step, Mode::from_raw_mode(0o755)) {
                    Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                    Err(error) => return Err(told(&walked, error)),
                }
            }
            folder = fs::openat(folder.as_fd(), &step, flags, Mode::empty())
                .map_err(|error| told(&walked, error))?;
        }
        walked.push(&name);
        let (private, own) = (self.private.clone(), self.real.clone());
        Ok(Place { folder, name, shown: walked.display().to_string(), private, own })
    }
}

impl Place {
    /// Its size and when it was changed, in milliseconds since 1970, if it is a file.
    pub(crate) fn found(&self) -> Option<(u64, u64)> {
        let flags = fs::AtFlags::SYMLINK_NOFOLLOW;
        let found = fs::statat(self.folder.as_fd(), &self.name, flags).ok()?;
        let is_file = fs::FileType::from_raw_mode(found.st_mode) == fs::FileType::RegularFile;
        let seconds = u64::try_from(found.st_mtime).unwrap_or(0);
        let changed = seconds * 1000 + found.st_mtime_nsec / 1_000_000;
        is_file.then(|| (u64::try_from(found.st_size).unwrap_or(0), changed))
    }

    /// The whole file.
    pub(crate) fn read(&self) -> Result<Vec<u8>, String> {
        let told = |error: io::Error| format!("{}: {error}", self.shown);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = fs::openat(self.folder.as_fd(), &self.name, flags, Mode::empty());
        let file = File::from(opened.map_err(|error| match error {
            rustix::io::Errno::NOENT => format!("{} does not exist", self.shown),
            rustix::io::Errno::LOOP => format!("{} is a link, which is not followed", self.shown),
            other => told(other.into()),
        })?);
        let found = file.metadata().map_err(told)?;
        if !found.is_file() {
            return Err(format!("{} is no file", self.shown));
        }
        if found.len() > MAX_FILE {
            return Err(format!(
                "{} has {} bytes; at most {MAX_FILE} are read",
                self.shown,
                found.len()
            ));
        }
        if found.nlink() > 1 && self.is_private((found.dev(), found.ino())) {
            return Err(format!(
                "{} is another name of a file that belongs to the Gateway, and is not read",
                self.shown
            ));
        }
        let mut bytes = Vec::new();
        file.take(MAX_FILE).read_to_end(&mut bytes).map_err(told)?;
        Ok(bytes)
    }

    /// Whether a file of several names has one in the private folder. Many tools make such files, so the
    /// number of names alone says nothing. Of a folder too large to look through all are private.
    fn is_private(&self, file: (u64, u64)) -> bool {
        let Some(private) = &self.private else { return false };
        let mut folders = vec![private.clone()];
        let mut left = MAX_PRIVATE;
        while let Some(folder) = folders.pop() {
            // What cannot be listed by the Gateway has no file of its own.
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            for entry in entries.flatten() {
                left -= 1;
                if left == 0 {
                    return true;
                }
                let Ok(found) = entry.metadata() else { continue };
                if found.is_dir()
                    && std::fs::canonicalize(entry.path()).ok().as_ref() != Some(&self.own)
                {
                    folders.push(entry.path());
                } else if (found.dev(), found.ino()) == file && found.is_file() {
                    return true;
                }
            }
        }
        false
    }

    /// The whole file as text.
    pub(crate) fn read_text(&self) -> Result<String, String> {
        String::from_utf8(self.read()?).map_err(|_| format!("{} is no text", self.shown))
    }

    /// Replaces the file in one step; a link in its place is replaced, not followed.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), String> {
        if bytes.len() as u64 > MAX_FILE {
            return Err(format!(
                "{} bytes are more than the {MAX_FILE} that are written",
                bytes.len()
            ));
        }
        let told = |error: io::Error| format!("{}: {error}", self.shown);
        let before =
            fs::statat(self.folder.as_fd(), &self.name, fs::AtFlags::SYMLINK_NOFOLLOW).ok();
        let mode = match before {
            Some(found)
                if fs::FileType::from_raw_mode(found.st_mode) == fs::FileType::RegularFile =>
            {
                Mode::from_raw_mode(found.st_mode & 0o777)
            }
            Some(found)
                if fs::FileType::from_raw_mode(found.st_mode) == fs::FileType::Directory =>
            {
                return Err(format!("{} is a folder", self.shown));
            }
            _ => Mode::from_raw_mode(0o644),
        };
        let temporary = format!(".openclaw-{}.tmp", uuid::Uuid::new_v4().simple());
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = fs::openat(self.folder.as_fd(), &temporary, flags, mode);
        let mut file = File::from(opened.map_err(|error| told(error.into()))?);
        let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| {
            let folder = self.folder.as_fd();
            fs::renameat(folder, &temporary, folder, &self.name).map_err(io::Error::from)
        });
        if written.is_err() {
            // The first error is what matters; a temporary file that stays is only untidy.
            fs::unlinkat(self.folder.as_fd(), &temporary, fs::AtFlags::empty()).ok();
        }
        written.map_err(told)
    }
}

/// Runs what blocks on a thread of its own.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(format!("it was cut short: {error}")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn workspace() -> (tempfile::TempDir, Workspace) {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("real");
        let real = root.join("work");
        std::fs::create_dir_all(real.join("sub")).expect("made");
        std::fs::write(root.join("secret"), "secret").expect("written");
        std::fs::write(real.join("sub/a"), "inside").expect("written");
        (folder, Workspace { written: real.clone(), real, private: None })
    }

    #[test]
    fn no_path_leads_out() {
        let (folder, workspace) = workspace();
        let outside = folder.path().canonicalize().expect("real");
        symlink(&outside, workspace.real.join("up")).expect("linked");
        symlink(outside.join("secret"), workspace.real.join("link")).expect("linked");
        symlink("../../secret", workspace.real.join("sub/rel")).expect("linked");
        symlink("/proc/self/root", workspace.real.join("root")).expect("linked");
        symlink("/proc/self/cwd", workspace.real.join("cwd")).expect("linked");
        fs::mkfifoat(fs::CWD, workspace.real.join("fifo"), Mode::from_raw_mode(0o600))
            .expect("a pipe");
        let absolute = outside.join("secret").display().to_string();
        let beside = format!("{}-evil/x", workspace.real.display());
        let (long, deep) = ("x".repeat(5000), "sub/../".repeat(2000) + "../secret");
        std::fs::hard_link(outside.join("secret"), workspace.real.join("hard")).expect("linked");
        let winding = format!("{}/../secret", workspace.real.display());
        for path in [
            "../secret",
            "sub/../../secret",
            "./../secret",
            "sub/../../../etc/passwd",
            "/etc/passwd",
            "/",
            absolute.as_str(),
            beside.as_str(),
            winding.as_str(),
            "up/secret",
            "link",
            "sub/rel",
            "root/etc/passwd",
            "cwd/x",
            "up",
            "~/.ssh/id_rsa",
            "file:///etc/passwd",
            "",
            ".",
            "sub/..",
            "a\0b",
            "fifo",
            "sub",
            "sub/a/b",
            "//etc/passwd",
            "....//secret",
            "sub/./.././../secret",
            "/proc/self/environ",
            "up/../secret/x",
            "/proc/self/cwd/secret",
            "/proc/self/fd/0",
            "/dev/stdin",
            "root/proc/self/environ",
            "cwd/../secret",
            "SUB/A",
            "Link",
            "..\\secret",
            "%2e%2e/secret",
            "\u{2024}\u{2024}/secret",
            " ../secret",
            "../secret\0",
            "sub/a/../../../secret",
            "up/other/../secret",
            long.as_str(),
            deep.as_str(),
        ] {
            let read = workspace.place(path, false).and_then(|place| place.read());
            assert!(read.is_err(), "{path:?} gave {read:?}");
        }
        for path in
            ["../new", "up/new", "/tmp/openclaw-new", "sub/../../new", "root/tmp/new", "", "sub"]
        {
            let write = workspace.place(path, true).and_then(|place| place.write(b"x"));
            assert!(write.is_err(), "{path:?} was written");
        }
        // The other name of a file elsewhere is replaced here, and the file is as it was.
        workspace
            .place("hard", true)
            .and_then(|place| place.write(b"x"))
            .expect("the name is replaced");
        workspace
            .place("link", true)
            .and_then(|place| place.write(b"x"))
            .expect("the link is replaced");
        assert_eq!(std::fs::read(outside.join("secret")).expect("there"), b"secret");
        assert!(!outside.join("new").exists());
    }

    #[test]
    fn files_within_are_read_and_replaced() {
        let (_folder, workspace) = workspace();
        let absolute = workspace.real.join("sub/a").display().to_string();
        for path in ["sub/a", "./sub/a", "sub/../sub/a", "sub//a", absolute.as_str()] {
            let read = workspace.place(path, false).and_then(|place| place.read());
            assert_eq!(read.as_deref(), Ok(b"inside".as_slice()), "{path}");
        }
        let deep = workspace.place("x/y/z.txt", true).expect("folders are made");
        deep.write(b"one").and_then(|()| deep.write(b"two")).expect("written");
        assert_eq!(deep.read_text().as_deref(), Ok("two"));
        let names: Vec<_> =
            std::fs::read_dir(workspace.real.join("x/y")).expect("listed").collect();
        assert_eq!(names.len(), 1, "nothing half-written stays");
    }

    #[test]
    fn another_name_of_a_private_file_is_no_way_to_read_it() {
        let (folder, mut workspace) = workspace();
        let root = folder.path().canonicalize().expect("real");
        let private = root.join("state");
        std::fs::create_dir_all(private.join("identity")).expect("made");
        std::fs::write(private.join("identity/key"), "secret").expect("written");
        std::fs::hard_link(private.join("identity/key"), workspace.real.join("key"))
            .expect("linked");
        std::fs::hard_link(workspace.real.join("sub/a"), workspace.real.join("b")).expect("linked");
        std::fs::hard_link(root.join("secret"), workspace.real.join("store")).expect("linked");
        let read = |workspace: &Workspace, name: &str| workspace.place(name, false)?.read_text();
        assert_eq!(read(&workspace, "key").as_deref(), Ok("secret"), "nothing is private");
        workspace.private = Some(private.clone());
        let refused = read(&workspace, "key").expect_err("refused");
        assert!(refused.contains("belongs to the Gateway"), "{refused}");
        // What other tools linked is read as before.
        assert_eq!(read(&workspace, "b").as_deref(), Ok("inside"));
        assert_eq!(read(&workspace, "store").as_deref(), Ok("secret"));
        // A workspace within the private folder is the agent's own.
        let own = private.join("workspace");
        std::fs::create_dir(&own).expect("made");
        std::fs::write(own.join("x"), "mine").expect("written");
        std::fs::hard_link(own.join("x"), own.join("y")).expect("linked");
        let inner = Workspace { written: own.clone(), real: own, private: Some(private) };
        assert_eq!(read(&inner, "y").as_deref(), Ok("mine"));
    }
}
