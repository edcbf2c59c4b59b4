//! The records that publish a Gateway in a zone, as the text of a zone file.

use std::{fmt::Write as _, net::IpAddr};

use super::{Advertisement, SERVICE, Zone};

/// How long resolvers may keep the records, in seconds.
const TTL: u32 = 60;

/// PTR, SRV, TXT and address records, one a line, with names that need no `$ORIGIN`.
#[must_use]
pub fn records(gateway: &Advertisement, zone: &Zone) -> String {
    let service = format!("{SERVICE}.{zone}");
    let instance = format!("{}.{service}", label(&gateway.instance()));
    let host = format!("{}.{zone}", gateway.host_label());
    let txt: Vec<String> = gateway
        .txt()
        .into_iter()
        .map(|(key, value)| format!("\"{key}={}\"", quoted(&value)))
        .collect();
    let mut text = format!(
        "{service} {TTL} IN PTR {instance}\n\
         {instance} {TTL} IN SRV 0 0 {} {host}\n\
         {instance} {TTL} IN TXT {}\n",
        gateway.port,
        txt.join(" "),
    );
    for address in &gateway.addresses {
        let kind = match address {
            IpAddr::V4(_) => "A",
            IpAddr::V6(_) => "AAAA",
        };
        writeln!(text, "{host} {TTL} IN {kind} {address}").ok();
    }
    text
}

/// One label: dots and everything that is not plain is written as its byte.
fn label(text: &str) -> String {
    let mut label = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => label.push(char::from(byte)),
            other => drop(write!(label, "\\{other:03}")),
        }
    }
    label
}

fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => {
                quoted.push('\\');
                quoted.push(char::from(byte));
            }
            b' '..=b'~' => quoted.push(char::from(byte)),
            other => drop(write!(quoted, "\\{other:03}")),
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_file_is_made() {
        let gateway = Advertisement {
            name: "My \"box\"".to_owned(),
            host: "box".to_owned(),
            port: 18789,
            addresses: vec!["100.64.0.7".parse().expect("ip"), "fd7a::7".parse().expect("ip")],
            tls: None,
            direct: true,
            tailnet_dns: None,
            ssh_port: None,
            cli_path: None,
        };
        let zone = Zone::parse("OpenClaw.Internal").expect("zone");
        let text = records(&gateway, &zone);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                r"_openclaw-gw._tcp.openclaw.internal. 60 IN PTR My\032\034box\034._openclaw-gw._tcp.openclaw.internal.",
                r"My\032\034box\034._openclaw-gw._tcp.openclaw.internal. 60 IN SRV 0 0 18789 box.openclaw.internal.",
                r#"My\032\034box\034._openclaw-gw._tcp.openclaw.internal. 60 IN TXT "role=gateway" "transport=gateway" "displayName=My \"box\"" "lanHost=box.local" "gatewayPort=18789" "gatewayTls=0" "gatewayDirectReachable=1""#,
                "box.openclaw.internal. 60 IN A 100.64.0.7",
                "box.openclaw.internal. 60 IN AAAA fd7a::7",
            ]
        );
    }

    #[test]
    fn only_names_of_zones_are_taken() {
        for bad in ["", ".", "local", "a b", "x\n$INCLUDE /etc/passwd", "ü.example"] {
            assert!(Zone::parse(bad).is_err(), "{bad:?}");
        }
    }
}
