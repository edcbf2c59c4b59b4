//! The proxy of `tailscale serve`: the head of a request is rewritten, the rest passes.

use std::net::IpAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::TcpStream,
};

use super::Shared;

/// What Tailscale sets itself, and takes away from what a client sends.
const OWN: [&str; 6] =
    ["host", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

/// Forwards one connection to the root handler of the name.
pub(super) async fn forward(mut client: TcpStream, shared: &Shared, peer: IpAddr, funnel: bool) {
    let Some((head, rest)) = head(&mut client).await else { return };
    let key = format!("{}:443", shared.name);
    let (target, login) = {
        let state = shared.state();
        let open = !funnel || state.config["AllowFunnel"][&key] == true;
        let proxy = state.config["Web"][&key]["Handlers"]["/"]["Proxy"].as_str();
        let target = proxy.filter(|_| open).and_then(|it| it.strip_prefix("http://"));
        (target.map(str::to_owned), state.logins.get(&peer).cloned())
    };
    let server = match target {
        Some(target) => TcpStream::connect(target).await.ok(),
        None => None,
    };
    let Some(mut server) = server else {
        let refused = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        client.write_all(refused).await.ok();
        return;
    };
    let mut lines = head.lines();
    let mut sent = format!("{}\r\n", lines.next().unwrap_or_default());
    for line in lines.filter(|line| !line.is_empty()) {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if !OWN.contains(&name.as_str()) && !name.starts_with("tailscale-") {
            sent.push_str(line);
            sent.push_str("\r\n");
        }
    }
    let name = &shared.name;
    sent.push_str(&format!(
        "Host: {name}\r\nX-Forwarded-Host: {name}\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: {peer}\r\n"
    ));
    match login.filter(|_| !funnel) {
        Some(login) => sent.push_str(&format!("Tailscale-User-Login: {login}\r\n")),
        None if funnel => sent.push_str("Tailscale-Funnel-Request: ?1\r\n"),
        None => {}
    }
    sent.push_str("\r\n");
    if server.write_all(sent.as_bytes()).await.is_ok() && server.write_all(&rest).await.is_ok() {
        copy_bidirectional(&mut client, &mut server).await.ok();
    }
}

/// The head of a request, and what came behind it.
async fn head(client: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let read = client.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(chunk.get(..read)?);
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Some((String::from_utf8(bytes).ok()?, rest));
        }
        if bytes.len() > 64 * 1024 {
            return None;
        }
    }
}
