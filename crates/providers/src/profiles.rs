//! Several credentials of one provider: which is used, and which is left alone for a while.
//!
//! A credential that is refused, unpaid or asked too often rests; the next one is tried at once, as long
//! as nothing of an answer has come, so nothing that had an effect is done again. How long it rests grows
//! with every failure in a row: 1, 5 and 25 minutes, then an hour; an unpaid one 5 hours, doubling to a
//! day. What is known of it is in a file without any secret, so that a restart forgets nothing.

use std::{
    collections::{BTreeMap, VecDeque},
    marker::PhantomData,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt, stream};
use openclaw_agent::{
    RestReason, RestingKey,
    model::{Model, ModelError, ModelEvent, ModelRef, ModelRequest, ModelStream, Price},
};
use openclaw_base::CancellationToken;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::dialect::{self, Dialect, Endpoint};

/// Bytes the file may have.
const MAX_BYTES: u64 = 256 * 1024;
const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
/// Failures older than this do not count.
const FORGET_MS: u64 = 24 * HOUR_MS;

/// Failures that are the credential's, and not the request's or the server's.
const fn reason_of(error: &ModelError) -> Option<RestReason> {
    match error {
        ModelError::RateLimited { .. } => Some(RestReason::RateLimit),
        ModelError::Auth { .. } => Some(RestReason::Auth),
        ModelError::Billing { .. } => Some(RestReason::Billing),
        _ => None,
    }
}

/// How long a credential rests after so many failures in a row.
fn rest_ms(reason: RestReason, count: u32) -> u64 {
    let before = count.saturating_sub(1).min(8);
    match reason {
        RestReason::RateLimit | RestReason::Auth => (MINUTE_MS * 5_u64.pow(before)).min(HOUR_MS),
        RestReason::Billing => (5 * HOUR_MS * 2_u64.pow(before)).min(24 * HOUR_MS),
    }
}

/// The keys that rest by what this file says, in the order of their names.
#[must_use]
pub fn resting_keys(file: &Path, now_ms: u64) -> Vec<RestingKey> {
    Cooldowns::load(Some(file.to_owned())).resting(now_ms)
}

/// A credential that failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rest {
    reason: RestReason,
    /// Failures in a row.
    count: u32,
    failed_at_ms: u64,
    until_ms: u64,
}

/// Which credentials rest. Clones are not needed: it is shared.
#[derive(Debug, Default)]
pub(crate) struct Cooldowns {
    file: Option<PathBuf>,
    resting: Mutex<BTreeMap<String, Rest>>,
    /// Held while the file is written.
    writing: Mutex<()>,
}

impl Cooldowns {
    /// Reads the file. One that cannot be read is as if it were empty: at worst a credential is tried
    /// too early.
    pub(crate) fn load(file: Option<PathBuf>) -> Arc<Self> {
        let read =
            file.as_ref().and_then(|file| openclaw_base::fs::read_limited(file, MAX_BYTES).ok());
        let resting =
            read.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Arc::new(Self { file, resting: Mutex::new(resting), writing: Mutex::new(()) })
    }

    /// Those that rest now, in the order of their names.
    pub(crate) fn resting(&self, now_ms: u64) -> Vec<RestingKey> {
        let resting = self.resting.lock();
        let resting = resting.iter().filter(|(_, rest)| rest.until_ms > now_ms);
        let key = |(name, rest): (&String, &Rest)| RestingKey {
            name: name.clone(),
            reason: rest.reason,
            until_ms: rest.until_ms,
        };
        resting.map(key).collect()
    }

    /// The places of those that may be tried, in order. When all rest, the one that is ready first.
    fn order(&self, profiles: &[&str], now_ms: u64) -> Vec<usize> {
        let resting = self.resting.lock();
        let until = |place: &usize| {
            let profile = profiles.get(*place)?;
            resting.get(*profile).map(|rest| rest.until_ms).filter(|until| *until > now_ms)
        };
        let places = 0..profiles.len();
        let ready: Vec<usize> = places.clone().filter(|place| until(place).is_none()).collect();
        if !ready.is_empty() {
            return ready;
        }
        places.min_by_key(|place| until(place).unwrap_or(0)).into_iter().collect()
    }

    async fn failed(
        self: &Arc<Self>,
        profile: &str,
        reason: RestReason,
        error: &ModelError,
        now_ms: u64,
    ) {
        {
            let mut resting = self.resting.lock();
            let before = resting
                .get(profile)
                .filter(|rest| now_ms.saturating_sub(rest.failed_at_ms) < FORGET_MS)
                .map_or(0, |rest| rest.count);
            let count = before.saturating_add(1);
            let asked = error.retry_after().unwrap_or(Duration::ZERO).as_millis();
            let asked = u64::try_from(asked).unwrap_or(u64::MAX).min(FORGET_MS);
            let until_ms = now_ms.saturating_add(rest_ms(reason, count).max(asked));
            let rest = Rest { reason, count, failed_at_ms: now_ms, until_ms };
            resting.insert(profile.to_owned(), rest);
        }
        tracing::warn!(profile, ?reason, "a credential rests");
        self.save().await;
    }

    async fn worked(self: &Arc<Self>, profile: &str) {
        let was = self.resting.lock().remove(profile);
        if was.is_some() {
            self.save().await;
        }
    }

    async fn save(self: &Arc<Self>) {
        let this = Arc::clone(self);
        let written = tokio::task::spawn_blocking(move || {
            let Some(file) = &this.file else { return Ok(()) };
            let _held = this.writing.lock();
            let bytes = serde_json::to_vec_pretty(&*this.resting.lock())?;
            openclaw_base::fs::write_private(file, &bytes)
        });
        if let Ok(Err(error)) = written.await {
            tracing::warn!(%error, "resting credentials cannot be written down");
        }
    }
}

