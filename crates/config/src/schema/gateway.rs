//! `gateway.*`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::choices::{
    AuthMode, Bind, GatewayMode, HostKeyPolicy, ReloadMode, RemoteTransport, TailscaleMode,
};
use crate::secret::SecretInput;

/// The Gateway itself, and the remote one that commands talk to instead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Gateway {
    /// `local` runs the Gateway on this machine; `remote` makes every command talk to
    /// `gateway.remote.url`. Left out, this machine is meant.
    pub mode: Option<GatewayMode>,
    /// TCP port for WebSocket and HTTP. Left out: 18789, and a port derived from the name for a
    /// profile.
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// Which addresses to listen on beside loopback. `loopback` and `auto`: none, so this machine only
    /// (where there is no loopback at all, `auto` listens on every address, with TLS and a secret);
    /// `lan`: all; `tailnet`: those of this machine in its tailnet; `custom`: `customBindHost`.
    pub bind: Bind,
    /// The IPv4 or IPv6 address for `bind: "custom"`.
    pub custom_bind_host: Option<String>,
    /// The https origin under which a reverse proxy publishes the Gateway; used in links.
    pub public_origin: Option<String>,
    /// What clients have to prove.
    pub auth: GatewayAuth,
    /// Addresses or networks of reverse proxies whose forwarded headers are believed.
    pub trusted_proxies: Vec<String>,
    /// Whether a trusted proxy that sends no `X-Forwarded-For` may name its client in `X-Real-IP`.
    pub allow_real_ip_fallback: bool,
    /// The Gateway on another machine.
    pub remote: RemoteGateway,
    /// The browser interface.
    pub control_ui: ControlUi,
    /// Encryption of the port.
    pub tls: Tls,
    /// Publishing through Tailscale.
    pub tailscale: Tailscale,
    /// What may be called on nodes.
    pub nodes: Nodes,
    /// What other programs may call over plain HTTP.
    pub http: Http,
    /// Which tools `POST /tools/invoke` may call.
    pub tools: HttpTools,
    /// What happens when this file changes.
    pub reload: Reload,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            mode: None,
            port: None,
            bind: Bind::Loopback,
            custom_bind_host: None,
            public_origin: None,
            auth: GatewayAuth::default(),
            trusted_proxies: Vec::new(),
            allow_real_ip_fallback: false,
            remote: RemoteGateway::default(),
            control_ui: ControlUi::default(),
            tls: Tls::default(),
            tailscale: Tailscale::default(),
            nodes: Nodes::default(),
            http: Http::default(),
            tools: HttpTools::default(),
            reload: Reload::default(),
        }
    }
}

/// What other programs may call over plain HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Http {
    /// Endpoints in the form of other vendors' APIs.
    pub endpoints: Endpoints,
}

/// Endpoints in the form of other vendors' APIs; the bearer is the shared secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoints {
    /// `POST /v1/chat/completions`.
    pub chat_completions: Endpoint,
    /// `POST /v1/responses`.
    pub responses: Endpoint,
}

/// One endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoint {
    /// Whether it is served.
    pub enabled: bool,
}

/// Which tools `POST /tools/invoke` may call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpTools {
    /// Tools by name, group or pattern, of those that the agent has. Empty: `/tools/invoke` is not served.
    pub allow: Vec<String>,
    /// Never these tools; wins over `allow`.
    pub deny: Vec<String>,
}

/// What may be called on nodes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Nodes {
    /// Commands beside, or taken from, those that each platform has by default.
    pub commands: NodeCommands,
    /// The older spelling of `commands.allow`; both lists count.
    pub allow_commands: Vec<String>,
    /// The older spelling of `commands.deny`; both lists count.
    pub deny_commands: Vec<String>,
}

/// Commands beside, or taken from, those that each platform has by default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeCommands {
    /// Allowed as well, by name: `camera.snap`, `screen.record`, `sms.send` and the like are off until
    /// they stand here.
    pub allow: Vec<String>,
    /// Never allowed, by name; wins over `allow`.
    pub deny: Vec<String>,
}

/// What clients have to prove.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayAuth {
    /// `none`, a shared `token`, a `password`, or `trusted-proxy`: a reverse proxy has authenticated the
    /// person, see `trustedProxy`. Left out: password if one is set, else token.
    pub mode: Option<AuthMode>,
    /// The shared token, or a reference to it. Left out: the token file in the state folder.
    pub token: Option<SecretInput>,
    /// The password, or a reference to it.
    pub password: Option<SecretInput>,
    /// Whether the login that Tailscale vouches for stands in for the shared secret in the browser
    /// interface. Left out: with `tailscale.mode: "serve"` and mode `token` only.
    pub allow_tailscale: Option<bool>,
    /// Mode `trusted-proxy`: how the proxy names the person.
    pub trusted_proxy: TrustedProxy,
    /// How many failed attempts an address has.
    pub rate_limit: RateLimit,
}

