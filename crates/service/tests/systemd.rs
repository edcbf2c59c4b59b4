//! Units and lists in the hands of the real `systemd-analyze`, and of stand-ins for the managers.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

use std::path::Path;
use std::process::Command;

use openclaw_service::{
    Account, Activity, Change, Definition, Linger, Manager, Scope, ServiceError, ServiceName,
    SharedDoor,
    launchd::Launchd,
    systemd::{Systemd, units},
};
use openclaw_testkit::FakeServiceManager;

/// Where Debian has it.
const ANALYZE: &str = "/usr/bin/systemd-analyze";
/// Highest exposure that is allowed, of 100: "OK" ends at 50. The tool takes a person's own service for
/// one of root's: it counts every capability that such a service never has.
const USER_EXPOSURE: &str = "75";
const SYSTEM_EXPOSURE: &str = "28";

fn definition(home: &Path, scope: Scope) -> Definition {
    Definition {
        name: ServiceName::gateway(None),
        scope,
        owner: home.join(".openclaw"),
        description: "OpenClaw Gateway at 100%".into(),
        written_by: "openclaw gateway install".into(),
        program: "/bin/true".into(),
        arguments: ["gateway", "run", "--port", "18789", "a b%$x\"'\\"].map(str::to_owned).to_vec(),
        environment: vec![("OPENCLAW_HOME".into(), home.join("a b%$x\"").display().to_string())],
        listen: vec!["127.0.0.1:18789".parse().unwrap(), "[::1]:18789".parse().unwrap()],
        shared: None,
        notifies: true,
        always: true,
        output: home.join("service.log"),
    }
}

/// Runs it as its manager would, and gives what it complained of.
fn analyze(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(ANALYZE)
        .args(arguments)
        .current_dir(folder)
        .env("XDG_RUNTIME_DIR", folder)
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn systemd_understands_every_line_and_finds_it_safe() {
    for (scope, word, limit) in [
        (Scope::User, "--user", USER_EXPOSURE),
        (system("/var/lib/openclaw"), "--system", SYSTEM_EXPOSURE),
        (system("/home/me"), "--system", SYSTEM_EXPOSURE),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut definition = definition(folder.path(), scope.clone());
        if matches!(scope, Scope::System(_)) {
            let path = definition.name.shared_door();
            definition.shared = Some(SharedDoor { path, group: "www-data".into() });
        }
        let files = units(&definition, folder.path()).unwrap();
        for file in &files {
            std::fs::write(&file.path, &file.text).unwrap();
        }
        let service = "./openclaw-gateway.service";
        let (good, told) =
            analyze(folder.path(), &[word, "verify", service, "./openclaw-gateway.socket"]);
        assert!(good && told.is_empty(), "{scope:?}: {told}");
        let limit = format!("--threshold={limit}");
        let (good, told) =
            analyze(folder.path(), &[word, "security", "--offline=true", &limit, service]);
        assert!(good, "{scope:?} is too exposed: {told}");
    }
}

fn system(home: &str) -> Scope {
    Scope::System(Account { name: "www-data".into(), home: home.into() })
}

#[tokio::test]
async fn a_service_of_the_system_is_looked_after_by_its_manager() {
    let fake = FakeServiceManager::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let unit_folder = folder.path().join("units");
    fake.use_units(&unit_folder).unwrap();
    let manager = Manager::Systemd(Systemd {
        user: false,
        folder: unit_folder.clone(),
        runtime_dir: None,
        programs: Some(fake.bin()),
    });
    let wanted = Definition {
        program: "/usr/bin/sleep".into(),
        arguments: vec!["600".into()],
        environment: Vec::new(),
        notifies: false,
        ..definition(folder.path(), system("/var/lib/openclaw"))
    };
    let name = &wanted.name;
    assert!(!manager.state(name).await.unwrap().loaded);
    let installed = manager.install(&wanted, false).await.unwrap();
    assert_eq!(installed.change, Change::Installed);
    let state = manager.state(name).await.unwrap();
    assert_eq!((state.activity, state.enabled), (Activity::Running, true));
    assert!(fake.calls().lines().all(|call| !call.contains("--user")), "{}", fake.calls());
    assert_eq!(manager.linger("me").await, None);
    let found = manager.gateways();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].owner.as_ref(), found[0].port), (Some(&wanted.owner), None));

    let other = Definition { owner: "/other".into(), ..wanted.clone() };
    let refused = manager.install(&other, true).await;
    assert!(matches!(refused, Err(ServiceError::OtherOwner { .. })), "{refused:?}");

    // Without ports to hold there is no socket unit, and the old one goes.
    let without = Definition { listen: Vec::new(), ..wanted.clone() };
    let updated = manager.install(&without, false).await.unwrap();
    assert_eq!(updated.change, Change::Updated);
    assert!(!unit_folder.join("openclaw-gateway.socket").exists());
    manager.undo(updated).await;
    assert!(unit_folder.join("openclaw-gateway.socket").exists());
    assert_eq!(manager.state(name).await.unwrap().activity, Activity::Running);

    assert!(manager.uninstall(name, &wanted.owner).await.unwrap());
    assert!(!manager.uninstall(name, &wanted.owner).await.unwrap());
    assert!(!manager.state(name).await.unwrap().loaded);
}

#[tokio::test]
async fn an_agent_of_launchd_is_started_restarted_and_removed() {
    let fake = FakeServiceManager::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let manager = Manager::Launchd(Launchd {
        domain: "gui/501".into(),
        folder: folder.path().join("LaunchAgents"),
        programs: Some(fake.bin()),
    });
    let wanted = Definition {
        program: "/usr/bin/sleep".into(),
        arguments: vec!["600".into()],
        ..definition(folder.path(), Scope::User)
    };
    let name = &wanted.name;
    assert!(!manager.state(name).await.unwrap().loaded);
    let installed = manager.install(&wanted, false).await.unwrap();
    assert_eq!(installed.change, Change::Installed);
    let first = manager.state(name).await.unwrap();
    assert_eq!(first.activity, Activity::Running);
    assert_eq!(manager.install(&wanted, false).await.unwrap().change, Change::Nothing);
    manager.restart(name).await.unwrap();
    let second = manager.state(name).await.unwrap();
    assert!(second.pid.is_some() && second.pid != first.pid);
    manager.stop(name).await.unwrap();
    assert!(!manager.state(name).await.unwrap().loaded);
    manager.start(name).await.unwrap();
    assert!(manager.uninstall(name, &wanted.owner).await.unwrap());
    assert!(!manager.state(name).await.unwrap().loaded);
    assert!(fake.calls().contains("launchctl bootstrap gui/501 "), "{}", fake.calls());
}

#[tokio::test]
async fn lingering_is_asked_for_once() {
    let fake = FakeServiceManager::new().unwrap();
    let manager = Manager::Systemd(Systemd {
        user: true,
        folder: "/nowhere".into(),
        runtime_dir: None,
        programs: Some(fake.bin()),
    });
    assert_eq!(manager.linger("me").await, Some(Linger::Enabled));
    assert_eq!(manager.linger("me").await, Some(Linger::On));
    fake.without_bus(true).unwrap();
    assert!(matches!(manager.reachable().await, Err(ServiceError::NoBus { .. })));
    let missing = Manager::Systemd(Systemd {
        user: true,
        folder: "/nowhere".into(),
        runtime_dir: None,
        programs: Some("/nowhere".into()),
    });
    let refused = missing.reachable().await.unwrap_err();
    assert!(refused.is_no_manager(), "{refused}");
}
