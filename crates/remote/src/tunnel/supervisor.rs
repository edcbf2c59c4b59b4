//! The process that holds the tunnels: one per state folder.
//!
//! It owns a lock, a control socket and a file that says how everything is. It ends when it is told to
//! stop, or when the last tunnel was let go. Should it be killed, its `ssh` children die with it, and
//! the next one finds only stale sockets.

use std::{
    collections::BTreeMap,
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use openclaw_base::{CancellationToken, Clock, SystemClock, Tasks, fs};
use openclaw_client::{ClientOptions, Endpoint, Plan, SavedFile, Target};
use openclaw_protocol::Scope;
use parking_lot::Mutex;
use tokio::{
    net::{UnixListener, UnixStream},
    sync::{Notify, mpsc, oneshot, watch},
    time::timeout,
};

use super::{
    HeldDial, SupervisorReport, TunnelReport, TunnelState,
    control::{Reply, Request, read_line, write_line},
    forward::Forward,
    keeper::Keeper,
    relay::{Relay, bind_port, bind_socket, pause},
    surroundings::Surroundings,
};
use crate::{
    named::{Book, How, NamedGateway, Via},
    ssh::SshOptions,
    target::SshTarget,
};

/// Requests that may wait.
const QUEUE: usize = 16;
/// Largest state that is read, in bytes.
const MAX_STATE: u64 = 1024 * 1024;
/// How long a request may take to arrive.
const ARRIVE: Duration = Duration::from_secs(2);
/// How long a tunnel gets to end.
const GOODBYE: Duration = Duration::from_secs(3);

/// Where everything of the tunnels is.
#[derive(Clone, Debug)]
pub struct Places {
    /// The folder of lock, state and log.
    pub folder: PathBuf,
    /// The control socket.
    pub control: PathBuf,
    /// The folder where keys and tokens of endpoints are kept.
    pub clients: PathBuf,
}

impl Places {
    /// The socket for our own clients of a named Gateway. Names are long and socket paths may not be.
    #[must_use]
    pub fn socket(&self, name: &str, kind: char) -> PathBuf {
        let hash = hash(name.bytes());
        let stem = self.control.file_name().unwrap_or_default().to_string_lossy();
        let stem = stem.strip_suffix("ctl").unwrap_or_default();
        self.control.with_file_name(format!("{stem}{hash:08x}.{kind}"))
    }

    /// The socket for our own clients.
    #[must_use]
    pub fn held(&self, name: &str) -> PathBuf {
        self.socket(name, 's')
    }

    /// The lock.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.folder.join("lock")
    }

    /// Whether a process holds the lock, be it that it only ends.
    #[must_use]
    pub fn is_held(&self) -> bool {
        let lock = File::open(self.lock()).map(|lock| lock.try_lock_shared());
        matches!(lock, Ok(Err(TryLockError::WouldBlock)))
    }

    /// How everything was at the last change.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.folder.join("tunnels.json")
    }

    /// How everything was at the last change, if a process holds the tunnels. It costs no question: who
    /// connects to a tunnel that was lost since is told so there.
    #[must_use]
    pub fn last_report(&self) -> Option<SupervisorReport> {
        if !self.is_held() {
            return None;
        }
        let text = fs::read_limited(&self.state(), MAX_STATE).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// What the process in the background says.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.join("tunnels.log")
    }
}

/// Why tunnels cannot be held.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// Another process holds them.
    #[error("another process holds the tunnels of this state folder")]
    Running,
    /// A name cannot be used.
    #[error("{0}")]
    Tunnel(String),
    /// Something of this machine failed.
    #[error("holding tunnels failed")]
    Local(#[from] io::Error),
}

struct Held {
    report: watch::Receiver<TunnelReport>,
    wake: Arc<Notify>,
    tasks: Tasks,
}

type Asked = (Request, oneshot::Sender<Reply>);

/// Called with a tunnel that changed.
type Announce = Arc<dyn Fn(&TunnelReport) + Send + Sync>;

/// Holds tunnels.
pub struct Supervisor {
    places: Places,
    book: Book,
    ssh: SshOptions,
    options: ClientOptions,
    announce: Announce,
    held: BTreeMap<String, Held>,
    changed: Arc<Notify>,
    tasks: Tasks,
    since_ms: u64,
    _lock: File,
}

