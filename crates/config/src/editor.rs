//! Changing the configuration file: the only place that writes it, on a person's explicit act.
//!
//! An [`Editor`] is opened on the file as it stands, edits are made in memory, and
//! [`Editor::save`] checks the outcome, makes sure that nobody else changed the file meanwhile,
//! and replaces it in one step. A valid file is never replaced by an invalid one.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::edit;
use crate::env::Environment;
use crate::error::ConfigError;
use crate::loaded::load_text;
use crate::patch;
use crate::paths::Paths;
use crate::problem::Report;
use crate::redact::{self, Stage};
use crate::reload::differences;
use crate::restore;
use crate::source::{hash_text, read_text};
use crate::syntax::{self, MAX_BYTES};

/// Says that this configuration must not be changed.
const READ_ONLY: &str = "OPENCLAW_CONFIG_READONLY";

/// The configuration file, open for edits.
#[derive(Debug)]
pub struct Editor {
    paths: Paths,
    env: Environment,
    /// The text the file had when it was opened; none when there was no file.
    original: Option<String>,
    text: String,
}

/// What a save did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The file that was written.
    pub path: PathBuf,
    /// The hash of its text, as `config.get` has it.
    pub hash: String,
    /// What is left to say: warnings, and the errors that were there before and still are.
    pub report: Report,
}

impl Editor {
    /// Opens the configuration file; one that does not exist is made by [`Editor::save`].
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open(paths: &Paths, env: &Environment) -> Result<Self, ConfigError> {
        let original = read_existing(paths.config_file())?;
        let text = original.clone().unwrap_or_default();
        Ok(Self { paths: paths.clone(), env: env.clone(), original, text })
    }

    /// Makes sure that the file is the one the caller last saw.
    ///
    /// # Errors
    /// [`ConfigError::Changed`] if it is another.
    pub fn expect_base(&self, base_hash: &str) -> Result<(), ConfigError> {
        let hash = hash_text(self.original.as_deref().unwrap_or(""));
        if hash == base_hash { Ok(()) } else { Err(ConfigError::Changed) }
    }

    /// The text with the edits made so far.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The value at a key path as the file itself says it, secrets hidden; the whole file for an
    /// empty path.
    ///
    /// # Errors
    /// The path or the file cannot be parsed.
    pub fn get(&self, path: &str) -> Result<Option<Json>, ConfigError> {
        let found = edit::get(&self.text, path)?;
        let Ok(document) = syntax::parse(&self.text, 0) else { return Ok(found) };
        let hidden = redact::json(&document.root, Stage::Written).to_string();
        edit::get(&hidden, path)
    }

    /// The same with secrets in clear, for a person who asks for exactly that.
    ///
    /// # Errors
    /// The path or the file cannot be parsed.
    pub fn reveal(&self, path: &str) -> Result<Option<Json>, ConfigError> {
        edit::get(&self.text, path)
    }

    /// Sets a value, given as JSON5.
    ///
    /// # Errors
    /// See [`edit::set`].
    pub fn set(&mut self, path: &str, value: &str) -> Result<(), ConfigError> {
        self.text = edit::set(&self.text, path, value)?;
        Ok(())
    }

    /// Sets a value from JSON.
    ///
    /// # Errors
    /// See [`edit::set`].
    pub fn set_json(&mut self, path: &str, value: &Json) -> Result<(), ConfigError> {
        self.set(path, &value.to_string())
    }

    /// Takes another text for the whole file. Secrets that [`ConfigSnapshot`](crate::ConfigSnapshot) hid
    /// in it are put back.
    ///
    /// # Errors
    /// [`ConfigError::LostSecret`] for a placeholder that stands where nothing was hidden.
    pub fn replace_with(&mut self, text: &str) -> Result<(), ConfigError> {
        if u64::try_from(text.len()).unwrap_or(u64::MAX) > MAX_BYTES {
            let reason = "it is larger than 4 MiB".to_owned();
            return Err(ConfigError::BadText { reason, line: 1, column: 1 });
        }
        self.text = restore::restore(text, self.original.as_deref().unwrap_or(""))?;
        Ok(())
    }

