//! One question to the kernel about one socket (`sock_diag(7)`), answered in the same moment.

use std::{io, net::SocketAddr};

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::{
    SockDiagMessage,
    constants::{AF_INET, AF_INET6, IPPROTO_TCP},
    inet::{ExtensionFlags, InetRequest, SocketId, StateFlags},
};
use netlink_sys::{Socket, protocols::NETLINK_SOCK_DIAG};

use super::PeerEnd;

/// Room for the answer, which is one message.
const ANSWER_BYTES: usize = 4096;
/// Any socket of these addresses, whatever the kernel calls it.
const NO_COOKIE: [u8; 8] = [0xff; 8];

/// The socket that is connected from `peer` to `local`.
pub(super) fn find(peer: SocketAddr, local: SocketAddr) -> Option<PeerEnd> {
    match ask(peer, local) {
        Ok(end) => end,
        Err(error) => {
            tracing::trace!(%error, "the kernel answers no question about a socket");
            None
        }
    }
}

fn ask(peer: SocketAddr, local: SocketAddr) -> io::Result<Option<PeerEnd>> {
    let (source, destination) = (peer.ip().to_canonical(), local.ip().to_canonical());
    let request = InetRequest {
        family: if source.is_ipv4() { AF_INET } else { AF_INET6 },
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::empty(),
        states: StateFlags::all(),
        socket_id: SocketId {
            source_port: peer.port(),
            destination_port: local.port(),
            source_address: source,
            destination_address: destination,
            interface_id: 0,
            cookie: NO_COOKIE,
        },
    };
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST;
    let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);

    let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.bind_auto()?;
    // The answer is there as soon as the question is sent; nothing here ever waits.
    socket.set_non_blocking(true)?;
    socket.connect(&netlink_sys::SocketAddr::new(0, 0))?;
    socket.send(&bytes, 0)?;
    let mut answer = Vec::with_capacity(ANSWER_BYTES);
    socket.recv(&mut answer, 0)?;
    let answer = NetlinkMessage::<SockDiagMessage>::deserialize(&answer)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
    let NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(found)) = answer.payload else {
        return Ok(None);
    };
    let (id, header) = (&found.header.socket_id, &found.header);
    let is_it = id.source_port == peer.port()
        && id.destination_port == local.port()
        && id.source_address.to_canonical() == source
        && id.destination_address.to_canonical() == destination;
    // A socket that nobody holds any more has no inode, and the kernel shows it as root's.
    let is_held = is_it && header.inode != 0;
    Ok(is_held.then_some(PeerEnd { uid: header.uid, inode: u64::from(header.inode) }))
}
