//! `openclaw gateway probe`: every step of reaching the selected Gateway, and what each took.
//!
//! The verdict and the exit code are about that Gateway alone; nothing else is tried in its place.

mod stopwatch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use openclaw_client::{Dial, DialStep, Proof};
use openclaw_protocol::methods::system::{Health, HealthParams};
use openclaw_protocol::{Scope, ScopeSet};
use openclaw_remote::How;
use serde::Serialize;

use self::stopwatch::{Broken, Seen, Stopwatch};
use super::Outcome;
use crate::args::{OutputArgs, TargetArgs};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::{Body, Failure};
use crate::link::{Link, block_on};
use crate::output::{Printer, Style, harmless, short_id};
use crate::target::{self, Place, Target};

/// Longest wait for one answer unless a flag says otherwise.
const USUAL_TIMEOUT: Duration = Duration::from_secs(3);

/// Which Gateway.
#[derive(Args, Debug)]
pub(crate) struct ProbeArgs {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// The rungs of the ladder, from the ground up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Rung {
    Dns,
    Tcp,
    Ssh,
    Tls,
    WebSocket,
    Identity,
    Auth,
    Scope,
    Rpc,
}

impl Rung {
    const ALL: [Self; 9] = [
        Self::Dns,
        Self::Tcp,
        Self::Ssh,
        Self::Tls,
        Self::WebSocket,
        Self::Identity,
        Self::Auth,
        Self::Scope,
        Self::Rpc,
    ];

