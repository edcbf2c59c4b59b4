//! A service as the text of systemd units.

use std::{fmt::Write, path::Path};

use crate::{
    definition::{Definition, Scope},
    error::ServiceError,
    files::{MARK, ServiceFile},
};

/// Time between two signs of life that systemd waits for.
const WATCHDOG_SECONDS: u32 = 30;

/// What every service gets: nothing here needs a name space, so it works for a person's own services
/// too. Memory that is written and run is allowed, as is running other programs: what an agent starts
/// (Node, browsers) needs both, and a sandbox of its own needs name spaces.
const FILTERS: &str = "\
NoNewPrivileges=yes
UMask=0077
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=user mnt pid ipc net uts
SystemCallArchitectures=native
SystemCallFilter=@system-service @mount
SystemCallErrorNumber=EPERM
";

/// What the system's manager can add. In a person's own service these would need a user name space, in
/// which root looks like nobody: root would no longer be an owner at the door.
const WALLS: &str = "\
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
PrivateTmp=yes
PrivateDevices=yes
PrivateMounts=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RemoveIPC=yes
";

/// Folders of people, which a service of the system sees only if it lives there.
const HOMES: [&str; 3] = ["/home", "/root", "/run/user"];

/// The units of a service, below `folder`.
///
/// # Errors
/// A definition that no unit can hold.
pub fn units(definition: &Definition, folder: &Path) -> Result<Vec<ServiceFile>, ServiceError> {
    definition.check()?;
    let unit = definition.name.unit();
    let mut files = vec![ServiceFile {
        path: folder.join(format!("{unit}.service")),
        text: service(definition),
    }];
    if definition.has_sockets() {
        let path = folder.join(format!("{unit}.socket"));
        files.push(ServiceFile { path, text: socket(definition) });
    }
    Ok(files)
}

fn head(definition: &Definition) -> String {
    format!(
        "# {MARK} {}\n# Written by `{}`; the next one writes it anew.\n",
        definition.owner.display(),
        definition.written_by,
    )
}

fn service(definition: &Definition) -> String {
    let mut text = head(definition);
    let socket = format!("{}.socket", definition.name.unit());
    let description = specifier(&definition.description);
    text.push_str(&format!("\n[Unit]\nDescription={description}\n"));
    let mut after = Vec::new();
    if definition.home().is_some() {
        text.push_str("Wants=network-online.target\n");
        after.push("network-online.target");
    }
    if definition.has_sockets() {
        text.push_str(&format!("Requires={socket}\n"));
        after.push(&socket);
    }
    if !after.is_empty() {
        text.push_str(&format!("After={}\n", after.join(" ")));
    }
    text.push_str("StartLimitIntervalSec=60\nStartLimitBurst=6\n");
    text.push_str("\n[Service]\n");
    text.push_str(&body(definition));
    text.push_str(FILTERS);
    if let Some(home) = definition.home() {
        text.push_str(WALLS);
        let hidden = !HOMES.iter().any(|folder| home.starts_with(folder));
        if hidden {
            text.push_str("ProtectHome=yes\n");
        }
        text.push_str(&format!("ReadWritePaths={}\n", quoted(&home.display().to_string())));
    }
    let target = if definition.home().is_some() { "multi-user.target" } else { "default.target" };
    text.push_str(&format!("\n[Install]\nWantedBy={target}\n"));
    text
}

fn body(definition: &Definition) -> String {
    let mut text = String::new();
    if definition.notifies {
        let watchdog = format!("NotifyAccess=main\nWatchdogSec={WATCHDOG_SECONDS}\n");
        text.push_str("Type=notify\n");
        text.push_str(&watchdog);
        text.push_str("TimeoutStartSec=90\n");
    } else {
        text.push_str("Type=exec\n");
    }
    let program = quoted(&definition.program.display().to_string());
    let words = definition.arguments.iter().map(|word| quoted(&word.replace('$', "$$")));
    let line: Vec<String> = std::iter::once(program).chain(words).collect();
    text.push_str(&format!("ExecStart={}\n", line.join(" ")));
    if let Scope::System(account) = &definition.scope {
        text.push_str(&format!("User={}\n", account.name));
        let home = quoted(&account.home.display().to_string());
        text.push_str(&format!("WorkingDirectory={}\n", home.trim_matches('"')));
    }
    for (key, value) in &definition.environment {
        text.push_str(&format!("Environment={}\n", quoted(&format!("{key}={value}"))));
    }
    // 78: the configuration or a lock, 2: the command line. Trying again mends neither.
    let restart = if definition.always { "always" } else { "on-failure" };
    text.push_str(&format!("Restart={restart}\nRestartSec=1\nRestartPreventExitStatus=2 78\n"));
    text.push_str("TimeoutStopSec=20\nKillMode=mixed\n");
    text
}