/// One model behind an endpoint of one dialect, with every credential there is for it.
pub(crate) struct Speaker<D> {
    first: Arc<Endpoint>,
    others: Vec<Arc<Endpoint>>,
    cooldowns: Arc<Cooldowns>,
    dialect: PhantomData<fn() -> D>,
}

impl<D: Dialect> Speaker<D> {
    /// The same endpoint with each credential; the first is tried first.
    pub(crate) fn new(first: Endpoint, others: Vec<Endpoint>, cooldowns: Arc<Cooldowns>) -> Self {
        let others = others.into_iter().map(Arc::new).collect();
        Self { first: Arc::new(first), others, cooldowns, dialect: PhantomData }
    }
}

impl<D: Dialect> Model for Speaker<D> {
    fn id(&self) -> &ModelRef {
        &self.first.model
    }

    fn context_window(&self) -> Option<u64> {
        self.first.context_window
    }

    fn price(&self) -> Option<Price> {
        self.first.price
    }

    fn stream(&self, request: Arc<ModelRequest>, cancel: CancellationToken) -> ModelStream {
        let all: Vec<&Arc<Endpoint>> = std::iter::once(&self.first).chain(&self.others).collect();
        let profiles: Vec<&str> = all.iter().map(|endpoint| endpoint.profile.as_str()).collect();
        let order = self.cooldowns.order(&profiles, self.first.clock.now_ms());
        let left = order.into_iter().filter_map(|place| all.get(place).map(|it| Arc::clone(it)));
        let asking = Asking::<D> {
            left: left.collect(),
            current: None,
            spoke: false,
            limited: None,
            request,
            cancel,
            cooldowns: Arc::clone(&self.cooldowns),
            dialect: PhantomData,
        };
        stream::unfold(asking, |mut asking| async move {
            let item = asking.next().await?;
            Some((item, asking))
        })
        .boxed()
    }
}

/// One request, on its way from credential to credential.
struct Asking<D> {
    left: VecDeque<Arc<Endpoint>>,
    current: Option<(Arc<Endpoint>, ModelStream)>,
    /// Something of an answer has come.
    spoke: bool,
    /// A limit that another credential ran into: it passes, so it is the one that is told.
    limited: Option<ModelError>,
    request: Arc<ModelRequest>,
    cancel: CancellationToken,
    cooldowns: Arc<Cooldowns>,
    dialect: PhantomData<fn() -> D>,
}

impl<D: Dialect> Asking<D> {
    async fn next(&mut self) -> Option<Result<ModelEvent, ModelError>> {
        loop {
            if self.current.is_none() {
                let endpoint = self.left.pop_front()?;
                let (request, cancel) = (Arc::clone(&self.request), self.cancel.clone());
                let stream = dialect::run::<D>(Arc::clone(&endpoint), request, cancel);
                self.current = Some((endpoint, stream));
            }
            let (endpoint, stream) = self.current.as_mut()?;
            match stream.next().await {
                Some(Err(error)) if !self.spoke => {
                    let Some(reason) = reason_of(&error) else { return Some(Err(error)) };
                    let now_ms = endpoint.clock.now_ms();
                    self.cooldowns.failed(&endpoint.profile, reason, &error, now_ms).await;
                    if self.left.is_empty() {
                        return Some(Err(self.limited.take().unwrap_or(error)));
                    }
                    if reason == RestReason::RateLimit {
                        self.limited.get_or_insert(error);
                    }
                    self.current = None;
                }
                Some(Ok(event)) => {
                    if !std::mem::replace(&mut self.spoke, true) {
                        self.cooldowns.worked(&endpoint.profile).await;
                    }
                    return Some(Ok(event));
                }
                other => return other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(seconds: u64) -> ModelError {
        let retry_after = Some(Duration::from_secs(seconds));
        ModelError::RateLimited { retry_after, message: String::new() }
    }

    #[test]
    fn rests_grow_and_end() {
        let minutes = |reason: RestReason, count| rest_ms(reason, count) / MINUTE_MS;
        let rates: Vec<u64> = (1..=5).map(|count| minutes(RestReason::RateLimit, count)).collect();
        assert_eq!(rates, [1, 5, 25, 60, 60]);
        let bills: Vec<u64> =
            (1..=5).map(|count| minutes(RestReason::Billing, count) / 60).collect();
        assert_eq!(bills, [5, 10, 20, 24, 24]);
    }

    #[tokio::test]
    async fn who_rests_is_passed_over_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model-cooldowns.json");
        let cooldowns = Cooldowns::load(Some(file.clone()));
        let all = ["p", "p@work", "p@home"];
        assert_eq!(cooldowns.order(&all, 0), [0, 1, 2]);
        cooldowns.failed("p", RestReason::RateLimit, &limited(0), 1_000).await;
        cooldowns.failed("p@home", RestReason::RateLimit, &limited(600), 1_000).await;
        assert_eq!(cooldowns.order(&all, 2_000), [1]);
        assert!(openclaw_base::fs::is_private(&file).unwrap());

        let cooldowns = Cooldowns::load(Some(file.clone()));
        assert_eq!(cooldowns.order(&all, 2_000), [1]);
        cooldowns.failed("p@work", RestReason::Billing, &limited(0), 2_000).await;
        assert_eq!(cooldowns.order(&all, 3_000), [0], "the one that is ready first");
        assert_eq!(cooldowns.order(&all, 62_000), [0]);
        assert_eq!(cooldowns.order(&all, 602_000), [0, 2]);
        cooldowns.worked("p@work").await;
        assert_eq!(Cooldowns::load(Some(file)).order(&all, 602_000), [0, 1, 2]);
    }
}
