//! Where everything is: the one place that turns environment and profile into files and ports.
//!
//! The state folder is shared with the original for `openclaw.json`, `.env` and the workspace;
//! every other path here is ours alone and clashes with none of its names.

mod profile;

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use self::profile::Profile;
use crate::env::Environment;
use crate::error::ConfigError;

/// Longest path, in bytes, that is bound as a Unix socket everywhere (the kernel's limit is 108).
const MAX_SOCKET_PATH: usize = 100;
/// State folders and files of the product's former names.
const OLD_STATE_DIRS: [&str; 3] = [".clawdbot", ".moldbot", ".moltbot"];
const OLD_CONFIG_FILES: [&str; 3] = ["clawdbot.json", "moldbot.json", "moltbot.json"];

/// What the command line says about paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathOptions {
    /// `--profile NAME`.
    pub profile: Option<String>,
    /// `--dev`.
    pub dev: bool,
}

/// Every path of one Gateway, settled once at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    home: PathBuf,
    state: PathBuf,
    config: PathBuf,
    socket: PathBuf,
    profile: Profile,
}

impl Paths {
    /// Settles the paths from the process's environment and the command line.
    ///
    /// `OPENCLAW_HOME` replaces the home folder. The state folder is `OPENCLAW_STATE_DIR`, else the
    /// profile's `~/.openclaw-NAME`, else `~/.openclaw`, else an existing folder of a former name.
    /// The configuration is `OPENCLAW_CONFIG_PATH`, else `openclaw.json` in the state folder, else a
    /// file of a former name there.
    ///
    /// # Errors
    /// A missing home folder, an unusable profile name, or a current folder that is gone.
    pub fn resolve(env: &Environment, options: &PathOptions) -> Result<Self, ConfigError> {
        let os_home = env.get("HOME").map(PathBuf::from);
        let home = match env.get("OPENCLAW_HOME") {
            Some(set) => absolute(&expand_home(set, os_home.as_deref().unwrap_or(Path::new("/"))))?,
            None => os_home.ok_or(ConfigError::NoHome)?,
        };
        let profile = Profile::choose(env, options)?;
        let state = match env.get("OPENCLAW_STATE_DIR") {
            Some(set) => absolute(&expand_home(set, &home))?,
            None => state_folder(&home, &profile),
        };
        let config = match env.get("OPENCLAW_CONFIG_PATH") {
            Some(set) => absolute(&expand_home(set, &home))?,
            None => config_file(&state),
        };
        let socket = socket_path(&state, env.get("XDG_RUNTIME_DIR"));
        Ok(Self { home, state, config, socket, profile })
    }

