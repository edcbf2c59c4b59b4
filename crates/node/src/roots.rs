//! Folders that a node's owner opened to callers. Nothing leads out of them: not `..`, not a symbolic
//! link, not a link that is put there while a path is looked at.

use std::{
    io,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use cap_std::{ambient_authority, fs::Dir};

use crate::command::CommandError;

/// A folder that cannot be opened to callers.
#[derive(Debug, thiserror::Error)]
#[error("the folder {path} cannot be used: {source}")]
pub struct RootError {
    /// Which.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

#[derive(Debug)]
struct Root {
    /// As its owner named it.
    named: PathBuf,
    /// Without links.
    real: PathBuf,
    dir: Dir,
}

/// The folders that are open.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    roots: Arc<[Root]>,
}

/// A place in one of them.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    /// The folder.
    pub(crate) dir: &'a Dir,
    /// The way from there; `.` is the folder itself.
    pub(crate) path: PathBuf,
    /// The whole path, for people.
    pub(crate) shown: PathBuf,
}

impl Roots {
    /// Opens folders.
    ///
    /// # Errors
    /// The first that is no folder, or that cannot be opened.
    pub fn open(paths: &[PathBuf]) -> Result<Self, RootError> {
        let open = |path: &PathBuf| {
            let fail = |source| RootError { path: path.clone(), source };
            let named = std::path::absolute(path).map_err(fail)?;
            let real = std::fs::canonicalize(&named).map_err(fail)?;
            let dir = Dir::open_ambient_dir(&real, ambient_authority()).map_err(fail)?;
            Ok(Root { named, real, dir })
        };
        let roots: Result<Vec<Root>, RootError> = paths.iter().map(open).collect();
        Ok(Self { roots: roots?.into() })
    }

    /// Whether none is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// The folders, as their owner named them.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.roots.iter().map(|root| root.named.as_path())
    }

    /// The place that a caller means: below a root, or relative to the only one.
    pub(crate) fn place(&self, wanted: &str) -> Result<Place<'_>, CommandError> {
        let path = Path::new(wanted);
        if wanted.is_empty() || wanted.contains('\0') {
            return Err(CommandError::invalid("the path is empty or holds a zero byte"));
        }
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(self.outside(wanted));
        }
        let below = |root: &Root| -> Option<PathBuf> {
            let rest = path.strip_prefix(&root.named).or_else(|_| path.strip_prefix(&root.real));
            rest.ok().map(Path::to_path_buf)
        };
        let found = match (&*self.roots, path.is_absolute()) {
            ([only], false) => Some((only, path.to_path_buf())),
            (roots, true) => roots.iter().find_map(|root| Some((root, below(root)?))),
            (_, false) => None,
        };
        let (root, rest) = found.ok_or_else(|| self.outside(wanted))?;
        let rest = if rest.as_os_str().is_empty() { PathBuf::from(".") } else { rest };
        let shown = root.named.join(rest.strip_prefix(".").unwrap_or(&rest));
        Ok(Place { dir: &root.dir, path: rest, shown })
    }

    fn outside(&self, wanted: &str) -> CommandError {
        let roots: Vec<String> = self.paths().map(|path| path.display().to_string()).collect();
        CommandError::refused(format!(
            "{wanted} is not below a folder that this node opened: {}",
            roots.join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_their_root() {
        let folder = tempfile::tempdir().expect("a folder");
        let real = folder.path().join("real");
        std::fs::create_dir(&real).expect("made");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&real, &link).expect("linked");
        let roots = Roots::open(std::slice::from_ref(&link)).expect("opened");
        let text = |path: PathBuf| path.to_str().expect("text").to_owned();
        for wanted in ["a/b".to_owned(), text(link.join("a/b")), text(real.join("a/b"))] {
            assert_eq!(roots.place(&wanted).expect(&wanted).path, Path::new("a/b"));
        }
        assert_eq!(roots.place(&text(link.clone())).expect("itself").path, Path::new("."));
        let twin = format!("{}2/a", link.display());
        for wanted in ["", "..", "a/../../b", "/etc/passwd", "a\0b", &twin] {
            assert!(roots.place(wanted).is_err(), "{wanted}");
        }
        let two = Roots::open(&[link, real]).expect("opened");
        assert!(two.place("a").is_err(), "of two nobody knows which is meant");
        assert!(Roots::open(&[folder.path().join("missing")]).is_err());
    }
}
