//! A TCP proxy on loopback that fails as a test wants: it cuts, swallows, delays, and is as narrow as a
//! real line.

mod narrow;

use std::time::Duration;

use self::narrow::{Narrow, Window};
use openclaw_base::Tasks;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time::Instant,
};

/// What happens to bytes on their way.
#[derive(Clone, Copy, Debug, Default)]
struct Weather {
    cuts: u64,
    frozen: bool,
    delay: Duration,
    loses_every: Option<u32>,
    /// Bytes a second, each way, for all connections together.
    rate: Option<u32>,
}

/// Chunks that are on their way one way at a time.
const LINE: usize = 64;
/// How long TCP waits before it sends again what was lost, at the least.
const RETRANSMISSION: Duration = Duration::from_millis(200);

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
        let (up, down) = (Narrow::default(), Narrow::default());
        let tasks = Tasks::new();
        let owner = tasks.clone();
        drop(tasks.spawn("fault proxy", async move {
            let stop = owner.token();
            while let Some(Ok((socket, _))) = stop.run_until_cancelled(listener.accept()).await {
                let carried =
                    carry(socket, to, seen.clone(), count.clone(), (up.clone(), down.clone()));
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

    /// Makes a line of it: so many bytes a second each way, shared by all connections, and `delay` each
    /// way, with the handshake of TCP and its slow start, which a proxy would otherwise hide.
    pub fn shape(&self, bytes_a_second: u32, delay: Duration) {
        self.weather.send_modify(|weather| {
            weather.rate = Some(bytes_a_second.max(1));
            weather.delay = delay;
        });
    }

    /// Loses each so manieth piece: as TCP sends it again, it comes late, and all behind it waits.
    pub fn lose(&self, every: u32) {
        let loses_every = (every > 0).then_some(every);
        self.weather.send_modify(|weather| weather.loses_every = loses_every);
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
    (up, down): (Narrow, Narrow),
) {
    let Weather { rate, delay, .. } = *weather.borrow();
    if rate.is_some() {
        // The kernel has shaken hands already; over the line that takes there and back.
        tokio::time::sleep(delay * 2).await;
    }
    let Ok(far) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    // The line itself holds nothing back; whether the ends do is theirs to say.
    near.set_nodelay(true).and_then(|()| far.set_nodelay(true)).ok();
    let cuts = weather.borrow().cuts;
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    tokio::select! {
        _ = pump(near_read, far_write, weather.clone(), Some(held), up) => {}
        _ = pump(far_read, near_write, weather.clone(), None, down) => {}
        _ = weather.wait_for(|weather| weather.cuts > cuts) => {}
    }
}

/// Copies one way; ends with either side. What was read early enough waits no longer than its delay, as
/// on a long line: reading goes on while older bytes are on their way.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut weather: watch::Receiver<Weather>,
    held: Option<watch::Sender<usize>>,
    narrow: Narrow,
) -> Option<()> {
    let (sender, mut line) = mpsc::channel::<(Instant, Vec<u8>)>(LINE);
    let seen = weather.clone();
    let reading = async move {
        let mut buffer = vec![0; 16 * 1024];
        let mut chunks = 0_u32;
        let mut window = Window::default();
        loop {
            let room = if seen.borrow().rate.is_some() { narrow::SEGMENT } else { buffer.len() };
            let Ok(count @ 1..) = from.read(&mut buffer[..room]).await else { break };
            let Weather { frozen, delay, loses_every, rate, .. } = *seen.borrow();
            if let Some(held) = held.as_ref().filter(|_| frozen) {
                held.send_modify(|held| *held += count);
            }
            chunks = chunks.wrapping_add(1);
            let lost = loses_every.is_some_and(|every| chunks.is_multiple_of(every));
            let late = if lost { delay * 2 + RETRANSMISSION } else { delay };
            if let Some(rate) = rate {
                window.room(count).await;
                narrow.pass(count, rate).await;
                window.sent(count, delay * 2);
            }
            let piece = buffer[..count].to_vec();
            if sender.send((Instant::now() + late, piece)).await.is_err() {
                break;
            }
        }
        // What was read before the end still arrives.
        drop(sender);
        std::future::pending::<()>().await;
    };
    let writing = async move {
        while let Some((due, bytes)) = line.recv().await {
            weather.wait_for(|weather| !weather.frozen).await.ok()?;
            // The timer is coarse: without a delay there is nothing to wait for.
            if due > Instant::now() {
                tokio::time::sleep_until(due).await;
            }
            to.write_all(&bytes).await.ok()?;
        }
        Some(())
    };
    tokio::select! {
        written = writing => written,
        () = reading => None,
    }
}
