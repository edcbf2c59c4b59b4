//! Collecting the facts: reads files and the kernel's tables, starts nothing, connects to nothing.
//!
//! What cannot be read is left out; a check that finds nothing to look at stays silent.

mod files;
mod machine;
mod secrets;
mod sshd;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use openclaw_client::{Dial as _, SavedFile, TcpDial};
use openclaw_config::{
    Config, Environment, Loaded, Paths,
    schema::{AuthMode, Bind},
};
use openclaw_remote::{Book, How, NamedGateway};
use secrecy::SecretString;
use serde_json::Value as Json;

use crate::{
    facts::{Certificate, Facts, Suppression},
    raw::Raw,
};

/// Where facts come from.
#[derive(Debug)]
pub struct Sources<'a> {
    /// Files and folders.
    pub paths: &'a Paths,
    /// The environment, with the state folder's `.env`.
    pub env: &'a Environment,
    /// The configuration, or why it cannot be used.
    pub loaded: Result<&'a Loaded, String>,
    /// What a running Gateway was told on its command line.
    pub overrides: Overrides,
    /// The certificate of the Gateway, if there is one.
    pub certificate: Option<Certificate>,
    /// Where `/proc` and `/etc` are: `/`, and a prepared folder in tests.
    pub root: PathBuf,
    /// The clock, in milliseconds since 1970.
    pub now_ms: u64,
}

/// What a Gateway was told on its command line.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--bind`.
    pub bind: Option<Bind>,
    /// The port it got.
    pub port: Option<u16>,
    /// `--auth`.
    pub mode: Option<AuthMode>,
    /// `--token`.
    pub token: Option<SecretString>,
    /// `--password`.
    pub password: Option<SecretString>,
}

/// Keys whose place is worth telling.
const PLACED: [&str; 6] = [
    "gateway.auth.mode",
    "gateway.auth.password",
    "gateway.bind",
    "gateway.controlUi.allowedOrigins",
    "gateway.tailscale.mode",
    "gateway.tls.enabled",
];

/// Collects everything. Reads files and may run a program that keeps secrets, so asynchronous callers put
/// it on a blocking thread.
#[must_use]
pub fn gather(sources: &Sources<'_>) -> Facts {
    let loaded = sources.loaded.as_ref().ok().copied();
    let config = loaded.map_or_else(|| Arc::new(Config::default()), |one| Arc::clone(&one.config));
    let raw = Raw::new(loaded.map_or(Json::Null, Loaded::effective));
    let auth = secrets::gather(sources, loaded, &config);
    let port = sources.overrides.port;
    let port = port.or_else(|| config.gateway_port(sources.paths, sources.env).ok());
    let log = config.log_file(sources.paths);
    let named = Book::new(sources.paths.named_gateways_dir()).list().unwrap_or_default();
    Facts {
        now_ms: sources.now_ms,
        invalid: sources.loaded.as_ref().err().cloned(),
        password_spelled_out: loaded
            .is_some_and(|loaded| loaded.is_spelled_out("gateway.auth.password")),
        places: places(loaded),
        bind: sources.overrides.bind.unwrap_or(config.gateway.bind),
        port: port.unwrap_or_else(|| sources.paths.default_port()),
        variables: sources.env.names().into_iter().map(str::to_owned).collect(),
        uid: rustix::process::getuid().as_raw(),
        files: files::gather(sources.paths, loaded, &config, &log),
        synced: files::synced(sources.paths.state_dir()),
        log: files::log(log, config.logging.file.is_some()),
        machine: machine::gather(sources),
        certificate: sources.certificate.clone(),
        unpinned: unpinned(sources.paths, &named),
        named,
        suppressions: suppressions(&raw),
        live: None,
        auth,
        config,
        raw,
    }
}

fn places(loaded: Option<&Loaded>) -> BTreeMap<&'static str, String> {
    let Some(loaded) = loaded else { return BTreeMap::new() };
    let found = PLACED.into_iter().filter_map(|key| {
        let place = loaded.place(key)?;
        let file = place.file.rsplit('/').next().unwrap_or(&place.file);
        Some((key, format!("{file}:{}", place.line)))
    });
    found.collect()
}

fn unpinned(paths: &Paths, named: &[NamedGateway]) -> Vec<String> {
    let found = named.iter().filter(|gateway| {
        let How::Url { url, tls_fingerprint: None } = &gateway.how else { return false };
        // A URL that cannot be dialled proves nothing either way.
        let Ok(dial) = TcpDial::parse(url, true) else { return false };
        let file = SavedFile::of(&paths.gateways_dir(), &dial.target());
        file.load().is_ok_and(|saved| saved.key.is_none())
    });
    found.map(|gateway| gateway.name.clone()).collect()
}

fn suppressions(raw: &Raw) -> Vec<Suppression> {
    let text = |item: &Json, key: &str| item.get(key).and_then(Json::as_str).map(str::to_owned);
    let items = raw.items("security.audit.suppressions").iter();
    let rules = items.filter_map(|item| {
        Some(Suppression {
            check_id: text(item, "checkId")?,
            title_includes: text(item, "titleIncludes"),
            detail_includes: text(item, "detailIncludes"),
        })
    });
    rules.collect()
}
