//! Listeners: TCP and the owner's Unix socket, each connection carrying where it came from.

use std::{
    convert::Infallible,
    io,
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
    net::{TcpListener, UnixListener},
};

use crate::{
    http::{self, Peer},
    peer::Link,
    state::State,
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
    /// TCP.
    Tcp(TcpListener),
    /// The owner's door.
    Door(UnixListener),
}

impl Listener {
    async fn accept(&self, state: &Arc<State>, router: &Router) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let link = Link::Tcp { peer, local: stream.local_addr()? };
                spawn(state, router, link, stream);
            }
            Self::Door(listener) => {
                let (stream, _) = listener.accept().await?;
                let link = Link::Door { uid: stream.peer_cred()?.uid() };
                spawn(state, router, link, stream);
            }
        }
        Ok(())
    }
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

fn spawn<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    state: &Arc<State>,
    router: &Router,
    link: Link,
    stream: S,
) {
    if matches!(link, Link::Door { .. }) && !link.is_owner() {
        tracing::warn!(?link, "somebody else knocked on the owner's door");
        return;
    }
    let Ok(place) = state.http_sockets.enter(link.address()) else {
        tracing::debug!(?link, "too many sockets of this address");
        return;
    };
    let asked = Arc::new(AtomicBool::new(false));
    let router = TowerToHyperService::new(router.clone());
    let service = FromPeer { peer: Peer(link), router, asked: Arc::clone(&asked) };
    let stop = state.tasks.token();
    drop(state.tasks.spawn("http", async move {
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
    }));
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
