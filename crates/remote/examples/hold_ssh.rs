//! Opens one stream through `ssh` and holds it until killed. Standard input holds two lines: the `ssh`
//! configuration and HOST:PORT.
//!
//! The test that kills it with SIGKILL then looks for what is left behind.

use std::{io::Write, path::PathBuf};

use openclaw_base::Tasks;
use openclaw_client::Dial;
use openclaw_protocol::Role;
use openclaw_remote::{SshDial, SshOptions, SshTarget};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut lines = std::io::stdin().lines();
    let (Some(config), Some(target)) = (lines.next(), lines.next()) else {
        return Err("two lines are expected: CONFIG and HOST:PORT".into());
    };
    let target = SshTarget::parse(&target?)?;
    let options = SshOptions {
        extra: vec!["-F".into(), PathBuf::from(config?).into()],
        ..SshOptions::new(Tasks::new())
    };
    let mut dialed = SshDial::door(target, Role::Operator, options).dial().await?;
    dialed.io.write_all(b"hello\n").await?;
    let mut answer = [0; 6];
    dialed.io.read_exact(&mut answer).await?;
    std::io::stdout().write_all(&answer)?;
    std::io::stdout().flush()?;
    std::future::pending().await
}
