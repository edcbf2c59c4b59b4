//! The messages of a handshake, one at a time.

use futures_util::{SinkExt, StreamExt};
use openclaw_protocol::{
    RpcError,
    events::core::ConnectChallenge,
    frame::{OutgoingRequest, ServerFrame, decode_server_frame},
    row::Event,
};
use serde_json::Value;
use tokio_tungstenite::tungstenite::{self, Message};

use super::{challenge::Challenge, params::Connect};
use crate::{
    dial::Target,
    error::{ClientError, CloseReason},
    hello::Hello,
    link::{BEAT, DEAD_AFTER, reason_of},
    stream::Socket,
};

/// Id of the one request of a handshake.
const CONNECT_ID: &str = "connect";
/// The event that tells a held client the decision.
const PAIR_RESOLVED: &str = "device.pair.resolved";

/// What the Gateway answered to `connect`.
pub(crate) enum Answer {
    Hello(Box<Hello>),
    Refused(Box<RpcError>),
}

/// Sends a sign of life that asks for none back.
///
/// The Gateway writes its answer to the upgrade and the challenge one after the other. Through `ssh`,
/// which leaves Nagle's algorithm on, the second waits until the first is acknowledged, and a client that
/// only listens acknowledges after 40 ms. What it says carries the acknowledgement at once.
pub(crate) async fn nudge(socket: &mut Socket) {
    // A socket that is broken shows it to whoever reads next.
    socket.send(Message::Pong(tungstenite::Bytes::new())).await.ok();
}

/// Waits for the challenge.
pub(crate) async fn challenge(
    socket: &mut Socket,
    target: &Target,
) -> Result<Challenge, ClientError> {
    let text = text(socket).await.map_err(ClientError::LinkLost)?;
    let not_a_gateway = |seen: &str| ClientError::NotAGateway {
        target: target.clone(),
        seen: format!("a WebSocket server that {seen}"),
    };
    match decode_server_frame(&text) {
        Ok(ServerFrame::Event { event, payload, .. }) if event == ConnectChallenge::ROW.name => {
            Challenge::read(payload.get()).ok_or_else(|| not_a_gateway("sent an empty challenge"))
        }
        Ok(_) => Err(not_a_gateway("does not begin with a challenge")),
        Err(_) => Err(not_a_gateway("speaks another protocol")),
    }
}

/// Sends `connect` and waits for its answer.
pub(crate) async fn connect(
    socket: &mut Socket,
    connect: &Connect,
    target: &Target,
) -> Result<Answer, ClientError> {
    let request = OutgoingRequest::new(CONNECT_ID, "connect", &connect.params);
    let frame = serde_json::to_string(&request)
        .map_err(|error| ClientError::local("connect could not be written", error.into()))?;
    let lost = |error| ClientError::LinkLost(reason_of(error));
    socket.send(Message::text(frame)).await.map_err(lost)?;
    loop {
        let text = match text(socket).await {
            Ok(text) => text,
            Err(CloseReason::Closed { code: 1002, reason }) => {
                return Err(ClientError::ProtocolMismatch(reason));
            }
            Err(reason) => return Err(ClientError::LinkLost(reason)),
        };
        let seen = match decode_server_frame(&text) {
            Ok(ServerFrame::Event { .. }) => continue,
            Ok(ServerFrame::Response { id, .. }) if id != CONNECT_ID => continue,
            Ok(ServerFrame::Response { outcome: Ok(payload), .. }) => {
                match serde_json::from_str(payload.get()) {
                    Ok(hello) => return Ok(Answer::Hello(Box::new(hello))),
                    Err(error) => format!("it answers connect with something else ({error})"),
                }
            }
            Ok(ServerFrame::Response { outcome: Err((error, _)), .. }) => {
                return Ok(Answer::Refused(Box::new(error)));
            }
            Err(_) => "it speaks another protocol".to_owned(),
        };
        return Err(ClientError::NotAGateway { target: target.clone(), seen });
    }
}

/// Waits on a held socket: whether the request was approved, or how the socket ended.
pub(crate) async fn decision(
    socket: &mut Socket,
    request_id: Option<&str>,
) -> Result<bool, CloseReason> {
    let pulse = socket.get_ref().pulse();
    let mut beat = tokio::time::interval(BEAT);
    loop {
        let text = tokio::select! {
            text = text(socket) => text?,
            _ = beat.tick() => {
                let silent = pulse.silent_for();
                if silent >= DEAD_AFTER {
                    return Err(CloseReason::Silent(silent));
                }
                socket.send(Message::Ping(Vec::new().into())).await.map_err(reason_of)?;
                continue;
            }
        };
        let Ok(ServerFrame::Event { event, payload, .. }) = decode_server_frame(&text) else {
            continue;
        };
        let payload: Value = serde_json::from_str(payload.get()).unwrap_or_default();
        let about = payload.get("requestId").and_then(Value::as_str);
        if event == PAIR_RESOLVED && (request_id.is_none() || about == request_id) {
            return Ok(payload.get("decision").and_then(Value::as_str) == Some("approved"));
        }
    }
}

/// The next text message.
async fn text(socket: &mut Socket) -> Result<String, CloseReason> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
            Some(Ok(Message::Close(frame))) => {
                let (code, reason) = frame.map_or((1005, String::new()), |frame| {
                    (frame.code.into(), frame.reason.as_str().to_owned())
                });
                return Err(CloseReason::Closed { code, reason });
            }
            Some(Ok(Message::Binary(_))) => {
                return Err(CloseReason::Protocol("it sent binary data".to_owned()));
            }
            Some(Ok(_)) => {}
            Some(Err(tungstenite::Error::ConnectionClosed)) | None => {
                return Err(CloseReason::Ended);
            }
            Some(Err(error)) => return Err(reason_of(error)),
        }
    }
}
