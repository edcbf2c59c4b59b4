//! `system.info`: the machine and this process.

use std::path::Path;

use openclaw_protocol::methods::system::{ProcessMemory, SystemInfoResult};

use crate::{lan, router::Cx};

/// Reads what the kernel tells; what it does not tell is left out.
pub(super) fn info(cx: &Cx) -> SystemInfoResult {
    let info = &cx.state.info;
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy().into_owned();
    let memory = memory();
    let disk = disk(&info.state_dir);
    SystemInfoResult {
        machine_name: info.host.clone(),
        hostname: info.host.clone(),
        platform: std::env::consts::OS.to_owned(),
        os_label: format!("{} {release}", uname.sysname().to_string_lossy()),
        release,
        arch: std::env::consts::ARCH.to_owned(),
        lan_address: lan::address().map(|ip| ip.to_string()),
        port: Some(info.port),
        node_version: format!("openclaw-rust {}", info.version),
        pid: std::process::id(),
        process_instance_id: Some(info.boot_id.clone()),
        uptime_ms: info.uptime_ms(cx.now_ms()),
        cpu_count: std::thread::available_parallelism().map_or(1, |count| count.get() as u64),
        cpu_model: None,
        load_average: load_average(),
        memory_total_bytes: memory.map_or(0, |(total, _)| total),
        memory_free_bytes: memory.map_or(0, |(_, free)| free),
        disk_total_bytes: disk.map(|(total, _)| total),
        disk_available_bytes: disk.map(|(_, available)| available),
        disk_path: None,
        process_memory: resident_bytes().map(|rss_bytes| ProcessMemory { rss_bytes }),
    }
}

/// Resident bytes of this process.
#[cfg(target_os = "linux")]
pub(super) fn resident_bytes() -> Option<u64> {
    let stat = procfs::process::Process::myself().ok()?.stat().ok()?;
    Some(stat.rss * procfs::page_size())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn resident_bytes() -> Option<u64> {
    None
}

#[cfg(target_os = "linux")]
fn memory() -> Option<(u64, u64)> {
    use procfs::Current as _;
    let memory = procfs::Meminfo::current().ok()?;
    Some((memory.mem_total, memory.mem_available.unwrap_or(memory.mem_free)))
}

#[cfg(not(target_os = "linux"))]
fn memory() -> Option<(u64, u64)> {
    None
}

#[cfg(target_os = "linux")]
fn load_average() -> Option<[f64; 3]> {
    use procfs::Current as _;
    let load = procfs::LoadAverage::current().ok()?;
    Some([f64::from(load.one), f64::from(load.five), f64::from(load.fifteen)])
}

#[cfg(not(target_os = "linux"))]
fn load_average() -> Option<[f64; 3]> {
    None
}

fn disk(path: &Path) -> Option<(u64, u64)> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some((stat.f_blocks * stat.f_frsize, stat.f_bavail * stat.f_frsize))
}