fn socket(definition: &Definition) -> String {
    let mut text = head(definition);
    let description = specifier(&definition.description);
    text.push_str(&format!("\n[Unit]\nDescription=Port of {description}\n\n[Socket]\n"));
    for address in &definition.listen {
        // Writing into a String cannot fail.
        writeln!(text, "ListenStream={address}").ok();
    }
    if let Some(door) = &definition.shared {
        let (path, group) = (specifier(&door.path.display().to_string()), &door.group);
        // Only members of the group may open it; mode and group mean nothing to the other sockets.
        writeln!(text, "ListenStream={path}\nSocketMode=0660\nSocketGroup={group}").ok();
        text.push_str("DirectoryMode=0755\nRemoveOnStop=yes\n");
    }
    // An IPv6 address would take the IPv4 one with it.
    text.push_str("BindIPv6Only=ipv6-only\nNoDelay=yes\nBacklog=1024\n");
    text.push_str("\n[Install]\nWantedBy=sockets.target\n");
    text
}

/// A word that systemd reads as one, whatever is in it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@$".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", specifier(&escaped))
}

/// Text in which `%` means itself.
fn specifier(text: &str) -> String {
    text.replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{Account, ServiceName, SharedDoor, tests::gateway};

    fn text(definition: &Definition, index: usize) -> String {
        units(definition, Path::new("/u")).unwrap()[index].text.clone()
    }

    #[test]
    fn a_service_is_told_apart_restarted_and_watched() {
        let files = units(&gateway(), Path::new("/u")).unwrap();
        let names: Vec<_> = files.iter().map(|file| file.path.display().to_string()).collect();
        assert_eq!(names, ["/u/openclaw-gateway-ops.service", "/u/openclaw-gateway-ops.socket"]);
        let service = text(&gateway(), 0);
        for line in [
            "# openclaw-service: /home/me/.openclaw-ops",
            "Type=notify",
            "WatchdogSec=30",
            "ExecStart=/home/me/.local/bin/openclaw --profile ops gateway run",
            "Environment=\"OPENCLAW_HOME=/srv/a b%%$\\\"x\"",
            "RestartPreventExitStatus=2 78",
            "Requires=openclaw-gateway-ops.socket",
            "NoNewPrivileges=yes",
            "WantedBy=default.target",
        ] {
            assert!(service.lines().any(|other| other == line), "{line}\n{service}");
        }
        assert!(!service.contains("ProtectSystem"), "needs a name space: {service}");
        let socket = text(&gateway(), 1);
        for line in ["ListenStream=127.0.0.1:20001", "ListenStream=[::1]:20001"] {
            assert!(socket.lines().any(|other| other == line), "{line}\n{socket}");
        }
    }

    #[test]
    fn a_service_of_the_system_has_walls() {
        let account = Account { name: "openclaw".into(), home: "/var/lib/openclaw".into() };
        let definition = Definition { scope: Scope::System(account), ..gateway() };
        let service = text(&definition, 0);
        for line in [
            "User=openclaw",
            "ProtectSystem=strict",
            "ProtectHome=yes",
            "ReadWritePaths=/var/lib/openclaw",
            "WantedBy=multi-user.target",
        ] {
            assert!(service.lines().any(|other| other == line), "{line}\n{service}");
        }
        let account = Account { name: "me".into(), home: "/home/me".into() };
        let at_home = text(&Definition { scope: Scope::System(account), ..gateway() }, 0);
        assert!(!at_home.contains("ProtectHome"), "{at_home}");
    }

    #[test]
    fn a_group_of_owners_has_a_door_of_its_own() {
        let name = ServiceName::gateway(Some("ops"));
        let shared = Some(SharedDoor { path: name.shared_door(), group: "owners".into() });
        let without = Definition { listen: Vec::new(), shared: shared.clone(), ..gateway() };
        for definition in [Definition { shared, ..gateway() }, without] {
            assert!(text(&definition, 0).contains("Requires=openclaw-gateway-ops.socket"));
            let socket = text(&definition, 1);
            for line in [
                "ListenStream=/run/openclaw/openclaw-gateway-ops.sock",
                "SocketMode=0660",
                "SocketGroup=owners",
            ] {
                assert!(socket.lines().any(|other| other == line), "{line}\n{socket}");
            }
        }
    }

    #[test]
    fn words_cannot_become_other_words() {
        for (word, expected) in [
            ("plain-1", "plain-1"),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("50%", "\"50%%\""),
            ("a\"; b\\", "\"a\\\"; b\\\\\""),
        ] {
            assert_eq!(quoted(word), expected, "{word}");
        }
    }
}
