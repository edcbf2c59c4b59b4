use std::{os::unix::fs::PermissionsExt as _, sync::mpsc, time::Duration};

use futures_util::future::join_all;

use super::*;
use crate::Unavailable;

struct Fixture {
    folder: tempfile::TempDir,
    engine: Engine,
}

impl Fixture {
    fn new(options: &StoreOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(&folder.path().join("gateway.db"), options).unwrap();
        Self { folder, engine }
    }

    fn mode_of(&self, name: &str) -> u32 {
        let file = std::fs::metadata(self.folder.path().join(name)).unwrap();
        file.permissions().mode() & 0o777
    }
}

fn note(conn: &Connection, name: &str) -> Result<(), StoreError> {
    conn.execute("INSERT INTO counters (name, value) VALUES (?1, 1)", [name])?;
    Ok(())
}

fn names(conn: &Connection) -> Result<Vec<String>, StoreError> {
    let mut select =
        conn.prepare("SELECT name FROM counters WHERE name LIKE 'note%' ORDER BY name")?;
    let names = select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(names)
}

async fn write_note(engine: &Engine, name: &'static str) -> Result<(), StoreError> {
    engine.write(Durability::Process, move |conn| note(conn, name)).await
}

/// Keeps the writer at work until the sender is dropped.
async fn hold_writer(engine: &Engine) -> (mpsc::Sender<()>, tokio::task::JoinHandle<()>) {
    let (release, held) = mpsc::channel::<()>();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let engine = engine.clone();
    let job = async move {
        let work = move |_: &Connection| {
            begun.send(()).unwrap();
            held.recv().unwrap_err(); // the sender was dropped
            Ok(())
        };
        engine.write(Durability::Process, work).await.unwrap();
    };
    let handle = in_background(job);
    has_begun.await.unwrap();
    (release, handle)
}

#[expect(clippy::disallowed_methods, reason = "the test awaits the handle")]
fn in_background<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::spawn(work)
}

