//! Files and folders that others may read or change.

use crate::{
    check::{Check, Fix, Hit, Origin},
    facts::{Facts, FileFact, Role},
    severity::Severity,
};

/// Writing by everybody, by the group, and reading.
const WORLD_WRITE: u32 = 0o002;
const OTHERS_WRITE: u32 = 0o022;
const WORLD_READ: u32 = 0o004;
const GROUP_READ: u32 = 0o040;
/// Reading of files and looking into folders by others.
const OTHERS_READ: u32 = 0o055;

const FIX: &str = "openclaw security audit --fix";

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "fs.state_dir.perms_world_writable",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "Everybody may change what is in the state folder",
        remedy: FIX,
        run: |facts| open(facts, &[Role::State], WORLD_WRITE),
    },
    Check {
        id: "fs.state_dir.perms_group_writable",
        severity: Severity::Warn,
        origin: Origin::Documented,
        title: "A group may change what is in the state folder",
        remedy: FIX,
        run: |facts| without(facts, Role::State, 0o020, WORLD_WRITE),
    },
    Check {
        id: "fs.state_dir.perms_readable",
        severity: Severity::Warn,
        origin: Origin::Documented,
        title: "Others may look into the state folder",
        remedy: FIX,
        run: |facts| without(facts, Role::State, OTHERS_READ, OTHERS_WRITE),
    },
    Check {
        id: "fs.state_dir.foreign_owner",
        severity: Severity::Critical,
        origin: Origin::Ours,
        title: "The state folder belongs to somebody else",
        remedy: "make a state folder of your own: openclaw --profile NAME gateway run",
        run: foreign_owner,
    },
    Check {
        id: "fs.config.perms_writable",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "Others may change the configuration",
        remedy: FIX,
        run: |facts| open(facts, &[Role::Config], OTHERS_WRITE),
    },
    Check {
        id: "fs.config.perms_world_readable",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "Everybody may read the configuration, secrets included",
        remedy: FIX,
        run: |facts| without(facts, Role::Config, WORLD_READ, OTHERS_WRITE),
    },
    Check {
        id: "fs.config.perms_group_readable",
        severity: Severity::Warn,
        origin: Origin::Documented,
        title: "A group may read the configuration, secrets included",
        remedy: FIX,
        run: |facts| without(facts, Role::Config, GROUP_READ, OTHERS_WRITE | WORLD_READ),
    },
    Check {
        id: "fs.config.symlink",
        severity: Severity::Warn,
        origin: Origin::Documented,
        title: "The configuration is a symbolic link",
        remedy: "make sure that nobody else may change the file it leads to",
        run: symlink,
    },
    Check {
        id: "fs.config_include.perms_writable",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "Others may change an included configuration file",
        remedy: FIX,
        run: |facts| open(facts, &[Role::Include], OTHERS_WRITE),
    },
    Check {
        id: "fs.config_include.perms_readable",
        severity: Severity::Warn,
        origin: Origin::Documented,
        title: "Others may read an included configuration file",
        remedy: FIX,
        run: |facts| without(facts, Role::Include, OTHERS_READ, OTHERS_WRITE),
    },
    Check {
        id: "fs.env_file.perms_readable",
        severity: Severity::Critical,
        origin: Origin::Ours,
        title: "Others may read the .env file",
        remedy: FIX,
        run: |facts| open(facts, &[Role::Env], 0o077),
    },
    Check {
        id: "fs.secret_file.perms_readable",
        severity: Severity::Critical,
        origin: Origin::Ours,
        title: "Others may read a token or a private key",
        remedy: "openclaw security audit --fix, then give the Gateway a new secret",
        run: |facts| open(facts, &[Role::Secret], 0o077),
    },
    Check {
        id: "fs.auth_profiles.perms_readable",
        severity: Severity::Warn,
        origin: Origin::Documented,
        title: "Others may read the keys of model providers",
        remedy: FIX,
        run: |facts| open(facts, &[Role::ModelKeys], 0o077),
    },
    Check {
        id: "fs.credentials_dir.perms_readable",
        severity: Severity::Warn,
        origin: Origin::Documented,
        title: "Others may look into the folder of credentials",
        remedy: FIX,
        run: |facts| open(facts, &[Role::Credentials], 0o077),
    },
    Check {
        id: "fs.sessions_store.perms_readable",
        severity: Severity::Warn,
        origin: Origin::Documented,
        title: "Others may read your conversations",
        remedy: FIX,
        run: |facts| open(facts, &[Role::Store], 0o077),
    },
    Check {
        id: "fs.log_file.perms_readable",
        severity: Severity::Warn,
        origin: Origin::Documented,
        title: "Others may read the log",
        remedy: FIX,
        run: |facts| open(facts, &[Role::Log], 0o077),
    },
    Check {
        id: "fs.synced_dir",
        severity: Severity::Warn,
        origin: Origin::Documented,
        title: "The state folder is copied to somebody else's computer",
        remedy: "set OPENCLAW_STATE_DIR to a folder that no service copies",
        run: |facts| {
            let synced = facts.synced.iter();
            synced.map(|service| Hit::new(format!("it is in a folder of {service}"))).collect()
        },
    },
    Check {
        id: "logging.shared_tmp",
        severity: Severity::Warn,
        origin: Origin::Ours,
        title: "The log is in a folder that everybody shares",
        remedy: "openclaw config unset logging.file",
        run: shared_log,
    },
];

/// Files whose mode has one of the `bad` bits.
fn open(facts: &Facts, roles: &[Role], bad: u32) -> Vec<Hit> {
    let files = facts.files.iter().filter(|file| roles.contains(&file.role));
    files.filter(|file| file.mode & bad != 0).map(opened).collect()
}

/// The same, unless a worse check has it already.
fn without(facts: &Facts, role: Role, bad: u32, worse: u32) -> Vec<Hit> {
    let files = facts.files_of(role);
    let found = files.filter(|file| file.mode & bad != 0 && file.mode & worse == 0);
    found.map(opened).collect()
}

fn opened(file: &FileFact) -> Hit {
    let detail = format!("{} has mode {:03o}", file.path.display(), file.mode);
    Hit::new(detail).fix(Fix::Close { path: file.path.clone() })
}

fn foreign_owner(facts: &Facts) -> Vec<Hit> {
    // Root looks after the folders of everybody.
    let foreign = |file: &&FileFact| file.uid != facts.uid && facts.uid != 0 && file.uid != 0;
    let found = facts.files_of(Role::State).filter(foreign);
    found
        .map(|file| Hit::new(format!("{} belongs to uid {}", file.path.display(), file.uid)))
        .collect()
}

fn symlink(facts: &Facts) -> Vec<Hit> {
    let links = facts.files_of(Role::Config).filter_map(|file| {
        let target = file.link.as_ref()?;
        Some(Hit::new(format!("{} leads to {}", file.path.display(), target.display())))
    });
    links.collect()
}

fn shared_log(facts: &Facts) -> Vec<Hit> {
    let shared = facts.log.shared.iter();
    shared
        .map(|folder| {
            let path = facts.log.path.display();
            Hit::new(format!("{path} is below {}, where everybody may write", folder.display()))
        })
        .collect()
}
