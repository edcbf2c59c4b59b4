//! A proxy that is started to be tested, and is gone with the value that holds it.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use super::{
    ProxyKind,
    snippet::{Way, caddy_test, nginx_test},
};

/// How long a proxy may take to listen.
const START: Duration = Duration::from_secs(15);
/// Pause between two looks at whether it listens.
const LOOK: Duration = Duration::from_millis(20);
/// The most that is kept of what it says.
const MAX_WORDS: u64 = 4096;

/// Why nothing could be tested.
#[derive(Debug, thiserror::Error)]
pub enum ExposeError {
    /// The program is not there.
    #[error("{0} is not installed here")]
    Missing(&'static str),
    /// Nothing to ask through it.
    #[error("no Gateway listens at {0}")]
    NoGateway(SocketAddr),
    /// A folder, file, port or process.
    #[error("cannot {doing}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The program refuses its configuration, or ended.
    #[error("{program} did not start: {words}")]
    Refused {
        /// The program.
        program: &'static str,
        /// What it said.
        words: String,
    },
}

pub(super) fn fail(doing: &'static str) -> impl Fn(io::Error) -> ExposeError {
    move |source| ExposeError::Io { doing, source }
}

/// A running proxy.
#[derive(Debug)]
pub struct RunningProxy {
    child: Child,
    /// Its files; they go when it does.
    _folder: TempDir,
    ways: Vec<SocketAddr>,
}

impl RunningProxy {
    /// Starts one with a port of its own for each place it leads to.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub async fn start(kind: ProxyKind, to: &[SocketAddr]) -> Result<Self, ExposeError> {
        let folder = tempfile::tempdir().map_err(fail("make a folder for the test"))?;
        let mut ways = Vec::new();
        for to in to {
            ways.push(Way { listen: spare_port().await?, to: *to });
        }
        let (file, text) = match kind {
            ProxyKind::Nginx => ("nginx.conf", nginx_test(folder.path(), &ways)),
            ProxyKind::Caddy => ("Caddyfile", caddy_test(&ways)),
        };
        let path = folder.path().join(file);
        std::fs::write(&path, text).map_err(fail("write the proxy's configuration"))?;
        let child = spawn(kind, &folder)?;
        let ways = ways.iter().map(|way| way.listen).collect();
        let mut proxy = Self { child, _folder: folder, ways };
        proxy.wait(kind).await?;
        Ok(proxy)
    }

    /// Where it listens, in the order of what it leads to.
    #[must_use]
    pub fn ways(&self) -> &[SocketAddr] {
        &self.ways
    }

    /// Ends it.
    ///
    /// # Errors
    /// When the process cannot be ended.
    pub async fn stop(mut self) -> Result<(), ExposeError> {
        self.child.kill().await.map_err(fail("end the proxy"))
    }

    async fn wait(&mut self, kind: ProxyKind) -> Result<(), ExposeError> {
        let until = Instant::now() + START;
        for address in self.ways.clone() {
            while TcpStream::connect(address).await.is_err() {
                let ended = self.child.try_wait().map_err(fail("look at the proxy"))?;
                if ended.is_some() || Instant::now() > until {
                    let words = self.words().await;
                    return Err(ExposeError::Refused { program: kind.as_str(), words });
                }
                sleep(LOOK).await;
            }
        }
        Ok(())
    }

    /// What it said before it ended.
    async fn words(&mut self) -> String {
        let mut words = Vec::new();
        self.child.start_kill().ok();
        if let Some(stderr) = self.child.stderr.take() {
            let mut limited = stderr.take(MAX_WORDS);
            drop(timeout(Duration::from_secs(1), limited.read_to_end(&mut words)).await);
        }
        String::from_utf8_lossy(&words).trim().to_owned()
    }
}

fn spawn(kind: ProxyKind, folder: &TempDir) -> Result<Child, ExposeError> {
    // Debian keeps nginx where the search path of most users does not lead.
    let places: &[&str] = match kind {
        ProxyKind::Nginx => &["nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"],
        ProxyKind::Caddy => &["caddy", "/usr/bin/caddy", "/usr/local/bin/caddy"],
    };
    for place in places {
        let mut command = Command::new(place);
        let path = folder.path();
        match kind {
            ProxyKind::Nginx => command.arg("-e").arg("stderr").arg("-p").arg(path).arg("-c"),
            ProxyKind::Caddy => command.args(["run", "--adapter", "caddyfile", "--config"]),
        };
        command.arg(path.join(match kind {
            ProxyKind::Nginx => "nginx.conf",
            ProxyKind::Caddy => "Caddyfile",
        }));
        // Caddy keeps what it makes in folders of the user's; these are the test's.
        command.env("HOME", path).env("XDG_CONFIG_HOME", path).env("XDG_DATA_HOME", path);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        match command.kill_on_drop(true).spawn() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other.map_err(fail("start the proxy")),
        }
    }
    Err(ExposeError::Missing(kind.as_str()))
}

/// A port that was free a moment ago.
async fn spare_port() -> Result<SocketAddr, ExposeError> {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let address = probe.and_then(|probe| probe.local_addr());
    address.map_err(fail("find a spare port"))
}
