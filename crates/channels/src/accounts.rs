//! The accounts there are, and which of them run.

use std::{collections::BTreeMap, sync::Arc};

use openclaw_base::CancellationToken;
use openclaw_store::outbox::Route;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{channel::Channel, inbox::Inbox, status::Condition};

/// The accounts there are, by channel and name.
#[derive(Clone, Default)]
pub(crate) struct Accounts {
    pub(crate) all: Arc<Mutex<BTreeMap<(String, String), Account>>>,
}

/// One account.
pub(crate) struct Account {
    /// What it runs with; `None` if the configuration does not let it.
    pub(crate) channel: Option<Arc<dyn Channel>>,
    pub(crate) condition: Arc<Condition>,
    pub(crate) running: Option<Running>,
}

/// An account that runs, or has ended by itself.
pub(crate) struct Running {
    pub(crate) stop: CancellationToken,
    pub(crate) done: watch::Receiver<bool>,
    /// Where it hands in what people write.
    pub(crate) inbox: Arc<Inbox>,
}

impl Accounts {
    /// The account a route names, if it runs.
    pub(crate) fn channel(&self, route: &Route) -> Option<Arc<dyn Channel>> {
        let all = self.all.lock();
        let account = all.get(&(route.channel.clone(), route.account.clone()))?;
        account.running.as_ref()?;
        account.channel.clone()
    }

    pub(crate) fn sent(&self, route: &Route) {
        let all = self.all.lock();
        if let Some(account) = all.get(&(route.channel.clone(), route.account.clone())) {
            account.condition.outbound(&route.chat);
        }
    }

    /// Something could not be sent and is tried again.
    pub(crate) fn sending_waits(&self, route: &Route, why: &str, until_ms: u64) {
        let all = self.all.lock();
        if let Some(account) = all.get(&(route.channel.clone(), route.account.clone())) {
            account.condition.sending_waits(&route.chat, why, until_ms);
        }
    }
}
