//! What the environment and the configuration together say about being found.

use crate::env::Environment;
use crate::schema::{Config, MdnsMode};

/// How this Gateway is announced, and where others are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiscoverySettings {
    /// What is said on the local network; `OPENCLAW_DISABLE_BONJOUR=1` turns it off.
    pub mode: MdnsMode,
    /// `OPENCLAW_DISABLE_BONJOUR=0`: announce even what only this machine reaches.
    pub always: bool,
    /// `OPENCLAW_MDNS_HOSTNAME`: the name of this machine on the local network.
    pub host: Option<String>,
    /// `OPENCLAW_WIDE_AREA_DOMAIN`, else `discovery.wideArea.domain`.
    pub domain: Option<String>,
    /// `OPENCLAW_TAILNET_DNS`: the name of this machine in its tailnet.
    pub tailnet_dns: Option<String>,
    /// `OPENCLAW_SSH_PORT`, else 22.
    pub ssh_port: u16,
    /// `OPENCLAW_CLI_PATH`: where the program is.
    pub cli_path: Option<String>,
}

impl Config {
    /// Reads `discovery` and its variables.
    #[must_use]
    pub fn discovery(&self, env: &Environment) -> DiscoverySettings {
        let text = |name: &str| env.get(name).map(str::trim).filter(|text| !text.is_empty());
        let owned = |name: &str| text(name).map(str::to_owned);
        let disabled = text("OPENCLAW_DISABLE_BONJOUR").map(is_true);
        let domain = owned("OPENCLAW_WIDE_AREA_DOMAIN");
        let ssh_port = text("OPENCLAW_SSH_PORT").and_then(|port| port.parse().ok());
        DiscoverySettings {
            mode: if disabled == Some(true) { MdnsMode::Off } else { self.discovery.mdns.mode },
            always: disabled == Some(false),
            host: owned("OPENCLAW_MDNS_HOSTNAME"),
            domain: domain.or_else(|| self.discovery.wide_area.domain.clone()),
            tailnet_dns: owned("OPENCLAW_TAILNET_DNS"),
            ssh_port: ssh_port.filter(|port| *port > 0).unwrap_or(22),
            cli_path: owned("OPENCLAW_CLI_PATH"),
        }
    }
}

fn is_true(text: &str) -> bool {
    !matches!(text.to_ascii_lowercase().as_str(), "0" | "false" | "no" | "off")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides_before_the_file() {
        let mut config = Config::default();
        config.discovery.wide_area.domain = Some("file.example".to_owned());
        for (variable, mode, always) in [
            (None, MdnsMode::Minimal, false),
            (Some("1"), MdnsMode::Off, false),
            (Some("true"), MdnsMode::Off, false),
            (Some("0"), MdnsMode::Minimal, true),
        ] {
            let pairs = variable.map(|value| ("OPENCLAW_DISABLE_BONJOUR", value));
            let settings = config.discovery(&Environment::from_pairs(pairs));
            assert_eq!((settings.mode, settings.always), (mode, always), "{variable:?}");
            assert_eq!(settings.domain.as_deref(), Some("file.example"));
            assert_eq!(settings.ssh_port, 22);
        }
        let env = Environment::from_pairs([
            ("OPENCLAW_WIDE_AREA_DOMAIN", "env.example"),
            ("OPENCLAW_SSH_PORT", "nonsense"),
        ]);
        let settings = config.discovery(&env);
        assert_eq!(settings.domain.as_deref(), Some("env.example"));
        assert_eq!(settings.ssh_port, 22);
    }
}
