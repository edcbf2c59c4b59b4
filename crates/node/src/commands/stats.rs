//! `host.stats`: how busy and how full the machine is.

use std::{path::Path, sync::Arc};

use futures_util::{FutureExt, future::BoxFuture};
use serde_json::{Map, Value, json};

use super::Machine;
use crate::command::{Call, CommandError, NodeCommand};

/// Looks at processors, memory and disks.
pub(super) struct Stats(pub(super) Arc<Machine>);

impl Stats {
    fn look(&self) -> Value {
        let mut stats = Map::new();
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        stats.insert("cpuCount".to_owned(), json!(processors));
        memory(&mut stats);
        let own = self.0.home.as_path();
        let places = [Path::new("/"), own].into_iter().chain(self.0.roots.paths());
        let mut disks: Vec<(u64, Value)> = Vec::new();
        for (id, disk) in places.filter_map(disk) {
            if !disks.iter().any(|(known, _)| *known == id) {
                disks.push((id, disk));
            }
        }
        let disks: Vec<Value> = disks.into_iter().map(|(_, disk)| disk).collect();
        stats.insert("disks".to_owned(), disks.into());
        Value::Object(stats)
    }
}

/// The file system of a folder, once for each device.
fn disk(path: &Path) -> Option<(u64, Value)> {
    use std::os::unix::fs::MetadataExt;
    let device = std::fs::metadata(path).ok()?.dev();
    let found = rustix::fs::statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    let disk = json!({
        "path": path.display().to_string(),
        "totalBytes": bytes(found.f_blocks),
        "freeBytes": bytes(found.f_bavail),
    });
    Some((device, disk))
}

#[cfg(target_os = "linux")]
fn memory(stats: &mut Map<String, Value>) {
    let found = rustix::system::sysinfo();
    let unit = u64::from(found.mem_unit);
    let load = |raw: u64| {
        // Loads are counted in 65,536ths.
        (f64::from(u32::try_from(raw).unwrap_or(u32::MAX)) / 655.36).round() / 100.0
    };
    stats.insert("loadAverage".to_owned(), json!(found.loads.map(load)));
    stats.insert("memoryTotalBytes".to_owned(), json!(found.totalram.saturating_mul(unit)));
    let free = available().unwrap_or_else(|| found.freeram.saturating_mul(unit));
    stats.insert("memoryFreeBytes".to_owned(), json!(free));
    stats.insert("uptimeSeconds".to_owned(), json!(found.uptime));
}

/// What programs can still get, which is more than what nobody uses.
#[cfg(target_os = "linux")]
fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(not(target_os = "linux"))]
fn memory(_: &mut Map<String, Value>) {}

impl NodeCommand for Stats {
    fn name(&self) -> &'static str {
        "host.stats"
    }

    fn is_repeatable(&self) -> bool {
        true
    }

    fn run(&self, _: Call) -> BoxFuture<'_, Result<Value, CommandError>> {
        async move { Ok(self.look()) }.boxed()
    }
}
