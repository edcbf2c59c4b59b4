//! The service of a Gateway or a tunnel: which manager, what it runs, and what to say when it fails.

mod common;
mod ready;
mod report;

use std::path::{Path, PathBuf};

use openclaw_config::{Environment, PathOptions, Paths};
use openclaw_service::launchd::Launchd;
use openclaw_service::systemd::Systemd;
use openclaw_service::{Account, Definition, Found, Manager, Scope, ServiceError, ServiceName};

pub(crate) use self::common::{dry_run, installed, linger, say_linger, uninstall};
pub(crate) use self::ready::{log_tail, wait_until_ready};
pub(crate) use self::report::{Report, ServiceReport};
use crate::context::{Context, config_failure};
use crate::exit::ExitCode;
use crate::failure::Failure;

/// Variables that decide where files are; a service needs the same.
const PLACES: [&str; 3] = ["OPENCLAW_HOME", "OPENCLAW_STATE_DIR", "OPENCLAW_CONFIG_PATH"];
/// Secrets that a service does not see when they are only in this terminal's environment.
const SECRETS: [&str; 4] =
    ["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD", "ANTHROPIC_API_KEY", "OPENAI_API_KEY"];
/// Users of the system, one a line.
const PASSWD: &str = "/etc/passwd";
/// Groups of the system, one a line.
const GROUP: &str = "/etc/group";
/// Largest list of users or groups that is read.
const MAX_PASSWD: u64 = 4 * 1024 * 1024;

/// Whose manager is meant: the person's, or the system's with this account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Whose {
    /// `--system`.
    pub(crate) system: bool,
    /// `--run-as`.
    pub(crate) account: Option<String>,
}

/// A service manager, with the files of the account that the service runs as.
#[derive(Debug)]
pub(crate) struct Site {
    /// The manager.
    pub(crate) manager: Manager,
    /// Where everything of the service is.
    pub(crate) paths: Paths,
    /// Who runs it.
    pub(crate) scope: Scope,
}

impl Site {
    /// The manager of the person or the system.
    pub(crate) fn find(context: &Context, whose: &Whose) -> Result<Self, Failure> {
        if !whose.system {
            let (paths, scope) = (context.paths.clone(), Scope::User);
            return Ok(Self { manager: user_manager(context), paths, scope });
        }
        let account = account(context, whose)?;
        let home = account.home.display().to_string();
        let pairs = PLACES.iter().filter_map(|name| Some((*name, context.env.get(name)?)));
        let env = Environment::from_pairs(pairs.chain([("HOME", home.as_str())]));
        let profile = context.paths.profile().name().map(str::to_owned);
        let options = PathOptions { profile, dev: false };
        let paths = Paths::resolve(&env, &options).map_err(|error| config_failure(&error))?;
        Ok(Self { manager: system_manager(), paths, scope: Scope::System(account) })
    }

    /// Where the Gateway of this state folder is installed: with the person's manager, else with the
    /// system's, else nowhere, and then it would be the person's.
    pub(crate) fn installed(context: &Context) -> Self {
        let (paths, state) = (context.paths.clone(), context.paths.state_dir());
        let system = system_manager();
        let name = ServiceName::gateway(paths.profile().name());
        let user = user_manager(context);
        let ours = |manager: &Manager| manager.expect_ours(&name, state).is_ok();
        if ours(&user) || !ours(&system) {
            return Self { manager: user, paths, scope: Scope::User };
        }
        let name = context.env.get("USER").or_else(|| context.env.get("LOGNAME"));
        let name = name.unwrap_or("USER").to_owned();
        let account = Account { name, home: paths.home().to_owned() };
        Self { manager: system, paths, scope: Scope::System(account) }
    }

    /// The name of its Gateway.
    pub(crate) fn gateway(&self) -> ServiceName {
        ServiceName::gateway(self.paths.profile().name())
    }

    /// Refuses to change the system's services without the rights to. `verb` is the word after `gateway`.
    pub(crate) fn check_rights(&self, own: &str, verb: &str) -> Result<(), Failure> {
        let Scope::System(account) = &self.scope else { return Ok(()) };
        if rustix::process::geteuid().is_root() {
            return Ok(());
        }
        let text = "a service of the system can only be changed by root";
        let name = &account.name;
        Err(Failure::new(ExitCode::Failed, text)
            .code("SERVICE_NEEDS_ROOT")
            .hint(format!("sudo {own} gateway {verb} --system --run-as {name}")))
    }