impl Supervisor {
    /// Takes the lock. `options` are those of the client that asks for health; their tasks own
    /// everything.
    ///
    /// # Errors
    /// [`SupervisorError`] when another process holds the lock.
    pub fn new(
        places: Places,
        book: Book,
        mut options: ClientOptions,
        announce: impl Fn(&TunnelReport) + Send + Sync + 'static,
    ) -> Result<Self, SupervisorError> {
        fs::create_private_dir(&places.folder)?;
        let lock = File::options().create(true).truncate(false).write(true).open(places.lock())?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => SupervisorError::Running,
            TryLockError::Error(error) => SupervisorError::Local(error),
        })?;
        options.scopes = vec![Scope::Read];
        let tasks = options.tasks.clone();
        Ok(Self {
            places,
            book,
            ssh: SshOptions::new(tasks.clone()),
            options,
            announce: Arc::new(announce),
            held: BTreeMap::new(),
            changed: Arc::new(Notify::new()),
            tasks,
            since_ms: SystemClock.now_ms(),
            _lock: lock,
        })
    }

    /// Holds the tunnels of `names` and serves requests, until `stop` or until none is left.
    ///
    /// # Errors
    /// [`SupervisorError`] when the first tunnels or the control socket cannot be made.
    pub async fn run(
        mut self,
        names: &[String],
        stop: CancellationToken,
    ) -> Result<(), SupervisorError> {
        for name in names {
            self.up(name).await.map_err(SupervisorError::Tunnel)?;
        }
        let (asked, mut inbox) = mpsc::channel(QUEUE);
        serve(bind_socket(&self.places.control)?, asked, &self.tasks);
        let changed = Arc::clone(&self.changed);
        self.write_state();
        while !self.held.is_empty() {
            tokio::select! {
                () = stop.cancelled() => break,
                () = changed.notified() => self.write_state(),
                asked = inbox.recv() => match asked {
                    Some((request, reply)) => {
                        let answer = self.answer(request).await;
                        // Whoever asked may be gone.
                        reply.send(answer).ok();
                    }
                    None => break,
                },
            }
        }
        self.down(None).await;
        self.write_state();
        self.tasks.shutdown(GOODBYE).await;
        for path in [&self.places.control, &self.places.state()] {
            std::fs::remove_file(path).ok();
        }
        Ok(())
    }

    async fn answer(&mut self, request: Request) -> Reply {
        match request {
            Request::Status => {}
            Request::Up(name) => {
                if let Err(error) = self.up(&name).await {
                    return Reply::Error(error);
                }
            }
            Request::Down(Some(name)) if !self.held.contains_key(&name) => {
                return Reply::Error(format!("no tunnel to {name} is held"));
            }
            Request::Down(name) => self.down(name.as_deref()).await,
        }
        Reply::Report(self.report())
    }

    fn report(&self) -> SupervisorReport {
        SupervisorReport {
            pid: std::process::id(),
            since_ms: self.since_ms,
            tunnels: self.held.values().map(|held| held.report.borrow().clone()).collect(),
        }
    }

    fn write_state(&self) {
        let written = serde_json::to_vec_pretty(&self.report())
            .map_err(io::Error::other)
            .and_then(|text| fs::write_private(&self.places.state(), &text));
        if let Err(error) = written {
            tracing::warn!(%error, "the state of the tunnels could not be written");
        }
    }

    async fn up(&mut self, name: &str) -> Result<(), String> {
        if let Some(held) = self.held.get(name) {
            held.wake.notify_one();
            return Ok(());
        }
        let gateway = self.book.load(name).map_err(|error| error.to_string())?;
        let held = self.hold(gateway).await?;
        self.held.insert(name.to_owned(), held);
        self.changed.notify_one();
        Ok(())
    }

    async fn down(&mut self, name: Option<&str>) {
        let names: Vec<String> = match name {
            Some(name) => vec![name.to_owned()],
            None => self.held.keys().cloned().collect(),
        };
        for name in names {
            if let Some(held) = self.held.remove(&name) {
                held.tasks.shutdown(GOODBYE).await;
                for kind in ['s', 'd', 'p'] {
                    std::fs::remove_file(self.places.socket(&name, kind)).ok();
                }
            }
        }
        self.changed.notify_one();
    }

    /// Binds the ends on this machine and starts to keep the tunnel up.
    async fn hold(&self, mut gateway: NamedGateway) -> Result<Held, String> {
        let How::Ssh { target: text, identity, via } = gateway.how.clone() else {
            return Err(format!("{} is reached by its address and needs no tunnel", gateway.name));
        };
        let target = SshTarget::parse(&text).map_err(|error| error.to_string())?;
        let name = gateway.name.clone();
        let socket = |kind| self.places.socket(&name, kind);
        let (door, port) = ends(&name, &via)?;
        let host = target.to_string();
        let tasks = self.tasks.child();
        let ssh = SshOptions { identity, tasks: tasks.clone(), ..self.ssh.clone() };
        let forward = Forward {
            target,
            ssh,
            door: door.map(|there| (socket('d'), there)),
            port: port.map(|there| (socket('p'), there)),
        };
        let inner = if forward.door.is_some() { socket('d') } else { socket('p') };
        let own = socket('s');
        let listener = bind_socket(&own).map_err(|error| shown(&own, &error))?;
        let browser = match port {
            Some(_) => Some(self.browser_port(&mut gateway).await?),
            None => None,
        };
        let (state, report) = watch::channel(TunnelReport {
            name: gateway.name.clone(),
            address: gateway.address(),
            state: TunnelState::Connecting,
            since_ms: SystemClock.now_ms(),
            reason: None,
            hint: None,
            next_try_ms: None,
            local_port: gateway.local_port.filter(|_| port.is_some()),
            socket: own,
            ssh_pid: None,
            losses: 0,
            failures: 0,
            open: false,
        });
        let relay = |inner| Relay { inner, state: report.clone(), tasks: tasks.clone() };
        relay(inner.clone()).unix(listener);
        if let Some(browser) = browser {
            relay(socket('p')).tcp(browser);
        }
        let endpoint = self.endpoint(HeldDial::new(inner, host, &via), &via);
        let wake = Arc::new(Notify::new());
        let options = ClientOptions { tasks: tasks.clone(), ..self.options.clone() };
        let options = match via {
            Via::Door { .. } => ClientOptions { device: None, ..options },
            Via::Port(_) => options,
        };
        let surroundings = Mutex::new(Surroundings::new());
        let wake_keeper = Arc::clone(&wake);
        let keeper = Keeper { forward, endpoint, options, state, wake: wake_keeper, surroundings };
        self.keep(keeper, report.clone(), &tasks);
        Ok(Held { report, wake, tasks })
    }

    /// Runs a keeper, and tells of every change.
    fn keep(&self, keeper: Keeper, mut report: watch::Receiver<TunnelReport>, tasks: &Tasks) {
        let stop = tasks.token();
        drop(tasks.spawn("tunnel", async move {
            tokio::select! {
                () = keeper.run() => {}
                () = stop.cancelled() => {}
            }
        }));
        let (announce, changed) = (Arc::clone(&self.announce), Arc::clone(&self.changed));
        // It ends with the keeper, which owns the sender.
        drop(tasks.spawn("tunnel state", async move {
            while report.changed().await.is_ok() {
                let now = report.borrow_and_update().clone();
                announce(&now);
                changed.notify_one();
            }
        }));
    }

    /// The port for browsers, which is remembered.
    async fn browser_port(
        &self,
        gateway: &mut NamedGateway,
    ) -> Result<tokio::net::TcpListener, String> {
        let folder = self.places.folder.as_os_str().as_encoded_bytes();
        let seed = hash(folder.iter().copied().chain(gateway.name.bytes()));
        let (listener, port) = bind_port(gateway.local_port, seed).await.map_err(|error| {
            let port = gateway.local_port.unwrap_or_default();
            format!("port {port} for browsers cannot be used: {error}")
        })?;
        if gateway.local_port != Some(port) {
            gateway.local_port = Some(port);
            self.book.save(gateway).map_err(|error| error.to_string())?;
        }
        Ok(listener)
    }

    /// The Gateway through the tunnel, with the key that is remembered for it.
    fn endpoint(&self, dial: HeldDial, via: &Via) -> Endpoint {
        use openclaw_client::Dial;

        let plan = match via {
            Via::Door { .. } => Plan::door(),
            Via::Port(_) => Plan { use_saved: true, ..Plan::nothing() },
        };
        let target: Target = dial.target();
        let saved = SavedFile::of(&self.places.clients, &target);
        Endpoint::new(dial, plan).saved(saved)
    }
}

