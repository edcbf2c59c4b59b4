//! `file.list`: what is in a folder.

use std::{path::Path, sync::Arc};

use futures_util::{FutureExt, future::BoxFuture};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Machine;
use crate::{
    command::{Call, CommandError, NodeCommand},
    report::{file_error, in_background},
};

/// Most entries in one answer.
const MAX_ENTRIES: usize = 1000;

/// Lists folders.
pub(super) struct FileList(pub(super) Arc<Machine>);

#[derive(Deserialize)]
struct Params {
    /// The folder; without it the folders that are open.
    path: Option<String>,
    limit: Option<usize>,
}

fn list(machine: &Machine, params: &Params) -> Result<Value, CommandError> {
    let Some(path) = &params.path else {
        let roots =
            machine.roots.paths().map(|path| json!({"name": shown(path), "kind": "folder"}));
        let roots: Vec<Value> = roots.collect();
        return Ok(json!({"path": null, "entries": roots, "truncated": false}));
    };
    let place = machine.roots.place(path)?;
    let fail = |error: std::io::Error| file_error(&place.shown, &error);
    let limit = params.limit.unwrap_or(MAX_ENTRIES).min(MAX_ENTRIES);
    let mut entries = Vec::new();
    let mut truncated = false;
    for entry in place.dir.read_dir(&place.path).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        if entries.len() == limit {
            truncated = true;
            break;
        }
        // It may be gone by now.
        let Ok(found) = entry.metadata() else { continue };
        let kind = if found.is_dir() {
            "folder"
        } else if found.is_file() {
            "file"
        } else if found.is_symlink() {
            "link"
        } else {
            "other"
        };
        let name = entry.file_name().to_string_lossy().into_owned();
        let size = found.is_file().then_some(found.len());
        entries.push((name.clone(), json!({"name": name, "kind": kind, "size": size})));
    }
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    let entries: Vec<Value> = entries.into_iter().map(|(_, entry)| entry).collect();
    Ok(json!({"path": shown(&place.shown), "entries": entries, "truncated": truncated}))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

impl NodeCommand for FileList {
    fn name(&self) -> &'static str {
        "file.list"
    }

    fn is_repeatable(&self) -> bool {
        true
    }

    fn run(&self, call: Call) -> BoxFuture<'_, Result<Value, CommandError>> {
        let machine = Arc::clone(&self.0);
        in_background(call, move |params| list(&machine, &params)).boxed()
    }
}
