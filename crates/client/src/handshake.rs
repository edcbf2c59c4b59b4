//! From a stream to a connection: the Gateway proves itself, then the client says who it is.
//!
//! [`establish`] makes attempts, each on a socket of its own, until one is accepted or refused for
//! good. What an attempt may send is decided from the proof it saw, never from an earlier attempt's.

use std::{future::Future, time::Duration};

use openclaw_identity::secret;
use openclaw_protocol::{DetailCode, PROTOCOL_V3, PROTOCOL_V4, trust::SecretKind};
use tokio::time::{Instant, timeout_at};

use crate::{
    dial::{DialError, Failure, Fingerprint, Target},
    endpoint::{Endpoint, Pin, Proof},
    error::{ClientError, CloseReason, PairingRequired, Stage},
    hello::Hello,
    options::{ClientOptions, PairingWait},
    saved::SavedGateway,
    stream::{self, Socket},
};

mod challenge;
mod exchange;
mod params;
mod refusal;

use challenge::Challenge;
use exchange::Answer;
use refusal::Refusal;

/// Attempts of one connect: protocol 3, the other kind of secret, and a repeat after approval each
/// need one more.
const MAX_ATTEMPTS: usize = 6;
/// How long `ssh` gets to say why its stream ended.
const FAILURE_GRACE: Duration = Duration::from_secs(3);

/// A connection that was accepted.
pub(crate) struct Established {
    pub(crate) socket: Socket,
    pub(crate) hello: Hello,
    pub(crate) proof: Proof,
    /// The certificate that had to be named.
    pub(crate) certificate: Option<Fingerprint>,
    /// Tells why what carries the stream failed.
    pub(crate) failure: Option<Failure>,
}

/// What one attempt offers, as far as the proof it sees allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// Protocol asked for.
    protocol: u32,
    /// To a proven Gateway: whether knowledge of the shared secret is proven as well.
    with_secret: bool,
    /// To an unproven Gateway: the kind of secret that is sent.
    bearer: SecretKind,
}

/// How one attempt ended.
enum Outcome {
    Accepted(Box<Established>),
    Refused(Box<Refusal>),
    Approved,
}

/// Connects.
pub(crate) async fn establish(
    endpoint: &Endpoint,
    options: &ClientOptions,
) -> Result<Established, ClientError> {
    let saved = load(endpoint)?;
    let pin = pin(endpoint, &saved);
    let paired = saved.paired.iter().any(|role| role == options.role.as_str());
    let mut attempt =
        Attempt { protocol: PROTOCOL_V4, with_secret: !paired, bearer: SecretKind::Token };
    let run = Run { endpoint, options, saved: &saved, pin: &pin };
    let mut last = None;
    for _ in 0..MAX_ATTEMPTS {
        let refusal = match run.once(attempt).await? {
            Outcome::Accepted(established) => {
                remember(endpoint, options, &established);
                return Ok(*established);
            }
            Outcome::Approved => continue,
            Outcome::Refused(refusal) => refusal,
        };
        let next = refusal.next(attempt, &endpoint.plan);
        tracing::debug!(?attempt, ?next, code = ?refusal.code, "connect refused");
        let error = refusal.into_error();
        match next {
            Some(next) => (attempt, last) = (next, Some(error)),
            None => return Err(error),
        }
    }
    Err(last
        .unwrap_or_else(|| ClientError::ProtocolMismatch("the Gateway never decides".to_owned())))
}

fn load(endpoint: &Endpoint) -> Result<SavedGateway, ClientError> {
    let Some(file) = &endpoint.saved else { return Ok(SavedGateway::default()) };
    file.load().map_err(|error| {
        ClientError::local(format!("{} cannot be read", file.path().display()), error)
    })
}

fn pin(endpoint: &Endpoint, saved: &SavedGateway) -> Pin {
    match (&endpoint.pin, saved.key, &endpoint.saved) {
        (Pin::None, Some(key), Some(file)) => Pin::Saved(key, file.path().to_owned()),
        (pin, _, _) => pin.clone(),
    }
}

/// Keeps what a successful handshake showed. Failing to is only logged: the connection works.
fn remember(endpoint: &Endpoint, options: &ClientOptions, established: &Established) {
    let Some(file) = &endpoint.saved else { return };
    // Another process may have learnt something meanwhile; its pin is not thrown away.
    let latest = file.load().ok();
    let unpinned = |latest: &SavedGateway| {
        latest.key.is_none() || latest.key.as_ref() == established.proof.key()
    };
    let Some(saved) = latest.filter(unpinned) else {
        tracing::warn!(path = %file.path().display(), "the file was changed meanwhile; it stays");
        return;
    };
    let mut next = saved.clone();
    let role = options.role.as_str().to_owned();
    match &established.proof {
        Proof::Proven(key) => {
            next.key = Some(*key);
            if options.device.is_some() && !next.paired.contains(&role) {
                next.paired.push(role);
            }
        }
        Proof::Unproven => {
            let token = established.hello.auth.as_ref().and_then(|auth| auth.device_token.clone());
            if let Some(token) = token {
                next.tokens.insert(role, token.into());
            }
        }
    }
    let changed = next.key != saved.key
        || next.paired != saved.paired
        || next.tokens.len() != saved.tokens.len()
        || matches!(established.proof, Proof::Unproven) && !next.tokens.is_empty();
    if changed && let Err(error) = file.save(&next) {
        tracing::warn!(path = %file.path().display(), %error, "what was learnt could not be kept");
    }
}

