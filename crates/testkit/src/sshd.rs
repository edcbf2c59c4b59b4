//! A real `sshd` on loopback, with throwaway keys, run as the current user.
//!
//! [`Sshd::start`] makes host key, client key, and an `ssh` configuration in a folder of its own;
//! nothing of the person's `~/.ssh` is read or written. Dropping it ends the server and every session.
//! It needs Debian's `openssh-server` and `openssh-client`.

use std::{
    ffi::{OsStr, OsString},
    fs,
    io::{self, BufRead, BufReader},
    net::{IpAddr, Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use tempfile::TempDir;

/// Where Debian installs the server. It insists on being started by its full path.
const SSHD: &str = "/usr/sbin/sshd";
/// The folder that the server wants for unprivileged children when it runs as root.
const PRIVSEP: &str = "/run/sshd";
/// Ports that are tried before giving up; another process may take one between choice and use.
const TRIES: usize = 5;

/// What a server allows and shows.
#[derive(Clone, Debug)]
pub struct SshdOptions {
    /// Whether `-L` and `-W` are allowed.
    pub forwarding: bool,
    /// Whether the client's key is accepted.
    pub accept_key: bool,
    /// Where it listens.
    pub address: IpAddr,
    /// What the server is started with: words before its own, such as those of a namespace.
    pub prefix: Vec<OsString>,
}

impl Default for SshdOptions {
    fn default() -> Self {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self { forwarding: true, accept_key: true, address, prefix: Vec::new() }
    }
}

/// A running server.
#[derive(Debug)]
pub struct Sshd {
    folder: TempDir,
    address: IpAddr,
    port: u16,
    server: Child,
    log: Arc<Mutex<String>>,
}

impl Sshd {
    /// Starts a server that lets the client's key in.
    ///
    /// # Errors
    /// When a program is missing or the server does not come up.
    pub fn start() -> io::Result<Self> {
        Self::start_with(&SshdOptions::default())
    }

    /// Starts a server with options.
    ///
    /// # Errors
    /// As [`Sshd::start`].
    pub fn start_with(options: &SshdOptions) -> io::Result<Self> {
        if !Path::new(SSHD).exists() {
            let text = "sshd is missing: apt-get install openssh-server";
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        // Only root may, and only root needs to.
        fs::create_dir_all(PRIVSEP).ok();
        let folder = tempfile::tempdir()?;
        prepare(folder.path(), options)?;
        let mut last = io::Error::other("never tried");
        for _ in 0..TRIES {
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            match serve(folder.path(), port, &options.prefix) {
                Ok((server, log)) => {
                    let sshd = Self { folder, address: options.address, port, server, log };
                    sshd.write_client_config()?;
                    return Ok(sshd);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The port it listens on.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// `ADDRESS:PORT`, a target for `--ssh`.
    #[must_use]
    pub fn target(&self) -> String {
        format!("{}:{}", self.address, self.port)
    }

    /// The `ssh` configuration to use with `-F`.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("client_config")
    }

    /// `-F CONFIG`, the arguments before all others.
    #[must_use]
    pub fn arguments(&self) -> Vec<OsString> {
        vec!["-F".into(), self.config().into()]
    }

    /// The first folder of the search path of sessions: what lies here can be run over `ssh`.
    #[must_use]
    pub fn bin(&self) -> PathBuf {
        self.folder.path().join("bin")
    }

    /// The home folder of sessions.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Puts an executable shell script into a folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn script(folder: &Path, name: &str, text: &str) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;

        fs::create_dir_all(folder)?;
        let path = folder.join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n"))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
    }

    /// Makes the client forget the host's key, as before a first contact.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn forget_host_key(&self) -> io::Result<()> {
        fs::write(self.folder.path().join("known_hosts"), "")
    }

    /// Makes the client remember another key than the host has.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn remember_other_host_key(&self) -> io::Result<()> {
        let other = self.folder.path().join("other_key");
        if !other.exists() {
            keygen(&other)?;
        }
        self.remember(&other)
    }

    /// Makes the client know the host's key at another port too, as behind a proxy on loopback.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn known_at(&self, port: u16) -> io::Result<()> {
        let folder = self.folder.path();
        let public = fs::read_to_string(folder.join("host_key.pub"))?;
        let path = folder.join("known_hosts");
        let known = fs::read_to_string(&path)?;
        fs::write(path, format!("{known}[127.0.0.1]:{port} {public}"))
    }

    /// What the server logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write_client_config(&self) -> io::Result<()> {
        let folder = self.folder.path();
        let text = format!(
            "IdentityFile {0}/client_key\nIdentitiesOnly yes\nIdentityAgent none\n\
             UserKnownHostsFile {0}/known_hosts\nGlobalKnownHostsFile /dev/null\n\
             StrictHostKeyChecking ask\nUpdateHostKeys no\n",
            folder.display()
        );
        fs::write(self.config(), text)?;
        self.remember(&folder.join("host_key"))
    }

    fn remember(&self, key: &Path) -> io::Result<()> {
        let public = fs::read_to_string(key.with_extension("pub"))?;
        let line = format!("[{}]:{} {public}", self.address, self.port);
        fs::write(self.folder.path().join("known_hosts"), line)
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

fn prepare(folder: &Path, options: &SshdOptions) -> io::Result<()> {
    for name in ["bin", "home"] {
        fs::create_dir(folder.join(name))?;
    }
    for name in ["host_key", "client_key"] {
        keygen(&folder.join(name))?;
    }
    let accepted = if options.accept_key { "client_key.pub" } else { "host_key.pub" };
    fs::copy(folder.join(accepted), folder.join("authorized_keys"))?;
    let yes_no = |value: bool| if value { "yes" } else { "no" };
    let config = format!(
        "ListenAddress {2}\nHostKey {0}/host_key\nAuthorizedKeysFile {0}/authorized_keys\n\
         PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
         KbdInteractiveAuthentication no\nPermitRootLogin yes\nPermitUserRC no\nPrintMotd no\n\
         LogLevel VERBOSE\nMaxStartups 100\nAllowTcpForwarding {1}\n\
         SetEnv PATH={0}/bin:/usr/bin:/bin HOME={0}/home\n",
        folder.display(),
        yes_no(options.forwarding),
        options.address,
    );
    fs::write(folder.join("sshd_config"), config)
}

fn keygen(path: &Path) -> io::Result<()> {
    let output = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "throwaway", "-f"])
        .arg(path)
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        Ok(())
    } else {
        Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}

/// Starts the server in the foreground and waits until it says that it listens.
fn serve(folder: &Path, port: u16, prefix: &[OsString]) -> io::Result<(Child, Arc<Mutex<String>>)> {
    let words: Vec<&OsStr> =
        prefix.iter().map(OsString::as_os_str).chain([OsStr::new(SSHD)]).collect();
    let (program, rest) = words.split_first().ok_or_else(|| io::Error::other("no program"))?;
    let mut server = Command::new(program)
        .args(rest)
        .args(["-D", "-e", "-p", &port.to_string(), "-f"])
        .arg(folder.join("sshd_config"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let stderr = server.stderr.take().ok_or_else(|| io::Error::other("sshd has no stderr"))?;
    let mut lines = BufReader::new(stderr).lines();
    let mut said = String::new();
    for line in lines.by_ref() {
        let line = line?;
        said.push_str(&line);
        said.push('\n');
        if line.contains("Server listening on") {
            let log = Arc::new(Mutex::new(said));
            let shared = Arc::clone(&log);
            // Reads on, or the server would stop at a full pipe. It ends with the server.
            std::thread::spawn(move || {
                for line in lines.map_while(Result::ok) {
                    let mut log = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    log.push_str(&line);
                    log.push('\n');
                }
            });
            return Ok((server, log));
        }
    }
    server.kill().ok();
    server.wait().ok();
    Err(io::Error::other(format!("sshd did not start: {said}")))
}
