use std::fs::{create_dir, read_to_string, rename, write};

use tempfile::TempDir;

use super::*;
use crate::paths::PathOptions;

/// Longest wait for something that does happen.
const PATIENCE: Duration = Duration::from_secs(20);

struct Bench {
    _home: TempDir,
    paths: Paths,
    env: Environment,
}

impl Bench {
    fn new(text: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let env = Environment::from_pairs([("HOME", home.path().to_str().unwrap())]);
        let paths = Paths::resolve(&env, &PathOptions::default()).unwrap();
        create_dir(paths.state_dir()).unwrap();
        write(paths.config_file(), text).unwrap();
        Self { _home: home, paths, env }
    }

    fn write(&self, text: &str) {
        write(self.paths.config_file(), text).unwrap();
    }

    fn load(&self) -> Result<Loaded, ConfigError> {
        load(&self.paths, &self.env)
    }

    fn reloader(&self) -> Reloader {
        Reloader::new(self.load().unwrap(), self.paths.clone(), self.env.clone())
    }

    fn watch(&self) -> ConfigWatch {
        ConfigWatch::start(self.load().unwrap(), &self.paths, &self.env).unwrap()
    }
}

async fn next(watch: &mut ConfigWatch) -> Reload {
    timeout(PATIENCE, watch.next()).await.unwrap()
}

#[test]
fn each_changed_key_is_told_by_its_class() {
    let bench = Bench::new("{gateway: {port: 1, auth: {token: 'a'}}, ui: {seamColor: '000000'}}");
    let mut reloader = bench.reloader();
    assert_eq!(reloader.take(bench.load()), None);

    bench.write("{gateway: {port: 2, auth: {token: 'b'}}, ui: {seamColor: '111111'}, cron: {enabled: true}}");
    let reload = reloader.take(bench.load()).unwrap();
    assert_eq!(reload.applied, ["gateway.auth.token", "ui.seamColor"]);
    assert_eq!(reload.hot, ["gateway.auth.token"]);
    assert_eq!(reload.needs_restart, ["gateway.port"]);
    assert_eq!(reload.warnings.len(), 1, "{reload:?}");
    assert_eq!(reloader.current().config.gateway.port, Some(2));
    assert_eq!(reloader.take(bench.load()), None);

    // Back to what the Gateway runs with: no restart any more, and no warning twice.
    bench.write("{gateway: {port: 1, auth: {token: 'b'}}, ui: {seamColor: '111111'}, \n cron: {}}");
    let reload = reloader.take(bench.load()).unwrap();
    assert_eq!(reload, Reload::default());
}

#[test]
fn an_invalid_change_is_refused_once_and_changes_nothing() {
    let bench = Bench::new("{gateway: {port: 1}}");
    let mut reloader = bench.reloader();
    let broken = "{gateway: {prt: 2, bind: 'x'}}";
    bench.write(broken);
    let reload = reloader.take(bench.load()).unwrap();
    assert_eq!(reload.refused.unwrap().errors().count(), 2);
    assert_eq!(reloader.current().config.gateway.port, Some(1));
    assert_eq!(reloader.take(bench.load()), None);
    assert_eq!(read_to_string(bench.paths.config_file()).unwrap(), broken);

    bench.write("{gateway: {port: 1}}");
    assert_eq!(reloader.take(bench.load()), Some(Reload::default()));
}

#[test]
fn mode_off_ignores_changes() {
    let bench = Bench::new("{gateway: {reload: {mode: 'off'}}}");
    let mut reloader = bench.reloader();
    bench.write("{gateway: {reload: {mode: 'off'}, port: 2}}");
    assert_eq!(reloader.take(bench.load()), None);
    assert_eq!(reloader.current().config.gateway.port, None);
}

#[tokio::test]
async fn a_written_and_a_replaced_file_are_noticed() {
    let bench = Bench::new("{gateway: {reload: {debounceMs: 1}}}");
    let mut watch = bench.watch();
    let subscriber = watch.subscribe();

    bench.write("{gateway: {reload: {debounceMs: 1}}, ui: {seamColor: 'aaaaaa'}}");
    assert_eq!(next(&mut watch).await.applied, ["ui.seamColor"]);
    assert_eq!(subscriber.borrow().config.ui.seam_color.as_deref(), Some("aaaaaa"));

    let other = bench.paths.state_dir().join("new");
    write(&other, "{gateway: {reload: {debounceMs: 1}}, ui: {seamColor: 'bbbbbb'}}").unwrap();
    rename(&other, bench.paths.config_file()).unwrap();
    assert_eq!(next(&mut watch).await.applied, ["ui.seamColor"]);

    bench.write("{gateway: {");
    assert!(next(&mut watch).await.refused.is_some());
    assert_eq!(subscriber.borrow().config.ui.seam_color.as_deref(), Some("bbbbbb"));

    std::fs::remove_file(bench.paths.config_file()).unwrap();
    assert!(next(&mut watch).await.applied.contains(&"ui.seamColor".to_owned()));
    bench.write("{ui: {seamColor: 'cccccc'}}");
    assert_eq!(next(&mut watch).await.applied, ["ui.seamColor"]);
}

#[tokio::test]
async fn included_files_are_followed_and_other_files_are_not() {
    let bench = Bench::new("{gateway: {reload: {debounceMs: 1}}, ui: {$include: 'parts/ui.json'}}");
    let parts = bench.paths.state_dir().join("parts");
    create_dir(&parts).unwrap();
    write(parts.join("ui.json"), "{seamColor: 'aaaaaa'}").unwrap();
    let mut watch = bench.watch();
    write(bench.paths.store_file(), "busy").unwrap();
    write(parts.join("ui.json"), "{seamColor: 'bbbbbb'}").unwrap();
    assert_eq!(next(&mut watch).await.applied, ["ui.seamColor"]);
}

#[tokio::test]
async fn a_cancelled_wait_loses_nothing() {
    let bench = Bench::new("{gateway: {reload: {debounceMs: 300}}}");
    let mut watch = bench.watch();
    bench.write("{ui: {seamColor: 'aaaaaa'}}");
    // Dropped while the file is still coming to rest.
    while !watch.pending {
        timeout(Duration::from_millis(20), watch.next()).await.unwrap_err();
    }
    assert!(next(&mut watch).await.applied.contains(&"ui.seamColor".to_owned()));
}
