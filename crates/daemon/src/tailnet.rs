//! What the Gateway asks Tailscale's daemon about this machine's tailnet.

use std::{collections::HashMap, net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use openclaw_config::Environment;
use openclaw_gateway::tailnet::Tailnet;
use openclaw_remote::tailscale::{TAGGED, Whereabouts};
use parking_lot::Mutex;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

/// Where the daemon's socket is, if not in its usual place.
const SOCKET: &str = "OPENCLAW_TAILSCALE_SOCKET";
/// Time for one question.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long an answer of `whois` holds, and how long that there is none.
const HOLDS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(5));
/// Answers that are kept.
const MAX_KEPT: usize = 1024;

/// Where Tailscale is, as the environment says.
pub(crate) fn whereabouts(env: &Environment) -> Whereabouts {
    let socket = env.get(SOCKET).filter(|path| !path.is_empty()).map(PathBuf::from);
    Whereabouts::usual(socket, env.get("PATH").map(std::ffi::OsStr::new))
}

/// This machine's tailnet, asked when somebody wants to know.
#[derive(Debug)]
pub(crate) struct LocalTailnet {
    whereabouts: Whereabouts,
    name: watch::Sender<Option<String>>,
    logins: Mutex<HashMap<IpAddr, (Instant, Option<String>)>>,
}

impl LocalTailnet {
    pub(crate) fn new(whereabouts: Whereabouts) -> Arc<Self> {
        Arc::new(Self { whereabouts, name: watch::Sender::default(), logins: Mutex::default() })
    }

    /// The addresses of this machine in its tailnet; `None` if the daemon cannot be asked.
    pub(crate) async fn addresses(&self) -> Option<Vec<IpAddr>> {
        let ask = async { self.whereabouts.daemon().await?.status().await };
        let status = timeout(DEADLINE, ask).await.ok()?.ok()?;
        self.name.send_replace(status.name().map(str::to_owned));
        let connected = status.name().is_some();
        Some(if connected { status.own.addresses } else { Vec::new() })
    }

    /// Where the daemon is.
    pub(crate) const fn whereabouts(&self) -> &Whereabouts {
        &self.whereabouts
    }

    /// The name is known from elsewhere.
    pub(crate) fn is_called(&self, name: &str) {
        self.name.send_replace(Some(name.to_owned()));
    }

    async fn ask(&self, address: IpAddr) -> Option<String> {
        let ask = async { self.whereabouts.daemon().await?.whois(address).await };
        match timeout(DEADLINE, ask).await {
            Ok(Ok(found)) => found.map(|who| who.login).filter(|login| login != TAGGED),
            Ok(Err(error)) => {
                tracing::warn!(%error, "tailscaled was not able to say who asks");
                None
            }
            Err(_) => None,
        }
    }
}

impl Tailnet for LocalTailnet {
    fn name(&self) -> Option<String> {
        self.name.borrow().clone()
    }

    fn daemon_uid(&self) -> BoxFuture<'_, Option<u32>> {
        Box::pin(async {
            let ask = async { self.whereabouts.daemon().await.ok()?.uid().await };
            timeout(DEADLINE, ask).await.ok()?
        })
    }

    fn whois(&self, address: IpAddr) -> BoxFuture<'_, Option<String>> {
        Box::pin(async move {
            let now = Instant::now();
            let kept = self.logins.lock().get(&address).filter(|(until, _)| now < *until).cloned();
            if let Some((_, login)) = kept {
                return login;
            }
            let login = self.ask(address).await;
            let holds = if login.is_some() { HOLDS.0 } else { HOLDS.1 };
            let mut logins = self.logins.lock();
            if logins.len() >= MAX_KEPT {
                logins.retain(|_, (until, _)| now < *until);
            }
            if logins.len() < MAX_KEPT {
                logins.insert(address, (now + holds, login.clone()));
            }
            login
        })
    }
}
