//! Which shared secret the Gateway compares with, and where it comes from.
//!
//! Flags win, then the environment, then `gateway.auth.*`, then the token file of the state folder, which is
//! made on the first start. `gateway.remote.*` is for talking to other Gateways and never counts here.

use std::{fmt, path::Path};

use openclaw_base::fs;
use openclaw_config::{Config, Loaded, Paths, SecretInput, schema::AuthMode};
use openclaw_gateway::{auth::proxy::ProxyAuth, settings::SharedAuth};
use openclaw_identity::secret;
use openclaw_protocol::ScopeSet;
use secrecy::{ExposeSecret, SecretString};

use crate::error::DaemonError;

/// Largest token file that is read.
const MAX_TOKEN_FILE_BYTES: u64 = 4 * 1024;

/// What the command line says.
#[derive(Clone, Debug, Default)]
pub struct AuthFlags {
    /// `--auth`.
    pub mode: Option<AuthMode>,
    /// `--token`.
    pub token: Option<SecretString>,
    /// `--password` or `--password-file`.
    pub password: Option<SecretString>,
}

/// Where the secret comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthSource {
    /// Mode `none`.
    Nothing,
    /// Mode `trusted-proxy`: the proxy knows the person.
    Proxy,
    /// A flag.
    Flag,
    /// The environment.
    Environment,
    /// The configuration.
    Config,
    /// The token file.
    TokenFile,
}

impl fmt::Display for AuthSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "no secret",
            Self::Proxy => "the proxy names the person",
            Self::Flag => "from the command line",
            Self::Environment => "from the environment",
            Self::Config => "from the configuration",
            Self::TokenFile => "from the token file",
        })
    }
}

/// The secret, where it comes from, and whether it is short.
#[derive(Clone, Debug)]
pub struct ResolvedAuth {
    /// The secret.
    pub auth: SharedAuth,
    /// Where it comes from.
    pub source: AuthSource,
    /// Shorter than it should be.
    pub short: bool,
}

/// Finds the secret.
///
/// # Errors
/// When the sources contradict each other, or a secret is missing, blank, or a placeholder.
pub(crate) fn resolve(
    paths: &Paths,
    loaded: &Loaded,
    flags: &AuthFlags,
) -> Result<ResolvedAuth, DaemonError> {
    let token = pick(&flags.token, loaded, "OPENCLAW_GATEWAY_TOKEN", |auth| &auth.token)?;
    let password =
        pick(&flags.password, loaded, "OPENCLAW_GATEWAY_PASSWORD", |auth| &auth.password)?;
    let mode = flags.mode.or(loaded.config.gateway.auth.mode);
    match (mode, token, password) {
        (Some(AuthMode::None), _, _) => {
            Ok(ResolvedAuth { auth: SharedAuth::None, source: AuthSource::Nothing, short: false })
        }
        (Some(AuthMode::TrustedProxy), _, _) => Ok(ResolvedAuth {
            auth: SharedAuth::TrustedProxy(proxy(&loaded.config)?),
            source: AuthSource::Proxy,
            short: false,
        }),
        (Some(AuthMode::Password), _, None) => Err(DaemonError::setting(
            "gateway.auth.mode is \"password\", but there is no password",
            "run: openclaw config set gateway.auth.password, or set OPENCLAW_GATEWAY_PASSWORD",
        )),
        (Some(AuthMode::Password), _, Some((secret, source)))
        | (None, None, Some((secret, source))) => {
            check("password", &secret)?;
            Ok(found(SharedAuth::Password(secret), source))
        }
        (Some(AuthMode::Token) | None, Some((secret, source)), None)
        | (Some(AuthMode::Token), Some((secret, source)), Some(_)) => {
            check("token", &secret)?;
            Ok(found(SharedAuth::Token(secret), source))
        }
        (None, Some(_), Some(_)) => Err(DaemonError::setting(
            "both a token and a password are set, and gateway.auth.mode does not say which one counts",
            "run: openclaw config set gateway.auth.mode token   (or password)",
        )),
        (Some(AuthMode::Token) | None, None, _) => {
            let token = token_file(&paths.token_file())?;
            Ok(found(SharedAuth::Token(token), AuthSource::TokenFile))
        }
    }
}

