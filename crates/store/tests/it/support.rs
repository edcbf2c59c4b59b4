//! Short names for what the tests keep in the store.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use openclaw_protocol::ids::{AgentId, SessionKey};
use openclaw_store::{
    ParamsDigest, Store, StoreOptions,
    runs::NewRun,
    transcripts::{MessageRole, NewMessage},
};

pub(crate) const NOW: u64 = 1_700_000_000_000;

pub(crate) fn open(path: &Path) -> Store {
    Store::open(path, &StoreOptions::default()).expect("the store opens")
}

pub(crate) fn agent() -> AgentId {
    AgentId::new("main")
}

pub(crate) fn session(name: &str) -> SessionKey {
    SessionKey::canonical(name, &agent())
}

pub(crate) fn run(id: &str, session_key: SessionKey) -> NewRun {
    NewRun {
        run_id: id.into(),
        session_key,
        expected_session_id: None,
        starts_anew: false,
        agent_id: agent(),
        principal: "device".to_owned(),
        digest: ParamsDigest::of(&id.into()),
        message: format!("words of {id}"),
        options: serde_json::Value::Null,
    }
}

pub(crate) fn said(role: MessageRole, text: &str) -> NewMessage {
    NewMessage::text(role, text, NOW)
}

/// The name under which a test finds the folder it is to work in when it runs as its own child.
const CHILD: &str = "OPENCLAW_STORE_TEST_CHILD";

/// The folder to work in, if this process is a test's own child.
pub(crate) fn child_folder() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "how a test tells its own child what to do")]
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// A command that runs one test of this binary as a child, started through `wrapper` if there is
/// one.
pub(crate) fn as_child(wrapper: &[&OsStr], test: &str, folder: &Path) -> Command {
    let this = std::env::current_exe().expect("the test binary has a path");
    let mut words = wrapper.iter().copied().chain([this.as_os_str()]);
    let mut command = Command::new(words.next().expect("at least the binary"));
    command.args(words).args([test, "--exact", "--nocapture", "--test-threads=1"]);
    command.env(CHILD, folder);
    command
}
