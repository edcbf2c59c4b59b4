//! `cargo xtask dist`: one static binary, checked on a bare root folder, packed with its completions.
//!
//! Written to `target/dist`: `openclaw-VERSION-TARGET.tar.gz`, its `.sha256`, `install.sh`, and the
//! folder that was packed, which is what `packaging/Containerfile` is built from.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

use crate::{shell, ui};

/// Arguments of `cargo xtask dist`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to build for. Only Linux on x86_64 is proven.
    #[arg(long, default_value = "x86_64-unknown-linux-gnu")]
    target: String,
}

const SHELLS: &[(&str, &str)] =
    &[("bash", "openclaw.bash"), ("zsh", "_openclaw"), ("fish", "openclaw.fish")];

/// Builds, checks and packs.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    shell::heading("static build")?;
    let binary = build(&args.target)?;
    shell::heading("bare root folder")?;
    check_bare(&binary)?;
    shell::heading("archive")?;
    let archive = pack(&binary, &args.target)?;
    shell::say(archive.display())
}

fn build(target: &str) -> anyhow::Result<PathBuf> {
    ui::build()?;
    // Only this build gets the flag: in the workspace's configuration it would change every build.
    // With `--target` cargo keeps it from build scripts and procedural macros.
    shell::run(
        shell::cargo()
            .args([
                "build",
                "--release",
                "--locked",
                "--package",
                "openclaw-cli",
                "--target",
                target,
            ])
            .env("RUSTFLAGS", "-C target-feature=+crt-static"),
    )?;
    let folder = shell::workspace()?.target_directory.join(target).join("release");
    Ok(folder.join("openclaw").into_std_path_buf())
}

/// Runs the binary where there is nothing but itself.
fn check_bare(binary: &Path) -> anyhow::Result<()> {
    let bare = std::env::temp_dir().join(format!("openclaw-bare-{}", std::process::id()));
    fs::create_dir_all(&bare).with_context(|| format!("failed to create {}", bare.display()))?;
    let result = run_bare(binary, &bare);
    fs::remove_dir_all(&bare).with_context(|| format!("failed to remove {}", bare.display()))?;
    let version = result?;
    let expected = env!("CARGO_PKG_VERSION");
    if !version.contains(expected) {
        bail!("the binary says `{}`, expected version {expected}", version.trim());
    }
    shell::say(format_args!("`{}` from a folder that holds nothing else", version.trim()))
}

fn run_bare(binary: &Path, bare: &Path) -> anyhow::Result<String> {
    fs::copy(binary, bare.join("openclaw")).context("failed to copy the binary")?;
    let root = shell::read(Command::new("id").arg("-u"))?.trim() == "0";
    let mut command = if root {
        Command::new("chroot")
    } else {
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "chroot"]);
        unshare
    };
    shell::read(command.arg(bare).args(["/openclaw", "--version"]))
}

fn pack(binary: &Path, target: &str) -> anyhow::Result<PathBuf> {
    let name = format!("openclaw-{}-{target}", env!("CARGO_PKG_VERSION"));
    let dist = shell::workspace()?.target_directory.join("dist").into_std_path_buf();
    let folder = dist.join(&name);
    fs::create_dir_all(folder.join("completions")).context("failed to create target/dist")?;
    fs::copy(binary, folder.join("openclaw")).context("failed to copy the binary")?;
    for file in ["README.md", "CHANGELOG.md", "LICENSE"] {
        fs::copy(shell::root().join(file), folder.join(file))
            .with_context(|| format!("failed to copy {file}"))?;
    }
    for (kind, file) in SHELLS {
        let script = shell::read(Command::new(binary).args(["completion", kind]))?;
        fs::write(folder.join("completions").join(file), script)
            .with_context(|| format!("failed to write the completions for {kind}"))?;
    }
    fs::copy(shell::root().join("packaging/install.sh"), dist.join("install.sh"))
        .context("failed to copy install.sh")?;
    let archive = dist.join(format!("{name}.tar.gz"));
    // Sorted names and fixed owners and times: the same binary gives the same archive.
    let fixed = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0"];
    shell::run(
        Command::new("tar").args(fixed).arg("-czf").arg(&archive).arg("-C").arg(&dist).arg(&name),
    )?;
    let digest =
        hex::encode(Sha256::digest(fs::read(&archive).context("failed to read the archive")?));
    fs::write(dist.join(format!("{name}.tar.gz.sha256")), format!("{digest}  {name}.tar.gz\n"))
        .context("failed to write the checksum")?;
    Ok(archive)
}
