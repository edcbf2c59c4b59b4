//! Profiles: several Gateways of one person side by side, each with its own folder and port.

use openclaw_protocol::DEFAULT_PORT;

use crate::env::Environment;
use crate::error::ConfigError;
use crate::paths::PathOptions;

/// The port of the profile `dev`.
const DEV_PORT: u16 = 19001;
/// First port and number of ports for profiles that name none.
const PROFILE_PORTS: (u16, u32) = (20000, 40000);
const MAX_NAME: usize = 64;

/// A named set of state, or the default one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile(Option<String>);

impl Profile {
    /// Checks a profile name; `default` is the unnamed profile.
    ///
    /// # Errors
    /// A name that could not be part of a folder name.
    pub fn named(name: &str) -> Result<Self, ConfigError> {
        let usable = !name.is_empty()
            && name.len() <= MAX_NAME
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        if !usable {
            return Err(ConfigError::BadProfile { name: name.to_owned() });
        }
        Ok(Self((!name.eq_ignore_ascii_case("default")).then(|| name.to_owned())))
    }

    /// The profile's name, `None` for the default one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The port a Gateway of this profile listens on when nothing names one.
    #[must_use]
    pub fn default_port(&self) -> u16 {
        match self.name() {
            None => DEFAULT_PORT,
            Some("dev") => DEV_PORT,
            Some(name) => {
                let (first, count) = PROFILE_PORTS;
                let offset = u16::try_from(fnv1a_32(name.as_bytes()) % count).unwrap_or_default();
                first.saturating_add(offset)
            }
        }
    }

    pub(super) fn choose(env: &Environment, options: &PathOptions) -> Result<Self, ConfigError> {
        match (&options.profile, options.dev) {
            (Some(name), true) if name != "dev" => {
                Err(ConfigError::DevAndProfile { name: name.clone() })
            }
            (_, true) => Self::named("dev"),
            (Some(name), false) => Self::named(name),
            (None, false) => env.get("OPENCLAW_PROFILE").map_or(Ok(Self(None)), Self::named),
        }
    }
}

/// The 32-bit FNV-1a hash; the original derives ports with it, so ours are the same.
fn fnv1a_32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["ops", "Ops-1", "a_b", &"x".repeat(64)] {
            assert_eq!(Profile::named(good).unwrap().name(), Some(good));
        }
        assert_eq!(Profile::named("Default").unwrap().name(), None);
        for bad in ["", "-x", "a/b", "..", "a b", "ä", &"x".repeat(65)] {
            assert!(Profile::named(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ports_follow_the_published_rule() {
        assert_eq!(fnv1a_32(b""), 0x811c_9dc5);
        assert_eq!(fnv1a_32(b"a"), 0xe40c_292c);
        assert_eq!(fnv1a_32(b"foobar"), 0xbf9c_f968);
        for (name, port) in [("default", 18789), ("dev", 19001), ("a", 20000 + 2220)] {
            assert_eq!(Profile::named(name).unwrap().default_port(), port, "{name}");
        }
    }

    #[test]
    fn dev_is_a_profile_and_flags_win() {
        let env = Environment::from_pairs([("OPENCLAW_PROFILE", "ops")]);
        let choose = |profile: Option<&str>, dev| {
            Profile::choose(&env, &PathOptions { profile: profile.map(str::to_owned), dev })
        };
        assert_eq!(choose(None, false).unwrap().name(), Some("ops"));
        assert_eq!(choose(Some("other"), false).unwrap().name(), Some("other"));
        assert_eq!(choose(None, true).unwrap().name(), Some("dev"));
        assert_eq!(choose(Some("dev"), true).unwrap().name(), Some("dev"));
        assert!(matches!(choose(Some("ops"), true), Err(ConfigError::DevAndProfile { .. })));
    }
}