    /// A definition that the caller completes with what it runs.
    pub(crate) fn definition(
        &self,
        context: &Context,
        name: ServiceName,
        description: String,
        arguments: &[&str],
    ) -> Result<Definition, Failure> {
        let profile = self.paths.profile().name();
        let mut words: Vec<String> = Vec::new();
        words.extend(profile.into_iter().flat_map(|name| ["--profile".into(), name.to_owned()]));
        words.extend(arguments.iter().map(|word| (*word).to_owned()));
        let places = PLACES.iter().filter_map(|name| {
            let value = context.env.get(name)?;
            // A relative path would mean another folder there.
            let value = if *name == "OPENCLAW_HOME" {
                value.to_owned()
            } else {
                std::path::absolute(value).ok()?.display().to_string()
            };
            Some(((*name).to_owned(), value))
        });
        Ok(Definition {
            name,
            scope: self.scope.clone(),
            owner: self.paths.state_dir().to_owned(),
            description,
            written_by: format!("{} gateway install", context.own),
            program: program(self)?,
            arguments: words,
            environment: places.collect(),
            listen: Vec::new(),
            shared: None,
            notifies: false,
            always: true,
            output: self.paths.logs_dir().join("service.log"),
        })
    }
}

/// Secrets that this terminal has and the service will not.
pub(crate) fn hidden_secrets(context: &Context) -> Vec<&'static str> {
    let here = |name: &&str| {
        matches!(context.env.lookup(name), Some((openclaw_config::Layer::Process, _)))
    };
    SECRETS.iter().copied().filter(here).collect()
}

/// The services of Gateways that this machine has, the person's and the system's.
pub(crate) fn gateways(context: &Context) -> Vec<(&'static str, Found)> {
    let managers = [user_manager(context), system_manager()];
    let found = managers
        .iter()
        .flat_map(|manager| manager.gateways().into_iter().map(|found| (manager.label(), found)));
    found.collect()
}

/// Whether the system's manager has a service of this name, whoever it runs as.
pub(crate) fn is_the_systems(name: &ServiceName) -> bool {
    let manager = system_manager();
    let called = manager.service_name(name);
    manager.gateways().iter().any(|found| found.name == called)
}

fn user_manager(context: &Context) -> Manager {
    let home =
        context.env.get("HOME").map_or_else(|| context.paths.home().to_owned(), PathBuf::from);
    let uid = rustix::process::getuid().as_raw();
    if cfg!(target_os = "macos") {
        let folder = home.join("Library/LaunchAgents");
        return Manager::Launchd(Launchd { domain: format!("gui/{uid}"), folder, programs: None });
    }
    let config = context.env.get("XDG_CONFIG_HOME").map(PathBuf::from);
    let folder = config.filter(|path| path.is_absolute()).unwrap_or_else(|| home.join(".config"));
    // A login over `su` or a bare ssh has no such variable although the manager runs.
    let usual = PathBuf::from(format!("/run/user/{uid}"));
    let unset = context.env.get("XDG_RUNTIME_DIR").is_none();
    let runtime_dir = (unset && usual.is_dir()).then_some(usual);
    let folder = folder.join("systemd/user");
    Manager::Systemd(Systemd { user: true, folder, runtime_dir, programs: None })
}

fn system_manager() -> Manager {
    if cfg!(target_os = "macos") {
        let folder = "/Library/LaunchDaemons".into();
        return Manager::Launchd(Launchd { domain: "system".into(), folder, programs: None });
    }
    let folder = "/etc/systemd/system".into();
    Manager::Systemd(Systemd { user: false, folder, runtime_dir: None, programs: None })
}

/// Whether the system has this group.
pub(crate) fn has_group(group: &str) -> Result<bool, Failure> {
    Ok(read_list(GROUP)?.lines().any(|line| line.split(':').next() == Some(group)))
}

