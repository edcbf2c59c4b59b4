//! Following the configuration file while the Gateway runs.
//!
//! A change is read once the file has been quiet for `gateway.reload.debounceMs`. A valid one is
//! published at once and reported key by key; an invalid one is reported and the configuration
//! stays what it was. The file itself is never touched. `gateway.reload.mode: "off"` ignores
//! changes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use serde_json::Value as Json;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use crate::env::Environment;
use crate::error::ConfigError;
use crate::keypath::{KeyPath, Segment};
use crate::loaded::{Loaded, load};
use crate::paths::Paths;
use crate::problem::{Problem, Report};
use crate::reload::{ReloadClass, differences};
use crate::schema::ReloadMode;
use crate::shape;

/// Shortest quiet time; an editor that writes in pieces pauses for less.
const MIN_QUIET: Duration = Duration::from_millis(50);
/// A file that never comes to rest is read all the same after this many quiet times.
const MAX_WAITS: u32 = 20;

/// What became of one change of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reload {
    /// Changed keys that hold from now on.
    pub applied: Vec<String>,
    /// Those of them that a part of the Gateway has to be told of.
    pub hot: Vec<String>,
    /// Keys that differ from what the Gateway was started with and need a restart to hold.
    pub needs_restart: Vec<String>,
    /// Warnings that were not given before.
    pub warnings: Vec<Problem>,
    /// Why the change was refused; the configuration is what it was.
    pub refused: Option<Report>,
}

/// The current configuration, and the changes to it.
///
/// One task owns it and calls [`ConfigWatch::next`] in a loop; everybody else holds a receiver from
/// [`ConfigWatch::subscribe`].
pub struct ConfigWatch {
    reloader: Reloader,
    files: WatchedFiles,
    events: mpsc::Receiver<()>,
    watcher: RecommendedWatcher,
    folders: BTreeSet<PathBuf>,
    /// A change was noticed and not yet read; survives a cancelled [`ConfigWatch::next`].
    pending: bool,
}

/// The files whose events count, shared with the watcher's thread.
type WatchedFiles = Arc<Mutex<BTreeSet<PathBuf>>>;

impl ConfigWatch {
    /// Starts to follow the files that were loaded. `env` is the environment that was given to
    /// [`load`].
    ///
    /// # Errors
    /// The folder of the configuration file cannot be watched.
    pub fn start(loaded: Loaded, paths: &Paths, env: &Environment) -> Result<Self, ConfigError> {
        let (sender, events) = mpsc::channel(1);
        let files: WatchedFiles = Arc::default();
        let seen = Arc::clone(&files);
        let failed = |source| ConfigError::Watch { path: paths.config_file().into(), source };
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let counts = match event {
                Ok(event) if event.kind.is_access() => false,
                Ok(event) => {
                    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                    event.need_rescan() || event.paths.iter().any(|path| seen.contains(path))
                }
                // Events may have been lost; reading once too often does no harm.
                Err(_) => true,
            };
            if counts {
                // A full queue already says that something changed.
                sender.try_send(()).ok();
            }
        })
        .map_err(failed)?;
        let mut watch = Self {
            reloader: Reloader::new(loaded, paths.clone(), env.clone()),
            files,
            events,
            watcher,
            folders: BTreeSet::new(),
            pending: false,
        };
        watch.follow()?;
        Ok(watch)
    }

    /// The configuration that holds now.
    #[must_use]
    pub fn current(&self) -> Arc<Loaded> {
        self.reloader.current()
    }

    /// Follows the configuration that holds.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Arc<Loaded>> {
        self.reloader.publish.subscribe()
    }

    /// Waits for the next change that deserves a report. Cancelling it loses nothing.
    pub async fn next(&mut self) -> Reload {
        loop {
            if !self.pending {
                // The sender lives in the watcher, which lives as long as this.
                if self.events.recv().await.is_none() {
                    std::future::pending::<()>().await;
                }
                self.pending = true;
            }
            self.rest().await;
            let paths = self.reloader.paths.clone();
            let env = self.reloader.env.clone();
            let read = tokio::task::spawn_blocking(move || load(&paths, &env)).await;
            self.pending = false;
            let Ok(outcome) = read else { continue };
            let reload = self.reloader.take(outcome);
            if let Err(error) = self.follow() {
                tracing::warn!(error = %error, "a file of the configuration is not followed");
            }
            if let Some(reload) = reload {
                return reload;
            }
        }
    }

    /// Waits until no event comes in and no file changes for the quiet time.
    async fn rest(&mut self) {
        let debounce = self.current().config.gateway.reload.debounce_ms;
        let quiet = Duration::from_millis(debounce).max(MIN_QUIET);
        let mut before = self.state_of_files();
        for _ in 0..MAX_WAITS {
            let event = timeout(quiet, self.events.recv()).await;
            if let Ok(Some(())) = event {
                sleep(quiet).await;
            }
            let now = self.state_of_files();
            if event.is_err() && now == before {
                return;
            }
            before = now;
        }
    }

    fn state_of_files(&self) -> Vec<Option<(u64, Option<SystemTime>)>> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let state = |path: &PathBuf| {
            let meta = std::fs::metadata(path).ok()?;
            Some((meta.len(), meta.modified().ok()))
        };
        files.iter().map(state).collect()
    }

    /// Watches the folders of all files that belong to the configuration now. Folders, because
    /// editors replace files.
    fn follow(&mut self) -> Result<(), ConfigError> {
        let mut wanted: BTreeSet<PathBuf> = self.current().files().into_iter().collect();
        wanted.insert(self.reloader.paths.config_file().to_path_buf());
        let real: Vec<PathBuf> =
            wanted.iter().filter_map(|path| path.canonicalize().ok()).collect();
        wanted.extend(real);
        let folders: BTreeSet<PathBuf> =
            wanted.iter().filter_map(|path| path.parent().map(Path::to_path_buf)).collect();
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = wanted;
        for folder in &folders - &self.folders {
            self.watcher
                .watch(&folder, RecursiveMode::NonRecursive)
                .map_err(|source| ConfigError::Watch { path: folder.clone(), source })?;
            self.folders.insert(folder);
        }
        Ok(())
    }
}

