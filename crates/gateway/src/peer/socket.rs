//! Who holds the other end of a loopback connection, as the kernel says it.
//!
//! Linux is asked for the one socket over netlink; where that is not allowed its table is read, which takes
//! the longer the more sockets there are. Elsewhere nothing is known, and no TCP peer counts as local.

use std::net::SocketAddr;

#[cfg(target_os = "linux")]
mod diag;

/// The peer's end of a loopback connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeerEnd {
    /// Uid of its owner.
    pub(crate) uid: u32,
    inode: u64,
}

impl PeerEnd {
    /// Asks the kernel for it.
    #[cfg(target_os = "linux")]
    pub(crate) fn find(peer: SocketAddr, local: SocketAddr) -> Option<Self> {
        // A client of both families has an IPv6 socket even where it talks to an IPv4 address: only the
        // table shows that one by what it is connected to.
        diag::find(peer, local).or_else(|| Self::in_table(peer, local))
    }

    /// Looks it up in the kernel's socket table.
    #[cfg(target_os = "linux")]
    fn in_table(peer: SocketAddr, local: SocketAddr) -> Option<Self> {
        let canonical = |address: SocketAddr| (address.ip().to_canonical(), address.port());
        // A socket that nobody holds any more has no inode, and the kernel shows it as root's.
        let is_peer_end = |entry: &procfs::net::TcpNetEntry| {
            entry.inode != 0
                && canonical(entry.local_address) == canonical(peer)
                && canonical(entry.remote_address) == canonical(local)
        };
        let find = |table: procfs::ProcResult<Vec<procfs::net::TcpNetEntry>>| {
            let entry = table.ok()?.into_iter().find(&is_peer_end)?;
            Some(Self { uid: entry.uid, inode: entry.inode })
        };
        find(procfs::net::tcp()).or_else(|| find(procfs::net::tcp6()))
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn find(_peer: SocketAddr, _local: SocketAddr) -> Option<Self> {
        None
    }

    /// Whether a `tailscaled` of this uid holds it. One in userspace mode dials from loopback for every
    /// device of its tailnet, and each does for what `tailscale serve --tcp` forwards: whoever stands
    /// behind such a connection is not on this machine.
    #[cfg(target_os = "linux")]
    pub(crate) fn is_tailscaled(&self) -> bool {
        let Ok(processes) = procfs::process::all_processes() else { return true };
        let daemons = processes.flatten().filter(|process| {
            process.uid().is_ok_and(|uid| uid == self.uid)
                && process.stat().is_ok_and(|stat| stat.comm == "tailscaled")
        });
        daemons.into_iter().any(|daemon| match daemon.fd() {
            Ok(mut open) => open.any(|fd| {
                let socket = |target| matches!(target, procfs::process::FDTarget::Socket(inode) if inode == self.inode);
                fd.is_ok_and(|fd| socket(fd.target))
            }),
            // What it holds cannot be seen: it may be this one.
            Err(_) => true,
        })
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn is_tailscaled(&self) -> bool {
        true
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        net::TcpListener,
        path::PathBuf,
        process::{Child, Command, Stdio},
    };

    use super::*;

    /// A process with a name of ours that connects and stays.
    struct Dialler {
        child: Child,
        _folder: tempfile::TempDir,
    }

    impl Dialler {
        fn start(name: &str, port: u16) -> std::io::Result<Self> {
            let folder = tempfile::tempdir()?;
            let program: PathBuf = folder.path().join(name);
            std::fs::copy("/bin/bash", &program)?;
            let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; read -r _ <&3");
            let child =
                Command::new(&program).args(["-c", &script]).stdin(Stdio::null()).spawn()?;
            Ok(Self { child, _folder: folder })
        }
    }

    impl Drop for Dialler {
        fn drop(&mut self) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }

    #[test]
    fn both_ways_of_asking_find_the_same() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).expect("bind");
            let local = listener.local_addr().expect("address");
            let client = std::net::TcpStream::connect(local).expect("connect");
            let (server, peer) = listener.accept().expect("accept");
            let asked = diag::find(peer, local);
            assert_eq!(asked, PeerEnd::in_table(peer, local), "{address}");
            assert_eq!(asked.map(|end| end.uid), Some(rustix::process::getuid().as_raw()));
            drop(client);
            assert_eq!(PeerEnd::find(peer, local), None, "nobody holds it any more");
            drop(server);
        }
    }

    #[test]
    fn what_tailscaled_holds_is_told_from_what_others_hold() {
        for (name, expected) in [("tailscaled", true), ("browser", false)] {
            let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
            let local = listener.local_addr().expect("address");
            let _dialler = Dialler::start(name, local.port()).expect("a shell");
            let (server, peer) = listener.accept().expect("accept");
            let end = PeerEnd::find(peer, local).expect("in the table");
            assert_eq!(end.is_tailscaled(), expected, "{name}");
            drop(server);
        }
    }
}
