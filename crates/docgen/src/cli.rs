//! The command line reference, which the binary itself prints from the table that parses its arguments.

use std::{path::Path, process::Command};

use anyhow::{Context as _, bail};

/// `docs/cli.md`.
pub(crate) fn page(binary: &Path) -> anyhow::Result<String> {
    let output = Command::new(binary)
        .arg("reference")
        .env_clear()
        .output()
        .with_context(|| format!("failed to start {}", binary.display()))?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        bail!("`openclaw reference` failed ({}): {}", output.status, told.trim());
    }
    String::from_utf8(output.stdout).context("the reference is not text")
}
