//! Keeping the route claimed for as long as the Gateway runs, whatever the daemon does meanwhile.

use std::{path::PathBuf, time::Duration};

use openclaw_base::{Backoff, CancellationToken};
use tokio::{sync::watch, time::timeout};

use super::{Record, Route, TailscaleError, Whereabouts};

/// How often a claimed route is looked at again: somebody may have reset it.
const LOOK: Duration = Duration::from_secs(15);
/// First and longest pause after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Claims of earlier starts that are remembered while none of them could be cleared away.
const KNOWN: usize = 16;
/// Time for giving the route up at the end.
const RELEASE: Duration = Duration::from_secs(2);

/// How the publication stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Published {
    /// Not tried yet.
    #[default]
    Starting,
    /// The route stands.
    Standing(Route),
    /// It does not, and is tried again.
    Failing {
        /// Why.
        problem: String,
        /// What to do about it.
        hint: &'static str,
    },
}

impl Published {
    /// The name under which it stands.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Standing(route) => Some(&route.name),
            Self::Starting | Self::Failing { .. } => None,
        }
    }
}

/// Claims one route and keeps it.
#[derive(Debug)]
pub struct Publisher {
    /// The daemon.
    pub whereabouts: Whereabouts,
    /// Where requests go.
    pub target: String,
    /// To the internet, not only to the tailnet.
    pub funnel: bool,
    /// Where the record is kept.
    pub record: PathBuf,
    /// Who wants to know how it stands.
    pub told: watch::Sender<Published>,
}

impl Publisher {
    /// Runs until it is stopped, and gives the route up then.
    pub async fn run(self, stop: CancellationToken) {
        let mut pauses = Backoff::new(PAUSES.0, PAUSES.1);
        while !stop.is_cancelled() {
            let tried = stop.run_until_cancelled(self.claim()).await;
            let pause = match tried {
                None => break,
                Some(Ok(route)) => {
                    self.tell(Published::Standing(route));
                    pauses = Backoff::new(PAUSES.0, PAUSES.1);
                    LOOK
                }
                Some(Err(error)) => {
                    self.failed(&error);
                    pauses.next_delay()
                }
            };
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
        match timeout(RELEASE, self.release()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the tailnet route could not be given up"),
            Err(_) => tracing::warn!("the tailnet route could not be given up in time"),
        }
    }

    async fn claim(&self) -> Result<Route, TailscaleError> {
        let daemon = self.whereabouts.daemon().await?;
        let status = daemon.status().await?;
        let name = status.publishable(self.funnel)?.to_owned();
        let route = Route { name, target: self.target.clone(), funnel: self.funnel };
        // Written down before it is claimed, and older claims are forgotten once they are gone: a crash
        // in between leaves nothing that nobody knows.
        let mut record = Record::read(&self.record);
        if !record.routes.contains(&route) {
            record.port = route.port();
            record.routes.push(route.clone());
            let surplus = record.routes.len().saturating_sub(KNOWN);
            record.routes.drain(..surplus);
            record.write(&self.record)?;
        }
        if daemon.claim(&route, &record.routes).await? {
            tracing::info!(url = route.url(), funnel = route.funnel, "published through Tailscale");
        }
        let (routes, port) = (vec![route.clone()], route.port());
        let now = Record { routes, port, published: true, ..Record::default() };
        now.write_if_new(&self.record)?;
        Ok(route)
    }

    /// Gives up what was claimed and forgets it.
    async fn release(&self) -> Result<(), TailscaleError> {
        let record = Record::read(&self.record);
        if !record.routes.is_empty() {
            self.whereabouts.daemon().await?.release(&record.routes).await?;
        }
        Record { port: record.port, ..Record::default() }.write_if_new(&self.record)
    }

    fn failed(&self, error: &TailscaleError) {
        let published = Published::Failing { problem: error.to_string(), hint: error.hint() };
        if *self.told.borrow() != published {
            tracing::warn!(%error, hint = error.hint(), "not published through Tailscale; it is tried again");
        }
        let record = Record {
            published: false,
            problem: Some(error.to_string()),
            hint: Some(error.hint().to_owned()),
            ..Record::read(&self.record)
        };
        if let Err(error) = record.write_if_new(&self.record) {
            tracing::warn!(%error, "the record of the tailnet route");
        }
        self.tell(published);
    }

    fn tell(&self, published: Published) {
        self.told.send_if_modified(|told| {
            let changed = *told != published;
            *told = published;
            changed
        });
    }
}
