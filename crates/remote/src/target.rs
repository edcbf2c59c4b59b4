//! `user@host[:port]`, checked so that no part of it can be taken for an option or a command.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

/// Longest target, in bytes: a user, a host name of 253, a port.
const MAX_TARGET: usize = 320;
/// Longest user name, in bytes.
const MAX_USER: usize = 64;
/// Longest host name, in bytes.
const MAX_HOST: usize = 253;

/// A machine that `ssh` can log in to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SshTarget {
    user: Option<String>,
    host: String,
    port: Option<u16>,
}

/// Why a text is no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{shown:?} is no SSH target: {reason}")]
pub struct TargetError {
    shown: String,
    reason: &'static str,
}

impl SshTarget {
    /// Reads `[USER@]HOST[:PORT]`; an IPv6 address stands in brackets. A host may be an alias of the
    /// person's SSH configuration.
    ///
    /// # Errors
    /// [`TargetError`] with what is wrong.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let wrong = |reason| TargetError { shown: text.chars().take(80).collect(), reason };
        if text.is_empty() {
            return Err(wrong("it is empty"));
        }
        if text.len() > MAX_TARGET {
            return Err(wrong("it is too long"));
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(wrong("it holds a space or control character"));
        }
        let (user, rest) = match text.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, text),
        };
        if let Some(user) = user {
            check_user(user).map_err(wrong)?;
        }
        let (host, port) = split_port(rest).map_err(wrong)?;
        check_host(&host).map_err(wrong)?;
        let port = port.map(parse_port).transpose().map_err(wrong)?;
        Ok(Self { user: user.map(str::to_owned), host, port })
    }

    /// The user to log in as, if one was given.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Host name, alias, or address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, if one was given.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// What a person types after `ssh`.
    #[must_use]
    pub fn command_line(&self) -> String {
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let port = self.port.map(|port| format!("-p {port} ")).unwrap_or_default();
        format!("{port}{user}{}", self.host)
    }
}

impl FromStr for SshTarget {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for SshTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match self.port {
            None => f.write_str(&self.host),
            Some(port) if self.host.contains(':') => write!(f, "[{}]:{port}", self.host),
            Some(port) => write!(f, "{}:{port}", self.host),
        }
    }
}

/// Only what login names are made of: nothing that a shell or `ssh` reads as more than a name.
fn check_user(user: &str) -> Result<(), &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
    if user.is_empty() {
        Err("the user is empty")
    } else if user.len() > MAX_USER {
        Err("the user is too long")
    } else if user.starts_with('-') {
        Err("the user begins with a dash")
    } else if !user.chars().all(plain) {
        Err("the user holds a character that user names do not have")
    } else {
        Ok(())
    }
}

fn check_host(host: &str) -> Result<(), &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if host.is_empty() {
        Err("the host is empty")
    } else if host.len() > MAX_HOST {
        Err("the host is too long")
    } else if host.starts_with('-') {
        Err("the host begins with a dash")
    } else if is_ipv6(host) || host.chars().all(plain) {
        Ok(())
    } else {
        Err("the host holds a character that host names do not have")
    }
}

fn is_ipv6(host: &str) -> bool {
    let (address, zone) = host.split_once('%').unwrap_or((host, "0"));
    let zone_is_plain = !zone.is_empty() && zone.chars().all(|c| c.is_ascii_alphanumeric());
    address.parse::<Ipv6Addr>().is_ok() && zone_is_plain
}

fn split_port(rest: &str) -> Result<(String, Option<&str>), &'static str> {
    if let Some(inner) = rest.strip_prefix('[') {
        let (host, after) = inner.split_once(']').ok_or("the bracket is not closed")?;
        if !is_ipv6(host) {
            return Err("in brackets stands no IPv6 address");
        }
        return match after.strip_prefix(':') {
            Some(port) => Ok((host.to_owned(), Some(port))),
            None if after.is_empty() => Ok((host.to_owned(), None)),
            None => Err("something follows the bracket"),
        };
    }
    if rest.parse::<IpAddr>().is_ok() || is_ipv6(rest) {
        return Ok((rest.to_owned(), None));
    }
    match rest.split_once(':') {
        Some((host, port)) => Ok((host.to_owned(), Some(port))),
        None => Ok((rest.to_owned(), None)),
    }
}

fn parse_port(port: &str) -> Result<u16, &'static str> {
    let digits = !port.is_empty() && port.chars().all(|c| c.is_ascii_digit());
    let number = port.parse::<u16>().ok().filter(|number| digits && *number > 0);
    number.ok_or("the port is not a number from 1 to 65535")
}

#[cfg(test)]
mod tests;
