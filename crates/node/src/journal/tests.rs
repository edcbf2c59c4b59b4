use serde_json::json;

use super::*;

fn ended(value: Value) -> Arc<Outcome> {
    Arc::new(Ok(value))
}

fn code(journal: &Journal, key: &str) -> Option<String> {
    let outcome = journal.outcome(key, "another")?;
    outcome.as_ref().as_ref().err().map(|error| error.code.to_string())
}

#[test]
fn what_was_done_is_known_after_a_kill_and_what_was_cut_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls/gateway.jsonl");
    let journal = Journal::open(&path).unwrap();
    journal.begins("done", "1").unwrap();
    journal.ended("done", &ended(json!({"exitCode": 0}))).unwrap();
    journal.begins("failed", "2").unwrap();
    journal.ended("failed", &Arc::new(Err(CommandError::refused("no")))).unwrap();
    journal.begins("cut", "3").unwrap();
    journal.begins("large", "4").unwrap();
    journal.ended("large", &ended(json!("x".repeat(MAX_RESULT)))).unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::Held)), "one process has it");
    drop(journal);
    // The last line was cut off when the process was killed.
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"done\":{\"key\":\"cut\",\"resu").unwrap();
    for _ in 0..2 {
        let again = Journal::open(&path).unwrap();
        assert_eq!(*again.outcome("done", "9").unwrap(), Ok(json!({"exitCode": 0})));
        assert_eq!(*again.outcome("other", "1").unwrap(), Ok(json!({"exitCode": 0})), "by id");
        assert_eq!(code(&again, "failed").as_deref(), Some("FORBIDDEN"));
        assert_eq!(code(&again, "cut").as_deref(), Some("UNKNOWN_OUTCOME"));
        assert_eq!(code(&again, "large").as_deref(), Some("RESULT_GONE"));
        assert!(again.outcome("new", "5").is_none());
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_is_kept_is_bounded_in_memory_and_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.jsonl");
    let journal = Journal::open(&path).unwrap();
    let large = ended(json!("x".repeat(MAX_RESULT - 2)));
    for n in 0..MAX_CALLS + 50 {
        let key = n.to_string();
        // Without the sync of each, which takes the time of a disk.
        let mut inside = journal.inside.lock();
        inside.append(&Line::Begun { key: (&*key).into(), id: (&*key).into() }).unwrap();
        inside.begun(&key, &key);
        drop(inside);
        if n % 16 == 0 {
            journal.ended(&key, &large).unwrap();
        }
        assert!(journal.inside.lock().result_bytes <= MAX_RESULTS);
        assert!(path.metadata().unwrap().len() <= MAX_FILE);
    }
    assert!(journal.outcome("0", "0").is_none(), "the oldest is forgotten");
    assert_eq!(code(&journal, "64").as_deref(), Some("RESULT_GONE"));
    assert_eq!(code(&journal, "65").as_deref(), Some("UNKNOWN_OUTCOME"));
    drop(journal);
    let again = Journal::open(&path).unwrap();
    assert_eq!(again.inside.lock().calls.len(), MAX_CALLS);
    assert_eq!(code(&again, "64").as_deref(), Some("RESULT_GONE"));
}

#[test]
fn a_disk_that_refuses_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let error = Journal::open(&folder.path().join("file/calls.jsonl")).unwrap_err();
    assert!(error.to_string().contains("calls.jsonl"), "{error}");
}
