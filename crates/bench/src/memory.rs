//! Resident memory of a process and everything it started, from `/proc`.

use std::{collections::BTreeMap, fs};

use anyhow::Context as _;

/// Resident bytes of `pid` and all its descendants.
pub(crate) fn tree_rss(pid: u32) -> anyhow::Result<u64> {
    let parents = parents()?;
    let mut total = 0;
    let mut waiting = vec![pid];
    while let Some(pid) = waiting.pop() {
        total += rss(pid)?;
        waiting
            .extend(parents.iter().filter(|(_, parent)| **parent == pid).map(|(child, _)| *child));
    }
    Ok(total)
}

fn rss(pid: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("failed to read {path}"))?;
    let kib = field(&status, "VmRSS:").context("a process has no VmRSS")?;
    Ok(kib * 1024)
}

fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Every process and its parent. Processes that end while we look are left out.
fn parents() -> anyhow::Result<BTreeMap<u32, u32>> {
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc").context("failed to list /proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { continue };
        if let Some(parent) = field(&status, "PPid:").and_then(|parent| u32::try_from(parent).ok())
        {
            parents.insert(pid, parent);
        }
    }
    Ok(parents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields() {
        let status = "Name:\tx\nPPid:\t12\nVmRSS:\t    3480 kB\n";
        assert_eq!(field(status, "VmRSS:"), Some(3480));
        assert_eq!(field(status, "PPid:"), Some(12));
        assert_eq!(field(status, "VmSwap:"), None);
    }

    #[test]
    fn we_have_memory() {
        assert!(tree_rss(std::process::id()).unwrap() > 100 * 1024);
    }
}