    /// The home folder that `~` stands for.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The state folder.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        &self.state
    }

    /// The configuration file, whether it exists or not.
    #[must_use]
    pub fn config_file(&self) -> &Path {
        &self.config
    }

    /// The profile these paths belong to.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The SQLite file that holds sessions, devices and everything else that is kept.
    #[must_use]
    pub fn store_file(&self) -> PathBuf {
        self.state.join("gateway.db")
    }

    /// The folder of the log files (0700).
    #[must_use]
    pub fn logs_dir(&self) -> PathBuf {
        self.state.join("logs")
    }

    /// The Gateway's log, unless `logging.file` names another.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.logs_dir().join("gateway.log")
    }

    /// The lock that one Gateway holds on this state folder; its text says who.
    #[must_use]
    pub fn lock_file(&self) -> PathBuf {
        self.state.join("gateway.lock")
    }

    /// The owner's door: a Unix socket in the state folder, or a short path in the run folder where
    /// that would be too long to bind.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The token of a Gateway that was configured with none (0600).
    #[must_use]
    pub fn token_file(&self) -> PathBuf {
        self.state.join("gateway-token")
    }

    /// How announcing on the local network goes.
    #[must_use]
    pub fn announce_file(&self) -> PathBuf {
        self.state.join("announce.json")
    }

    /// What is published through Tailscale.
    #[must_use]
    pub fn tailscale_file(&self) -> PathBuf {
        self.state.join("tailscale.json")
    }

    /// The shared secret before the last rotation, while it is accepted still (0600).
    #[must_use]
    pub fn previous_secret_file(&self) -> PathBuf {
        self.state.join("gateway-auth-previous.json")
    }

    /// The folder of the Gateway's and this device's private keys (0700).
    #[must_use]
    pub fn identity_dir(&self) -> PathBuf {
        self.state.join("identity")
    }

    /// The folder of the certificate that the Gateway makes for itself.
    #[must_use]
    pub fn tls_dir(&self) -> PathBuf {
        self.state.join("tls")
    }

    /// The folder of tokens and pins that this device keeps for each Gateway (0700).
    #[must_use]
    pub fn gateways_dir(&self) -> PathBuf {
        self.state.join("clients")
    }

    /// The folder of the Gateways that this user gave names (0700).
    #[must_use]
    pub fn named_gateways_dir(&self) -> PathBuf {
        self.state.join("gateways")
    }

    /// The folder where held tunnels keep their lock, state and log (0700).
    #[must_use]
    pub fn tunnels_dir(&self) -> PathBuf {
        self.state.join("remote")
    }

    /// The door for nodes that come through a login, beside the owner's.
    #[must_use]
    pub fn node_socket(&self) -> PathBuf {
        if self.socket.starts_with(&self.state) {
            return self.socket.with_file_name("node.sock");
        }
        let stem = self.socket.file_stem().unwrap_or_default().to_string_lossy();
        self.socket.with_file_name(format!("{stem}-n.sock"))
    }

    /// A socket of the held tunnels: beside their state, or in the run folder where that would be too
    /// long to bind. `name` is short.
    #[must_use]
    pub fn tunnel_socket(&self, name: &str) -> PathBuf {
        if self.socket.starts_with(&self.state) {
            return self.tunnels_dir().join(name);
        }
        let stem = self.socket.file_stem().unwrap_or_default().to_string_lossy();
        self.socket.with_file_name(format!("{stem}-{name}"))
    }

    /// What became of the calls of each Gateway that this machine is a node of.
    #[must_use]
    pub fn node_calls_dir(&self) -> PathBuf {
        self.state.join("node-calls")
    }

    /// What commands may run on this machine without asking (0600).
    #[must_use]
    pub fn exec_approvals_file(&self) -> PathBuf {
        self.state.join("exec-approvals.json")
    }

    /// Keys of model providers, as stored by `models auth set` (0600).
    #[must_use]
    pub fn model_auth_file(&self) -> PathBuf {
        self.state.join("model-auth.json")
    }

    /// Which keys of model providers rest, and until when (0600; no secrets).
    #[must_use]
    pub fn model_cooldown_file(&self) -> PathBuf {
        self.state.join("model-cooldowns.json")
    }

    /// The workspace of the default agent, unless `agents.defaults.workspace` names another.
    #[must_use]
    pub fn workspace_dir(&self) -> PathBuf {
        self.state.join("workspace")
    }

    /// The folder where the original's Gateway keeps its lock files while it owns this state.
    #[must_use]
    pub fn original_lock_dir(&self) -> PathBuf {
        self.state.join("tmp").join(format!("openclaw-{}", rustix::process::getuid().as_raw()))
    }

    /// The port when neither flag, environment nor configuration names one.
    #[must_use]
    pub fn default_port(&self) -> u16 {
        self.profile.default_port()
    }

    /// A path as written in the configuration: `~` is the home folder, and a relative path belongs
    /// to the folder of the configuration file.
    #[must_use]
    pub fn expand(&self, written: &str) -> PathBuf {
        let path = expand_home(written, &self.home);
        match self.config.parent() {
            Some(folder) if path.is_relative() => folder.join(path),
            _ => path,
        }
    }

    /// Makes the state folder and the private folders in it, each readable by the owner only.
    /// A state folder that exists keeps its mode.
    ///
    /// # Errors
    /// A folder that cannot be made.
    pub fn create_folders(&self) -> Result<(), ConfigError> {
        let mut folders =
            vec![self.state.clone(), self.logs_dir(), self.identity_dir(), self.gateways_dir()];
        folders.extend(self.socket.parent().map(Path::to_path_buf));
        for folder in folders {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
            let made = made.and_then(|()| self.check_run_folder(&folder));
            made.map_err(|source| ConfigError::Write { path: folder, source })?;
        }
        Ok(())
    }

    /// A folder outside the state folder stands where others may write, so it must be our own.
    fn check_run_folder(&self, folder: &Path) -> io::Result<()> {
        if folder.starts_with(&self.state) {
            return Ok(());
        }
        let meta = std::fs::symlink_metadata(folder)?;
        let own = meta.uid() == rustix::process::getuid().as_raw();
        if meta.is_dir() && own && meta.mode() & 0o077 == 0 {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the run folder is not a private folder of this user",
        ))
    }
}

