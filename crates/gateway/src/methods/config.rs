//! The configuration as it stands, its schema, and changes of it.

use openclaw_protocol::{
    RpcError,
    list::List,
    methods::{config::*, system::NoParams},
    row::Rpc as _,
    text::NonEmpty,
};

use openclaw_store::trail::TrailKind;

use crate::{
    config_source::ConfigChange,
    router::{Cx, Failure, Handle, Methods},
};

/// Most keys, and most letters of a note, that the audit trail names.
const NAMED_KEYS: usize = 12;
const NOTE_CHARS: usize = 120;

impl Handle<ConfigGet> for Methods {
    async fn handle(cx: Cx, _: NoParams) -> Result<ConfigGetResult, Failure> {
        Ok(cx.state.config.snapshot().await?)
    }
}

impl Handle<ConfigSchema> for Methods {
    async fn handle(cx: Cx, _: NoParams) -> Result<ConfigSchemaResult, Failure> {
        Ok(cx.state.config.schema()?)
    }
}

impl Handle<ConfigSchemaLookup> for Methods {
    async fn handle(
        cx: Cx,
        params: ConfigSchemaLookupParams,
    ) -> Result<ConfigSchemaLookupResult, Failure> {
        let path = params.path.as_str();
        let found = cx.state.config.lookup(path)?;
        found.ok_or_else(|| {
            RpcError::invalid(format!("config schema path not found: {path}")).into()
        })
    }
}

impl Handle<ConfigSet> for Methods {
    async fn handle(cx: Cx, params: ConfigSetParams) -> Result<ConfigWriteResult, Failure> {
        admit(&cx, ConfigSet::ROW.name)?;
        let change = ConfigChange::Whole { raw: params.raw.into_string() };
        write(&cx, change, params.base_hash, None).await
    }
}

impl Handle<ConfigApply> for Methods {
    async fn handle(cx: Cx, params: ConfigApplyParams) -> Result<ConfigWriteResult, Failure> {
        admit(&cx, ConfigApply::ROW.name)?;
        let change = ConfigChange::Whole { raw: params.raw.into_string() };
        write(&cx, change, params.base_hash, params.note).await
    }
}

impl Handle<ConfigPatch> for Methods {
    async fn handle(cx: Cx, params: ConfigPatchParams) -> Result<ConfigWriteResult, Failure> {
        admit(&cx, ConfigPatch::ROW.name)?;
        let replaced = params.replace_paths.map(List::into_vec).unwrap_or_default();
        let replaced = replaced.into_iter().map(NonEmpty::into_string).collect();
        let change = ConfigChange::Patch { raw: params.raw.into_string(), replaced };
        write(&cx, change, params.base_hash, params.note).await
    }
}

/// Counts a change by whoever asks for it: the device, or else the address.
fn admit(cx: &Cx, method: &'static str) -> Result<(), RpcError> {
    let who = match &cx.conn.principal.device {
        Some(device) => device.to_string(),
        None => cx.conn.origin.to_string(),
    };
    cx.state.writes.admit(method, &who, cx.state.clock.now_ms())
}

/// Writes, and says in the audit trail which keys were changed; never what they are now.
async fn write(
    cx: &Cx,
    change: ConfigChange,
    base_hash: Option<NonEmpty>,
    note: Option<String>,
) -> Result<ConfigWriteResult, Failure> {
    let written = cx.state.config.write(change, base_hash.map(NonEmpty::into_string)).await?;
    if !written.changed_paths.is_empty() {
        let mut detail = written
            .changed_paths
            .iter()
            .take(NAMED_KEYS)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        if let Some(more) = written.changed_paths.len().checked_sub(NAMED_KEYS).filter(|n| *n > 0) {
            detail.push_str(&format!(" and {more} more"));
        }
        if let Some(note) = note.filter(|note| !note.trim().is_empty()) {
            detail.push_str(": ");
            detail.extend(note.chars().take(NOTE_CHARS));
        }
        cx.state.record_of(&cx.conn, TrailKind::Config, "changed", &detail);
    }
    Ok(written)
}
