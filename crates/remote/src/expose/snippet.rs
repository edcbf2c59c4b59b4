//! The words for each proxy. What matters is written once and is both printed and tested.

use std::{fmt::Write as _, net::SocketAddr, path::Path};

/// nginx: which `Connection` header belongs to which request.
const NGINX_MAP: &str = "\
map $http_upgrade $openclaw_connection {
    default upgrade;
    ''      close;
}
";

/// nginx: the way to the Gateway. Forwarding headers are overwritten: whatever a client wrote there
/// is gone. A WebSocket may be quiet for a day.
fn nginx_location(gateway: SocketAddr) -> String {
    format!(
        "    location / {{
        proxy_pass http://{gateway};
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $openclaw_connection;
        proxy_set_header Host $http_host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Host $http_host;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header Forwarded \"\";
        proxy_read_timeout 1d;
        proxy_send_timeout 1d;
        proxy_buffering off;
    }}
"
    )
}

/// Caddy: the same. It passes WebSockets on, keeps `Host`, sets no time limit, and overwrites
/// `X-Forwarded-*` by itself.
fn caddy_block(gateway: SocketAddr) -> String {
    format!(
        "    reverse_proxy {gateway} {{
        header_up X-Real-IP {{http.request.remote.host}}
        header_up -Forwarded
        flush_interval -1
    }}
"
    )
}

pub(super) fn nginx(site: &str, gateway: SocketAddr) -> String {
    let location = nginx_location(gateway);
    format!(
        "\
{NGINX_MAP}
server {{
    listen 443 ssl;
    listen [::]:443 ssl;
    server_name {site};
    ssl_certificate     /etc/letsencrypt/live/{site}/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/{site}/privkey.pem;

{location}}}
"
    )
}

pub(super) fn caddy(site: &str, gateway: SocketAddr) -> String {
    format!("{site} {{\n{}}}\n", caddy_block(gateway))
}

/// One port of the tested proxy and where it leads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) listen: SocketAddr,
    pub(super) to: SocketAddr,
}

/// A whole configuration of nginx for a folder of its own.
pub(super) fn nginx_test(folder: &Path, ways: &[Way]) -> String {
    let folder = folder.display();
    let mut text = format!(
        "\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ }}
http {{
access_log off;
client_body_temp_path {folder}/body;
proxy_temp_path {folder}/proxy;
fastcgi_temp_path {folder}/fastcgi;
uwsgi_temp_path {folder}/uwsgi;
scgi_temp_path {folder}/scgi;
{NGINX_MAP}"
    );
    for way in ways {
        let location = nginx_location(way.to);
        write!(text, "server {{\n    listen {};\n{location}}}\n", way.listen).ok();
    }
    text.push_str("}\n");
    text
}

/// A whole configuration of Caddy.
pub(super) fn caddy_test(ways: &[Way]) -> String {
    let mut text = "{\n    admin off\n    auto_https off\n}\n".to_owned();
    for way in ways {
        let (port, ip) = (way.listen.port(), way.listen.ip());
        let block = caddy_block(way.to);
        write!(text, "http://:{port} {{\n    bind {ip}\n{block}}}\n").ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_what_is_tested() {
        let gateway: SocketAddr = "127.0.0.1:18789".parse().expect("address");
        let way = Way { listen: "127.0.0.1:1".parse().expect("address"), to: gateway };
        let printed = nginx("gateway.example.org", gateway);
        let tested = nginx_test(Path::new("/tmp/x"), &[way]);
        for part in [NGINX_MAP, &nginx_location(gateway)] {
            assert!(printed.contains(part) && tested.contains(part), "{part}");
        }
        let part = caddy_block(gateway);
        assert!(caddy("gateway.example.org", gateway).contains(&part));
        assert!(caddy_test(&[way]).contains(&part));
    }
}