/// What has to be there for the proxy's word to count.
fn proxy(config: &Config) -> Result<ProxyAuth, DaemonError> {
    let refuse = |what: &str, hint: &str| {
        let message = format!("gateway.auth.mode is \"trusted-proxy\", but {what}");
        Err(DaemonError::setting(message, hint))
    };
    let rules = &config.gateway.auth.trusted_proxy;
    let named = rules.user_header.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let Some(user_header) = named else {
        return refuse(
            "no header names the person",
            "run: openclaw config set gateway.auth.trustedProxy.userHeader x-forwarded-user",
        );
    };
    if config.gateway.trusted_proxies.is_empty() {
        return refuse(
            "no proxy is named",
            "run: openclaw config set gateway.trustedProxies '[\"PROXY_ADDRESS\"]'",
        );
    }
    let lower = |name: &String| name.trim().to_ascii_lowercase();
    let automatic = &rules.device_auto_approve;
    let scopes = || ScopeSet::parse(automatic.scopes.iter().map(String::as_str));
    Ok(ProxyAuth {
        user_header: user_header.to_ascii_lowercase(),
        required_headers: rules.required_headers.iter().map(lower).collect(),
        allow_users: rules.allow_users.clone(),
        allow_loopback: rules.allow_loopback,
        auto_approve: automatic.enabled.then(scopes),
    })
}

fn found(auth: SharedAuth, source: AuthSource) -> ResolvedAuth {
    let short = auth.secret().is_some_and(|text| secret::is_short(text.expose_secret()));
    ResolvedAuth { auth, source, short }
}

fn pick(
    flag: &Option<SecretString>,
    loaded: &Loaded,
    variable: &str,
    key: impl Fn(&openclaw_config::schema::GatewayAuth) -> &Option<SecretInput>,
) -> Result<Option<(SecretString, AuthSource)>, DaemonError> {
    if let Some(secret) = flag {
        return Ok(Some((secret.clone(), AuthSource::Flag)));
    }
    if let Some(secret) = loaded.env.get(variable).filter(|secret| !secret.is_empty()) {
        return Ok(Some((SecretString::from(secret), AuthSource::Environment)));
    }
    match key(&loaded.config.gateway.auth) {
        Some(input) => Ok(Some((loaded.secrets().resolve(input)?, AuthSource::Config))),
        None => Ok(None),
    }
}

fn check(what: &str, text: &SecretString) -> Result<(), DaemonError> {
    if secret::is_placeholder(text.expose_secret()) {
        return Err(DaemonError::setting(
            format!("the Gateway's {what} is blank or a placeholder"),
            format!("choose a real one: openclaw config set gateway.auth.{what}"),
        ));
    }
    Ok(())
}

/// Takes everybody else's rights away from a file that holds a secret, should it have got any.
pub(crate) fn keep_private(path: &Path) {
    let closed = fs::is_private(path).and_then(|private| {
        if !private {
            tracing::warn!(path = %path.display(), "others could read this secret; closed it to them");
            fs::make_private(path)?;
        }
        Ok(())
    });
    if let Err(error) = closed {
        tracing::warn!(path = %path.display(), %error, "others may be able to read this secret");
    }
}

/// Reads the token of the state folder, and makes it first if there is none.
fn token_file(path: &Path) -> Result<SecretString, DaemonError> {
    let fail = |action, source| DaemonError::File { action, path: path.to_owned(), source };
    match fs::read_limited(path, MAX_TOKEN_FILE_BYTES) {
        Ok(bytes) => {
            keep_private(path);
            let text = String::from_utf8_lossy(&bytes).trim().to_owned();
            if text.is_empty() {
                return Err(DaemonError::setting(
                    format!("{} is empty", path.display()),
                    format!("remove it, and the next start makes a new one: rm {}", path.display()),
                ));
            }
            Ok(SecretString::from(text))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let token = secret::generate_token()?;
            let line = format!("{}\n", token.expose_secret());
            fs::write_private(path, line.as_bytes())
                .map_err(|source| fail("cannot write", source))?;
            Ok(token)
        }
        Err(source) => Err(fail("cannot read", source)),
    }
}
