//! Secrets in a private file.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use secrecy::SecretString;
use serde_json::Value;

use crate::schema::SecretFileMode;

/// Largest secret file unless the configuration says otherwise, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// Reads one secret out of a file that nobody but this user can read or replace.
pub(super) fn read(
    path: &Path,
    mode: SecretFileMode,
    max_bytes: Option<u64>,
    id: &str,
) -> Result<SecretString, String> {
    let text = read_private(path, max_bytes.unwrap_or(MAX_BYTES))?;
    match mode {
        SecretFileMode::SingleValue if id == "value" => {
            let text = text.strip_suffix('\n').unwrap_or(&text);
            let text = text.strip_suffix('\r').unwrap_or(text);
            non_empty(text)
        }
        SecretFileMode::SingleValue => Err("the id for a single-value file is \"value\"".into()),
        SecretFileMode::Json => {
            let json: Value =
                serde_json::from_str(&text).map_err(|_| "the file is not JSON".to_owned())?;
            let found = json.pointer(id).and_then(Value::as_str);
            non_empty(found.ok_or("the file has no string at this pointer")?)
        }
    }
}

fn non_empty(text: &str) -> Result<SecretString, String> {
    match text {
        "" => Err("the secret is empty".to_owned()),
        text => Ok(SecretString::from(text.to_owned())),
    }
}

/// The checks are made on the opened file, so it cannot be swapped in between.
fn read_private(path: &Path, max_bytes: u64) -> Result<String, String> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(|error| error.to_string())?;
    let shown = path.display();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(|error| format!("{shown}: {error}"))?;
    let meta = file.metadata().map_err(|error| format!("{shown}: {error}"))?;
    let own = rustix::process::getuid().as_raw();
    if !meta.is_file() {
        return Err(format!("{shown} is not a regular file"));
    }
    if meta.nlink() != 1 {
        return Err(format!("{shown} must not be hard-linked"));
    }
    if meta.uid() != own && meta.uid() != 0 || meta.mode() & 0o077 != 0 {
        return Err(format!("{shown} must be readable by its owner only: chmod 600 {shown}"));
    }
    let mut text = String::new();
    let read = file.take(max_bytes.saturating_add(1)).read_to_string(&mut text);
    let read = read.map_err(|error| format!("{shown}: {error}"))?;
    if u64::try_from(read).unwrap_or(u64::MAX) > max_bytes {
        return Err(format!("{shown} is larger than {max_bytes} bytes"));
    }
    Ok(text)
}
