//! Whether a stranger who reaches the port gets in.

use openclaw_config::schema::AuthMode;
use openclaw_identity::secret::{SHORT_CHARS, is_placeholder, is_short};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    check::{Check, Fix, Hit, Origin},
    facts::Facts,
    severity::Severity,
};

/// More attempts than this in a window are no limit.
const MANY_ATTEMPTS: u32 = 100;

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "gateway.bind_no_auth",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "The Gateway listens beyond this machine without authentication",
        remedy: "openclaw config set gateway.auth.mode token",
        run: |facts| no_auth(facts, true),
    },
    Check {
        id: "gateway.loopback_no_auth",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "Every program of this machine may use the Gateway",
        remedy: "openclaw config set gateway.auth.mode token",
        run: |facts| no_auth(facts, false),
    },
    Check {
        id: "gateway.token_placeholder_value",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "The token is blank or a value from an example",
        remedy: "openclaw config unset gateway.auth.token, and the next start makes a random one",
        run: |facts| placeholder(facts.auth.token.as_ref(), "token"),
    },
    Check {
        id: "gateway.password_placeholder_value",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "The password is blank or a value from an example",
        remedy: "openclaw config set gateway.auth.password",
        run: |facts| placeholder(facts.auth.password.as_ref(), "password"),
    },
    Check {
        id: "gateway.token_too_short",
        severity: Severity::Warn,
        origin: Origin::Documented,
        title: "The token is short enough to be guessed",
        remedy: "openclaw config unset gateway.auth.token, and the next start makes a random one",
        run: |facts| short(facts, AuthMode::Token, "token"),
    },
    Check {
        id: "gateway.password_too_short",
        severity: Severity::Warn,
        origin: Origin::Documented,
        title: "The password is short enough to be guessed",
        remedy: "openclaw config set gateway.auth.password",
        run: |facts| short(facts, AuthMode::Password, "password"),
    },
    Check {
        id: "gateway.auth_no_rate_limit",
        severity: Severity::Warn,
        origin: Origin::Documented,
        title: "Nobody is locked out after wrong guesses",
        remedy: "openclaw config unset gateway.auth.rateLimit",
        run: no_rate_limit,
    },
    Check {
        id: "gateway.probe_auth_secretref_unavailable",
        severity: Severity::Warn,
        origin: Origin::Documented,
        title: "A secret of the Gateway cannot be looked up",
        remedy: "make the reference resolvable here: openclaw config get gateway.auth",
        run: unresolved,
    },
];

fn no_auth(facts: &Facts, exposed: bool) -> Vec<Hit> {
    let nothing = facts.auth.mode == AuthMode::None;
    let missing = facts.auth.mode == AuthMode::Password
        && facts.auth.password.is_none()
        && !facts.auth.unresolved.iter().any(|one| one.path == "gateway.auth.password");
    let reason = match (nothing, missing) {
        (true, _) => "no secret is asked for: the mode is none",
        (_, true) => "the mode is password and there is none",
        _ => return Vec::new(),
    };
    let at = format!("{}: {reason}", facts.spot("gateway.auth.mode"));
    let bind = format!("; gateway.bind is {}", facts.bind);
    Hit::when(facts.is_exposed() == exposed, format!("{at}{bind}"))
}

fn placeholder(secret: Option<&SecretString>, kind: &str) -> Vec<Hit> {
    let is = secret.is_some_and(|secret| is_placeholder(secret.expose_secret()));
    Hit::when(is, format!("gateway.auth.{kind} is no secret"))
}

fn short(facts: &Facts, mode: AuthMode, kind: &str) -> Vec<Hit> {
    let secret = facts.auth.secret().filter(|_| facts.auth.mode == mode);
    let Some(text) = secret.map(ExposeSecret::expose_secret) else { return Vec::new() };
    let length = text.chars().count();
    let detail = format!("the {kind} has {length} characters; {SHORT_CHARS} are the least");
    Hit::when(is_short(text) && !is_placeholder(text), detail)
}

fn no_rate_limit(facts: &Facts) -> Vec<Hit> {
    let limit = &facts.config.gateway.auth.rate_limit;
    let detail = if limit.lockout_ms == 0 {
        "gateway.auth.rateLimit.lockoutMs is 0: nobody ever has to wait".to_owned()
    } else if limit.max_attempts > MANY_ATTEMPTS {
        let (attempts, window) = (limit.max_attempts, limit.window_ms / 1000);
        format!("gateway.auth.rateLimit.maxAttempts lets {attempts} guesses pass in {window} s")
    } else {
        return Vec::new();
    };
    vec![Hit::new(detail).fix(Fix::Unset { key: "gateway.auth.rateLimit" })]
}

fn unresolved(facts: &Facts) -> Vec<Hit> {
    let all = facts.auth.unresolved.iter();
    all.map(|one| Hit::new(format!("{}: {}", one.path, one.message))).collect()
}
