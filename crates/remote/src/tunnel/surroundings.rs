//! Noticing that a link is probably dead before it fails to answer: this machine slept, or its network is
//! another one now.
//!
//! Both are looked for rather than waited for: it costs a call to the kernel twice a second, and is the same
//! on every system.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    time::{Duration, Instant, SystemTime},
};

/// How far the clocks drift apart before this machine is taken to have slept.
const SLEPT: Duration = Duration::from_secs(3);

/// The clocks and the network, as they were at the last look.
#[derive(Debug)]
pub(super) struct Surroundings {
    clocks: Clocks,
    network: Network,
}

impl Surroundings {
    pub(super) fn new() -> Self {
        Self { clocks: Clocks::new(), network: Network::now() }
    }

    /// The clocks alone begin anew: only time that is waited through can be slept through.
    pub(super) fn rest(&mut self) {
        self.clocks = Clocks::new();
    }

    /// Whether something happened since the last look.
    pub(super) fn changed(&mut self) -> bool {
        let slept = self.clocks.slept(Instant::now(), SystemTime::now());
        let moved = self.network.moved(Network::now());
        if moved {
            tracing::info!("the network of this machine changed");
        }
        slept || moved
    }
}

/// The addresses of this machine, and whether their interfaces have a carrier.
#[derive(Debug, Default, PartialEq, Eq)]
struct Network(BTreeSet<(String, IpAddr, bool)>);

impl Network {
    fn now() -> Self {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default().into_iter();
        let outside = interfaces.filter(|interface| !interface.is_loopback());
        Self(outside.map(|it| (it.name.clone(), it.ip(), it.is_oper_up())).collect())
    }

    fn moved(&mut self, now: Self) -> bool {
        let moved = *self != now;
        *self = now;
        moved
    }
}

/// A machine that sleeps has a clock that goes on, and timers that do not.
#[derive(Debug)]
struct Clocks {
    instant: Instant,
    wall: SystemTime,
}

impl Clocks {
    fn new() -> Self {
        Self { instant: Instant::now(), wall: SystemTime::now() }
    }

    /// Whether the clocks went apart since the last look.
    fn slept(&mut self, instant: Instant, wall: SystemTime) -> bool {
        let ran = instant.saturating_duration_since(self.instant);
        // A clock that was set back says nothing.
        let passed = wall.duration_since(self.wall).unwrap_or(ran);
        (self.instant, self.wall) = (instant, wall);
        passed.saturating_sub(ran) > SLEPT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_is_noticed_and_a_clock_set_back_is_not() {
        let mut clocks = Clocks::new();
        let (instant, wall) = (clocks.instant, clocks.wall);
        let second = Duration::from_secs(1);
        assert!(!clocks.slept(instant + second, wall + second));
        assert!(clocks.slept(instant + 2 * second, wall + 60 * second));
        assert!(!clocks.slept(instant + 3 * second, wall + 2 * second));
        assert!(!clocks.slept(instant + 4 * second, wall + 3 * second));
    }

    #[test]
    fn another_address_and_a_lost_carrier_are_another_network_once() {
        let network =
            |ip: [u8; 4], up| Network([("wlan0".to_owned(), IpAddr::from(ip), up)].into());
        let mut seen = network([192, 0, 2, 7], true);
        assert!(!seen.moved(network([192, 0, 2, 7], true)));
        for (ip, up) in [([192, 0, 2, 7], false), ([192, 0, 2, 7], true), ([198, 51, 100, 7], true)]
        {
            assert!(seen.moved(network(ip, up)), "{ip:?} {up}");
            assert!(!seen.moved(network(ip, up)), "{ip:?} {up}");
        }
        assert!(seen.moved(Network::default()));
    }
}