/// Waits until this many writes are in the queue.
async fn until_waiting(engine: &Engine, count: usize) {
    let wait = async {
        while engine.shared.writes.len() < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("the writes are queued");
}

#[tokio::test]
async fn concurrent_writers_all_land() {
    let fixture = Fixture::new(&StoreOptions::default());
    let engine = &fixture.engine;
    let writes = (0..200).map(|index| async move {
        let durability = if index % 7 == 0 { Durability::Power } else { Durability::Process };
        engine.write(durability, move |conn| note(conn, &format!("note {index}"))).await
    });
    for result in join_all(writes).await {
        result.unwrap();
    }
    assert_eq!(engine.read(names).await.unwrap().len(), 200);
}

#[tokio::test]
async fn a_failed_job_takes_nothing_else_down() {
    let fixture = Fixture::new(&StoreOptions::default());
    let (release, held) = hold_writer(&fixture.engine).await;
    let engine = &fixture.engine;
    let half_done = engine.write(Durability::Process, |conn| {
        note(conn, "note half")?;
        Err::<(), _>(StoreError::NotFound("thing"))
    });
    let run = async {
        until_waiting(engine, 3).await;
        drop(release);
    };
    let (before, failed, after, ()) = tokio::join!(
        write_note(engine, "note before"),
        half_done,
        write_note(engine, "note after"),
        run
    );
    before.unwrap();
    after.unwrap();
    held.await.unwrap();
    assert!(matches!(failed, Err(StoreError::NotFound("thing"))), "{failed:?}");
    assert_eq!(engine.read(names).await.unwrap(), ["note after", "note before"]);
}

#[tokio::test]
async fn a_full_queue_is_busy_at_once() {
    let options = StoreOptions { write_queue: 2, ..StoreOptions::default() };
    let fixture = Fixture::new(&options);
    let (release, held) = hold_writer(&fixture.engine).await;
    let waiting = ["note 1", "note 2"].map(|name| {
        let engine = fixture.engine.clone();
        in_background(async move { write_note(&engine, name).await })
    });
    until_waiting(&fixture.engine, 2).await;
    let refused = write_note(&fixture.engine, "note 3").await;
    assert!(matches!(refused, Err(StoreError::Busy)), "{refused:?}");
    // Reads have a queue of their own.
    assert_eq!(fixture.engine.read(names).await.unwrap(), [""; 0]);
    drop(release);
    held.await.unwrap();
    for write in waiting {
        write.await.unwrap().unwrap();
    }
    assert_eq!(fixture.engine.read(names).await.unwrap(), ["note 1", "note 2"]);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_undo_its_write() {
    let fixture = Fixture::new(&StoreOptions::default());
    let (release, held) = hold_writer(&fixture.engine).await;
    let engine = fixture.engine.clone();
    let caller = in_background(async move { write_note(&engine, "note left").await });
    until_waiting(&fixture.engine, 1).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    drop(release);
    held.await.unwrap();
    write_note(&fixture.engine, "note next").await.unwrap();
    assert_eq!(fixture.engine.read(names).await.unwrap(), ["note left", "note next"]);
}

#[tokio::test]
async fn closing_finishes_what_waits_and_folds_the_log_in() {
    let fixture = Fixture::new(&StoreOptions::default());
    let (release, held) = hold_writer(&fixture.engine).await;
    let engine = fixture.engine.clone();
    let waiting = in_background(async move { write_note(&engine, "note last").await });
    until_waiting(&fixture.engine, 1).await;
    let close = async {
        fixture.engine.close().await;
    };
    let release = async { drop(release) };
    tokio::join!(close, release);
    waiting.await.unwrap().unwrap();
    held.await.unwrap();
    let late = write_note(&fixture.engine, "note late").await;
    assert!(matches!(late, Err(StoreError::Closed)), "{late:?}");
    let late = fixture.engine.read(names).await;
    assert!(matches!(late, Err(StoreError::Closed)), "{late:?}");
    assert!(!fixture.folder.path().join("gateway.db-wal").exists());

    let path = fixture.folder.path().join("gateway.db");
    let again = Engine::open(&path, &StoreOptions::default()).unwrap();
    assert_eq!(again.read(names).await.unwrap(), ["note last"]);
}

#[tokio::test]
async fn the_files_are_private() {
    let fixture = Fixture::new(&StoreOptions::default());
    write_note(&fixture.engine, "note").await.unwrap();
    for name in ["gateway.db", "gateway.db-wal", "gateway.db-shm"] {
        assert_eq!(fixture.mode_of(name), 0o600, "{name}");
    }
    fixture.engine.close().await;
    let path = fixture.folder.path().join("gateway.db");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let again = Engine::open(&path, &StoreOptions::default()).unwrap();
    assert_eq!(fixture.mode_of("gateway.db"), 0o600);
    drop(again);
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_serves_reads() {
    let fixture = Fixture::new(&StoreOptions::default());
    let engine = &fixture.engine;
    write_note(engine, "note kept").await.unwrap();
    let limit = |pages: u32| {
        move |conn: &Connection| {
            conn.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
            Ok(())
        }
    };
    engine.write(Durability::Process, limit(1)).await.unwrap();
    let big = |name: &'static str| {
        move |conn: &Connection| {
            note(conn, name)?;
            note(conn, &"x".repeat(1_000_000))
        }
    };
    let refused = engine.write(Durability::Process, big("note lost")).await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable { reason: Unavailable::DiskFull, .. })),
        "{refused:?}"
    );
    assert!(refused.unwrap_err().is_retryable());
    assert_eq!(engine.read(names).await.unwrap(), ["note kept"]);

    engine.write(Durability::Process, limit(1_000_000)).await.unwrap();
    engine.write(Durability::Process, big("note found")).await.unwrap();
    assert_eq!(engine.read(names).await.unwrap(), ["note found", "note kept"]);
}

#[tokio::test]
async fn memory_serves_reads_and_writes() {
    let engine = Engine::in_memory(&StoreOptions::default()).unwrap();
    write_note(&engine, "note").await.unwrap();
    assert_eq!(engine.read(names).await.unwrap(), ["note"]);
}

#[tokio::test]
async fn a_read_sees_what_was_acknowledged_before() {
    let fixture = Fixture::new(&StoreOptions::default());
    for index in 1..=100_usize {
        fixture
            .engine
            .write(Durability::Process, move |conn| note(conn, &format!("note {index:03}")))
            .await
            .unwrap();
        assert_eq!(fixture.engine.read(names).await.unwrap().len(), index);
    }
}