fn read_list(path: &str) -> Result<String, Failure> {
    let list = openclaw_base::fs::read_limited(Path::new(path), MAX_PASSWD);
    let list = list.map_err(|error| Failure::local(format!("{path} cannot be read"), &error))?;
    Ok(String::from_utf8_lossy(&list).into_owned())
}

/// The account of a service of the system: named, else a dedicated one, which has to exist.
fn account(context: &Context, whose: &Whose) -> Result<Account, Failure> {
    let name = whose.account.as_deref().unwrap_or("openclaw");
    let list = read_list(PASSWD)?;
    let home = list.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.first() == Some(&name)).then(|| fields.get(5).copied()).flatten()
    });
    if let Some(home) = home.filter(|home| !is_own_home(home)) {
        let text = format!("the user {name} has no home folder of its own ({home})");
        return Err(Failure::usage(text).code("SERVICE_NO_HOME").hint(
            "name another account with --run-as, or give this one a folder: usermod --move-home --home",
        ));
    }
    let Some(home) = home else {
        let own = &context.own;
        return Err(Failure::usage(format!("this system has no user {name}"))
            .code("SERVICE_NO_ACCOUNT")
            .hint(format!(
                "make it: sudo useradd --system --create-home --home-dir /var/lib/{name} \
                 --shell /usr/sbin/nologin {name}; or name another: {own} gateway install \
                 --system --run-as USER"
            )));
    };
    Ok(Account { name: name.to_owned(), home: home.into() })
}

/// Whether a service may be let write to a whole home folder: not where programs and devices are.
fn is_own_home(home: &str) -> bool {
    let shared = ["/usr", "/bin", "/sbin", "/dev", "/etc", "/proc", "/sys"];
    let path = Path::new(home);
    path.is_absolute()
        && path.parent().is_some()
        && path.is_dir()
        && !shared.iter().any(|folder| path.starts_with(folder))
}

/// The program that runs now, by its real path.
fn program(site: &Site) -> Result<PathBuf, Failure> {
    let path = std::env::current_exe().and_then(std::fs::canonicalize);
    let path =
        path.map_err(|error| Failure::local("the path of this program is unknown", &error))?;
    let Scope::System(account) = &site.scope else { return Ok(path) };
    let in_homes = ["/home", "/root"].iter().any(|folder| path.starts_with(folder));
    if in_homes && !path.starts_with(&account.home) {
        let text = format!(
            "{} cannot run {}: it is in somebody's home folder",
            account.name,
            path.display()
        );
        return Err(Failure::new(ExitCode::Failed, text).code("SERVICE_PROGRAM_HIDDEN").hint(format!(
            "put it where everybody can run it, and use that: sudo install -m 755 {} /usr/local/bin/openclaw",
            path.display()
        )));
    }
    Ok(path)
}

/// What went wrong, with the next command.
pub(crate) fn failure(own: &str, error: &ServiceError) -> Failure {
    let text = hint(own, error);
    let failure = Failure::new(ExitCode::Failed, error.to_string()).code(error.code());
    failure.hint(text).caused_by(std::error::Error::source(error))
}

fn hint(own: &str, error: &ServiceError) -> String {
    match error {
        ServiceError::NoBus { .. } => format!(
            "log in by ssh or on the console rather than with su; on a server a service of the system \
             does not depend on a login: sudo {own} gateway install --system --run-as \"$USER\""
        ),
        ServiceError::NotSystemd | ServiceError::Program { .. } => {
            format!(
                "run it in the foreground, under whatever starts programs here: {own} gateway run"
            )
        }
        ServiceError::Foreign { path } => {
            format!(
                "if nobody needs it, move it away and try again: mv {0} {0}.old",
                path.display()
            )
        }
        ServiceError::OtherOwner { .. } => {
            "give this one a name of its own: openclaw --profile NAME gateway install".to_owned()
        }
        ServiceError::NotInstalled { .. } => format!("{own} gateway install"),
        ServiceError::Refused { .. } | ServiceError::Silent { .. } => {
            format!("{own} gateway status")
        }
        ServiceError::File { path, .. } => {
            format!("check that you may write there: ls -ld {}", path.display())
        }
        ServiceError::Unwritable { .. } => "choose paths without such characters".to_owned(),
    }
}
