//! As much HTTP/1.1 as Bot API clients speak: JSON bodies and forms of known length on a connection that
//! is kept.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::{Fault, Refusal, Shared, methods, upload};
use crate::http::{Request, read};

/// What a file of the largest size takes.
const MAX_BODY: usize = 51 * 1024 * 1024;

/// Answers requests until the client leaves.
pub(super) async fn serve(socket: TcpStream, shared: &Shared) {
    let mut socket = BufReader::new(socket);
    while let Some(request) = read(&mut socket, MAX_BODY).await {
        if let Some(rest) = request.path.strip_prefix("/file/bot") {
            if !download(&mut socket, shared, rest).await {
                return;
            }
            continue;
        }
        let Some((status, answer)) = answer(shared, &request).await else {
            return;
        };
        let text = answer.to_string();
        let reply = format!(
            "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{text}",
            text.len()
        );
        if socket.get_mut().write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Answers with a file; whether the connection goes on.
async fn download(socket: &mut BufReader<TcpStream>, shared: &Shared, rest: &str) -> bool {
    let (token, path) = rest.split_once('/').unwrap_or_default();
    let fault = shared.note("download", &json!({"path": path}));
    let found = {
        let state = shared.lock();
        let file =
            state.files.values().find(|(at, _)| at == path).filter(|_| token == shared.token);
        file.map(|(_, bytes)| bytes.clone())
    };
    let (status, bytes) = match (found, fault) {
        (_, Some(Fault::Refuse(refusal))) => {
            (refusal.code, refusal.body().to_string().into_bytes())
        }
        (_, Some(Fault::Stall)) => std::future::pending().await,
        (_, Some(Fault::CutAfter)) => return false,
        (Some(bytes), None) => (200, bytes),
        (None, None) => (404, Refusal::new(404, "Not Found").body().to_string().into_bytes()),
    };
    let head = format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\n\r\n", bytes.len());
    let socket = socket.get_mut();
    socket.write_all(head.as_bytes()).await.is_ok() && socket.write_all(&bytes).await.is_ok()
}

/// The status and the envelope; `None` ends the connection.
async fn answer(shared: &Shared, request: &Request) -> Option<(u16, Value)> {
    let rest = request.path.strip_prefix("/bot").unwrap_or_default();
    let (token, method) = rest.split_once('/').unwrap_or_default();
    let result = if token.is_empty() {
        Err(Refusal::new(404, "Not Found"))
    } else if token != shared.token {
        Err(Refusal::new(401, "Unauthorized"))
    } else {
        match params(request) {
            Err(refusal) => Err(refusal),
            Ok((params, file)) => match shared.note(method, &params) {
                Some(Fault::Refuse(refusal)) => Err(refusal),
                Some(Fault::Stall) => std::future::pending().await,
                Some(Fault::CutAfter) => {
                    drop(methods::call(shared, method, &params, file.as_ref()).await);
                    return None;
                }
                None => methods::call(shared, method, &params, file.as_ref()).await,
            },
        }
    };
    Some(match result {
        Ok(result) => (200, json!({"ok": true, "result": result})),
        Err(refusal) => (refusal.code, refusal.body()),
    })
}

fn params(request: &Request) -> Result<(Value, Option<upload::Part>), Refusal> {
    if request.content_type.starts_with("multipart/form-data") {
        return upload::form(&request.content_type, &request.body);
    }
    if request.body.is_empty() {
        return Ok((json!({}), None));
    }
    serde_json::from_slice(&request.body)
        .ok()
        .filter(Value::is_object)
        .map(|params| (params, None))
        .ok_or_else(|| Refusal::new(400, "Bad Request: can't parse JSON object"))
}
