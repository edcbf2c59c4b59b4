//! Files that hold secrets or state: written whole or not at all, readable by their owner only.

use std::{
    fs::{DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// Replaces a file in one step: a reader sees the old bytes or the new ones, and a power cut leaves one
/// of the two. The file has mode 0600.
///
/// # Errors
/// Whatever the file system says; the old file is then untouched.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, 0o600)
}

/// As [`write_private`], for what everybody may read: the file has mode 0644.
///
/// # Errors
/// Whatever the file system says; the old file is then untouched.
pub fn write_public(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, 0o644)
}

fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = parent(path);
    let (temporary, mut file) = temporary_beside(path)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.set_permissions(Permissions::from_mode(mode)))
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        // The write error is what matters; a temporary file that stays is only untidy.
        std::fs::remove_file(&temporary).ok();
    }
    written?;
    File::open(folder)?.sync_all()
}

/// Makes a folder of mode 0700 and those above it. One that exists keeps its mode.
///
/// # Errors
/// Whatever the file system says.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Reads a file that must not be larger than `max` bytes.
///
/// # Errors
/// Whatever the file system says; `FileTooLarge` when there is more.
pub fn read_limited(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= max) {
        Ok(bytes)
    } else {
        let text = format!("larger than {max} bytes");
        Err(io::Error::new(io::ErrorKind::FileTooLarge, text))
    }
}

/// Whether only the owner may read or write a file.
///
/// # Errors
/// Whatever the file system says.
pub fn is_private(path: &Path) -> io::Result<bool> {
    Ok(std::fs::metadata(path)?.mode() & 0o077 == 0)
}

/// Takes everybody's but the owner's rights away from a file.
///
/// # Errors
/// Whatever the file system says.
pub fn make_private(path: &Path) -> io::Result<()> {
    let mode = std::fs::metadata(path)?.mode() & 0o700;
    std::fs::set_permissions(path, Permissions::from_mode(mode))
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A new empty file of mode 0600 in the same folder, so that renaming it stays on one file system.
fn temporary_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = path.file_name().ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "the path does not name a file")
    })?;
    let random = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{random:016x}.tmp"));
    let temporary = parent(path).join(temporary);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    Ok((temporary, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        std::fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn writes_whole_private_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        write_private(&path, b"one").expect("written");
        write_private(&path, b"two").expect("written again");
        assert_eq!(std::fs::read(&path).expect("read"), b"two");
        assert!(is_private(&path).expect("mode"));
        assert_eq!(names(folder.path()), ["secret"]);
    }

    #[test]
    fn public_files_can_be_read_by_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("unit");
        write_public(&path, b"x").expect("written");
        assert_eq!(std::fs::metadata(&path).expect("metadata").mode() & 0o777, 0o644);
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("taken");
        std::fs::create_dir(&path).expect("a folder in the way");
        assert!(write_private(&path, b"x").is_err());
        assert_eq!(names(folder.path()), ["taken"]);
        assert!(write_private(Path::new("/"), b"x").is_err());
    }

    #[test]
    fn folders_are_private_and_may_exist() {
        let folder = tempfile::tempdir().expect("a folder");
        let deep = folder.path().join("a/b");
        create_private_dir(&deep).expect("made");
        create_private_dir(&deep).expect("there already");
        for made in [folder.path().join("a"), deep] {
            let mode = std::fs::metadata(&made).expect("metadata").mode();
            assert_eq!(mode & 0o777, 0o700);
        }
    }

    #[test]
    fn reading_has_a_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, b"12345").expect("written");
        assert_eq!(read_limited(&path, 5).expect("fits"), b"12345");
        let error = read_limited(&path, 4).expect_err("too large");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn rights_can_be_taken_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, b"x").expect("written");
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("opened up");
        assert!(!is_private(&path).expect("mode"));
        make_private(&path).expect("closed");
        assert!(is_private(&path).expect("mode"));
    }
}
