//! A full and a read-only disk: writes say so, reads go on.
//!
//! Each test starts itself as a child in a mount namespace of its own, on a small tmpfs that ends
//! with it. Where that is not permitted, the test says that it was not run.

use std::{
    ffi::OsStr,
    fs,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use openclaw_protocol::ids::SessionId;
use openclaw_store::{
    ParamsDigest, Store, StoreError, StoreOptions, Unavailable,
    ledger::LedgerKey,
    transcripts::{MessageRole, NewMessage},
};

use crate::support::{NOW, agent, as_child, child_folder, open, said, session};

const INSIDE: &str = "on a disk of its own";

/// Runs the test in a child on a tmpfs of this size, unless this is the child already: then that
/// is its folder.
fn on_a_small_disk(test: &str, size: &str) -> Option<PathBuf> {
    if let Some(folder) = child_folder() {
        println!("\n{INSIDE}");
        return Some(folder);
    }
    let folder = tempfile::tempdir().unwrap();
    let script = r#"mount -t tmpfs -o "size=$1" none "$2" && shift 2 && exec "$@""#;
    let wrapper = ["unshare", "-rm", "sh", "-c", script, "sh", size].map(OsStr::new);
    let wrapper = [&wrapper[..], &[folder.path().as_os_str()]].concat();
    let output = as_child(&wrapper, test, folder.path()).output();
    let (success, said) = match &output {
        Ok(output) => {
            let text = [&output.stdout[..], &output.stderr].concat();
            (output.status.success(), String::from_utf8_lossy(&text).into_owned())
        }
        Err(error) => (false, error.to_string()),
    };
    if said.contains(INSIDE) {
        assert!(success, "{said}");
        println!("{said}");
    } else {
        println!("not run, a file system cannot be mounted here: {said}");
    }
    None
}

async fn transcript(store: &Store) -> SessionId {
    store.sessions().get_or_create(&session("main"), &agent(), NOW).await.unwrap().entry.session_id
}

fn big() -> NewMessage {
    said(MessageRole::User, &"x".repeat(20_000))
}

fn reason<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Unavailable {
    match result {
        Err(StoreError::Unavailable { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

/// Appends until there is no room for more.
async fn fill(store: &Store, id: &SessionId) -> (u64, Unavailable) {
    let mut kept = 0;
    loop {
        match store.transcripts().append(id, vec![big()]).await {
            Ok(_) => kept += 1,
            Err(error) => return (kept, reason(Err::<(), _>(error))),
        }
    }
}

fn fill_up(file: &Path) {
    let mut file = fs::File::create(file).unwrap();
    let full = loop {
        if let Err(error) = file.write_all(&[1; 512]) {
            break error;
        }
    };
    assert_eq!(full.kind(), ErrorKind::StorageFull);
}

#[tokio::test]
async fn a_full_disk_keeps_what_it_has() {
    let Some(folder) = on_a_small_disk("disk::a_full_disk_keeps_what_it_has", "1280k") else {
        return;
    };
    let ballast = folder.join("ballast");
    fs::write(&ballast, vec![1; 256 * 1024]).unwrap();
    let path = folder.join("gateway.db");
    let store = open(&path);
    let id = transcript(&store).await;
    let (kept, why) = fill(&store, &id).await;
    assert_eq!(why, Unavailable::DiskFull);
    assert!(kept > 10, "{kept}");

    // Whatever shares a commit with one that does not fit is refused or kept, never half.
    let together = (0..8).map(|_| store.transcripts().append(&id, vec![big()]));
    for result in futures_util::future::join_all(together).await {
        assert_eq!(reason(result), Unavailable::DiskFull);
    }
    assert_eq!(store.transcripts().count(&id).await.unwrap(), kept);
    assert_eq!(store.transcripts().tail(&id, 3, None).await.unwrap().len(), 3);

    fs::remove_file(&ballast).unwrap();
    store.transcripts().append(&id, vec![big()]).await.expect("there is room again");
    store.close().await;
    let store = open(&path);
    assert_eq!(store.transcripts().count(&id).await.unwrap(), kept + 1);
    store.close().await;

    // A start on a disk without a free byte.
    fill_up(&ballast);
    let store = open(&path);
    assert_eq!(store.transcripts().count(&id).await.unwrap(), kept + 1);
    let append = store.transcripts().append(&id, vec![big()]).await;
    println!("started on a full disk, refused {:?}", reason(append));
    println!("full disk: {kept} messages kept, refused {why:?}, one more after making room");
}

#[tokio::test]
async fn a_read_only_disk_can_be_read() {
    let Some(folder) = on_a_small_disk("disk::a_read_only_disk_can_be_read", "2m") else {
        return;
    };
    let path = folder.join("gateway.db");
    let cut_off = folder.join("cut off.db");
    let store = open(&path);
    let id = transcript(&store).await;
    store.transcripts().append(&id, vec![big()]).await.unwrap();
    // A copy in the middle of the work, whose rows are still in its log.
    for suffix in ["", "-wal"] {
        let name = |path: &Path| format!("{}{suffix}", path.display());
        fs::copy(name(&path), name(&cut_off)).unwrap();
    }
    store.close().await;
    let remount = Command::new("mount").args(["-o", "remount,ro"]).arg(&folder).status();
    assert!(remount.unwrap().success());

    let store = open(&path);
    assert_eq!(store.transcripts().tail(&id, 3, None).await.unwrap().len(), 1);
    let append = store.transcripts().append(&id, vec![big()]).await;
    assert_eq!(reason(append), Unavailable::ReadOnly);
    let key = LedgerKey::new("device", "chat.send", "k");
    let begin = store.ledger().begin(&key, &ParamsDigest::of(&"k".into()), NOW).await;
    assert_eq!(reason(begin), Unavailable::ReadOnly);
    assert_eq!(store.transcripts().count(&id).await.unwrap(), 1);

    // Without its log the copy would show an older state, so it is not shown at all.
    let refused = Store::open(&cut_off, &StoreOptions::default());
    println!("read-only disk: refused {:?}", reason(refused));
    let nothing = Store::open(&folder.join("new.db"), &StoreOptions::default());
    assert_eq!(reason(nothing), Unavailable::ReadOnly);
}
