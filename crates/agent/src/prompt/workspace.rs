//! The files of an agent's workspace that go into every prompt.
//!
//! Missing files are skipped. A file longer than its cap keeps its beginning and its end with a marker
//! between; the caps are on characters, per file and on all together.

use std::{io, path::Path};

/// Read in this order; of the last two only the first that exists.
const FILES: [&str; 5] = ["AGENTS.md", "SOUL.md", "TOOLS.md", "IDENTITY.md", "USER.md"];
const MEMORY: [&str; 2] = ["MEMORY.md", "memory.md"];
/// Bytes that are read of a file at the very most.
const MAX_FILE_BYTES: u64 = 2 * 1024 * 1024;

/// One file, cut to its cap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WorkspaceFile {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its text.
    pub(crate) text: String,
}

/// Reads the files there are. Blocking; a few small reads.
pub(crate) fn read(folder: &Path, max_chars: usize, total_max_chars: usize) -> Vec<WorkspaceFile> {
    let mut files = Vec::new();
    let mut left = total_max_chars;
    let memory = MEMORY.into_iter().find(|name| folder.join(name).is_file());
    for name in FILES.into_iter().chain(memory) {
        if left == 0 {
            tracing::warn!(file = name, "workspace file left out, the others fill the prompt");
            continue;
        }
        let Some(text) = read_one(&folder.join(name)) else { continue };
        let text = cut(text.trim(), max_chars.min(left));
        if !text.is_empty() {
            left = left.saturating_sub(text.chars().count());
            files.push(WorkspaceFile { name, text });
        }
    }
    files
}

fn read_one(path: &Path) -> Option<String> {
    match openclaw_base::fs::read_limited(path, MAX_FILE_BYTES) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "workspace file not read");
            None
        }
    }
}

/// Keeps 70 % of the cap from the beginning and 20 % from the end.
fn cut(text: &str, max_chars: usize) -> String {
    let length = text.chars().count();
    if length <= max_chars {
        return text.to_owned();
    }
    let head: String = text.chars().take(max_chars * 7 / 10).collect();
    let tail_chars = max_chars / 5;
    let tail: String = text.chars().skip(length - tail_chars).collect();
    let dropped = length - head.chars().count() - tail_chars;
    format!("{head}\n[… {dropped} characters left out …]\n{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_there_in_order_and_within_caps() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("USER.md", "likes tea");
        write("AGENTS.md", &"a".repeat(100));
        write("memory.md", "remembers");
        write("SOUL.md", "  \n");

        let files = read(folder.path(), 50, 10_000);
        let names: Vec<_> = files.iter().map(|file| file.name).collect();
        assert_eq!(names, ["AGENTS.md", "USER.md", "memory.md"]);
        assert!(files[0].text.starts_with(&"a".repeat(35)));
        assert!(files[0].text.contains("55 characters left out"), "{}", files[0].text);

        let little = read(folder.path(), 5, 7);
        let texts: Vec<_> = little.iter().map(|file| file.name).collect();
        assert_eq!(texts, ["AGENTS.md"]);
        assert_eq!(read(&folder.path().join("nowhere"), 10, 10), []);
    }

    #[test]
    fn short_texts_are_left_alone() {
        assert_eq!(cut("äöü", 3), "äöü");
    }
}