    const fn label(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Ssh => "ssh",
            Self::Tls => "tls",
            Self::WebSocket => "websocket",
            Self::Identity => "identity",
            Self::Auth => "auth",
            Self::Scope => "scope",
            Self::Rpc => "rpc",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Failed,
    /// Never come to, because one before it failed.
    Skipped,
    /// No part of this way.
    Unused,
}

/// One rung and how it went.
#[derive(Debug, Serialize)]
struct Step {
    step: Rung,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// The whole ladder.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    ok: bool,
    url: String,
    url_source: &'static str,
    capability: &'static str,
    duration_ms: f64,
    steps: Vec<Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Body>,
}

/// How far it went.
struct Climb {
    seen: Seen,
    connected: Option<Connected>,
    rpc: Option<Duration>,
    failure: Option<Failure>,
}

/// What a connection says of itself.
struct Connected {
    at: Instant,
    proof: String,
    auth: String,
    scopes: ScopeSet,
}

/// Climbs as far as it goes.
pub(crate) fn run(context: &Context, args: &ProbeArgs) -> Outcome {
    let mut wanted = args.target.clone();
    wanted.timeout.get_or_insert(USUAL_TIMEOUT);
    let target = target::choose(context, &wanted.reach)?;
    let started = Instant::now();
    let climb = block_on(climb(context, &wanted, &target))?;
    let report = report(&target, started.elapsed(), &climb);
    let printer = context.printer;
    if printer.is_json() {
        printer.json(&report)?;
        return climb
            .failure
            .map_or(Ok(ExitCode::Done), |failure| Err(Failure::already_shown(failure.exit)));
    }
    print(printer, &report)?;
    climb.failure.map_or(Ok(ExitCode::Done), Err)
}

async fn climb(context: &Context, args: &TargetArgs, target: &Target) -> Result<Climb, Failure> {
    let stopwatch = Stopwatch::default();
    let wrap = |dial: Arc<dyn Dial>| -> Arc<dyn Dial> { Arc::new(stopwatch.around(dial)) };
    let climbed =
        |connected, rpc, failure| Climb { seen: stopwatch.seen(), connected, rpc, failure };
    let link = match Link::to(context, args, target, Some(&wrap)).await {
        Ok(link) => link,
        Err(failure) => return Ok(climbed(None, None, Some(failure))),
    };
    let connected = Connected {
        at: Instant::now(),
        proof: describe_proof(link.proof()),
        auth: describe_auth(&link, target),
        scopes: link.hello().scopes(),
    };
    let asked = Instant::now();
    let answer = link.ask::<Health>(&HealthParams::default()).await;
    let took = asked.elapsed();
    link.close().await;
    Ok(match answer {
        Ok(_) => climbed(Some(connected), Some(took), None),
        Err(failure) => climbed(Some(connected), None, Some(failure)),
    })
}

fn describe_auth(link: &Link, target: &Target) -> String {
    let role = link.hello().auth.as_ref().map_or("no role", |grant| grant.role.as_str());
    match target.auth_label(link.way(), link.auth_method()) {
        Some(method) => format!("{role} by {method}"),
        None => role.to_owned(),
    }
}

fn describe_proof(proof: &Proof) -> String {
    match proof.key() {
        Some(key) => format!("key {}", short_id(&key.device_id())),
        None => "none offered; taken for the original's Gateway".to_owned(),
    }
}

fn report(target: &Target, took: Duration, climb: &Climb) -> Report {
    let connected = climb.connected.as_ref();
    let auth_took = connected.and_then(|connected| climb.seen.since_connect(connected.at));
    let broken = broken_rung(target, climb);
    let step = |rung: Rung| {
        let (time, detail) = taken(rung, target, climb, auth_took);
        let used = time.is_some() || detail.is_some() || broken == Some(rung) || always(rung);
        let state = match broken {
            Some(broken) if rung == broken => State::Failed,
            _ if !used => State::Unused,
            Some(broken) if rung > broken => State::Skipped,
            _ => State::Ok,
        };
        let ms = time.filter(|_| state == State::Ok).map(milliseconds);
        Step { step: rung, state, ms, detail }
    };
    Report {
        ok: climb.failure.is_none(),
        url: target.url(),
        url_source: target.source.as_str(),
        capability: capability(climb),
        duration_ms: milliseconds(took),
        steps: Rung::ALL.map(step).into(),
        error: climb.failure.as_ref().map(Failure::body),
    }
}

/// What is taken on every way.
const fn always(rung: Rung) -> bool {
    !matches!(rung, Rung::Dns | Rung::Tcp | Rung::Ssh | Rung::Tls)
}

/// What a rung took, and what there is to say about it.
fn taken(
    rung: Rung,
    target: &Target,
    climb: &Climb,
    auth_took: Option<Duration>,
) -> (Option<Duration>, Option<String>) {
    let (seen, connected) = (&climb.seen, climb.connected.as_ref());
    let by_ssh = is_by_ssh(target);
    match rung {
        Rung::Dns => (seen.step(DialStep::Dns), None),
        Rung::Tcp if matches!(target.place, Place::Door(_)) => {
            (seen.reached(), Some("the owner's door, a socket of this machine".to_owned()))
        }
        Rung::Tcp => (seen.step(DialStep::Tcp), None),
        Rung::Ssh if by_ssh => {
            (seen.reached(), Some("name, connection and login are those of ssh".to_owned()))
        }
        Rung::Ssh => (None, None),
        Rung::Tls => (seen.step(DialStep::Tls), None),
        Rung::WebSocket => (seen.upgraded(), None),
        Rung::Identity => (seen.proven(), connected.map(|it| it.proof.clone())),
        Rung::Auth => (auth_took, connected.map(|it| it.auth.clone())),
        Rung::Scope => (None, connected.map(|_| capability(climb).to_owned())),
        Rung::Rpc => (climb.rpc, None),
    }
}

fn is_by_ssh(target: &Target) -> bool {
    match &target.place {
        Place::Ssh { .. } => true,
        Place::Named(gateway) => matches!(gateway.how, How::Ssh { .. }),
        Place::Url(_) | Place::Door(_) | Place::Port(_) => false,
    }
}

/// The first rung that did not hold.
fn broken_rung(target: &Target, climb: &Climb) -> Option<Rung> {
    let failure = climb.failure.as_ref()?;
    if let Some(connected) = &climb.connected {
        let scope = failure.exit == ExitCode::ScopeMissing || connected.scopes == ScopeSet::EMPTY;
        return Some(if scope { Rung::Scope } else { Rung::Rpc });
    }
    let seen = &climb.seen;
    match seen.failed() {
        Some(Broken::Dns) => return Some(Rung::Dns),
        Some(Broken::Tls) => return Some(Rung::Tls),
        Some(Broken::Ssh) => return Some(Rung::Ssh),
        Some(Broken::Tcp) => return Some(Rung::Tcp),
        None => {}
    }
    // A stream of ssh is open before ssh has logged in.
    if failure.exit == ExitCode::Ssh {
        return Some(Rung::Ssh);
    }
    Some(match (seen.reached(), seen.upgraded(), seen.proven()) {
        (None, _, _) if is_by_ssh(target) => Rung::Ssh,
        (None, _, _) => Rung::Tcp,
        (Some(_), None, _) => Rung::WebSocket,
        (Some(_), Some(_), None) if failure.exit == ExitCode::NotAGateway => Rung::WebSocket,
        (Some(_), Some(_), None) => Rung::Identity,
        (Some(_), Some(_), Some(_)) => Rung::Auth,
    })
}

fn capability(climb: &Climb) -> &'static str {
    if climb.failure.as_ref().is_some_and(|failure| failure.exit == ExitCode::PairingNeeded) {
        return "pairing_pending";
    }
    let Some(connected) = &climb.connected else { return "unknown" };
    match connected.scopes {
        scopes if scopes.allows(Scope::Admin) => "admin_capable",
        scopes if scopes.allows(Scope::Write) => "write_capable",
        scopes if scopes.allows(Scope::Read) => "read_only",
        _ => "connected_no_operator_scope",
    }
}

/// To a tenth: more digits would be noise.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

fn print(printer: Printer, report: &Report) -> Result<(), Failure> {
    printer.line(harmless(&format!("{} ({})", report.url, report.url_source)))?;
    for step in &report.steps {
        let (mark, style) = match step.state {
            State::Ok => ("ok     ", Style::Good),
            State::Failed => ("failed ", Style::Bad),
            State::Skipped => ("skipped", Style::Dim),
            State::Unused => continue,
        };
        let time = step.ms.map_or_else(String::new, |ms| format!("{ms:.1} ms"));
        let detail = harmless(step.detail.as_deref().unwrap_or_default());
        let line = format!(
            "  {:<9}  {}  {time:>9}  {detail}",
            step.step.label(),
            printer.paint(style, mark)
        );
        printer.line(line.trim_end())?;
    }
    Ok(())
}
