//! The install script with a real archive in a new home folder, and the words of the container image.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::machine::{Machine, OPENCLAW, shown};

const TARGET: &str = "x86_64-unknown-linux-gnu";

fn packaging(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging").join(file)
}

fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

/// An archive as `cargo xtask dist` lays it out, with its checksum beside it.
fn archive(folder: &Path) -> PathBuf {
    let name = format!("openclaw-{}-{TARGET}", env!("CARGO_PKG_VERSION"));
    let inner = folder.join(&name);
    std::fs::create_dir(&inner).unwrap();
    // The debug information would make the archive many times larger.
    let stripped = run(Command::new("strip").arg("-o").arg(inner.join("openclaw")).arg(OPENCLAW));
    assert!(stripped.status.success(), "{}", shown(&stripped));
    let file = folder.join(format!("{name}.tar.gz"));
    let packed = run(Command::new("tar")
        .args(["-I", "gzip -1", "-cf"])
        .arg(&file)
        .arg("-C")
        .arg(folder)
        .arg(&name));
    assert!(packed.status.success(), "{}", shown(&packed));
    let summed = run(Command::new("sha256sum").arg(format!("{name}.tar.gz")).current_dir(folder));
    std::fs::write(folder.join(format!("{name}.tar.gz.sha256")), summed.stdout).unwrap();
    file
}

/// The script, with no more of the environment than it needs.
fn install(home: &Path, words: &[&str]) -> Output {
    let mut command = Command::new("sh");
    command.arg(packaging("install.sh")).args(words).env_clear();
    run(command.env("HOME", home).env("PATH", "/usr/bin:/bin"))
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn an_archive_is_installed_once_and_taken_away_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = archive(folder.path());
    let file = file.to_str().unwrap();
    let machine = Machine::new();
    let bin = machine.home().join(".local/bin");
    let program = bin.join("openclaw");

    let output = install(machine.home(), &["--dry-run", file]);
    assert!(output.status.success(), "{}", shown(&output));
    assert!(!bin.exists(), "nothing is changed");

    let output = install(machine.home(), &[file]);
    assert!(output.status.success(), "{}", shown(&output));
    assert!(shown(&output).contains("to your PATH"), "{}", shown(&output));
    let said = run(Command::new(&program).arg("--version"));
    assert!(shown(&said).contains(env!("CARGO_PKG_VERSION")), "{}", shown(&said));
    let mode = std::fs::metadata(&program).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);

    let output = install(machine.home(), &[file]);
    assert!(shown(&output).contains("already"), "{}", shown(&output));
    assert_eq!(names(&bin), ["openclaw"], "twice is once");

    std::fs::write(&program, "#!/bin/sh\necho older\n").unwrap();
    let output = install(machine.home(), &[file]);
    assert!(output.status.success(), "{}", shown(&output));
    assert_eq!(names(&bin), ["openclaw", "openclaw.previous"]);
    let older = std::fs::read_to_string(bin.join("openclaw.previous")).unwrap();
    assert!(older.contains("older"));

    std::fs::create_dir(machine.state()).unwrap();
    let output = install(machine.home(), &["--uninstall"]);
    assert!(output.status.success(), "{}", shown(&output));
    assert!(names(&bin).is_empty() && machine.state().exists(), "the state stays");
}

#[test]
fn a_wrong_archive_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let refused = |file: &str, why: &str| {
        let output = install(machine.home(), &[file]);
        let text = shown(&output);
        assert!(!output.status.success() && text.contains(why) && text.contains("hint:"), "{text}");
        assert!(!machine.home().join(".local").exists());
    };
    let good = at(&format!("openclaw-1-{TARGET}.tar.gz"));
    let other = at("openclaw-1-riscv64-unknown-linux-gnu.tar.gz");
    std::fs::write(&good, "not an archive").unwrap();
    std::fs::write(&other, "not an archive").unwrap();
    refused(&other, "is not for this machine");
    refused(&good, "sha256 is missing");
    std::fs::write(format!("{good}.sha256"), format!("{}  x\n", "0".repeat(64))).unwrap();
    refused(&good, "checksum");
}

/// The words of an instruction that takes a list.
fn words(text: &str, instruction: &str) -> Vec<String> {
    let line = text.lines().find(|line| line.starts_with(instruction)).unwrap();
    let list = &line[line.find('[').unwrap()..];
    serde_json::from_str(list).unwrap()
}

#[test]
fn the_words_of_the_container_image_do_what_they_should() {
    let text = std::fs::read_to_string(packaging("Containerfile")).unwrap();
    let copied: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("COPY ")).collect();
    assert_eq!(copied, ["openclaw /usr/local/bin/openclaw"], "the one file that dist packs");
    let installed = "/usr/local/bin/openclaw";
    assert_eq!(words(&text, "ENTRYPOINT"), [installed]);
    let user = text.lines().find_map(|line| line.strip_prefix("USER ")).unwrap();
    assert!(!user.starts_with('0') && user.chars().all(|c| c.is_ascii_digit() || c == ':'));

    let health = words(&text, "HEALTHCHECK");
    assert_eq!(health[0], installed);
    let health: Vec<&str> = health[1..].iter().map(String::as_str).collect();
    let machine = Machine::new();
    assert_ne!(machine.code(&health), 0, "nothing runs yet");
    let command = words(&text, "CMD");
    assert_eq!(command, ["gateway", "run"]);
    let gateway = machine.gateway(&["--port", "0"]);
    assert_eq!(machine.code(&health), 0);
    let private = std::fs::read_dir(machine.state()).unwrap().map(Result::unwrap);
    for file in private.filter(|entry| entry.file_type().unwrap().is_file()) {
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} is for its owner only", file.path().display());
    }
    drop(gateway);
}
