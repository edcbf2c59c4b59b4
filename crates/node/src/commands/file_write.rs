//! `file.write`: a whole file, replaced in one step.

use std::{io::Write, path::PathBuf, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use cap_std::fs::OpenOptions;
use futures_util::{FutureExt, future::BoxFuture};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Machine;
use crate::{
    command::{Call, CommandError, NodeCommand},
    report::{file_error, in_background},
    roots::Place,
};

/// Largest file that is written, in bytes.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Writes files.
pub(super) struct FileWrite(pub(super) Arc<Machine>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    path: String,
    content: String,
    #[serde(default)]
    encoding: Encoding,
    /// Fail if there is a file already.
    #[serde(default)]
    create_only: bool,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    #[default]
    Utf8,
    Base64,
}

fn write(machine: &Machine, params: Params) -> Result<Value, CommandError> {
    let place = machine.roots.place(&params.path)?;
    let bytes = match params.encoding {
        Encoding::Utf8 => params.content.into_bytes(),
        Encoding::Base64 => STANDARD
            .decode(&params.content)
            .map_err(|error| CommandError::invalid(format!("content is no base64: {error}")))?,
    };
    if bytes.len() > MAX_BYTES {
        return Err(CommandError::invalid(format!("a file has at most {MAX_BYTES} bytes")));
    }
    let known = place.dir.symlink_metadata(&place.path).ok();
    if known.as_ref().is_some_and(|known| !known.is_file()) {
        let text = format!("{} is there and is no file", place.shown.display());
        return Err(CommandError::invalid(text));
    }
    if known.is_some() && params.create_only {
        let text = format!("{} is there already", place.shown.display());
        return Err(CommandError::invalid(text));
    }
    replace(&place, &bytes, known.map(|known| known.permissions()), params.create_only)
        .map_err(|error| file_error(&place.shown, &error))?;
    Ok(json!({"path": place.shown.display().to_string(), "size": bytes.len()}))
}

/// Writes beside the file and puts it in its place: nobody sees half of it.
fn replace(
    place: &Place<'_>,
    bytes: &[u8],
    mode: Option<cap_std::fs::Permissions>,
    create_only: bool,
) -> std::io::Result<()> {
    if create_only {
        let mut file =
            place.dir.open_with(&place.path, OpenOptions::new().write(true).create_new(true))?;
        return file.write_all(bytes).and_then(|()| file.sync_all());
    }
    let name = place.path.file_name().unwrap_or_default().to_string_lossy();
    let temporary: PathBuf =
        place.path.with_file_name(format!(".{name}.{:016x}.tmp", rand_name(place)));
    let mut file =
        place.dir.open_with(&temporary, OpenOptions::new().write(true).create_new(true))?;
    let written = file
        .write_all(bytes)
        .and_then(|()| mode.map_or(Ok(()), |mode| file.set_permissions(mode)))
        .and_then(|()| file.sync_all())
        .and_then(|()| place.dir.rename(&temporary, place.dir, &place.path));
    if written.is_err() {
        // The first error is what matters; a temporary file that stays is only untidy.
        place.dir.remove_file(&temporary).ok();
    }
    written
}

/// A number that no other write uses at the same time.
fn rand_name(place: &Place<'_>) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(&place.shown)
}

impl NodeCommand for FileWrite {
    fn name(&self) -> &'static str {
        "file.write"
    }

    fn run(&self, call: Call) -> BoxFuture<'_, Result<Value, CommandError>> {
        let machine = Arc::clone(&self.0);
        in_background(call, move |params| write(&machine, params)).boxed()
    }
}
