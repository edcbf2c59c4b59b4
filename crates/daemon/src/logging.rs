//! The log: JSON lines in the state folder, rotated by size, and a human copy on stderr when asked for.
//!
//! A line has `time`, `level`, `subsystem`, `message`, and the event's fields.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use openclaw_config::schema::LogLevel;
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter, format::Writer},
    layer::SubscriberExt,
    registry::LookupSpan,
    reload,
    util::SubscriberInitExt,
};

/// A log file of this size is put aside.
const MAX_FILE_BYTES: u64 = 10 * 1024 * 1024;
/// This many old files are kept.
const KEPT_FILES: u32 = 4;

/// Changes the level of the process's log file; it is one for the whole process, as the log is.
static LEVEL: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// What is logged, and where to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogSettings<'a> {
    /// The file.
    pub(crate) path: &'a Path,
    /// The least level.
    pub(crate) level: LogLevel,
    /// The size at which the file is put aside.
    pub(crate) max_bytes: Option<u64>,
    /// Whether a person reads along.
    pub(crate) verbose: bool,
}

/// Starts logging for the whole process.
///
/// # Errors
/// When the file cannot be opened.
pub(crate) fn start(settings: LogSettings<'_>) -> io::Result<()> {
    let LogSettings { path, level, max_bytes, verbose } = settings;
    let file = LogFile::open(path, max_bytes.unwrap_or(MAX_FILE_BYTES))?;
    let (chosen, handle) = reload::Layer::new(filter(level));
    let json = tracing_subscriber::fmt::layer()
        .event_format(JsonLines)
        .with_writer(file)
        .with_filter(chosen);
    let human = verbose.then(|| {
        tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            .with_target(false)
            .with_filter(filter(LogLevel::Debug))
    });
    // A second Gateway in one process (tests) keeps the first one's log.
    if tracing_subscriber::registry().with(json).with(human).try_init().is_ok() {
        drop(LEVEL.set(handle));
    }
    Ok(())
}

/// Takes up another level from now on.
pub(crate) fn set_level(level: LogLevel) {
    if let Some(Err(error)) = LEVEL.get().map(|handle| handle.reload(filter(level))) {
        tracing::warn!(%error, "the level of the log stays what it was");
    }
}

fn filter(level: LogLevel) -> EnvFilter {
    let name = match level {
        LogLevel::Silent => "off",
        LogLevel::Fatal | LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    EnvFilter::new(format!("off,openclaw={name}"))
        .add_directive_or_keep(&format!("openclaw_gateway={name}"))
        .add_directive_or_keep(&format!("openclaw_agent={name}"))
        .add_directive_or_keep(&format!("openclaw_providers={name}"))
        .add_directive_or_keep(&format!("openclaw_store={name}"))
        .add_directive_or_keep(&format!("openclaw_config={name}"))
        .add_directive_or_keep(&format!("openclaw_daemon={name}"))
        .add_directive_or_keep(&format!("openclaw_base={name}"))
}

trait AddDirective {
    fn add_directive_or_keep(self, directive: &str) -> Self;
}

impl AddDirective for EnvFilter {
    fn add_directive_or_keep(self, directive: &str) -> Self {
        match directive.parse() {
            Ok(directive) => self.add_directive(directive),
            Err(_) => self,
        }
    }
}

struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let metadata = event.metadata();
        let subsystem = metadata.target().trim_start_matches("openclaw_").replace("::", "/");
        let mut line = Map::new();
        line.insert("time".to_owned(), Value::from(jiff::Timestamp::now().to_string()));
        line.insert(
            "level".to_owned(),
            Value::from(metadata.level().as_str().to_ascii_lowercase()),
        );
        line.insert("subsystem".to_owned(), Value::from(subsystem));
        event.record(&mut Fields(&mut line));
        writeln!(writer, "{}", Value::Object(line))
    }
}

struct Fields<'a>(&'a mut Map<String, Value>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name().to_owned(), Value::from(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), Value::from(value));
    }
}

/// A file that is put aside when it is large. Lines that the disk refuses are lost, never an error.
#[derive(Clone, Debug)]
struct LogFile(Arc<Mutex<Rotating>>);

#[derive(Debug)]
struct Rotating {
    path: PathBuf,
    file: File,
    size: u64,
    most: u64,
}

impl LogFile {
    fn open(path: &Path, most: u64) -> io::Result<Self> {
        let file = open(path)?;
        let size = file.metadata()?.len();
        Ok(Self(Arc::new(Mutex::new(Rotating { path: path.to_owned(), file, size, most }))))
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

impl Rotating {
    fn rotate(&mut self) -> io::Result<()> {
        let numbered = |number: u32| self.path.with_extension(format!("log.{number}"));
        for number in (1..KEPT_FILES).rev() {
            std::fs::rename(numbered(number), numbered(number + 1)).ok();
        }
        std::fs::rename(&self.path, numbered(1))?;
        self.file = open(&self.path)?;
        self.size = 0;
        Ok(())
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut log = self.0.lock();
        if log.size >= log.most {
            log.rotate().ok();
        }
        if log.file.write_all(bytes).is_ok() {
            log.size += bytes.len() as u64;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogFile {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_file_is_put_aside_and_old_ones_end() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("gateway.log");
        let mut log = LogFile::open(&path, 1).expect("log");
        for round in 0..6 {
            log.write_all(format!("round {round}\n").as_bytes()).expect("never fails");
        }
        assert_eq!(std::fs::read_to_string(&path).expect("current"), "round 5\n");
        let mut kept: Vec<_> = std::fs::read_dir(folder.path())
            .expect("folder")
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        kept.sort();
        let expected =
            ["gateway.log", "gateway.log.1", "gateway.log.2", "gateway.log.3", "gateway.log.4"];
        assert_eq!(kept, expected);
    }
}
