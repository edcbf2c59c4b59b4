//! What a service is, whoever runs it.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use crate::error::ServiceError;

/// A service's name: `openclaw-gateway` for systemd, `ai.openclaw.gateway` for launchd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceName {
    kind: &'static str,
    rest: Option<String>,
}

impl ServiceName {
    /// The Gateway of a profile.
    #[must_use]
    pub fn gateway(profile: Option<&str>) -> Self {
        Self { kind: "gateway", rest: profile.map(str::to_owned) }
    }

    /// The tunnels that a profile holds.
    #[must_use]
    pub fn tunnels(profile: Option<&str>) -> Self {
        Self { kind: "tunnels", rest: profile.map(str::to_owned) }
    }

    /// The node of a profile.
    #[must_use]
    pub fn node(profile: Option<&str>) -> Self {
        Self { kind: "node", rest: profile.map(str::to_owned) }
    }

    /// Where a service of the system keeps the door for a group of owners, and they look for it.
    #[must_use]
    pub fn shared_door(&self) -> PathBuf {
        Path::new("/run/openclaw").join(format!("{}.sock", self.unit()))
    }

    /// The stem of its unit files.
    #[must_use]
    pub fn unit(&self) -> String {
        match &self.rest {
            Some(rest) => format!("openclaw-{}-{rest}", self.kind),
            None => format!("openclaw-{}", self.kind),
        }
    }

    /// Its label in launchd.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.rest {
            Some(rest) => format!("ai.openclaw.{}.{rest}", self.kind),
            None => format!("ai.openclaw.{}", self.kind),
        }
    }
}

/// Whose service manager runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The person's own.
    User,
    /// The system's, as this account.
    System(Account),
}

/// A user of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Login name.
    pub name: String,
    /// Home folder.
    pub home: PathBuf,
}

/// A door that a service of the system keeps open for a group of owners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedDoor {
    /// Its path.
    pub path: PathBuf,
    /// Whose members may open it.
    pub group: String,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: ServiceName,
    /// Who runs it.
    pub scope: Scope,
    /// The state folder it works on: two services of one name are told apart by it.
    pub owner: PathBuf,
    /// One line for people.
    pub description: String,
    /// What to type to write it, for the first lines of its file.
    pub written_by: String,
    /// The program, as an absolute path.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Variables that say where its files are. Secrets have no place here: everybody can read a unit.
    pub environment: Vec<(String, String)>,
    /// Addresses that the service manager holds, so that a restart drops no connection attempt.
    pub listen: Vec<SocketAddr>,
    /// A Unix socket that the service manager holds for a group.
    pub shared: Option<SharedDoor>,
    /// Whether it says when it is ready and that it still works.
    pub notifies: bool,
    /// Whether it is started again although it ended as it should.
    pub always: bool,
    /// Where launchd puts what it prints.
    pub output: PathBuf,
}

impl Definition {
    /// Refuses what no unit file can hold.
    ///
    /// # Errors
    /// A program without an absolute path, and control characters anywhere.
    pub(crate) fn check(&self) -> Result<(), ServiceError> {
        if !self.program.is_absolute() {
            let text = self.program.display().to_string();
            return Err(ServiceError::Unwritable { what: "the path of the program", text });
        }
        let paths = [&self.owner, &self.program, &self.output];
        let door = self.shared.iter().map(|door| &door.path);
        let texts = paths.into_iter().chain(door).map(|path| path.to_str());
        let group = self.shared.iter().map(|door| &door.group);
        let words = self.arguments.iter().chain(group).map(|word| Some(word.as_str()));
        let pairs = self.environment.iter().flat_map(|(key, value)| [key, value]);
        for text in texts.chain(words).chain(pairs.map(|text| Some(text.as_str()))) {
            let Some(text) = text else {
                return Err(ServiceError::Unwritable { what: "a path", text: "not UTF-8".into() });
            };
            if text.chars().any(char::is_control) {
                let text = text.escape_debug().to_string();
                return Err(ServiceError::Unwritable { what: "a control character", text });
            }
        }
        Ok(())
    }

    /// Whether the service manager holds sockets for it.
    pub(crate) fn has_sockets(&self) -> bool {
        !self.listen.is_empty() || self.shared.is_some()
    }

    /// The home folder that the service may write to, if it is not the person's own service.
    pub(crate) fn home(&self) -> Option<&Path> {
        match &self.scope {
            Scope::User => None,
            Scope::System(account) => Some(&account.home),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn gateway() -> Definition {
        Definition {
            name: ServiceName::gateway(Some("ops")),
            scope: Scope::User,
            owner: "/home/me/.openclaw-ops".into(),
            description: "OpenClaw Gateway (profile ops)".into(),
            written_by: "openclaw --profile ops gateway install".into(),
            program: "/home/me/.local/bin/openclaw".into(),
            arguments: ["--profile", "ops", "gateway", "run"].map(str::to_owned).to_vec(),
            environment: vec![("OPENCLAW_HOME".into(), "/srv/a b%$\"x".into())],
            listen: vec![
                ([127, 0, 0, 1], 20001).into(),
                (std::net::Ipv6Addr::LOCALHOST, 20001).into(),
            ],
            shared: None,
            notifies: true,
            always: true,
            output: "/home/me/.openclaw-ops/logs/service.log".into(),
        }
    }

    #[test]
    fn names_are_what_people_type() {
        assert_eq!(ServiceName::gateway(None).unit(), "openclaw-gateway");
        assert_eq!(ServiceName::gateway(Some("ops")).unit(), "openclaw-gateway-ops");
        assert_eq!(ServiceName::gateway(Some("ops")).label(), "ai.openclaw.gateway.ops");
        assert_eq!(ServiceName::node(Some("ops")).unit(), "openclaw-node-ops");
        assert_eq!(ServiceName::tunnels(None).unit(), "openclaw-tunnels");
        assert_eq!(ServiceName::tunnels(Some("ops")).unit(), "openclaw-tunnels-ops");
    }

    #[test]
    fn what_no_unit_can_hold_is_refused() {
        gateway().check().unwrap();
        let relative = Definition { program: "openclaw".into(), ..gateway() };
        let line = Definition { arguments: vec!["a\nExecStartPre=/bin/evil".into()], ..gateway() };
        for bad in [relative, line] {
            assert!(matches!(bad.check(), Err(ServiceError::Unwritable { .. })));
        }
    }
}
