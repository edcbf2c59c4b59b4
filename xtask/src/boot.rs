//! `cargo xtask boot`: boots Debian's systemd as process 1 in a virtual machine, and looks at what it does
//! with the services that we write: readiness, watchdog, sockets, groups, lingering, logging out. Podman
//! runs the container image there.
//!
//! The machine is made of packages that are unpacked and never configured, lives in memory, and has no
//! network but its own loopback. Nothing of it touches the machine that it runs on.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};

use crate::shell;

/// Debian's release: the one whose libc the program was linked with.
const RELEASE: &str = "bookworm";
/// Debian's packages that the machine is made of.
const PACKAGES: &str = "base-files,base-passwd,bash,coreutils,dash,dbus,dbus-user-session,findutils,grep,hostname,\
iproute2,libc-bin,podman,crun,conmon,golang-github-containers-common,libpam-modules,libpam-systemd,login,openssh-client,openssh-server,passwd,procps,sed,systemd,\
systemd-sysv,util-linux";
/// Its kernel.
const KERNEL: &str = "linux-image-cloud-amd64";
/// What makes and runs the machine.
const TOOLS: [&str; 5] = ["qemu-system-x86", "mmdebstrap", "cpio", "busybox-static", "buildah"];
/// Longest that it may run.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Makes the machine, boots it, and shows what it says.
pub(crate) fn run() -> anyhow::Result<()> {
    ensure!(shell::read(Command::new("id").arg("-u"))?.trim() == "0", "this needs root");
    shell::heading("tools")?;
    shell::run(Command::new("apt-get").args(["update", "--quiet=2"]))?;
    let mut apt = Command::new("apt-get");
    apt.args(["install", "--yes", "--quiet=2", "--no-install-recommends"]).args(TOOLS);
    shell::run(apt.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1"))?;
    shell::heading("program")?;
    shell::run(shell::cargo().args(["build", "--package", "openclaw-cli"]))?;
    let folder = tempfile::tempdir().context("failed to make a folder")?;
    let (root, program) = (folder.path().join("root"), folder.path().join("openclaw"));
    let built = shell::workspace()?.target_directory.join("debug/openclaw");
    let mut strip = Command::new("strip");
    shell::run(strip.arg("-o").arg(&program).arg(built))?;
    shell::heading("machine")?;
    let mut unpack = Command::new("mmdebstrap");
    unpack.args([
        "--quiet",
        "--variant=extract",
        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
    ]);
    unpack.arg(format!("--include={PACKAGES}")).arg(RELEASE).arg(&root);
    shell::run(&mut unpack)?;
    let kernel = kernel(folder.path())?;
    let here = shell::root().join("xtask/src/boot");
    let mut image = Command::new("sh");
    image.arg(here.join("image.sh")).arg(&program);
    shell::run(image.arg(shell::root().join("packaging/Containerfile")).arg(folder.path()))?;
    let mut prepare = Command::new("sh");
    prepare.arg(here.join("prepare.sh")).arg(&root).arg(&program).arg(&here).arg(folder.path());
    shell::run(&mut prepare)?;
    shell::heading("systemd as process 1")?;
    let failed = boot(&kernel, &folder.path().join("initrd.gz"))?;
    ensure!(failed == 0, "{failed} checks failed");
    shell::say("everything holds")
}

/// Debian's kernel, unpacked.
fn kernel(folder: &Path) -> anyhow::Result<std::path::PathBuf> {
    let depends = shell::read(Command::new("apt-cache").args(["depends", KERNEL]))?;
    let package = depends.lines().find_map(|line| line.trim().strip_prefix("Depends: linux-image"));
    let package = format!("linux-image{}", package.context("no kernel package")?);
    shell::run(
        Command::new("apt-get").args(["download", "--quiet=2", &package]).current_dir(folder),
    )?;
    let unpack = "dpkg-deb --extract linux-image*.deb kernel && mv kernel/boot/vmlinuz-* vmlinuz";
    shell::run(Command::new("sh").args(["-c", unpack]).current_dir(folder))?;
    Ok(folder.join("vmlinuz"))
}

/// Runs the machine until it powers itself off, and counts what failed.
fn boot(kernel: &Path, initrd: &Path) -> anyhow::Result<usize> {
    let mut machine = Command::new("qemu-system-x86_64");
    // The processor is imitated: a machine that is one itself often cannot lend its own.
    machine.args(["-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "2560"]);
    machine.args(["-nic", "none", "-no-reboot", "-display", "none", "-serial", "stdio"]);
    machine.arg("-kernel").arg(kernel).arg("-initrd").arg(initrd);
    machine.args(["-append", "console=ttyS0 quiet systemd.show_status=0 panic=-1"]);
    let machine = machine.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut machine = Machine(machine.spawn().context("failed to start qemu")?);
    let (sender, lines) = mpsc::channel();
    let output = BufReader::new(machine.0.stdout.take().context("no output")?);
    std::thread::spawn(move || {
        // The receiver is gone once enough was heard.
        output.split(b'\n').map_while(Result::ok).all(|line| sender.send(line).is_ok())
    });
    let deadline = Instant::now() + PATIENCE;
    let mut failed = 0;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok(line) = lines.recv_timeout(left) else {
            bail!("the machine ended, or took too long")
        };
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        shell::say(line)?;
        failed += usize::from(line.contains("FAILED: "));
        if line == "DONE" {
            return Ok(failed);
        }
    }
}

/// A machine that runs; it ends with this value.
struct Machine(Child);

impl Drop for Machine {
    fn drop(&mut self) {
        // Gone already if it powered itself off.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
