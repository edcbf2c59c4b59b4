//! Knocking at a Gateway's port as a stranger: how far one gets without a credential.
//!
//! It is for those who set up what stands between a client and the Gateway and want to know what
//! passes. Nothing is sent but the upgrade and a ping.

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        self, Message,
        client::IntoClientRequest as _,
        http::{HeaderValue, header},
    },
};

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Frames that may come before the one that is waited for.
const MAX_FRAMES: usize = 8;

/// How a knock went wrong.
#[derive(Debug, thiserror::Error)]
pub enum KnockError {
    /// Nobody answers at the address.
    #[error("no connection")]
    Connect(#[source] std::io::Error),
    /// The answer is not an upgrade.
    #[error("answered {0}, not an upgrade to WebSocket")]
    Refused(u16),
    /// The WebSocket broke.
    #[error("the WebSocket broke")]
    Broken(#[source] Box<tungstenite::Error>),
    /// Something else answers.
    #[error("no challenge came: this is not a Gateway")]
    NotAGateway,
    /// An answer did not come.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Late,
}

/// Opens a WebSocket at an address with this `Host`, waits for the Gateway's challenge, stays quiet
/// for a while, and asks whether the line still holds.
///
/// # Errors
/// [`KnockError`] says how far it went.
pub async fn knock(at: SocketAddr, host: &str, quiet: Duration) -> Result<(), KnockError> {
    let late = |_| KnockError::Late;
    let stream = timeout(PATIENCE, TcpStream::connect(at)).await.map_err(late)?;
    let stream = stream.map_err(KnockError::Connect)?;
    let mut request = format!("ws://{at}/").into_client_request().map_err(broken)?;
    let host = HeaderValue::from_str(host).map_err(|error| broken(error.into()))?;
    request.headers_mut().insert(header::HOST, host);
    let answered = timeout(PATIENCE, client_async(request, stream)).await.map_err(late)?;
    let (mut socket, _) = answered.map_err(|error| match error {
        tungstenite::Error::Http(response) => KnockError::Refused(response.status().as_u16()),
        error => broken(error),
    })?;
    until(&mut socket, is_challenge).await?;
    tokio::time::sleep(quiet).await;
    socket.send(Message::Ping("still there".into())).await.map_err(broken)?;
    until(&mut socket, |message| matches!(message, Message::Pong(_))).await?;
    // The other side may have gone first; nothing depends on the goodbye.
    socket.close(None).await.ok();
    Ok(())
}

fn broken(error: tungstenite::Error) -> KnockError {
    KnockError::Broken(Box::new(error))
}

async fn until(
    socket: &mut WebSocketStream<TcpStream>,
    wanted: impl Fn(&Message) -> bool,
) -> Result<(), KnockError> {
    for _ in 0..MAX_FRAMES {
        let next = timeout(PATIENCE, socket.next()).await.map_err(|_| KnockError::Late)?;
        let message = next.ok_or(KnockError::NotAGateway)?.map_err(broken)?;
        if wanted(&message) {
            return Ok(());
        }
    }
    Err(KnockError::NotAGateway)
}

fn is_challenge(message: &Message) -> bool {
    let Message::Text(text) = message else { return false };
    let frame: Result<Value, _> = serde_json::from_str(text);
    frame.is_ok_and(|frame| frame.get("event").is_some_and(|event| event == "connect.challenge"))
}