/// FNV-1a: it only has to tell a handful of names apart.
fn hash(bytes: impl Iterator<Item = u8>) -> u32 {
    bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// What is forwarded: the door there, the port there.
fn ends(name: &str, via: &Via) -> Result<(Option<PathBuf>, Option<u16>), String> {
    match via {
        Via::Port(port) => Ok((None, Some(*port))),
        Via::Door { path: Some(path), port } => Ok((Some(path.clone()), *port)),
        Via::Door { path: None, .. } => {
            Err(format!("where the door of {name} is was not found out; add it again"))
        }
    }
}

fn shown(path: &Path, error: &io::Error) -> String {
    format!("{} cannot be used: {error}", path.display())
}

/// Accepts requests.
fn serve(listener: UnixListener, asked: mpsc::Sender<Asked>, tasks: &Tasks) {
    let (stop, owner) = (tasks.token(), tasks.clone());
    drop(tasks.spawn("tunnel control", async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => return,
            };
            let (io, _) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    pause(&error).await;
                    continue;
                }
            };
            let asked = asked.clone();
            drop(owner.spawn("tunnel request", async move {
                if let Err(error) = request(io, asked).await {
                    tracing::debug!(%error, "a request was not answered");
                }
            }));
        }
    }));
}

async fn request(mut io: UnixStream, asked: mpsc::Sender<Asked>) -> io::Result<()> {
    let request = timeout(ARRIVE, read_line::<Request>(&mut io))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let (reply, answer) = oneshot::channel();
    let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
    asked.send((request, reply)).await.map_err(|_| gone())?;
    let answer = answer.await.map_err(|_| gone())?;
    write_line(&mut io, &answer).await
}
