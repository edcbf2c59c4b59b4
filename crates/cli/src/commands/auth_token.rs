//! `openclaw gateway auth-token`: which secret the Gateway of this state folder compares with.
//!
//! The secret itself is printed with `--show` alone, and only to a person: never into a pipe or JSON.

use clap::Args;
use openclaw_config::Loaded;
use openclaw_config::schema::AuthMode;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::Outcome;
use crate::args::OutputArgs;
use crate::context::{Context, config_failure};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::input;

/// Below this a secret is easy to guess.
const SHORT: usize = 24;

/// What to print.
#[derive(Args, Debug)]
pub(crate) struct AuthTokenArgs {
    /// Print the secret; on a terminal only
    #[arg(long, conflicts_with = "json")]
    show: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// What is known, without the secret.
#[derive(Debug, Serialize)]
struct AuthReport {
    mode: &'static str,
    configured: bool,
    source: Option<String>,
    short: bool,
}

/// Finds the secret the way the Gateway does.
pub(crate) fn run(context: &Context, args: &AuthTokenArgs) -> Outcome {
    let printer = context.printer;
    if args.show && !printer.is_terminal() {
        let failure =
            Failure::usage("`--show` prints a secret, and standard output is no terminal");
        return Err(failure.hint("read the file that `openclaw gateway auth-token` names instead"));
    }
    let loaded = context.config()?;
    let found = find(context, &loaded)?;
    let report = AuthReport {
        mode: found.mode,
        configured: found.secret.is_some(),
        source: found.source,
        short: found
            .secret
            .as_ref()
            .is_some_and(|secret| secret.expose_secret().chars().count() < SHORT),
    };
    if printer.is_json() {
        printer.json(&report)?;
    } else if args.show {
        let secret = found.secret.ok_or_else(|| not_there(&report))?;
        printer.line(secret.expose_secret())?;
    } else {
        show(context, &report)?;
    }
    Ok(ExitCode::Done)
}

fn show(context: &Context, report: &AuthReport) -> Result<(), Failure> {
    let none = if report.mode == "token" || report.mode == "password" {
        "not made yet"
    } else {
        "no secret is asked for"
    };
    let source = report.source.clone().unwrap_or_else(|| none.to_owned());
    context.printer.fields(&[("Mode", report.mode.to_owned()), ("Source", source)])?;
    if report.short {
        context.printer.warning(format!("the {} has fewer than {SHORT} characters", report.mode));
    }
    if report.configured {
        context.printer.hint("`openclaw gateway auth-token --show` prints it on a terminal");
    }
    Ok(())
}

fn not_there(report: &AuthReport) -> Failure {
    if report.mode == "none" {
        return Failure::new(ExitCode::Failed, "this Gateway asks for no secret");
    }
    Failure::new(ExitCode::Failed, "there is no secret yet")
        .hint("the first `openclaw gateway run` makes a token")
}

struct Found {
    mode: &'static str,
    secret: Option<SecretString>,
    source: Option<String>,
}

fn find(context: &Context, loaded: &Loaded) -> Result<Found, Failure> {
    let auth = &loaded.config.gateway.auth;
    let env =
        |name: &str| loaded.env.get(name).map(|value| (value, format!("environment, {name}")));
    let env_password = env("OPENCLAW_GATEWAY_PASSWORD");
    let mode = auth.mode.unwrap_or(if auth.password.is_some() || env_password.is_some() {
        AuthMode::Password
    } else {
        AuthMode::Token
    });
    let (name, from_env, input, key) = match mode {
        AuthMode::None => return Ok(Found { mode: "none", secret: None, source: None }),
        AuthMode::TrustedProxy => {
            return Ok(Found { mode: "trusted-proxy", secret: None, source: None });
        }
        AuthMode::Password => ("password", env_password, &auth.password, "gateway.auth.password"),
        AuthMode::Token => {
            ("token", env("OPENCLAW_GATEWAY_TOKEN"), &auth.token, "gateway.auth.token")
        }
    };
    if let Some((value, source)) = from_env {
        return Ok(Found { mode: name, secret: Some(value.into()), source: Some(source) });
    }
    if let Some(input) = input {
        let source = Some(format!("{}, {key}", context.paths.config_file().display()));
        let secret = loaded.secrets().resolve(input).map_err(|error| config_failure(&error))?;
        return Ok(Found { mode: name, secret: Some(secret), source });
    }
    let file = context.paths.token_file();
    if name == "token" && file.exists() {
        let secret = input::secret_file(context.printer, &file, "")?;
        return Ok(Found {
            mode: name,
            secret: Some(secret),
            source: Some(file.display().to_string()),
        });
    }
    Ok(Found { mode: name, secret: None, source: None })
}