/// Replaces a leading `~` by the home folder.
fn expand_home(written: &str, home: &Path) -> PathBuf {
    match written.strip_prefix('~') {
        Some("") => home.to_path_buf(),
        Some(rest) => match rest.strip_prefix('/') {
            Some(inside) => home.join(inside),
            None => PathBuf::from(written),
        },
        None => PathBuf::from(written),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, ConfigError> {
    std::path::absolute(path)
        .map_err(|source| ConfigError::Read { path: path.to_path_buf(), source })
}

fn state_folder(home: &Path, profile: &Profile) -> PathBuf {
    if let Some(name) = profile.name() {
        return home.join(format!(".openclaw-{name}"));
    }
    let usual = home.join(".openclaw");
    if usual.exists() {
        return usual;
    }
    let old = OLD_STATE_DIRS.iter().map(|name| home.join(name)).find(|folder| folder.is_dir());
    old.unwrap_or(usual)
}

fn config_file(state: &Path) -> PathBuf {
    let usual = state.join("openclaw.json");
    if usual.exists() {
        return usual;
    }
    let old = OLD_CONFIG_FILES.iter().map(|name| state.join(name)).find(|file| file.is_file());
    old.unwrap_or(usual)
}

fn socket_path(state: &Path, run_dir: Option<&str>) -> PathBuf {
    let usual = state.join("gateway.sock");
    if fits(&usual) {
        return usual;
    }
    let digest = Sha256::digest(state.as_os_str().as_encoded_bytes());
    let name = format!("{}.sock", hex::encode(digest.get(..8).unwrap_or_default()));
    let in_run_dir = run_dir.map(|folder| Path::new(folder).join("openclaw").join(&name));
    in_run_dir.filter(|path| path.is_absolute() && fits(path)).unwrap_or_else(|| {
        let uid = rustix::process::getuid().as_raw();
        PathBuf::from(format!("/tmp/openclaw-{uid}")).join(name)
    })
}

fn fits(path: &Path) -> bool {
    path.as_os_str().len() <= MAX_SOCKET_PATH
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    type Case =
        (&'static [(&'static str, &'static str)], Option<&'static str>, &'static str, &'static str);

    fn resolve(pairs: &[(&str, &str)], profile: Option<&str>) -> Paths {
        let env = Environment::from_pairs(pairs.iter().copied());
        let options = PathOptions { profile: profile.map(str::to_owned), dev: false };
        Paths::resolve(&env, &options).unwrap()
    }

    #[test]
    fn environment_and_profile_decide_the_folders() {
        #[rustfmt::skip]
        let cases: &[Case] = &[
            (&[("HOME", "/h")], None, "/h/.openclaw", "/h/.openclaw/openclaw.json"),
            (&[("HOME", "/h")], Some("ops"), "/h/.openclaw-ops", "/h/.openclaw-ops/openclaw.json"),
            (&[("HOME", "/h")], Some("default"), "/h/.openclaw", "/h/.openclaw/openclaw.json"),
            (&[("HOME", "/h"), ("OPENCLAW_PROFILE", "ops")], None, "/h/.openclaw-ops", "/h/.openclaw-ops/openclaw.json"),
            (&[("HOME", "/h"), ("OPENCLAW_HOME", "/o")], None, "/o/.openclaw", "/o/.openclaw/openclaw.json"),
            (&[("HOME", "/h"), ("OPENCLAW_HOME", "~/o")], None, "/h/o/.openclaw", "/h/o/.openclaw/openclaw.json"),
            (&[("HOME", "/h"), ("OPENCLAW_STATE_DIR", "~/s")], Some("ops"), "/h/s", "/h/s/openclaw.json"),
            (&[("HOME", "/h"), ("OPENCLAW_CONFIG_PATH", "/c/x.json")], None, "/h/.openclaw", "/c/x.json"),
            (&[("HOME", "/h"), ("OPENCLAW_CONFIG_PATH", "")], None, "/h/.openclaw", "/h/.openclaw/openclaw.json"),
        ];
        for (pairs, profile, state, config) in cases {
            let paths = resolve(pairs, *profile);
            assert_eq!(paths.state_dir(), Path::new(state), "{pairs:?} {profile:?}");
            assert_eq!(paths.config_file(), Path::new(config), "{pairs:?} {profile:?}");
        }
        assert!(matches!(
            Paths::resolve(&Environment::default(), &PathOptions::default()),
            Err(ConfigError::NoHome)
        ));
    }

    #[test]
    fn names_of_former_products_are_found_only_when_nothing_else_is_there() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().to_str().unwrap();
        std::fs::create_dir(home.path().join(".moltbot")).unwrap();
        std::fs::write(home.path().join(".moltbot/clawdbot.json"), "{}").unwrap();
        let paths = resolve(&[("HOME", root)], None);
        assert_eq!(paths.config_file(), home.path().join(".moltbot/clawdbot.json"));
        std::fs::create_dir(home.path().join(".openclaw")).unwrap();
        let paths = resolve(&[("HOME", root)], None);
        assert_eq!(paths.config_file(), home.path().join(".openclaw/openclaw.json"));
    }

    #[test]
    fn a_socket_path_too_long_to_bind_moves_to_the_run_folder() {
        let long = format!("/home/{}", "x".repeat(90));
        let usual = resolve(&[("HOME", "/h")], None);
        assert_eq!(usual.socket(), Path::new("/h/.openclaw/gateway.sock"));
        let run = resolve(&[("HOME", &long), ("XDG_RUNTIME_DIR", "/run/user/7")], None);
        assert!(run.socket().starts_with("/run/user/7/openclaw"), "{run:?}");
        assert_eq!(run, resolve(&[("HOME", &long), ("XDG_RUNTIME_DIR", "/run/user/7")], None));
        let uid = rustix::process::getuid().as_raw();
        for run_dir in ["", "relative", &long] {
            let temp = resolve(&[("HOME", &long), ("XDG_RUNTIME_DIR", run_dir)], None);
            assert!(temp.socket().starts_with(format!("/tmp/openclaw-{uid}")), "{temp:?}");
            assert!(fits(temp.socket()));
        }
    }

    #[test]
    fn written_paths_are_expanded() {
        let paths = resolve(&[("HOME", "/h")], None);
        for (written, expected) in [
            ("~", "/h"),
            ("~/w", "/h/w"),
            ("/abs", "/abs"),
            ("rel/x", "/h/.openclaw/rel/x"),
            ("~other/x", "/h/.openclaw/~other/x"),
        ] {
            assert_eq!(paths.expand(written), Path::new(expected), "{written}");
        }
    }

    #[test]
    fn folders_are_private() {
        let home = tempfile::tempdir().unwrap();
        let paths = resolve(&[("HOME", home.path().to_str().unwrap())], None);
        paths.create_folders().unwrap();
        paths.create_folders().unwrap();
        for folder in [paths.state_dir().to_path_buf(), paths.logs_dir(), paths.identity_dir()] {
            let mode = std::fs::metadata(&folder).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{}", folder.display());
        }
    }
}
