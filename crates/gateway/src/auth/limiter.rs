//! Failure limits for credentials: per kind and address, with lockout; loopback is slowed, never locked.
//!
//! The owner's door never comes here.

use std::{collections::HashMap, net::IpAddr, time::Duration};

use parking_lot::Mutex;

/// Which kind of credential failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// Token or password, sent or proven.
    SharedSecret,
    /// A device's token.
    DeviceToken,
    /// A single-use token.
    BootstrapToken,
}

/// The numbers of `gateway.auth.rateLimit`.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Failures that lock.
    pub max_attempts: u32,
    /// Window they are counted in, in milliseconds.
    pub window_ms: u64,
    /// Length of the lockout, in milliseconds.
    pub lockout_ms: u64,
    /// Loopback is only slowed.
    pub exempt_loopback: bool,
}

impl CredentialKind {
    /// The name under which attempts are kept.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SharedSecret => "shared-secret",
            Self::DeviceToken => "device-token",
            Self::BootstrapToken => "bootstrap-token",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let known = [Self::SharedSecret, Self::DeviceToken, Self::BootstrapToken];
        known.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_attempts: 10, window_ms: 60_000, lockout_ms: 300_000, exempt_loopback: true }
    }
}

/// At most this many addresses are remembered; the oldest go first.
const MAX_ENTRIES: usize = 4096;
const FIRST_DELAY_MS: u64 = 250;
const MAX_DELAY_MS: u64 = 5_000;

#[derive(Clone, Debug, Default)]
struct Entry {
    first_ms: u64,
    failures: u32,
    locked_until_ms: u64,
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Penalty {
    /// The answer is held back this long.
    pub delay: Duration,
    /// The address has just been locked until then, in milliseconds since 1970.
    pub locked_until_ms: Option<u64>,
}

/// Failures of one address, as they are kept over a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// When the window began, in milliseconds since 1970.
    pub first_ms: u64,
    /// How many.
    pub count: u32,
    /// Until when the address is locked; 0 if it is not.
    pub locked_until_ms: u64,
}

/// Counts failures.
#[derive(Debug, Default)]
pub struct Limiter {
    entries: Mutex<HashMap<(CredentialKind, IpAddr), Entry>>,
}

impl Limiter {
    /// How long this address is still locked, in milliseconds.
    #[must_use]
    pub fn locked_for(&self, kind: CredentialKind, address: IpAddr, now_ms: u64) -> Option<u64> {
        let entries = self.entries.lock();
        let until = entries.get(&(kind, address))?.locked_until_ms;
        (until > now_ms).then(|| until - now_ms)
    }

    /// Records a failure.
    pub fn failed(
        &self,
        kind: CredentialKind,
        address: IpAddr,
        limits: Limits,
        now_ms: u64,
    ) -> Penalty {
        let mut entries = self.entries.lock();
        if entries.len() >= MAX_ENTRIES && !entries.contains_key(&(kind, address)) {
            let oldest =
                entries.iter().min_by_key(|(_, entry)| entry.first_ms).map(|(key, _)| *key);
            oldest.map(|key| entries.remove(&key));
        }
        let entry = entries.entry((kind, address)).or_default();
        if now_ms.saturating_sub(entry.first_ms) > limits.window_ms {
            *entry = Entry { first_ms: now_ms, ..Entry::default() };
        }
        entry.failures = entry.failures.saturating_add(1);
        if limits.exempt_loopback && address.is_loopback() {
            let doubled = FIRST_DELAY_MS.saturating_mul(1 << (entry.failures - 1).min(10));
            let delay = Duration::from_millis(doubled.min(MAX_DELAY_MS));
            return Penalty { delay, locked_until_ms: None };
        }
        let locks = entry.failures >= limits.max_attempts;
        if locks {
            entry.locked_until_ms = now_ms.saturating_add(limits.lockout_ms);
        }
        Penalty { delay: Duration::ZERO, locked_until_ms: locks.then_some(entry.locked_until_ms) }
    }

    /// Forgets the failures of an address that proved itself. Whether there were any.
    pub fn succeeded(&self, kind: CredentialKind, address: IpAddr) -> bool {
        self.entries.lock().remove(&(kind, address)).is_some()
    }

    /// What is counted of an address.
    #[must_use]
    pub fn failures(&self, kind: CredentialKind, address: IpAddr) -> Failures {
        let entries = self.entries.lock();
        entries.get(&(kind, address)).map_or_else(Failures::default, |entry| Failures {
            first_ms: entry.first_ms,
            count: entry.failures,
            locked_until_ms: entry.locked_until_ms,
        })
    }

    /// Takes up what was counted before a restart.
    pub fn restore(&self, kind: CredentialKind, address: IpAddr, failures: Failures) {
        let Failures { first_ms, count, locked_until_ms } = failures;
        let entry = Entry { first_ms, failures: count, locked_until_ms };
        let mut entries = self.entries.lock();
        if entries.len() < MAX_ENTRIES {
            entries.insert((kind, address), entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: CredentialKind = CredentialKind::SharedSecret;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("address")
    }

    #[test]
    fn ten_failures_lock_an_address_and_no_other() {
        let limiter = Limiter::default();
        let (bad, good) = (address("192.0.2.1"), address("192.0.2.2"));
        for _ in 0..9 {
            limiter.failed(KIND, bad, Limits::default(), 1000);
        }
        assert_eq!(limiter.locked_for(KIND, bad, 1000), None);
        limiter.failed(KIND, bad, Limits::default(), 2000);
        assert_eq!(limiter.locked_for(KIND, bad, 2000), Some(300_000));
        assert_eq!(limiter.locked_for(KIND, bad, 302_000), None);
        assert_eq!(limiter.locked_for(KIND, good, 2000), None);
        assert_eq!(limiter.locked_for(CredentialKind::DeviceToken, bad, 2000), None);
    }

    #[test]
    fn failures_outside_the_window_do_not_add_up() {
        let limiter = Limiter::default();
        for step in 0..20 {
            limiter.failed(KIND, address("192.0.2.1"), Limits::default(), 100_000 + step * 61_000);
        }
        assert_eq!(limiter.locked_for(KIND, address("192.0.2.1"), 1_400_000), None);
    }

    #[test]
    fn loopback_is_slowed_and_never_locked() {
        let limiter = Limiter::default();
        let home = address("127.0.0.1");
        let delays: Vec<_> = (0..7)
            .map(|_| limiter.failed(KIND, home, Limits::default(), 100_000).delay.as_millis())
            .collect();
        assert_eq!(delays, [250, 500, 1000, 2000, 4000, 5000, 5000]);
        assert_eq!(limiter.locked_for(KIND, home, 100_000), None);
        limiter.succeeded(KIND, home);
        let again = limiter.failed(KIND, home, Limits::default(), 100_000);
        assert_eq!(again.delay, Duration::from_millis(250));
    }

    #[test]
    fn memory_is_bounded() {
        let limiter = Limiter::default();
        for number in 0..5000_u32 {
            let address = IpAddr::from(std::net::Ipv4Addr::from(number + (1 << 24)));
            limiter.failed(KIND, address, Limits::default(), u64::from(number));
        }
        assert!(limiter.entries.lock().len() <= MAX_ENTRIES);
    }
}