/// Judges what was read; knows nothing of watching.
struct Reloader {
    paths: Paths,
    env: Environment,
    /// What the Gateway was started with.
    started: Json,
    publish: watch::Sender<Arc<Loaded>>,
    /// What was last read or refused, so that nothing is told twice.
    last: Seen,
    warned: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Loaded(String),
    Refused(Report),
}

impl Reloader {
    fn new(loaded: Loaded, paths: Paths, env: Environment) -> Self {
        let warned = loaded.warnings.iter().map(fingerprint).collect();
        let last = Seen::Loaded(loaded.revision());
        let started = loaded.effective();
        let (publish, _) = watch::channel(Arc::new(loaded));
        Self { paths, env, started, publish, last, warned }
    }

    fn current(&self) -> Arc<Loaded> {
        Arc::clone(&self.publish.borrow())
    }

    /// Publishes what was read, or refuses it; none if there is nothing to tell.
    fn take(&mut self, outcome: Result<Loaded, ConfigError>) -> Option<Reload> {
        let current = self.current();
        if current.config.gateway.reload.mode == ReloadMode::Off {
            return None;
        }
        let loaded = match outcome {
            Ok(loaded) => loaded,
            Err(ConfigError::Invalid { report }) => return self.refuse(report),
            Err(error) => {
                return self.refuse(Report::new(vec![Problem::error("", error.to_string())]));
            }
        };
        let seen = Seen::Loaded(loaded.revision());
        if seen == self.last {
            return None;
        }
        self.last = seen;
        let new = loaded.effective();
        let changed = used(differences(&current.effective(), &new));
        let mut applied = changed;
        applied.retain(|path| ReloadClass::of(path) != ReloadClass::Restart);
        let mut needs_restart = used(differences(&self.started, &new));
        needs_restart.retain(|path| ReloadClass::of(path) == ReloadClass::Restart);
        let is_hot = |path: &&String| ReloadClass::of(path) == ReloadClass::Hot;
        let reload = Reload {
            hot: applied.iter().filter(is_hot).cloned().collect(),
            applied,
            needs_restart,
            warnings: self.new_warnings(&loaded.warnings),
            refused: None,
        };
        self.publish.send_replace(Arc::new(loaded));
        Some(reload)
    }

    fn refuse(&mut self, report: Report) -> Option<Reload> {
        let seen = Seen::Refused(report.clone());
        if seen == self.last {
            return None;
        }
        self.last = seen;
        Some(Reload { refused: Some(report), ..Reload::default() })
    }

    fn new_warnings(&mut self, warnings: &[Problem]) -> Vec<Problem> {
        let new = warnings.iter().filter(|warning| self.warned.insert(fingerprint(warning)));
        new.cloned().collect()
    }
}

/// What makes a warning the same one, wherever in the file it has moved.
fn fingerprint(problem: &Problem) -> String {
    format!("{}\u{0}{}", problem.path, problem.message)
}

/// Keys that nothing here uses have no effect, so their change is none.
fn used(mut paths: Vec<String>) -> Vec<String> {
    paths.retain(|path| {
        let Ok(path) = KeyPath::parse(path) else { return false };
        let mut keys = path.0.iter().map(|segment| match segment {
            Segment::Key(key) => key.as_str(),
            Segment::Index(_) => "*",
        });
        keys.try_fold(shape::schema(), shape::at).is_some()
    });
    paths
}

#[cfg(test)]
mod tests;
