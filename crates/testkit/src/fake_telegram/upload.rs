//! Files that bots send: bodies of `multipart/form-data`, and what Telegram says about them.

use serde_json::{Map, Value, json};

use super::{Refusal, SentFile, Shared, methods};

/// Telegram's limit for what is said below a file.
const MAX_CAPTION: usize = 1024;
/// Telegram's limit for pictures that are shown.
const MAX_PHOTO: usize = 10 * 1024 * 1024;
/// Telegram's limit for other files.
const MAX_FILE: usize = 50 * 1024 * 1024;
/// How pictures begin that are shown: PNG, JPEG, WebP.
const PICTURES: [&[u8]; 3] = [b"\x89PNG", b"\xff\xd8\xff", b"RIFF"];

/// A file as it came.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    name: String,
    mime: String,
    bytes: Vec<u8>,
}

/// Reads a form: its fields as parameters, a file as its name, type and size.
pub(super) fn form(content_type: &str, body: &[u8]) -> Result<(Value, Option<Part>), Refusal> {
    let malformed = || Refusal::new(400, "Bad Request: can't parse multipart/form-data");
    let (_, boundary) = content_type.split_once("boundary=").ok_or_else(malformed)?;
    let marker = format!("--{}", boundary.trim_matches('"'));
    let (mut params, mut file) = (Map::new(), None);
    let mut rest = body.get(marker.len()..).ok_or_else(malformed)?;
    while !rest.starts_with(b"--") {
        rest = rest.strip_prefix(b"\r\n").ok_or_else(malformed)?;
        let end = find(rest, b"\r\n\r\n").ok_or_else(malformed)?;
        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
        let content = &rest[end + 4..];
        let next = format!("\r\n{marker}");
        let end = find(content, next.as_bytes()).ok_or_else(malformed)?;
        let name = quoted(&head, " name=\"").ok_or_else(malformed)?;
        let value = &content[..end];
        match quoted(&head, " filename=\"") {
            Some(file_name) => {
                let mime = head.lines().find_map(|line| {
                    let (key, value) = line.split_once(':')?;
                    key.eq_ignore_ascii_case("content-type").then(|| value.trim().to_owned())
                });
                let part =
                    Part { name: file_name, mime: mime.unwrap_or_default(), bytes: value.to_vec() };
                let size = part.bytes.len();
                params.insert(
                    name,
                    json!({"file_name": part.name, "mime_type": part.mime,
                    "file_size": size}),
                );
                file = Some(part);
            }
            None => {
                let text = String::from_utf8_lossy(value).into_owned();
                let read = serde_json::from_str(&text).ok().filter(|_| name != "caption");
                params.insert(name, read.unwrap_or(Value::String(text)));
            }
        }
        rest = &content[end + next.len()..];
    }
    Ok((Value::Object(params), file))
}

fn quoted(head: &str, before: &str) -> Option<String> {
    let (_, rest) = head.split_once(before)?;
    rest.split('"').next().map(str::to_owned)
}

fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|part| part == what)
}

/// Takes a file that is sent.
pub(super) fn take(
    shared: &Shared,
    method: &str,
    params: &Value,
    file: Option<&Part>,
) -> Result<Value, Refusal> {
    let refused = |said: &str| Err(Refusal::new(400, &format!("Bad Request: {said}")));
    let chat = methods::chat(params)?;
    let kind = method.trim_start_matches("send").to_lowercase();
    let Some(file) = file.filter(|_| params[&kind].is_object()) else {
        return refused(&format!("there is no {kind} in the request"));
    };
    if file.bytes.is_empty() {
        return refused("file must be non-empty");
    }
    let photo = method == "sendPhoto";
    if file.bytes.len() > if photo { MAX_PHOTO } else { MAX_FILE } {
        return Err(Refusal::new(413, "Request Entity Too Large"));
    }
    if photo && !PICTURES.iter().any(|begin| file.bytes.starts_with(begin)) {
        return refused("IMAGE_PROCESS_FAILED");
    }
    let caption = params["caption"].as_str().unwrap_or_default();
    if params["parse_mode"].is_null() && caption.encode_utf16().count() > MAX_CAPTION {
        return refused("message caption is too long");
    }
    let mut state = shared.lock();
    state.last_message += 1;
    let id = state.last_message;
    state.messages.insert((chat, id), caption.to_owned());
    state.sent_files.push(SentFile {
        chat,
        method: method.to_owned(),
        name: file.name.clone(),
        mime: file.mime.clone(),
        bytes: file.bytes.clone(),
        caption: caption.to_owned(),
    });
    drop(state);
    shared.tell();
    Ok(methods::message(chat, id, caption))
}
