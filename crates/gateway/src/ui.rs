//! Serves the browser interface below its base path: the built-in one, or a folder of the owner's.

use std::{
    io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use openclaw_control_ui::{Asset, INDEX, PLACEHOLDER, find, is_built, media_type};
use sha2::{Digest, Sha256};

/// Largest file of a folder that is served.
const MAX_FILE_BYTES: u64 = 32 * 1024 * 1024;

/// Most scripts in a page of a folder that are allowed to run.
const MAX_INLINE: usize = 32;

/// Nothing inline, nothing of a third party, in nobody's frame, and no connection but to the Gateway that
/// served the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
     worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// For a folder of the owner's choice: other builds need styles of their own and more kinds of content.
/// The scripts that stand in the page itself are named by their hashes, as [`inline_hashes`] finds them.
const FOLDER_SCRIPTS: &str = "default-src 'self'; script-src 'self'";
const FOLDER_POLICY: &str = "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; \
     media-src 'self' data: blob:; connect-src 'self' data: blob:; worker-src 'self' blob:; \
     base-uri 'self'; form-action 'self'; object-src 'none'; frame-ancestors 'none'";

const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";

/// How the interface is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UiSettings {
    /// Whether it is served at all.
    pub enabled: bool,
    /// The path below which it is served, without a slash at the end; empty for all of the port.
    pub base_path: String,
    /// A folder that is served instead of the built-in interface.
    pub root: Option<PathBuf>,
}

impl Default for UiSettings {
    fn default() -> Self {
        Self { enabled: true, base_path: String::new(), root: None }
    }
}

impl UiSettings {
    /// Brings a base path into its one form: `ui`, `/ui` and `/ui/` are the same.
    #[must_use]
    pub fn normal_base_path(text: &str) -> String {
        let inner = text.trim().trim_matches('/');
        if inner.is_empty() { String::new() } else { format!("/{inner}") }
    }
}

/// The answer, if the path is one of the interface.
pub(crate) async fn serve(
    ui: &UiSettings,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Option<Response> {
    if !ui.enabled || !matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let below = uri.path().strip_prefix(ui.base_path.as_str())?;
    if below.is_empty() {
        return Some(to_folder(&ui.base_path));
    }
    let path = below.strip_prefix('/')?;
    let (mut response, policy) = match &ui.root {
        Some(root) => from_folder(root, path, headers).await?,
        None => (built_in(path, headers)?, HeaderValue::from_static(POLICY)),
    };
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in [
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::VARY, "Accept-Encoding"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}

/// Names of files are relative to the page, so its address ends with a slash.
fn to_folder(base_path: &str) -> Response {
    let there = HeaderValue::from_str(&format!("{base_path}/"));
    match there {
        Ok(there) => (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, there)]).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn built_in(path: &str, headers: &HeaderMap) -> Option<Response> {
    let path = if path.is_empty() { INDEX } else { path };
    if !is_built() && path == INDEX {
        return Some(file(INDEX, ASK_AGAIN, Body::from(PLACEHOLDER)));
    }
    let asset = find(path)?;
    let cache = if asset.is_hashed() { FOR_EVER } else { ASK_AGAIN };
    let Some((encoding, bytes)) = encoded(asset, headers) else {
        return Some(match asset.plain() {
            Ok(bytes) => file(path, cache, Body::from(bytes)),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        });
    };
    let mut response = file(path, cache, Body::from(bytes));
    response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    Some(response)
}

/// The smallest form that the client takes.
fn encoded(asset: &'static Asset, headers: &HeaderMap) -> Option<(&'static str, &'static [u8])> {
    let takes = |name: &str| {
        headers
            .get_all(header::ACCEPT_ENCODING)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|part| {
                let (coding, weight) = part.split_once(';').unwrap_or((part, "q=1"));
                coding.trim().eq_ignore_ascii_case(name).then(|| weight.replace(' ', ""))
            })
            .any(|weight| weight.trim_start_matches("q=").parse::<f32>().is_ok_and(|q| q > 0.0))
    };
    if takes("br") {
        Some(("br", asset.brotli))
    } else if takes("gzip") {
        Some(("gzip", asset.gzip))
    } else {
        None
    }
}

fn file(path: &str, cache: &'static str, body: Body) -> Response {
    let headers = [(header::CONTENT_TYPE, media_type(path)), (header::CACHE_CONTROL, cache)];
    (headers, body).into_response()
}

/// What was read of a folder.
struct Found {
    bytes: Vec<u8>,
    name: String,
    tag: String,
}

async fn from_folder(
    root: &Path,
    path: &str,
    headers: &HeaderMap,
) -> Option<(Response, HeaderValue)> {
    let wanted = parts(path)?;
    let is_page = wanted.last().is_none_or(|name| !name.contains('.'));
    let root = root.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let direct = read(&root, &wanted.join("/"));
        // Other builds keep their pages in the path; each of them is the one page.
        if direct.is_err() && is_page { read(&root, INDEX) } else { direct }
    });
    let found = read.await.ok()?.ok()?;
    let tag = HeaderValue::from_str(&found.tag).ok()?;
    let inline =
        if found.name.ends_with(".html") { inline_hashes(&found.bytes) } else { Vec::new() };
    let mut policy = FOLDER_SCRIPTS.to_owned();
    for hash in inline {
        policy.push_str(&format!(" 'sha256-{hash}'"));
    }
    let policy = HeaderValue::from_str(&format!("{policy}; {FOLDER_POLICY}")).ok()?;
    if headers.get(header::IF_NONE_MATCH) == Some(&tag) {
        let same = (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
        return Some((same, policy));
    }
    let mut response = file(&found.name, ASK_AGAIN, Body::from(found.bytes));
    response.headers_mut().insert(header::ETAG, tag);
    Some((response, policy))
}

