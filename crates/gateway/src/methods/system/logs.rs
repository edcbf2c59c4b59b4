//! `logs.tail`: whole lines from the log file, by byte offset.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use openclaw_protocol::{
    RpcError,
    methods::system::{LogsTailParams, LogsTailResult},
};

use crate::router::{Cx, Failure};

const DEFAULT_LINES: usize = 500;
const DEFAULT_BYTES: u64 = 250_000;

/// Reads on a thread that may block.
pub(super) async fn tail(cx: &Cx, params: LogsTailParams) -> Result<LogsTailResult, Failure> {
    let path = cx.state.info.log_file.clone();
    let cursor = params.cursor.map(|cursor| cursor.get());
    let lines = params.limit.map_or(DEFAULT_LINES, |limit| limit.as_usize());
    let bytes = params.max_bytes.map_or(DEFAULT_BYTES, |bytes| bytes.get());
    let read = tokio::task::spawn_blocking(move || read(&path, cursor, lines, bytes)).await;
    let unreadable = |error: &dyn std::fmt::Display| {
        RpcError::unavailable(format!("the log file cannot be read: {error}"))
    };
    let mut result =
        read.map_err(|error| unreadable(&error))?.map_err(|error| unreadable(&error))?;
    result.file = cx.state.info.log_file.display().to_string();
    Ok(result)
}

fn read(
    path: &Path,
    cursor: Option<u64>,
    max_lines: usize,
    max_bytes: u64,
) -> std::io::Result<LogsTailResult> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(LogsTailResult::default());
        }
        Err(error) => return Err(error),
    };
    let size = file.metadata()?.len();
    let reset = cursor.is_some_and(|cursor| cursor > size);
    // What was written between the last look and the moment the file was put aside is still to be told.
    let before = cursor.filter(|_| reset).map_or_else(Vec::new, |cursor| rest_of(path, cursor));
    let wanted = cursor.filter(|cursor| *cursor <= size);
    let earliest = size.saturating_sub(max_bytes);
    let start = wanted.unwrap_or(earliest).max(earliest);
    let skipped = start - wanted.unwrap_or(start);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(size - start).read_to_end(&mut bytes)?;
    // A cursor that was given out stands at the start of a line; any other start may be inside one.
    let mid_line = start > 0 && wanted != Some(start);
    let first = if mid_line { after_newline(&bytes, 0) } else { 0 };
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(first, |position| position + 1);
    let text = String::from_utf8_lossy(bytes.get(first..end).unwrap_or_default()).into_owned();
    let mut lines = before;
    lines.extend(text.lines().map(str::to_owned));
    let dropped = lines.len().saturating_sub(max_lines);
    lines.drain(..dropped);
    Ok(LogsTailResult {
        file: String::new(),
        cursor: start + end as u64,
        size,
        lines,
        truncated: (dropped > 0 || skipped > 0 || (cursor.is_none() && start > 0)).then_some(true),
        reset: reset.then_some(true),
        skipped_bytes: (skipped > 0).then_some(skipped),
    })
}

/// The lines from a cursor on of the file that was put aside last, if the cursor can be one of it.
fn rest_of(path: &Path, cursor: u64) -> Vec<String> {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path.with_extension("log.1"))?;
        if file.metadata()?.len() < cursor {
            return Ok(String::new());
        }
        file.seek(SeekFrom::Start(cursor))?;
        let mut bytes = Vec::new();
        file.take(DEFAULT_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_default().lines().map(str::to_owned).collect()
}

fn after_newline(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |position| from + position + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct LogFile(std::path::PathBuf);

    impl LogFile {
        fn new(name: &str, text: &str) -> Self {
            let path = std::env::temp_dir().join(format!("openclaw-{}-{name}", std::process::id()));
            std::fs::write(&path, text).expect("log file");
            Self(path)
        }
    }

    impl Drop for LogFile {
        fn drop(&mut self) {
            std::fs::remove_file(&self.0).ok();
        }
    }

    #[test]
    fn follows_by_cursor_and_leaves_half_lines_for_later() {
        let log = LogFile::new("follow", "one\ntwo\nthr");
        let first = read(&log.0, None, 10, 1000).expect("read");
        assert_eq!(
            (first.lines, first.cursor, first.size),
            (vec!["one".into(), "two".into()], 8, 11)
        );
        std::fs::write(&log.0, "one\ntwo\nthree\n").expect("write");
        let next = read(&log.0, Some(8), 10, 1000).expect("read");
        assert_eq!((next.lines, next.cursor, next.reset), (vec!["three".to_owned()], 14, None));
    }

    #[test]
    fn says_what_was_left_out() {
        let log = LogFile::new("bounds", "one\ntwo\nthree\nfour\n");
        let few = read(&log.0, None, 2, 1000).expect("read");
        assert_eq!((few.lines, few.truncated), (vec!["three".into(), "four".into()], Some(true)));
        let small = read(&log.0, None, 10, 7).expect("read");
        assert_eq!((small.lines, small.truncated), (vec!["four".to_owned()], Some(true)));
        let behind = read(&log.0, Some(0), 10, 7).expect("read");
        assert_eq!((behind.lines, behind.skipped_bytes), (vec!["four".to_owned()], Some(12)));
    }

    #[test]
    fn a_replaced_file_starts_anew_and_a_missing_one_is_empty() {
        let log = LogFile::new("reset", "new\n");
        let reset = read(&log.0, Some(500), 10, 1000).expect("read");
        assert_eq!((reset.lines, reset.reset), (vec!["new".to_owned()], Some(true)));
        let aside = LogFile(log.0.with_extension("log.1"));
        std::fs::write(&aside.0, "seen\nmissed\n").expect("put aside");
        let rotated = read(&log.0, Some(5), 10, 1000).expect("read");
        assert_eq!((rotated.lines, rotated.cursor), (vec!["missed".into(), "new".into()], 4));
        let missing = read(Path::new("/nonexistent/log"), Some(3), 10, 1000).expect("read");
        assert_eq!((missing.lines.len(), missing.size), (0, 0));
    }
}
