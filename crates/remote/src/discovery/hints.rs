//! What a TXT record says of a Gateway: checked for its kind, bounded, and safe to print.

use serde::Serialize;

/// Longest name that is shown.
const MAX_SHOWN: usize = 64;
/// Longest path that is shown.
const MAX_PATH: usize = 255;
/// Longest name of a machine.
const MAX_HOST: usize = 253;
/// Entries that are looked at.
const MAX_ENTRIES: usize = 64;

/// The documented keys. A value of another kind, or too long, or with characters that steer a terminal,
/// is left out as if it had not been said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hints {
    /// What it calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The name of its machine on the local network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lan_host: Option<String>,
    /// The name of its machine in a tailnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tailnet_dns: Option<String>,
    /// Its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_port: Option<u16>,
    /// Whether it speaks TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_tls: Option<bool>,
    /// What it says the fingerprint of its certificate is. Nobody vouches for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_tls_sha256: Option<String>,
    /// Whether others than its machine can connect to its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_direct_reachable: Option<bool>,
    /// Where `ssh` answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_port: Option<u16>,
    /// Where the program is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cli_path: Option<String>,
    /// `gateway`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// `gateway`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
}

impl Hints {
    /// Reads a TXT record's entries. The first of a key counts; keys differ not by their case.
    pub fn read<'a>(entries: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut hints = Self::default();
        for (key, value) in entries.into_iter().take(MAX_ENTRIES) {
            if let Ok(value) = std::str::from_utf8(value) {
                hints.take(&key.to_ascii_lowercase(), value);
            }
        }
        hints
    }

    fn take(&mut self, key: &str, value: &str) {
        match key {
            "displayname" => first(&mut self.display_name, name(value)),
            "lanhost" => first(&mut self.lan_host, host_name(value)),
            "tailnetdns" => first(&mut self.tailnet_dns, host_name(value)),
            "gatewayport" => first(&mut self.gateway_port, port(value)),
            "gatewaytls" => first(&mut self.gateway_tls, truth(value)),
            "gatewaytlssha256" => first(&mut self.gateway_tls_sha256, digest(value)),
            "gatewaydirectreachable" => first(&mut self.gateway_direct_reachable, truth(value)),
            "sshport" => first(&mut self.ssh_port, port(value)),
            "clipath" => first(&mut self.cli_path, path(value)),
            "role" => first(&mut self.role, word(value)),
            "transport" => first(&mut self.transport, word(value)),
            _ => {}
        }
    }
}

fn first<T>(place: &mut Option<T>, value: Option<T>) {
    if place.is_none() {
        *place = value;
    }
}

/// Text that can be printed anywhere: without what moves a cursor or turns the direction of writing.
pub(super) fn shown(text: &str) -> String {
    let kept = text.chars().filter(|c| !is_steering(*c));
    kept.take(MAX_SHOWN).collect::<String>().trim().to_owned()
}

