//! `file.read`: a part of a file.

use std::{
    io::{Read, Seek, SeekFrom},
    sync::Arc,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use cap_std::fs::{OpenOptions, OpenOptionsExt};
use futures_util::{FutureExt, future::BoxFuture};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Machine;
use crate::{
    command::{Call, CommandError, NodeCommand},
    report::{file_error, in_background},
};

/// Read unless the caller says otherwise, in bytes.
const USUAL: u64 = 256 * 1024;
/// Most that is read at once, in bytes.
pub(super) const MAX_BYTES: u64 = 1024 * 1024;

/// Reads files.
pub(super) struct FileRead(pub(super) Arc<Machine>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    path: String,
    #[serde(default)]
    offset: u64,
    max_bytes: Option<u64>,
}

fn read(machine: &Machine, params: &Params) -> Result<Value, CommandError> {
    let place = machine.roots.place(&params.path)?;
    let fail = |error: std::io::Error| file_error(&place.shown, &error);
    // A pipe without a writer would be waited for.
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    let mut file = place.dir.open_with(&place.path, &options).map_err(fail)?;
    let found = file.metadata().map_err(fail)?;
    if !found.is_file() {
        let text = format!("{} is not a file; try file.list", place.shown.display());
        return Err(CommandError::invalid(text));
    }
    file.seek(SeekFrom::Start(params.offset)).map_err(fail)?;
    let limit = params.max_bytes.unwrap_or(USUAL).min(MAX_BYTES);
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).map_err(fail)?;
    let end = params.offset.saturating_add(bytes.len() as u64);
    let (encoding, content) = match String::from_utf8(bytes) {
        Ok(text) => ("utf8", text),
        Err(error) => ("base64", STANDARD.encode(error.as_bytes())),
    };
    Ok(json!({
        "path": place.shown.display().to_string(),
        "size": found.len(),
        "offset": params.offset,
        "encoding": encoding,
        "content": content,
        "truncated": end < found.len(),
    }))
}

impl NodeCommand for FileRead {
    fn name(&self) -> &'static str {
        "file.read"
    }

    fn is_repeatable(&self) -> bool {
        true
    }

    fn run(&self, call: Call) -> BoxFuture<'_, Result<Value, CommandError>> {
        let machine = Arc::clone(&self.0);
        in_background(call, move |params| read(&machine, &params)).boxed()
    }
}
