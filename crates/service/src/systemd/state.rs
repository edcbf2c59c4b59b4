//! What `systemctl show` says about a unit.

use crate::state::{Activity, ServiceState};

/// What is asked for.
pub(super) const PROPERTIES: &str = "--property=LoadState,ActiveState,SubState,UnitFileState,MainPID,\
                                     ExecMainStatus,FragmentPath";

/// Reads `Key=value` lines; a unit that does not exist has `LoadState=not-found`.
pub(super) fn parse(text: &str) -> ServiceState {
    let get = |key: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        found.unwrap_or_default()
    };
    let (active, sub) = (get("ActiveState"), get("SubState"));
    let activity = match active {
        "active" => Activity::Running,
        "activating" | "reloading" => Activity::Starting,
        "deactivating" => Activity::Stopping,
        "failed" => Activity::Failed,
        _ => Activity::Stopped,
    };
    let file = get("FragmentPath");
    ServiceState {
        loaded: get("LoadState") == "loaded",
        enabled: get("UnitFileState").starts_with("enabled"),
        activity,
        pid: get("MainPID").parse().ok().filter(|pid| *pid != 0),
        detail: if active.is_empty() { String::new() } else { format!("{active} ({sub})") },
        last_exit: get("ExecMainStatus").parse().ok().filter(|code| *code != 0),
        file: (!file.is_empty()).then(|| file.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_systemctl_are_understood() {
        let running = parse(
            "MainPID=42\nExecMainStatus=0\nLoadState=loaded\nActiveState=active\nSubState=running\n\
             FragmentPath=/u/openclaw-gateway.service\nUnitFileState=enabled\n",
        );
        assert_eq!(running.activity, Activity::Running);
        assert_eq!((running.pid, running.enabled, running.loaded), (Some(42), true, true));
        assert_eq!(running.detail, "active (running)");
        let failed = parse(
            "MainPID=0\nExecMainStatus=78\nLoadState=loaded\nActiveState=failed\nSubState=failed\n",
        );
        assert_eq!((failed.activity, failed.last_exit), (Activity::Failed, Some(78)));
        let missing = parse("LoadState=not-found\nActiveState=inactive\nSubState=dead\n");
        assert!(!missing.loaded && missing.activity == Activity::Stopped);
        assert_eq!(parse(""), ServiceState::default());
    }
}
