//! Hiding folders from a command, where the kernel can.
//!
//! On Linux this is Landlock: the command, and all that it starts, may read and change files anywhere but
//! in what is hidden. A rule can only allow, so everything beside the path to a hidden folder is allowed
//! one by one; the price is that nothing can be created or changed directly in the folders above it
//! (files in the home folder itself, say; folders there are free).
//!
//! The restriction is put on a thread that then starts the command and ends, so nothing else is
//! restricted.

use std::path::PathBuf;

/// Folders that a command must not see, and folders within them that it may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hidden {
    /// Not to be seen.
    pub folders: Vec<PathBuf>,
    /// To be seen nevertheless.
    pub except: Vec<PathBuf>,
    /// To be read nevertheless, not changed.
    pub readable: Vec<PathBuf>,
}

#[cfg(target_os = "linux")]
pub use linux::{can_hide, hide};

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        io,
        path::{Path, PathBuf},
        sync::OnceLock,
    };

    use landlock::{
        ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr,
        RulesetCreatedAttr, RulesetStatus, path_beneath_rules,
    };

    use super::Hidden;

    /// Everything but running programs, listing folders and talking to devices: those are never restricted.
    fn handled() -> BitFlags<AccessFs> {
        AccessFs::from_all(ABI::V9) & !(AccessFs::Execute | AccessFs::ReadDir | AccessFs::IoctlDev)
    }

    /// Whether this kernel can hide folders.
    #[must_use]
    pub fn can_hide() -> bool {
        static CAN: OnceLock<bool> = OnceLock::new();
        *CAN.get_or_init(|| {
            // Asked for the first version that also guards against truncating.
            let needed = AccessFs::from_all(ABI::V3);
            Ruleset::default()
                .set_compatibility(CompatLevel::HardRequirement)
                .handle_access(needed)
                .and_then(Ruleset::create)
                .is_ok()
        })
    }

    /// Restricts the calling thread and all that it starts.
    ///
    /// # Errors
    /// If the kernel cannot, or a folder's surroundings cannot be listed.
    pub fn hide(hidden: &Hidden) -> io::Result<()> {
        let mut allowed = Vec::new();
        let real = |paths: &[PathBuf]| -> Vec<PathBuf> {
            paths.iter().filter_map(|path| std::fs::canonicalize(path).ok()).collect()
        };
        let folders = real(&hidden.folders);
        if folders.is_empty() {
            return Ok(());
        }
        beside(Path::new("/"), &folders, &mut allowed)?;
        allowed.extend(real(&hidden.except));
        // What a rule allows cannot be taken back: only what would be hidden needs one of its own.
        let mut readable = real(&hidden.readable);
        readable.retain(|path| folders.iter().any(|folder| path.starts_with(folder)));
        let reading = AccessFs::from_read(ABI::V9) & handled();
        let status = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(handled())
            .and_then(Ruleset::create)
            .and_then(|ruleset| ruleset.add_rules(path_beneath_rules(allowed, handled())))
            .and_then(|ruleset| ruleset.add_rules(path_beneath_rules(readable, reading)))
            .and_then(landlock::RulesetCreated::restrict_self)
            .map_err(io::Error::other)?;
        if status.ruleset == RulesetStatus::NotEnforced {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "the kernel has no Landlock"));
        }
        Ok(())
    }

    /// Everything that is neither hidden nor above what is.
    fn beside(folder: &Path, hidden: &[PathBuf], allowed: &mut Vec<PathBuf>) -> io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if hidden.contains(&path) {
                continue;
            }
            if hidden.iter().any(|hidden| hidden.starts_with(&path)) {
                beside(&path, hidden, allowed)?;
            } else if !path.is_symlink() {
                // A link is followed to what is allowed or not by itself.
                allowed.push(path);
            }
        }
        Ok(())
    }
}

/// Whether this system can hide folders.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn can_hide() -> bool {
    false
}

/// Refused: this system cannot.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn hide(_: &Hidden) -> std::io::Result<()> {
    Err(std::io::Error::new(std::io::ErrorKind::Unsupported, "this system cannot hide folders"))
}
