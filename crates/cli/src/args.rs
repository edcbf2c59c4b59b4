//! Flags that many commands share.

mod value;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use openclaw_client::Fingerprint;
use secrecy::SecretString;

pub(crate) use self::value::{parse_duration, parse_seconds, secret as secret_value};

/// Flags of every command.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Use the state folder `~/.openclaw-NAME`
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Use the profile `dev`, port 19001
    #[arg(long, global = true)]
    pub(crate) dev: bool,
    /// Print no colours
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// Log what happens to standard error
    #[arg(long, global = true)]
    pub(crate) verbose: bool,
}

/// Flags of every command that prints data.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct OutputArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which Gateway to talk to, and for how long.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct TargetArgs {
    #[command(flatten)]
    pub(crate) reach: ReachArgs,
    /// Longest wait for an answer: `500ms`, `10s`, `2m`; a bare number is milliseconds
    #[arg(long, value_name = "TIME", value_parser = parse_duration, help_heading = "Gateway")]
    pub(crate) timeout: Option<Duration>,
}

/// Flags of a command that asks a Gateway and prints what it says.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct AskArgs {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Which Gateway to talk to, and with which credential.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Gateway")]
pub(crate) struct ReachArgs {
    /// Talk to the Gateway of this name; `remote add` gives names
    #[arg(long, value_name = "NAME", conflicts_with_all = ["url", "ssh"])]
    pub(crate) gateway: Option<String>,
    /// Talk to the Gateway at this address; needs an explicit credential
    #[arg(long, value_name = "URL", conflicts_with = "ssh")]
    pub(crate) url: Option<String>,
    /// Talk to the Gateway of another machine through `ssh`
    #[arg(long, value_name = "USER@HOST[:PORT]")]
    pub(crate) ssh: Option<String>,
    /// Reach this port on the machine of --ssh, not the owner's door; needs a secret flag
    #[arg(long, value_name = "PORT", requires = "ssh")]
    pub(crate) remote_port: Option<u16>,
    /// Private key to log in with on the machine named by --ssh
    #[arg(long, value_name = "FILE", requires = "ssh")]
    pub(crate) ssh_identity: Option<PathBuf>,
    /// SHA-256 of the certificate that a `wss://` address has to show
    #[arg(long, value_name = "SHA256")]
    pub(crate) tls_fingerprint: Option<Fingerprint>,
    /// Gateway token
    #[arg(long, value_name = "TOKEN", value_parser = secret_value, allow_hyphen_values = true)]
    pub(crate) token: Option<SecretString>,
    /// Gateway password
    #[arg(long, value_name = "PASSWORD", value_parser = secret_value, allow_hyphen_values = true)]
    pub(crate) password: Option<SecretString>,
    /// Read the password from a file, or with `-` from a prompt or standard input
    #[arg(long, value_name = "FILE", conflicts_with = "password")]
    pub(crate) password_file: Option<PathBuf>,
    /// What a code said about the address.
    #[arg(skip)]
    pub(crate) invite: Option<Box<Invited>>,
}

/// What a code says about an address.
#[derive(Clone, Debug)]
pub(crate) struct Invited {
    /// The single-use token.
    pub(crate) token: SecretString,
    /// The key that the Gateway there has to prove.
    pub(crate) key: Option<openclaw_identity::PublicKey>,
}
