//! A folder of programs and one to work in.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use openclaw_exec::{
    approvals::{Entry, Rules},
    plan::{Plan, PlanError, Request, Surroundings, What},
    policy::Policy,
};

/// Programs that are there, all of them links to this one, which does nothing.
const PROGRAMS: &[&str] = &[
    "ls",
    "cat",
    "grep",
    "git",
    "evil",
    "evil-tool",
    "rsync",
    "scp",
    "sftp",
    "man",
    "apropos",
    "vim",
    "view",
    "less",
    "more",
    "make",
    "curl",
    "wget",
    "ssh",
    "docker",
    "npm",
    "zip",
    "gdb",
    "nmap",
    "ffmpeg",
    "tmux",
    "column",
    "iconv",
    "tree",
    "crontab",
    "journalctl",
    "systemctl",
    "mysql",
    "psql",
    "openssl",
];

/// What somebody careless has put on the list.
const CARELESS: &[&str] = &[
    "ls",
    "cat",
    "grep",
    "git",
    "python3",
    "bash",
    "sh",
    "find",
    "xargs",
    "env",
    "tar",
    "sudo",
    "awk",
    "perl",
    "sed",
    "vim",
    "less",
    "make",
    "node",
    "ssh",
    "busybox",
    "sort",
    "tee",
    "curl",
    "time",
    "nice",
    "setsid",
    "rsync",
    "scp",
    "sftp",
    "man",
    "view",
    "more",
    "wget",
    "docker",
    "npm",
    "zip",
    "gdb",
    "nmap",
    "tmux",
    "journalctl",
    "systemctl",
    "mysql",
    "psql",
    "openssl",
    "crontab",
    "gawk",
    "mawk",
    "cp",
    "mv",
    "ln",
    "dd",
    "chmod",
    "rm",
    "install",
    "split",
    "timeout",
    "nohup",
    "stdbuf",
];

pub(crate) struct Place {
    _folder: tempfile::TempDir,
    pub(crate) bin: PathBuf,
    pub(crate) work: PathBuf,
    pub(crate) surroundings: Surroundings,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("its real path");
        let (bin, work) = (root.join("bin"), root.join("work"));
        for made in [&bin, &work] {
            std::fs::create_dir(made).expect("made");
        }
        for name in PROGRAMS {
            program(&bin.join(name));
        }
        program(&work.join("script.sh"));
        let path = format!("{}:/usr/bin:/bin", bin.display());
        let surroundings = Surroundings {
            environment: vec![("PATH".to_owned(), path)],
            changeable: vec![work.clone()],
        };
        Self { _folder: folder, bin, work, surroundings }
    }

    pub(crate) fn plan(&self, what: What) -> Result<Plan, PlanError> {
        let request = Request { what, cwd: self.work.clone(), environment: Vec::new() };
        Plan::new(request, &self.surroundings)
    }

    /// The same, given to a shell by argv.
    pub(crate) fn wrapped(&self, text: &str) -> What {
        What::Argv(["/bin/sh", "-c", text].map(str::to_owned).to_vec())
    }

    pub(crate) fn careless(&self) -> Rules {
        let folders = [self.bin.as_path(), Path::new("/usr/bin"), Path::new("/bin")];
        let paths =
            folders.iter().flat_map(|folder| CARELESS.iter().map(move |name| folder.join(name)));
        let entries = paths.flat_map(|path| {
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            [path, real].map(|path| Entry::new(path.display().to_string()))
        });
        Rules {
            policy: Policy {
                fallback: openclaw_exec::policy::Security::Allowlist,
                ..Policy::FRESH
            },
            entries: entries.collect(),
            home: self.work.clone(),
        }
    }
}

fn program(path: &Path) {
    std::fs::write(path, "#!/bin/sh\n").expect("written");
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).expect("runnable");
}
