//! Two machines on a wire that can be cut: a pair of network namespaces and what breaks between them.
//!
//! Making one needs root, `ip`, `nsenter` and `nft`. Files and Unix sockets are shared with the test;
//! TCP between the two goes over the wire and over nothing else.

use std::{
    ffi::{OsStr, OsString},
    io,
    net::{IpAddr, Ipv4Addr},
    process::{Child, Command, Stdio},
};

/// Name of the interface on both sides.
const INTERFACE: &str = "wire";
/// Table of the packet filter that stands for a cut.
const TABLE: &str = "cut";

/// A network of its own, for as long as this lives.
#[derive(Debug)]
pub struct Namespace {
    holder: Child,
    address: Ipv4Addr,
}

impl Namespace {
    fn new(address: Ipv4Addr) -> io::Result<Self> {
        // It reads from us, so it ends with us even if we are killed.
        let holder = Command::new("/usr/bin/unshare")
            .args(["--net", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let namespace = Self { holder, address };
        namespace.wait_until_apart()?;
        Ok(namespace)
    }

    /// `unshare` leaves our network a moment after it started.
    fn wait_until_apart(&self) -> io::Result<()> {
        let ours = std::fs::read_link("/proc/self/ns/net")?;
        let program = format!("/proc/{}/comm", self.holder.id());
        for _ in 0..10_000 {
            let name = std::fs::read_to_string(&program)?;
            if name.trim() == "cat" && std::fs::read_link(self.path())? != ours {
                return Ok(());
            }
            std::thread::yield_now();
        }
        Err(io::Error::other("no network namespace: this needs root"))
    }

    fn path(&self) -> String {
        format!("/proc/{}/ns/net", self.holder.id())
    }

    /// The words that run what follows them in this network.
    #[must_use]
    pub fn prefix(&self) -> Vec<OsString> {
        vec!["/usr/bin/nsenter".into(), format!("--net={}", self.path()).into(), "--".into()]
    }

    /// A program in this network.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("/usr/bin/nsenter");
        command.arg(format!("--net={}", self.path())).arg("--").arg(program);
        command
    }

    /// Its address on the wire.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        IpAddr::V4(self.address)
    }

    fn run(&self, program: &str, words: &[&str]) -> io::Result<()> {
        let output = self.command(program).args(words).stdin(Stdio::null()).output()?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(format!("{program} {words:?}: {said}")))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        self.holder.kill().ok();
        self.holder.wait().ok();
    }
}

/// Two networks with one wire between them.
#[derive(Debug)]
pub struct Wire {
    near: Namespace,
    far: Namespace,
}

impl Wire {
    /// Lays the wire.
    ///
    /// # Errors
    /// Without root, or when a program is missing.
    pub fn lay() -> io::Result<Self> {
        let near = Namespace::new(Ipv4Addr::new(10, 77, 0, 1))?;
        let far = Namespace::new(Ipv4Addr::new(10, 77, 0, 2))?;
        let (near_pid, far_pid) = (near.holder.id().to_string(), far.holder.id().to_string());
        let pair = ["link", "add", INTERFACE, "netns", &near_pid, "type", "veth"];
        let peer = ["peer", "name", INTERFACE, "netns", &far_pid];
        let output = Command::new("/usr/sbin/ip").args(pair).args(peer).output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        for side in [&near, &far] {
            let address = format!("{}/24", side.address);
            side.run("/usr/sbin/ip", &["address", "add", &address, "dev", INTERFACE])?;
            side.run("/usr/sbin/ip", &["link", "set", "lo", "up"])?;
            side.run("/usr/sbin/ip", &["link", "set", INTERFACE, "up"])?;
        }
        Ok(Self { near, far })
    }

    /// The laptop's side.
    #[must_use]
    pub const fn near(&self) -> &Namespace {
        &self.near
    }

    /// The server's side.
    #[must_use]
    pub const fn far(&self) -> &Namespace {
        &self.far
    }

    /// Takes the near end down.
    ///
    /// # Errors
    /// When `ip` fails.
    pub fn down(&self) -> io::Result<()> {
        self.near.run("/usr/sbin/ip", &["link", "set", INTERFACE, "down"])
    }

    /// Takes the near end up again.
    ///
    /// # Errors
    /// When `ip` fails.
    pub fn up(&self) -> io::Result<()> {
        self.near.run("/usr/sbin/ip", &["link", "set", INTERFACE, "up"])
    }

    /// Swallows everything, both ways.
    ///
    /// # Errors
    /// When `nft` fails.
    pub fn swallow(&self) -> io::Result<()> {
        self.filter("drop")
    }

    /// Answers everything on TCP with a reset, both ways.
    ///
    /// # Errors
    /// When `nft` fails.
    pub fn reset(&self) -> io::Result<()> {
        self.filter("meta l4proto tcp reject with tcp reset")
    }

    /// Ends what [`Wire::swallow`] or [`Wire::reset`] began.
    ///
    /// # Errors
    /// When `nft` fails.
    pub fn heal(&self) -> io::Result<()> {
        self.near.run("/usr/sbin/nft", &["delete", "table", "inet", TABLE])
    }

    fn filter(&self, verdict: &str) -> io::Result<()> {
        let chain = |hook: &str, side: &str| {
            format!(
                "chain {hook} {{ type filter hook {hook} priority 0; {side} \"{INTERFACE}\" {verdict}; }}"
            )
        };
        let (input, output) = (chain("input", "iifname"), chain("output", "oifname"));
        let rules = format!("table inet {TABLE} {{ {input}; {output}; }}");
        self.near.run("/usr/sbin/nft", &[&rules])
    }
}