    /// Applies a merge patch (JSON5). Lists of objects with an `id` are merged, unless `replaced` names
    /// them; a placeholder leaves the secret that it stands for as it is.
    ///
    /// # Errors
    /// The patch is no object, or cannot be applied.
    pub fn patch(&mut self, patch: &str, replaced: &[String]) -> Result<(), ConfigError> {
        let shown = patch::apply(&self.text, patch, replaced)?;
        self.text = restore::restore(&shown, self.original.as_deref().unwrap_or(""))?;
        Ok(())
    }

    /// The keys that the edits change, sorted; never a value.
    #[must_use]
    pub fn changed_keys(&self) -> Vec<String> {
        let tree = |text: &str| syntax::parse(text, 0).map(|document| document.root.to_json());
        let empty = || Json::Object(serde_json::Map::new());
        let before = self.original.as_deref().and_then(|text| tree(text).ok());
        differences(&before.unwrap_or_else(empty), &tree(&self.text).unwrap_or_else(|_| empty()))
    }

    /// Whether there is a file.
    #[must_use]
    pub const fn exists(&self) -> bool {
        self.original.is_some()
    }

    /// Removes a key or a list's item, and says whether it was there.
    ///
    /// # Errors
    /// See [`edit::unset`].
    pub fn unset(&mut self, path: &str) -> Result<bool, ConfigError> {
        match edit::unset(&self.text, path)? {
            Some(text) => {
                self.text = text;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Checks the outcome without writing it.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] if the edits bring in an error. One that was there before is no
    /// reason to refuse: a broken file is repaired step by step.
    pub fn check(&self) -> Result<Report, ConfigError> {
        let report = self.report_of(&self.text);
        let before = self.original.as_deref().map(|text| self.report_of(text)).unwrap_or_default();
        let known = |path: &str, message: &str| {
            before.errors().any(|problem| problem.path == path && problem.message == message)
        };
        let brings_in = report.errors().any(|problem| !known(&problem.path, &problem.message));
        if brings_in { Err(ConfigError::Invalid { report }) } else { Ok(report) }
    }

    /// Checks the outcome and puts it in place of the file, which keeps its mode; a new file is
    /// readable by its owner only.
    ///
    /// # Errors
    /// What [`Editor::check`] says, [`ConfigError::Changed`] if the file was changed meanwhile,
    /// or a write that failed; in each case the file is as it was.
    pub fn save(&mut self) -> Result<Saved, ConfigError> {
        let report = self.check()?;
        let path = self.paths.config_file();
        let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        if self.original.as_deref() != Some(self.text.as_str()) {
            self.replace(&path)?;
            self.original = Some(self.text.clone());
        }
        Ok(Saved { hash: hash_text(&self.text), path, report })
    }

    fn report_of(&self, text: &str) -> Report {
        match load_text(text, &self.paths, &self.env) {
            Ok(loaded) => Report::new(loaded.warnings),
            Err(ConfigError::Invalid { report }) => report,
            // Checking a text has no other way to fail.
            Err(_) => Report::default(),
        }
    }

    fn replace(&self, path: &Path) -> Result<(), ConfigError> {
        let failed = |source| ConfigError::Write { path: path.to_path_buf(), source };
        if self.env.get(READ_ONLY).is_some_and(|value| !matches!(value, "0" | "false")) {
            let message = format!("{READ_ONLY} is set");
            return Err(failed(io::Error::new(io::ErrorKind::ReadOnlyFilesystem, message)));
        }
        let folder = path.parent().unwrap_or(Path::new("/"));
        if self.original.is_none() && folder == self.paths.state_dir() {
            self.paths.create_folders()?;
        }
        let mut new = tempfile::Builder::new()
            .prefix(".openclaw-config-")
            .tempfile_in(folder)
            .map_err(failed)?;
        new.write_all(self.text.as_bytes()).map_err(failed)?;
        if let Ok(meta) = std::fs::metadata(path) {
            new.as_file().set_permissions(meta.permissions()).map_err(failed)?;
        }
        new.as_file().sync_all().map_err(failed)?;
        if read_existing(path)? != self.original {
            return Err(ConfigError::Changed);
        }
        match self.original {
            Some(_) => new.persist(path).map_err(|error| failed(error.error))?,
            None => new.persist_noclobber(path).map_err(|error| failed(error.error))?,
        };
        // The new name is safe only once the folder is written as well.
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
    }
}

fn read_existing(path: &Path) -> Result<Option<String>, ConfigError> {
    match read_text(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ConfigError::Read { path: path.to_path_buf(), source }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, metadata, read_to_string, set_permissions, write};
    use std::os::unix::fs::PermissionsExt;

    use serde_json::json;
    use tempfile::TempDir;

    use super::*;
    use crate::paths::PathOptions;
    use crate::secret::REDACTED;

    struct Bench {
        _home: TempDir,
        env: Environment,
        paths: Paths,
    }

    impl Bench {
        fn new(text: Option<&str>) -> Self {
            let home = tempfile::tempdir().unwrap();
            let env = Environment::from_pairs([("HOME", home.path().to_str().unwrap())]);
            let paths = Paths::resolve(&env, &PathOptions::default()).unwrap();
            if let Some(text) = text {
                std::fs::create_dir(paths.state_dir()).unwrap();
                write(paths.config_file(), text).unwrap();
            }
            Self { _home: home, env, paths }
        }

        fn open(&self) -> Editor {
            Editor::open(&self.paths, &self.env).unwrap()
        }

        fn file(&self) -> String {
            read_to_string(self.paths.config_file()).unwrap()
        }

        fn mode(&self) -> u32 {
            metadata(self.paths.config_file()).unwrap().permissions().mode() & 0o777
        }
    }

    #[test]
    fn a_new_file_is_private() {
        let bench = Bench::new(None);
        let mut editor = bench.open();
        editor.set("gateway.port", "7000").unwrap();
        let saved = editor.save().unwrap();
        assert_eq!(bench.file(), "{\n  gateway: {\n    port: 7000\n  }\n}\n");
        assert_eq!(bench.mode(), 0o600);
        assert_eq!(saved.hash, hash_text(&bench.file()));
        assert_eq!(saved.path, bench.paths.config_file().canonicalize().unwrap());
    }

    #[test]
    fn an_old_file_keeps_its_mode_and_its_comments() {
        let bench = Bench::new(Some("{ // mine\n  gateway: { port: 1 } }\n"));
        set_permissions(bench.paths.config_file(), Permissions::from_mode(0o640)).unwrap();
        let mut editor = bench.open();
        editor.set_json("gateway.port", &json!(2)).unwrap();
        assert!(!editor.unset("gateway.bind").unwrap());
        editor.save().unwrap();
        assert_eq!(bench.file(), "{ // mine\n  gateway: { port: 2 } }\n");
        assert_eq!(bench.mode(), 0o640);
        let left: Vec<_> = std::fs::read_dir(bench.paths.state_dir())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(left, ["openclaw.json"]);
    }

    #[test]
    fn a_link_stays_a_link() {
        let bench = Bench::new(Some("{}"));
        let target = bench.paths.state_dir().join("real.json");
        std::fs::rename(bench.paths.config_file(), &target).unwrap();
        std::os::unix::fs::symlink("real.json", bench.paths.config_file()).unwrap();
        let mut editor = bench.open();
        editor.set("ui.seamColor", "'aabbcc'").unwrap();
        editor.save().unwrap();
        assert!(bench.paths.config_file().is_symlink());
        assert!(read_to_string(target).unwrap().contains("aabbcc"));
    }

    #[test]
    fn an_invalid_outcome_is_not_written() {
        let bench = Bench::new(Some("{gateway: {port: 1}}"));
        for (path, value) in [("gateway.port", "0"), ("gateway.prt", "1"), ("gateway", "[]")] {
            let mut editor = bench.open();
            editor.set(path, value).unwrap();
            let error = editor.save().unwrap_err();
            assert!(error.report().unwrap().has_errors(), "{path}");
            assert_eq!(bench.file(), "{gateway: {port: 1}}");
        }
    }

    #[test]
    fn a_broken_file_is_repaired_step_by_step() {
        let bench = Bench::new(Some("{gateway: {prt: 1, bind: 'nowhere'}}"));
        let mut editor = bench.open();
        editor.set("gateway.bind", "'lan'").unwrap();
        assert_eq!(editor.save().unwrap().report.errors().count(), 1);
        editor.set("gateway.port", "0").unwrap();
        assert!(editor.save().is_err());
        assert_eq!(bench.file(), "{gateway: {prt: 1, bind: 'lan'}}");
    }

    #[test]
    fn a_change_by_somebody_else_is_not_overwritten() {
        let bench = Bench::new(Some("{}"));
        let mut editor = bench.open();
        editor.expect_base(&hash_text("{}")).unwrap();
        assert!(matches!(editor.expect_base(&hash_text("")), Err(ConfigError::Changed)));
        editor.set("gateway.port", "1").unwrap();
        write(bench.paths.config_file(), "{ }").unwrap();
        assert!(matches!(editor.save(), Err(ConfigError::Changed)));
        assert_eq!(bench.file(), "{ }");

        let bench = Bench::new(None);
        let mut editor = bench.open();
        editor.set("gateway.port", "1").unwrap();
        std::fs::create_dir(bench.paths.state_dir()).unwrap();
        write(bench.paths.config_file(), "{ }").unwrap();
        assert!(matches!(editor.save(), Err(ConfigError::Changed)));
        assert_eq!(bench.file(), "{ }");
    }

    #[test]
    fn a_read_only_configuration_stays() {
        let bench = Bench::new(Some("{}"));
        let root = bench.paths.home().to_str().unwrap();
        let env = Environment::from_pairs([("HOME", root), (READ_ONLY, "1")]);
        let mut editor = Editor::open(&bench.paths, &env).unwrap();
        editor.set("gateway.port", "1").unwrap();
        assert!(matches!(editor.save(), Err(ConfigError::Write { .. })));
        assert_eq!(bench.file(), "{}");
    }

    #[test]
    fn a_shown_text_comes_back_with_its_secrets() {
        let written = "{ // mine\n gateway: {port: 1, auth: {token: 'hunter2-hunter2'}} }\n";
        let bench = Bench::new(Some(written));
        let shown = crate::ConfigSnapshot::read(&bench.paths, &bench.env);
        let raw = shown.raw.unwrap();
        let mut editor = bench.open();
        editor.expect_base(&shown.hash).unwrap();
        editor.replace_with(&raw.replace("port: 1", "port: 2")).unwrap();
        assert_eq!(editor.changed_keys(), ["gateway.port"]);
        editor.save().unwrap();
        assert_eq!(bench.file(), written.replace("port: 1", "port: 2"));

        let mut editor = bench.open();
        let patch =
            format!("{{gateway: {{port: null, auth: {{token: '{REDACTED}', mode: 'token'}}}}}}");
        editor.patch(&patch, &[]).unwrap();
        assert_eq!(editor.changed_keys(), ["gateway.auth.mode", "gateway.port"]);
        editor.save().unwrap();
        let expected =
            "{ // mine\n gateway: {auth: {token: 'hunter2-hunter2', mode: \"token\"}} }\n";
        assert_eq!(bench.file(), expected);
    }

    #[test]
    fn secrets_are_shown_only_when_asked_for() {
        let bench = Bench::new(Some("{gateway: {auth: {token: 'hunter2', mode: 'token'}}}"));
        let mut editor = bench.open();
        let auth = editor.get("gateway.auth").unwrap().unwrap();
        assert_eq!(auth, json!({"token": REDACTED, "mode": "token"}));
        assert_eq!(editor.reveal("gateway.auth.token").unwrap(), Some(json!("hunter2")));
        assert_eq!(editor.get("nothing").unwrap(), None);
        let back = editor.set_json("gateway.auth", &auth);
        assert!(matches!(back, Err(ConfigError::RedactedValue)));
    }
}
