//! The files of a workspace that say what an agent is, as people edit them from afar: these names, in
//! the workspace itself, and no link is followed.

use std::{path::PathBuf, sync::Arc};

use openclaw_protocol::ids::AgentId;
use tokio::sync::watch;

use crate::{
    settings::AgentSettings,
    workspace::{Workspaces, blocking},
};

/// The files, in the order they are listed. Of the last two only one is listed.
pub const BOOTSTRAP_FILES: [&str; 9] = [
    "AGENTS.md",
    "SOUL.md",
    "TOOLS.md",
    "IDENTITY.md",
    "USER.md",
    "HEARTBEAT.md",
    "BOOTSTRAP.md",
    "MEMORY.md",
    "memory.md",
];
/// The file that is gone once an agent has been introduced.
const ONCE: &str = "BOOTSTRAP.md";
/// The two spellings of the last one.
const MEMORY: (&str, &str) = ("MEMORY.md", "memory.md");

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootstrapFile {
    /// Its name.
    pub name: &'static str,
    /// Where it is, or would be.
    pub path: PathBuf,
    /// Its size in bytes and when it was changed, in milliseconds since 1970; nothing if it is not there.
    pub found: Option<(u64, u64)>,
    /// Its text, if that was asked for.
    pub content: Option<String>,
}

impl BootstrapFile {
    /// Whether it is usual that it is not there.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        self.name == ONCE
    }
}

/// Why a file cannot be shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// It is none of them.
    #[error("unsupported file {0:?}")]
    Name(String),
    /// The workspace or the file cannot be used.
    #[error("{0}")]
    File(String),
}

/// The files of one agent.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    workspaces: Workspaces,
    agent: AgentId,
}

impl Bootstrap {
    /// Those of an agent, wherever its workspace is.
    #[must_use]
    pub fn of(settings: watch::Receiver<Arc<AgentSettings>>, agent: AgentId) -> Self {
        Self { workspaces: Workspaces(settings), agent }
    }

    /// The folder, and all of them without their text.
    ///
    /// # Errors
    /// If the workspace cannot be opened.
    pub async fn list(&self) -> Result<(PathBuf, Vec<BootstrapFile>), BootstrapError> {
        self.work(|workspace| {
            let look = |name: &'static str| workspace.look(name);
            let mut files =
                BOOTSTRAP_FILES.into_iter().map(look).collect::<Result<Vec<_>, String>>()?;
            let there = |name| files.iter().any(|file| file.name == name && file.found.is_some());
            let old = !there(MEMORY.0) && there(MEMORY.1);
            files.retain(|file| file.name != if old { MEMORY.0 } else { MEMORY.1 });
            Ok(files)
        })
        .await
    }

    /// One with its text.
    ///
    /// # Errors
    /// If it is none of them, or cannot be read.
    pub async fn get(&self, name: &str) -> Result<(PathBuf, BootstrapFile), BootstrapError> {
        let name = known(name)?;
        self.work(move |workspace| {
            let mut file = workspace.look(name)?;
            if file.found.is_some() {
                file.content = Some(workspace.place(name, false)?.read_text()?);
            }
            Ok(file)
        })
        .await
    }

    /// Replaces one in one step.
    ///
    /// # Errors
    /// If it is none of them, or cannot be written; nothing is changed then.
    pub async fn set(
        &self,
        name: &str,
        content: String,
    ) -> Result<(PathBuf, BootstrapFile), BootstrapError> {
        let name = known(name)?;
        self.work(move |workspace| {
            workspace.place(name, true)?.write(content.as_bytes())?;
            Ok(BootstrapFile { content: Some(content), ..workspace.look(name)? })
        })
        .await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folder) -> Result<T, String> + Send + 'static,
    ) -> Result<(PathBuf, T), BootstrapError> {
        let workspace = self.workspaces.of(&self.agent);
        let done = blocking(move || {
            let folder = Folder(workspace?);
            let done = work(&folder)?;
            Ok((folder.0.real, done))
        });
        done.await.map_err(BootstrapError::File)
    }
}

struct Folder(crate::workspace::Workspace);

impl Folder {
    fn place(&self, name: &str, make: bool) -> Result<crate::workspace::Place, String> {
        self.0.place(name, make)
    }

    fn look(&self, name: &'static str) -> Result<BootstrapFile, String> {
        let found = self.place(name, false)?.found();
        Ok(BootstrapFile { name, path: self.0.real.join(name), found, content: None })
    }
}

fn known(name: &str) -> Result<&'static str, BootstrapError> {
    let found = BOOTSTRAP_FILES.into_iter().find(|known| *known == name);
    found.ok_or_else(|| BootstrapError::Name(name.chars().take(100).collect()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::settings::AgentProfile;

    fn bootstrap() -> (tempfile::TempDir, watch::Sender<Arc<AgentSettings>>, Bootstrap) {
        let folder = tempfile::tempdir().expect("a folder");
        let workspace = Some(folder.path().join("work"));
        let profile = AgentProfile { workspace, ..AgentProfile::default() };
        let settings = AgentSettings { agents: vec![profile], ..AgentSettings::default() };
        let (sender, settings) = watch::channel(Arc::new(settings));
        let own = Bootstrap::of(settings, AgentId::new("main"));
        (folder, sender, own)
    }

    #[tokio::test]
    async fn files_are_listed_read_and_replaced() {
        let (folder, _settings, own) = bootstrap();
        let (workspace, files) = own.list().await.expect("listed");
        assert!(files.iter().all(|file| file.found.is_none() && file.content.is_none()));
        let names: Vec<&str> = files.iter().map(|file| file.name).collect();
        assert_eq!(names, BOOTSTRAP_FILES[..8]);
        let (_, written) = own.set("SOUL.md", "kind\n".to_owned()).await.expect("written");
        assert_eq!(written.found.map(|found| found.0), Some(5));
        let (_, read) = own.get("SOUL.md").await.expect("read");
        assert_eq!(read.content.as_deref(), Some("kind\n"));
        let (_, missing) = own.get("USER.md").await.expect("looked at");
        assert_eq!((missing.found, missing.content), (None, None));
        std::fs::write(workspace.join("memory.md"), "old").expect("written");
        let (_, files) = own.list().await.expect("listed");
        assert_eq!(files.last().map(|file| file.name), Some("memory.md"));
        drop(folder);
    }

    #[tokio::test]
    async fn nothing_else_can_be_named_and_no_link_is_followed() {
        let (folder, _settings, own) = bootstrap();
        let (workspace, _) = own.list().await.expect("listed");
        for name in
            ["", "../SOUL.md", "soul.md", "notes.md", "sub/SOUL.md", "SOUL.md\0", "/etc/passwd"]
        {
            assert!(matches!(own.get(name).await, Err(BootstrapError::Name(_))), "{name:?}");
            let set = own.set(name, "x".to_owned()).await;
            assert!(matches!(set, Err(BootstrapError::Name(_))), "{name:?}");
        }
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "secret").expect("written");
        symlink(&secret, workspace.join("SOUL.md")).expect("linked");
        let (_, linked) = own.get("SOUL.md").await.expect("looked at");
        assert_eq!((linked.found, linked.content), (None, None));
        own.set("SOUL.md", "mine".to_owned()).await.expect("the link is replaced");
        assert_eq!(std::fs::read_to_string(&secret).expect("there"), "secret");
    }
}