/// How the reverse proxy of mode `trusted-proxy` names the person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TrustedProxy {
    /// The header that names the person, such as `x-forwarded-user`. The proxy has to remove it from
    /// what its own clients send.
    pub user_header: Option<String>,
    /// Headers that must be there as well.
    pub required_headers: Vec<String>,
    /// The persons who are let in; empty: everybody the proxy lets in.
    pub allow_users: Vec<String>,
    /// Whether a proxy on this machine counts. Every program here may then speak as the proxy.
    pub allow_loopback: bool,
    /// Pairing devices behind the proxy without a decision.
    pub device_auto_approve: DeviceAutoApprove,
}

/// Pairing devices behind the proxy without a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceAutoApprove {
    /// Whether it is done.
    pub enabled: bool,
    /// Only for devices that ask for no more than these scopes.
    pub scopes: Vec<String>,
}

impl Default for DeviceAutoApprove {
    fn default() -> Self {
        let scopes =
            ["operator.read", "operator.write", "operator.approvals", "operator.questions"];
        Self { enabled: false, scopes: scopes.map(str::to_owned).into() }
    }
}

/// How many failed attempts an address has before it has to wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RateLimit {
    /// Failed attempts within the window.
    #[schemars(range(min = 1))]
    pub max_attempts: u32,
    /// Length of the window, in milliseconds.
    #[schemars(range(min = 1))]
    pub window_ms: u64,
    /// How long an address has to wait, in milliseconds.
    pub lockout_ms: u64,
    /// Whether this machine itself never has to wait.
    pub exempt_loopback: bool,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { max_attempts: 10, window_ms: 60_000, lockout_ms: 300_000, exempt_loopback: true }
    }
}

/// The Gateway on another machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RemoteGateway {
    /// Its address, `ws://` or `wss://`; needed when `gateway.mode` is `remote`.
    pub url: Option<String>,
    /// Whether to go through SSH, which needs `sshTarget`, or straight to the address.
    pub transport: RemoteTransport,
    /// Its shared token, or a reference to it. Sent to nobody but `gateway.remote.url`.
    pub token: Option<SecretInput>,
    /// Its password, or a reference to it. Sent to nobody but `gateway.remote.url`.
    pub password: Option<SecretInput>,
    /// SHA-256 of the certificate to expect, in hex, colons allowed; for `wss://` only.
    pub tls_fingerprint: Option<String>,
    /// Where to log in: `user@host`, with `:port` if it is not 22. The owner's door there is taken, or,
    /// where our program is not, the Gateway's port with `token` or `password`.
    pub ssh_target: Option<String>,
    /// The private key file for the login.
    pub ssh_identity: Option<String>,
    /// The Gateway's port on the remote machine. Left out: the port of the URL, else 18789.
    #[schemars(range(min = 1))]
    pub remote_port: Option<u16>,
    /// `strict` accepts only known host keys; `openssh` leaves it to the user's SSH configuration.
    pub ssh_host_key_policy: HostKeyPolicy,
}

/// The browser interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ControlUi {
    /// Whether it is served at all.
    pub enabled: bool,
    /// The path it is served under, `/` if left out.
    pub base_path: Option<String>,
    /// A folder to serve instead of the built-in interface.
    pub root: Option<String>,
    /// Web origins that may connect besides the Gateway's own.
    pub allowed_origins: Vec<String>,
}

impl Default for ControlUi {
    fn default() -> Self {
        Self { enabled: true, base_path: None, root: None, allowed_origins: Vec::new() }
    }
}

/// Encryption of the Gateway's port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Tls {
    /// Left out, TLS is on for every address but loopback; `false` turns it off there as well.
    pub enabled: Option<bool>,
    /// Whether to make a certificate of our own when both files are missing.
    pub auto_generate: bool,
    /// The certificate chain, PEM.
    pub cert_path: Option<String>,
    /// The private key, PEM.
    pub key_path: Option<String>,
    /// A certificate authority for client certificates, PEM.
    pub ca_path: Option<String>,
}

impl Default for Tls {
    fn default() -> Self {
        Self { enabled: None, auto_generate: true, cert_path: None, key_path: None, ca_path: None }
    }
}

/// Publishing through Tailscale.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Tailscale {
    /// `serve` publishes to the tailnet, `funnel` to everybody (then a password is needed), at
    /// `https://NAME/` with Tailscale's certificate. It is withdrawn when the Gateway stops.
    pub mode: TailscaleMode,
    /// What is published is always withdrawn at the end; this key of older releases changes nothing.
    pub reset_on_exit: bool,
}

/// What happens when the configuration file changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Reload {
    /// `off` ignores changes until the next start; every other mode applies what can be applied and
    /// says what needs a restart.
    pub mode: ReloadMode,
    /// How long the file has to stay unchanged before it is read, in milliseconds.
    #[schemars(range(max = 60_000))]
    pub debounce_ms: u64,
}

impl Default for Reload {
    fn default() -> Self {
        Self { mode: ReloadMode::Hybrid, debounce_ms: 300 }
    }
}