/// Hashes of the scripts that stand in a page of the owner's folder, at most [`MAX_INLINE`]: whoever can
/// write the page can write the files beside it as well, so naming them gives nothing away, and what a
/// message smuggles into the page at run time is not among them.
fn inline_hashes(page: &[u8]) -> Vec<String> {
    let Ok(page) = std::str::from_utf8(page) else { return Vec::new() };
    // Offsets stay the same: only ASCII letters change.
    let lower = page.to_ascii_lowercase();
    let mut hashes = Vec::new();
    let mut at = 0;
    while let Some(start) = lower.get(at..).and_then(|rest| rest.find("<script")) {
        let tag = at + start;
        let Some(open) = lower.get(tag..).and_then(|rest| rest.find('>')) else { break };
        let body = tag + open + 1;
        let Some(length) = lower.get(body..).and_then(|rest| rest.find("</script")) else { break };
        at = body + length;
        let attributes = lower.get(tag + "<script".len()..body).unwrap_or_default();
        let is_tag = attributes.starts_with(|c: char| c.is_ascii_whitespace() || c == '>');
        let is_outside =
            attributes.split_ascii_whitespace().any(|attribute| attribute.starts_with("src="));
        if is_tag && !is_outside && hashes.len() < MAX_INLINE {
            let text = page.get(body..at).unwrap_or_default();
            hashes.push(BASE64.encode(Sha256::digest(text.as_bytes())));
        }
    }
    hashes
}

/// The parts of a path, decoded; `None` if one of them could lead anywhere but down, or is hidden.
fn parts(path: &str) -> Option<Vec<String>> {
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Some(Vec::new());
    }
    let is_good = |part: &String| {
        !part.is_empty() && !part.starts_with('.') && !part.contains(['/', '\\', '\0', ':'])
    };
    path.split('/').map(|part| decoded(part).filter(is_good)).collect()
}

fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        let digits = std::str::from_utf8(&digits).ok().filter(|text| !text.starts_with('+'))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// Reads a file that really lies below the folder, wherever links in it lead.
fn read(root: &Path, path: &str) -> io::Result<Found> {
    let root = root.canonicalize()?;
    let mut full = root.join(path).canonicalize()?;
    if full.is_dir() {
        full = full.join(INDEX).canonicalize()?;
    }
    let about = full.metadata()?;
    if !full.starts_with(&root) || !about.is_file() || about.len() > MAX_FILE_BYTES {
        return Err(io::ErrorKind::NotFound.into());
    }
    let changed = about.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let name = full.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let tag = format!("\"{:x}-{changed:x}\"", about.len());
    Ok(Found { bytes: std::fs::read(&full)?, name, tag })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_down_only() {
        for (path, expected) in [
            ("", Some(vec![])),
            ("a/b.js", Some(vec!["a", "b.js"])),
            ("a%20b", Some(vec!["a b"])),
            ("a/", Some(vec!["a"])),
            ("..", None),
            ("a/../b", None),
            ("%2e%2e/b", None),
            ("a%2fb", None),
            ("a%5cb", None),
            ("a%00", None),
            (".git/config", None),
            ("a//b", None),
            ("%", None),
            ("%+1", None),
            ("%ff", None),
            ("C:/x", None),
        ] {
            let expected = expected.map(|parts| parts.into_iter().map(str::to_owned).collect());
            assert_eq!(parts(path), expected, "{path}");
        }
    }

    #[test]
    fn encodings_are_those_the_client_takes() {
        const ASSET: Asset = Asset { path: "a.js", gzip: b"g", brotli: b"b" };
        static KEPT: Asset = ASSET;
        for (accept, expected) in [
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip, deflate", Some("gzip")),
            ("br;q=0, gzip;q=0.5", Some("gzip")),
            ("br; q=1", Some("br")),
            ("identity", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accept));
            let found = encoded(&KEPT, &headers).map(|(name, _)| name);
            assert_eq!(found, expected, "{accept}");
        }
    }

    #[test]
    fn scripts_in_a_page_are_named_by_their_hash() {
        // By `printf %s 'alert(1)' | openssl dgst -sha256 -binary | base64`.
        const ALERT: &str = "bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI=";
        for (page, expected) in [
            ("<script>alert(1)</script>", vec![ALERT]),
            ("<SCRIPT type=module>alert(1)</SCRIPT ><p>", vec![ALERT]),
            ("<script\nsrc='a.js'></script><script>alert(1)</script>", vec![ALERT]),
            ("<scripts>alert(1)</scripts>", vec![]),
            ("<script>alert(1)", vec![]),
            ("<p>ß</p>", vec![]),
        ] {
            assert_eq!(inline_hashes(page.as_bytes()), expected, "{page}");
        }
        assert!(inline_hashes(&[0xff]).is_empty());
        assert_eq!(inline_hashes("<script></script>".repeat(99).as_bytes()).len(), MAX_INLINE);
    }

    #[test]
    fn base_paths_have_one_form() {
        for (text, expected) in
            [("", ""), ("/", ""), ("ui", "/ui"), ("/ui/", "/ui"), ("/a/b", "/a/b")]
        {
            assert_eq!(UiSettings::normal_base_path(text), expected, "{text}");
        }
    }
}
