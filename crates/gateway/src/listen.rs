//! Listeners: TCP and the owner's Unix sockets, each connection carrying where it came from.

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::Request};
use futures_util::future::BoxFuture;
use hyper::{body::Incoming, server::conn::http1, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener},
};

use crate::{
    admission::Ticket,
    http::{self, Peer},
    peer::Link,
    state::State,
    tls::{self, ServerTls, Spoken},
};

/// Time for the head of a request.
const HEADER_DEADLINE: Duration = Duration::from_secs(10);
/// Time for a request that came before the stop.
const LAST_REQUEST: Duration = Duration::from_millis(300);
/// Largest head of a request, in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Pause after the kernel refused to accept, so that a full file table is not asked in a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound listener.
#[derive(Debug)]
pub enum Listener {
    /// TCP; with TLS where that is given.
    Tcp {
        /// The socket.
        socket: TcpListener,
        /// The certificate and its key.
        tls: Option<Arc<ServerTls>>,
    },
    /// The owner's door.
    Door(UnixListener),
    /// The door of a system service for a group of owners.
    GroupDoor(UnixListener),
    /// The door for nodes that come through a login.
    NodeDoor(UnixListener),
    /// Loopback, for Tailscale's daemon alone.
    Tailscale {
        /// The socket.
        socket: TcpListener,
        /// The whole internet may use it.
        funnel: bool,
    },
}

impl Listener {
    /// TCP without TLS.
    #[must_use]
    pub const fn plain(socket: TcpListener) -> Self {
        Self::Tcp { socket, tls: None }
    }

    async fn accept(&self, state: &Arc<State>, router: &Router) -> io::Result<()> {
        match self {
            Self::Tcp { socket, tls } => {
                let (stream, peer) = socket.accept().await?;
                stream.set_nodelay(true)?;
                greet(state, router, tls.clone(), stream, peer)?;
            }
            Self::Tailscale { socket, funnel } => {
                let (stream, peer) = socket.accept().await?;
                stream.set_nodelay(true)?;
                let link = Link::Tailscale { peer, local: stream.local_addr()?, funnel: *funnel };
                let Some(place) = enter(state, peer.ip().to_canonical()) else { return Ok(()) };
                let (served, router) = (Arc::clone(state), router.clone());
                drop(state.tasks.spawn("http", async move {
                    speak(&served, &router, link, stream, Some(place)).await;
                }));
            }
            Self::Door(listener) | Self::GroupDoor(listener) | Self::NodeDoor(listener) => {
                let (stream, _) = listener.accept().await?;
                let uid = stream.peer_cred()?.uid();
                let link = match self {
                    Self::NodeDoor(_) => Link::NodeDoor { uid },
                    Self::GroupDoor(_) => Link::GroupDoor { uid },
                    _ => Link::Door { uid },
                };
                if !link.may_knock() {
                    tracing::warn!(?link, "somebody else knocked on the owner's door");
                    return Ok(());
                }
                let (served, router) = (Arc::clone(state), router.clone());
                drop(state.tasks.spawn("http", async move {
                    speak(&served, &router, link, stream, None).await;
                }));
            }
        }
        Ok(())
    }
}

/// Serves a TCP socket in a task of its own: TLS, if it is that, and then HTTP.
fn greet(
    state: &Arc<State>,
    router: &Router,
    tls: Option<Arc<ServerTls>>,
    stream: TcpStream,
    peer: SocketAddr,
) -> io::Result<()> {
    let local = stream.local_addr()?;
    let Some(place) = enter(state, peer.ip().to_canonical()) else { return Ok(()) };
    let (served, router) = (Arc::clone(state), router.clone());
    drop(state.tasks.spawn("http", async move {
        let link = |exporter| Link::Tcp { peer, local, exporter };
        let stop = served.tasks.token();
        let welcomed = stop.run_until_cancelled(tls::welcome(tls.as_deref(), stream, local));
        match welcomed.await {
            Some(Ok(Spoken::Plain(stream))) => {
                speak(&served, &router, link(None), stream, Some(place)).await;
            }
            Some(Ok(Spoken::Tls(stream, exporter))) => {
                speak(&served, &router, link(Some(exporter)), *stream, Some(place)).await;
            }
            Some(Err(error)) => tracing::debug!(%peer, %error, "no TLS connection came about"),
            None => {}
        }
    }));
    Ok(())
}

fn enter(state: &State, address: IpAddr) -> Option<Ticket> {
    let place = state.http_sockets.enter(Some(address));
    if place.is_err() {
        tracing::debug!(%address, "too many sockets of this address");
    }
    place.ok().flatten()
}

/// Accepts until the Gateway begins to stop: who comes later waits for the next one, if somebody else
/// holds the socket too.
pub async fn serve(state: Arc<State>, listener: Listener) {
    let stop = state.accepting.clone();
    let router = http::router(Arc::clone(&state));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept(&state, &router) => {
                if let Err(error) = accepted {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Serves HTTP until the connection or the Gateway ends.
async fn speak<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    state: &State,
    router: &Router,
    link: Link,
    stream: S,
    place: Option<Ticket>,
) {
    let asked = Arc::new(AtomicBool::new(false));
    let router = TowerToHyperService::new(router.clone());
    let service = FromPeer { peer: Peer(link), router, asked: Arc::clone(&asked) };
    let stop = state.tasks.token();
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let _place = place;
    let mut connection = std::pin::pin!(connection);
    let served = tokio::select! {
        served = &mut connection => served,
        () = stop.cancelled() => {
            // Who was let in is still answered: a service that restarts cuts nobody. Told to end
            // before the first request, the connection would not wait for it.
            if asked.load(Ordering::Acquire) {
                connection.as_mut().graceful_shutdown();
            }
            tokio::time::timeout(LAST_REQUEST, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}

/// The routes as one connection uses them: every request says where it came from.
struct FromPeer {
    peer: Peer,
    router: TowerToHyperService<Router>,
    /// Whether there was a request.
    asked: Arc<AtomicBool>,
}

impl Service<Request<Incoming>> for FromPeer {
    type Response = axum::response::Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        self.asked.store(true, Ordering::Release);
        request.extensions_mut().insert(self.peer);
        Box::pin(self.router.call(request))
    }
}