fn is_steering(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn name(value: &str) -> Option<String> {
    Some(shown(value)).filter(|name| !name.is_empty())
}

/// A name of a machine, or an IP address.
pub(super) fn host_name(value: &str) -> Option<String> {
    let value = value.trim_end_matches('.');
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
    let good = !value.is_empty()
        && value.len() <= MAX_HOST
        && !value.starts_with(['-', '.'])
        && value.chars().all(known);
    good.then(|| value.to_owned())
}

fn port(value: &str) -> Option<u16> {
    value.parse().ok().filter(|port| *port > 0)
}

fn truth(value: &str) -> Option<bool> {
    match value {
        "1" | "true" | "yes" => Some(true),
        "0" | "false" | "no" => Some(false),
        _ => None,
    }
}

/// A SHA-256 in hexadecimal digits, with or without colons; always given back without.
fn digest(value: &str) -> Option<String> {
    let value = value.strip_prefix("sha256:").unwrap_or(value);
    let digits: String = value.chars().filter(|c| *c != ':').take(65).collect();
    let good = digits.len() == 64 && digits.chars().all(|c| c.is_ascii_hexdigit());
    good.then(|| digits.to_ascii_lowercase())
}

fn path(value: &str) -> Option<String> {
    let good = !value.is_empty() && value.len() <= MAX_PATH && !value.chars().any(is_steering);
    good.then(|| value.to_owned())
}

fn word(value: &str) -> Option<String> {
    let known = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let good = !value.is_empty() && value.len() <= 32 && value.chars().all(known);
    good.then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_documented_keys_are_read() {
        let sha = "AB:".repeat(31) + "AB";
        let hints = Hints::read([
            ("role", b"gateway".as_slice()),
            ("transport", b"gateway"),
            ("displayName", "Küche".as_bytes()),
            ("lanHost", b"box.local"),
            ("gatewayPort", b"18789"),
            ("gatewayTls", b"1"),
            ("gatewayTlsSha256", sha.as_bytes()),
            ("gatewayDirectReachable", b"0"),
            ("tailnetDns", b"box.tail1234.ts.net"),
            ("sshPort", b"22"),
            ("cliPath", b"/usr/local/bin/openclaw"),
        ]);
        let expected = Hints {
            display_name: Some("Küche".to_owned()),
            lan_host: Some("box.local".to_owned()),
            tailnet_dns: Some("box.tail1234.ts.net".to_owned()),
            gateway_port: Some(18789),
            gateway_tls: Some(true),
            gateway_tls_sha256: Some("ab".repeat(32)),
            gateway_direct_reachable: Some(false),
            ssh_port: Some(22),
            cli_path: Some("/usr/local/bin/openclaw".to_owned()),
            role: Some("gateway".to_owned()),
            transport: Some("gateway".to_owned()),
        };
        assert_eq!(hints, expected);
    }

    #[test]
    fn what_is_of_another_kind_was_not_said() {
        let long = "x".repeat(4000);
        let hints = Hints::read([
            ("gatewayPort", b"0".as_slice()),
            ("gatewayPort", b"99999"),
            ("sshPort", b"-oProxyCommand=reboot"),
            ("lanHost", b"-oProxyCommand=reboot"),
            ("lanHost", b"a b"),
            ("tailnetDns", long.as_bytes()),
            ("gatewayTls", b"maybe"),
            ("gatewayTlsSha256", b"abcd"),
            ("cliPath", b"/bin/\x1b[2Jsh"),
            ("role", b"\xff\xfe"),
            ("unknown", b"x"),
        ]);
        assert_eq!(hints, Hints::default());
    }

    #[test]
    fn a_name_cannot_steer_a_terminal_or_turn_the_writing() {
        let hints = Hints::read([("displayName", "a\u{1b}[2J\u{202e}b\n".as_bytes())]);
        assert_eq!(hints.display_name.as_deref(), Some("a[2Jb"));
        let long = "y".repeat(255);
        let hints = Hints::read([("displayName", long.as_bytes()), ("displayName", b"second")]);
        assert_eq!(hints.display_name.map(|name| name.len()), Some(MAX_SHOWN));
    }

    proptest! {
        #[test]
        fn nothing_that_is_kept_steers(entries in proptest::collection::vec(
            ("(displayName|lanHost|cliPath|role|tailnetDns|gatewayTlsSha256)", proptest::collection::vec(any::<u8>(), 0..300)),
            0..20,
        )) {
            let hints = Hints::read(entries.iter().map(|(key, value)| (key.as_str(), value.as_slice())));
            let text = [
                hints.display_name, hints.lan_host, hints.cli_path, hints.role, hints.tailnet_dns,
                hints.gateway_tls_sha256,
            ];
            for value in text.into_iter().flatten() {
                prop_assert!(value.len() <= 4 * MAX_PATH && !value.chars().any(is_steering));
            }
        }
    }
}
