//! The `tailscale` command, where the daemon's socket is out of reach.

use std::{net::IpAddr, path::PathBuf, process::Stdio, time::Duration};

use serde_json::Value;
use tokio::time::timeout;

use super::{Route, Status, TailscaleError, Whois, read_json, route};

/// Time for one call.
const DEADLINE: Duration = Duration::from_secs(10);

/// The command.
#[derive(Clone, Debug)]
pub struct Command {
    program: PathBuf,
}

impl Command {
    /// Calls this program.
    #[must_use]
    pub const fn new(program: PathBuf) -> Self {
        Self { program }
    }

    pub(super) async fn status(&self) -> Result<Status, TailscaleError> {
        read_json(&self.run(&["status", "--peers=false", "--json"]).await?)
    }

    pub(super) async fn whois(&self, address: IpAddr) -> Result<Option<Whois>, TailscaleError> {
        match self.run(&["whois", "--json", &address.to_string()]).await {
            Ok(answer) => Whois::read(&answer).map(Some),
            Err(TailscaleError::Odd(text)) if text.contains("not found") => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn claim(
        &self,
        wanted: &Route,
        before: &[Route],
    ) -> Result<bool, TailscaleError> {
        // Whether we may is decided as over the socket; only the writing is the command's.
        route::claim(&self.config().await?, wanted, before)?;
        let others: Vec<Route> =
            before.iter().filter(|before| *before != wanted).cloned().collect();
        self.release(&others).await?;
        if route::stands(&self.config().await?, wanted) {
            return Ok(false);
        }
        let verb = if wanted.funnel { "funnel" } else { "serve" };
        self.run(&[verb, "--bg", "--yes", "--https=443", "--set-path=/", &wanted.target]).await?;
        Ok(true)
    }

    pub(super) async fn release(&self, routes: &[Route]) -> Result<bool, TailscaleError> {
        let mut changed = false;
        for route in routes {
            let config = self.config().await?;
            if route::release_all(&config, [route]) == config {
                continue;
            }
            let verb = if route.funnel { "funnel" } else { "serve" };
            self.run(&[verb, "--yes", "--https=443", "--set-path=/", "off"]).await?;
            changed = true;
        }
        Ok(changed)
    }

    async fn config(&self) -> Result<Value, TailscaleError> {
        let answer = self.run(&["serve", "status", "--json"]).await?;
        if answer.trim_ascii().is_empty() { Ok(Value::Null) } else { read_json(&answer) }
    }

    async fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, TailscaleError> {
        let child = tokio::process::Command::new(&self.program)
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = match timeout(DEADLINE, child).await {
            Err(_) => return Err(TailscaleError::Slow),
            Ok(Err(_)) => return Err(TailscaleError::Absent),
            Ok(Ok(output)) => output,
        };
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said =
            String::from_utf8_lossy(&output.stderr).trim().chars().take(300).collect::<String>();
        let lower = said.to_lowercase();
        Err(if lower.contains("access denied") {
            TailscaleError::Denied
        } else if lower.contains("is tailscaled running") || lower.contains("failed to connect") {
            TailscaleError::Absent
        } else {
            TailscaleError::Odd(said)
        })
    }
}
