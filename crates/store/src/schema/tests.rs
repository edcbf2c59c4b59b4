use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::{Store, StoreOptions};

const FIRST: &str = "CREATE TABLE t (x INTEGER) STRICT; INSERT INTO t VALUES (1);";
const SECOND: &str = "ALTER TABLE t ADD COLUMN y INTEGER; UPDATE t SET y = x + 1;";
const BROKEN: &str = "UPDATE t SET x = 100; CREATE TABLE t (again INTEGER);";

struct Fixture {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.db");
        Self { folder, path }
    }

    fn connect(&self) -> Connection {
        let conn = Connection::open(&self.path).unwrap();
        conn.execute_batch("PRAGMA journal_mode = WAL").unwrap();
        conn
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .folder
            .path()
            .read_dir()
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm"))
            .collect();
        names.sort();
        names
    }
}

fn number(conn: &Connection, sql: &str) -> u32 {
    conn.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_fresh_file_gets_everything_and_no_copy() {
    let fixture = Fixture::new();
    let store = Store::open(&fixture.path, &StoreOptions::default()).unwrap();
    drop(store);
    let conn = fixture.connect();
    assert_eq!(version(&conn).unwrap(), known(MIGRATIONS));
    assert_eq!(number(&conn, "PRAGMA application_id"), APPLICATION_ID);
    assert_eq!(fixture.names(), ["gateway.db"]);
    // Every table is strict, so a type mistake is an error and not a surprise.
    let loose = "SELECT count(*) FROM pragma_table_list
                 WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' AND strict = 0";
    assert_eq!(number(&conn, loose), 0);
}

#[test]
fn an_older_file_is_copied_aside_with_its_log_and_migrated() {
    let fixture = Fixture::new();
    let conn = fixture.connect();
    migrate(&conn, Some(&fixture.path), &[FIRST]).unwrap();
    conn.execute_batch("INSERT INTO t VALUES (2)").unwrap(); // still in the log only
    migrate(&conn, Some(&fixture.path), &[FIRST, SECOND]).unwrap();
    assert_eq!(version(&conn).unwrap(), 2);
    assert_eq!(number(&conn, "SELECT sum(y) FROM t"), 5);
    assert_eq!(fixture.names(), ["gateway.db", "gateway.db.bak-v1"]);

    let copy = with_suffix(&fixture.path, ".bak-v1");
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let old = Connection::open(&copy).unwrap();
    assert_eq!(version(&old).unwrap(), 1);
    assert_eq!(number(&old, "SELECT sum(x) FROM t"), 3);
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let fixture = Fixture::new();
    let conn = fixture.connect();
    migrate(&conn, Some(&fixture.path), &[FIRST]).unwrap();
    migrate(&conn, Some(&fixture.path), &[FIRST, SECOND, BROKEN]).unwrap_err();
    assert_eq!(version(&conn).unwrap(), 1);
    assert_eq!(number(&conn, "SELECT sum(x) FROM t"), 1);
    // The next start tries again, over the copy of the first try.
    migrate(&conn, Some(&fixture.path), &[FIRST, SECOND]).unwrap();
    assert_eq!(version(&conn).unwrap(), 2);
}

#[test]
fn a_newer_file_is_refused_untouched() {
    let fixture = Fixture::new();
    drop(Store::open(&fixture.path, &StoreOptions::default()).unwrap());
    fixture.connect().execute_batch("PRAGMA user_version = 999").unwrap();
    let before = fs::read(&fixture.path).unwrap();
    let refused = Store::open(&fixture.path, &StoreOptions::default());
    assert!(matches!(refused, Err(StoreError::TooNew { found: 999, .. })), "{refused:?}");
    assert_eq!(fs::read(&fixture.path).unwrap(), before);
}

#[test]
fn what_is_not_ours_is_refused_untouched() {
    let fixture = Fixture::new();
    Connection::open(&fixture.path).unwrap().execute_batch(FIRST).unwrap();
    let before = fs::read(&fixture.path).unwrap();
    let refused = Store::open(&fixture.path, &StoreOptions::default());
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
    assert_eq!(fs::read(&fixture.path).unwrap(), before);

    fs::write(&fixture.path, "not a database at all, but long enough to look like a file").unwrap();
    let refused = Store::open(&fixture.path, &StoreOptions::default());
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
}

#[test]
fn a_missing_folder_is_unavailable() {
    let fixture = Fixture::new();
    let refused = Store::open(&fixture.path.join("nowhere"), &StoreOptions::default());
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
}
