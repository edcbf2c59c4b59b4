//! Stand-ins for `systemctl`, `loginctl`, `journalctl` and `launchctl`, to be put into the search path.
//!
//! They write down every call, answer as the documented programs do, and really start what a unit or a
//! list names: with a bare environment, waiting until a service of `Type=notify` is ready. They hold no
//! ports and restart nothing that ends by itself. Dropping the value ends what they started.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

const SCRIPTS: [(&str, &str); 4] = [
    ("systemctl", include_str!("service_manager/systemctl.sh")),
    ("loginctl", include_str!("service_manager/loginctl.sh")),
    ("journalctl", include_str!("service_manager/journalctl.sh")),
    ("launchctl", include_str!("service_manager/launchctl.sh")),
];

/// A service manager of a test.
#[derive(Debug)]
pub struct FakeServiceManager {
    folder: TempDir,
}

impl FakeServiceManager {
    /// Writes the programs into a folder of their own. Units are looked for where the person's are,
    /// below `HOME`.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn new() -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let bin = folder.path().join("bin");
        fs::create_dir(&bin)?;
        let here = folder.path().display().to_string();
        for (name, text) in SCRIPTS {
            let path = bin.join(name);
            fs::write(&path, text.replace("@HERE@", &here))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        }
        Ok(Self { folder })
    }

    /// The folder of the programs.
    #[must_use]
    pub fn bin(&self) -> PathBuf {
        self.folder.path().join("bin")
    }

    /// A search path that finds them first.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}:/usr/bin:/bin", self.bin().display())
    }

    /// Looks for units in this folder.
    ///
    /// # Errors
    /// When that cannot be noted.
    pub fn use_units(&self, folder: &Path) -> io::Result<()> {
        self.note("units", &folder.display().to_string())
    }

    /// Gives the units it starts this search path, as a manager's own environment would.
    ///
    /// # Errors
    /// When that cannot be noted.
    pub fn give_path(&self, path: &str) -> io::Result<()> {
        self.note("path", path)
    }

    /// Answers as in a login that has no bus, or no longer.
    ///
    /// # Errors
    /// When that cannot be noted.
    pub fn without_bus(&self, without: bool) -> io::Result<()> {
        if without {
            self.note("no-bus", "")
        } else {
            fs::remove_file(self.folder.path().join("no-bus"))
        }
    }

    /// Refuses to let services outlive the login.
    ///
    /// # Errors
    /// When that cannot be noted.
    pub fn refuse_linger(&self) -> io::Result<()> {
        self.note("linger-refused", "")
    }

    /// Every call so far, one on a line.
    #[must_use]
    pub fn calls(&self) -> String {
        fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default()
    }

    /// The process of a service that was started: of a unit with its suffix, or of a label.
    #[must_use]
    pub fn pid(&self, service: &str) -> Option<u32> {
        let text = fs::read_to_string(self.folder.path().join(format!("{service}.pid"))).ok()?;
        text.trim().parse().ok()
    }

    fn note(&self, name: &str, text: &str) -> io::Result<()> {
        fs::write(self.folder.path().join(name), text)
    }
}

impl Drop for FakeServiceManager {
    fn drop(&mut self) {
        let entries = fs::read_dir(self.folder.path()).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(pid) = name.strip_suffix(".pid").and_then(|service| self.pid(service)) else {
                continue;
            };
            // It may have ended already.
            Command::new("kill").arg(pid.to_string()).status().ok();
        }
    }
}