/// What all attempts of one connect share.
pub(crate) struct Run<'a> {
    endpoint: &'a Endpoint,
    options: &'a ClientOptions,
    saved: &'a SavedGateway,
    pin: &'a Pin,
}

impl Run<'_> {
    async fn once(&self, attempt: Attempt) -> Result<Outcome, ClientError> {
        let target = self.endpoint.dial.target();
        let clock = Deadline::new(self.options.connect_timeout);
        let dialing = self.endpoint.dial.dial();
        let mut dialed = clock
            .within(Stage::Dial, dialing)
            .await?
            .map_err(|error| ClientError::from_dial(error, target.clone()))?;
        let failure = dialed.failure.take();
        let talk = self.talk(attempt, dialed, &target, clock);
        match talk.await {
            Ok(Outcome::Accepted(established)) => {
                Ok(Outcome::Accepted(Box::new(Established { failure, ..*established })))
            }
            // The stream's carrier knows better why it ended than the stream does.
            Err(error) if is_about_the_stream(&error) => match failure {
                Some(failure) => Err(explained(failure, error, target).await),
                None => Err(error),
            },
            result => result,
        }
    }

    async fn talk(
        &self,
        attempt: Attempt,
        mut dialed: crate::dial::Dialed,
        target: &Target,
        clock: Deadline,
    ) -> Result<Outcome, ClientError> {
        let nonce = secret::nonce().map_err(|error| {
            ClientError::local(error.to_string(), std::io::Error::other("no randomness"))
        })?;
        let (binding, tls) = (dialed.binding, dialed.tls.take());
        let wait = matches!(self.options.pairing, PairingWait::For { .. });
        let upgrade = stream::upgrade(dialed, target, &nonce, wait);
        let mut socket = clock.within(Stage::Upgrade, upgrade).await??;
        clock.within(Stage::Challenge, exchange::nudge(&mut socket)).await?;
        let challenge = exchange::challenge(&mut socket, target);
        let challenge: Challenge = clock.within(Stage::Challenge, challenge).await??;
        let challenge = challenge.over(tls);
        let proof = challenge.judge(&nonce, binding, self.pin, target)?;
        let connect = params::build(self, attempt, &challenge, &proof, &nonce)?;
        let answer = exchange::connect(&mut socket, &connect, target);
        match clock.within(Stage::Hello, answer).await?? {
            Answer::Hello(hello) => Ok(Outcome::Accepted(Box::new(Established {
                socket,
                hello: *hello,
                proof,
                certificate: challenge.relies_on(),
                failure: None,
            }))),
            Answer::Refused(error) => {
                let refusal = Refusal::new(*error, &connect, &proof);
                self.maybe_wait(refusal, socket).await
            }
        }
    }

    /// Keeps the socket of a refused device and waits for the decision, if that is wanted.
    async fn maybe_wait(
        &self,
        refusal: Refusal,
        mut socket: Socket,
    ) -> Result<Outcome, ClientError> {
        let PairingWait::For { at_most, notify } = &self.options.pairing else {
            return Ok(Outcome::Refused(Box::new(refusal)));
        };
        if !refusal.may_wait(&self.endpoint.plan) {
            return Ok(Outcome::Refused(Box::new(refusal)));
        }
        let pairing = PairingRequired::from(&refusal);
        notify(&pairing.notice());
        let decision = exchange::decision(&mut socket, pairing.request_id.as_deref());
        match tokio::time::timeout(*at_most, decision).await {
            Ok(Ok(true)) => Ok(Outcome::Approved),
            Ok(Ok(false)) => Err(ClientError::PairingRejected {
                request_id: pairing.request_id.unwrap_or_default(),
            }),
            Ok(Err(reason @ CloseReason::Silent(_))) => Err(ClientError::LinkLost(reason)),
            // The Gateway does not hold the socket, or no longer.
            Ok(Err(_)) => Err(ClientError::PairingRequired(Box::new(pairing))),
            Err(_) => Err(ClientError::Timeout { stage: Stage::Pairing, after: *at_most }),
        }
    }
}

/// Whether an error only says that the stream ended or stayed silent.
const fn is_about_the_stream(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::LinkLost(_) | ClientError::NotAGateway { .. } | ClientError::Timeout { .. }
    )
}

async fn explained(
    failure: impl Future<Output = Option<DialError>>,
    error: ClientError,
    target: Target,
) -> ClientError {
    match tokio::time::timeout(FAILURE_GRACE, failure).await {
        Ok(Some(reason)) => ClientError::from_dial(reason, target),
        Ok(None) | Err(_) => error,
    }
}

/// One time limit over several stages.
#[derive(Clone, Copy)]
struct Deadline {
    at: Instant,
    after: Duration,
}

impl Deadline {
    fn new(after: Duration) -> Self {
        Self { at: Instant::now() + after, after }
    }

    async fn within<T>(
        self,
        stage: Stage,
        future: impl Future<Output = T>,
    ) -> Result<T, ClientError> {
        timeout_at(self.at, future)
            .await
            .map_err(|_| ClientError::Timeout { stage, after: self.after })
    }
}

impl Attempt {
    /// The same over protocol 3.
    const fn over_v3(self) -> Self {
        Self { protocol: PROTOCOL_V3, ..self }
    }
}

/// Whether a code says that a secret is wanted that was not offered.
const fn wants_secret(code: DetailCode) -> bool {
    matches!(
        code,
        DetailCode::AuthRequired
            | DetailCode::AuthUnauthorized
            | DetailCode::AuthTokenMissing
            | DetailCode::AuthPasswordMissing
            | DetailCode::PairingRequired
    )
}
