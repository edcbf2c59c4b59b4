//! A TCP proxy on loopback that fails as a test wants: it cuts, swallows, and delays.

use std::time::Duration;

use openclaw_base::Tasks;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What happens to bytes on their way.
#[derive(Clone, Copy, Debug, Default)]
struct Weather {
    cuts: u64,
    frozen: bool,
    delay: Duration,
}

/// Stands in front of a port until it is dropped.
pub struct FaultProxy {
    port: u16,
    weather: watch::Sender<Weather>,
    held: watch::Sender<usize>,
    tasks: Tasks,
}

impl FaultProxy {
    /// Listens on a free port and carries everything to this one.
    pub async fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let (weather, seen) = watch::channel(Weather::default());
        let held = watch::Sender::new(0);
        let count = held.clone();
        let tasks = Tasks::new();
        let owner = tasks.clone();
        drop(tasks.spawn("fault proxy", async move {
            let stop = owner.token();
            while let Some(Ok((socket, _))) = stop.run_until_cancelled(listener.accept()).await {
                let carried = carry(socket, to, seen.clone(), count.clone());
                let token = owner.token();
                drop(owner.spawn("fault proxy connection", async move {
                    token.run_until_cancelled(carried).await;
                }));
            }
        }));
        Self { port, weather, held, tasks }
    }

    /// Where it listens.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Ends every connection that is open; new ones work.
    pub fn cut(&self) {
        self.weather.send_modify(|weather| weather.cuts += 1);
    }

    /// Lets nothing through any more, without ending anything.
    pub fn freeze(&self) {
        self.held.send_replace(0);
        self.weather.send_modify(|weather| weather.frozen = true);
    }

    /// Waits until so many bytes of clients are held back since it froze.
    pub async fn holds(&self, bytes: usize) {
        // The sender lives as long as `self`, so this cannot fail.
        self.held.subscribe().wait_for(|held| *held >= bytes).await.ok();
    }

    /// Lets through what waited and what comes.
    pub fn thaw(&self) {
        self.weather.send_modify(|weather| weather.frozen = false);
    }

    /// Holds everything up for this long, each way.
    pub fn delay(&self, delay: Duration) {
        self.weather.send_modify(|weather| weather.delay = delay);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

/// Carries one connection until an end closes it or it is cut.
async fn carry(
    near: TcpStream,
    to: u16,
    mut weather: watch::Receiver<Weather>,
    held: watch::Sender<usize>,
) {
    let Ok(far) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    let cuts = weather.borrow().cuts;
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    tokio::select! {
        _ = pump(near_read, far_write, weather.clone(), Some(held)) => {}
        _ = pump(far_read, near_write, weather.clone(), None) => {}
        _ = weather.wait_for(|weather| weather.cuts > cuts) => {}
    }
}

/// Copies one way; ends with either side.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut weather: watch::Receiver<Weather>,
    held: Option<watch::Sender<usize>>,
) -> Option<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = from.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        if let Some(held) = held.as_ref().filter(|_| weather.borrow().frozen) {
            held.send_modify(|held| *held += count);
        }
        let delay = weather.wait_for(|weather| !weather.frozen).await.ok()?.delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        to.write_all(buffer.get(..count)?).await.ok()?;
    }
}
