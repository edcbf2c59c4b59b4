//! A home folder of its own for every test, and an environment with nothing else in it.

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use tempfile::TempDir;

/// A machine on which nothing was ever configured.
pub(crate) struct Sandbox {
    home: TempDir,
}

impl Sandbox {
    /// A new one.
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    /// Its home folder.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The program, not started yet.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_openclaw"));
        command.args(args).env_clear().env("HOME", self.home()).current_dir(self.home());
        command
    }

    /// Runs to the end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs, and shows everything that came out.
    pub(crate) fn shown(&self, args: &[&str]) -> String {
        self.show(&self.run(args))
    }

    /// Everything that came out, with the home folder's name left out.
    pub(crate) fn show(&self, output: &Output) -> String {
        let code = output.status.code().unwrap();
        let text = |bytes: &[u8]| {
            String::from_utf8(bytes.to_vec())
                .unwrap()
                .replace(self.home().to_str().unwrap(), "[HOME]")
        };
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        format!("exit: {code}\n----- stdout -----\n{out}----- stderr -----\n{err}")
    }

    /// Writes a file below the home folder.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.home().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Reads a file below the home folder.
    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.home().join(path)).unwrap()
    }
}

/// The exit code of a run.
pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// Standard output as JSON.
pub(crate) fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A port on which nothing listens: it was free a moment ago, and ports are handed out in turn.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
