//! Keeps one tunnel up.
//!
//! A life begins with an `ssh` and ends with it. In between a client of ours stays connected through it
//! and asks for the Gateway's health: what is reported is what that client finds. A Gateway that is down
//! behind a link that works is waited for without a new `ssh`.

use std::{path::Path, sync::Arc, time::Duration};

use openclaw_base::{Backoff, Clock, SystemClock};
use openclaw_client::{
    CallOptions, Client, ClientError, ClientOptions, CloseReason, Endpoint, ErrorKind, SshProblem,
};
use parking_lot::Mutex;
use serde_json::json;
use tokio::{
    sync::{Notify, oneshot, watch},
    time::{interval, sleep, timeout},
};

use super::{TunnelReport, TunnelState, forward::Forward, surroundings::Surroundings};
use crate::classify::{Ending, classify, failure};

/// How often the Gateway is asked whether it is there.
const BEAT: Duration = Duration::from_secs(4);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(6);
/// The same right after this machine slept or its network changed: then the link is dead as a rule.
const ANSWER_AFTER_CHANGE: Duration = Duration::from_secs(2);
/// A link that carries nothing is given up after this long at most.
pub const DEAD_AFTER: Duration = Duration::from_secs(10);
/// How often a socket is looked for.
const LOOK: Duration = Duration::from_millis(5);
/// How long an `ssh` whose streams ended gets to say why.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// Everything one tunnel is made of.
pub(super) struct Keeper {
    pub(super) forward: Forward,
    /// The Gateway through this tunnel's own `ssh`.
    pub(super) endpoint: Endpoint,
    pub(super) options: ClientOptions,
    pub(super) state: watch::Sender<TunnelReport>,
    /// Ends a pause at once.
    pub(super) wake: Arc<Notify>,
    /// Whether the link is worth a look before its time.
    pub(super) surroundings: Mutex<Surroundings>,
}

/// Why a life or a connection ended.
struct Down {
    reason: String,
    hint: String,
}

/// How a connection through a living `ssh` ended.
enum Used {
    /// Nothing comes through any more.
    Silent,
    /// The Gateway said goodbye, or its stream was cut.
    Lost,
    /// It could not be used at all.
    Refused(Down),
}

impl Keeper {
    /// Runs until it is dropped.
    pub(super) async fn run(self) {
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(15));
        loop {
            let losses = self.state.borrow().losses;
            let down = self.life().await;
            let worked = self.state.borrow().losses > losses;
            // What worked until now is made again at once.
            let delay = if worked {
                backoff.reset();
                Duration::ZERO
            } else {
                backoff.next_delay()
            };
            tracing::info!(reason = %down.reason, ?delay, "the tunnel is down");
            self.degraded(down, delay);
            if !delay.is_zero() {
                self.rest(delay).await;
            }
        }
    }

    /// One `ssh` from its start to its end.
    async fn life(&self) -> Down {
        self.state.send_modify(|report| {
            // Until it works again, the reason why it does not is worth showing.
            if report.state != TunnelState::Degraded || report.reason.is_none() {
                report.since_ms = SystemClock.now_ms();
            }
            report.state = TunnelState::Connecting;
            report.next_try_ms = None;
        });
        let (stream, mut ending) = match self.forward.start().await {
            Ok(started) => started,
            Err(error) => return self.not_started(&error),
        };
        self.state.send_modify(|report| report.ssh_pid = stream.pid());
        let down = self.use_while_alive(&mut ending).await;
        self.state.send_modify(|report| {
            (report.ssh_pid, report.open) = (None, false);
            report.losses += u32::from(report.state == TunnelState::Connected);
        });
        down
    }

    async fn use_while_alive(&self, ending: &mut oneshot::Receiver<Ending>) -> Down {
        let limit = self.forward.ssh.connect_timeout + Duration::from_secs(2);
        let ready = timeout(limit, async {
            for socket in self.forward.sockets() {
                appears(socket).await;
            }
        });
        tokio::select! {
            end = &mut *ending => return self.ended(end.ok()),
            ready = ready => if ready.is_err() { return self.silent() },
        }
        // Whoever waits goes with our own first question, not after its answer.
        self.state.send_modify(|report| report.open = true);
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
        loop {
            let used = tokio::select! {
                end = &mut *ending => return self.ended(end.ok()),
                used = self.use_once() => used,
            };
            if matches!(used, Used::Silent) {
                return self.silent();
            }
            if let Ok(end) = timeout(LAST_WORDS, &mut *ending).await {
                return self.ended(end.ok());
            }
            let down = match used {
                Used::Refused(down) => down,
                Used::Silent | Used::Lost => {
                    backoff.reset();
                    self.no_gateway()
                }
            };
            let delay = backoff.next_delay();
            self.state.send_modify(|report| {
                report.losses += u32::from(report.state == TunnelState::Connected);
            });
            self.degraded(down, delay);
            tokio::select! {
                end = &mut *ending => return self.ended(end.ok()),
                _ = self.rest(delay) => {}
            }
        }
    }

    /// Connects, and asks again and again until no answer comes.
    async fn use_once(&self) -> Used {
        let client = match Client::connect(&self.endpoint, &self.options).await {
            Ok(client) => client,
            Err(ClientError::Timeout { .. }) => return Used::Silent,
            Err(error) => return Used::Refused(self.refused(&error)),
        };
        self.state.send_modify(|report| {
            (report.state, report.open) = (TunnelState::Connected, true);
            report.since_ms = SystemClock.now_ms();
            (report.reason, report.hint, report.next_try_ms) = (None, None, None);
        });
        loop {
            let changed = tokio::select! {
                reason = client.closed() => return lost(&reason),
                changed = self.rest(BEAT) => changed,
            };
            let limit = if changed { ANSWER_AFTER_CHANGE } else { ANSWER };
            let options = CallOptions::within(limit);
            match client.call_raw("health", &json!({}), options).await {
                Err(ClientError::Timeout { .. }) => return Used::Silent,
                Err(ClientError::LinkLost(reason)) => return lost(&reason),
                // A refusal is an answer.
                Ok(_) | Err(_) => {}
            }
        }
    }

    /// Waits; less when somebody wants the tunnel now, or when this machine slept in between or is in
    /// another network, and says whether it is so.
    async fn rest(&self, time: Duration) -> bool {
        self.surroundings.lock().rest();
        let changed = async {
            let mut look = interval(Duration::from_millis(500));
            loop {
                look.tick().await;
                if self.surroundings.lock().changed() {
                    return;
                }
            }
        };
        tokio::select! {
            () = sleep(time) => false,
            () = self.wake.notified() => false,
            () = changed => true,
        }
    }

    fn degraded(&self, down: Down, delay: Duration) {
        let now = SystemClock.now_ms();
        let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.state.send_modify(|report| {
            if report.state == TunnelState::Connected {
                report.since_ms = now;
            }
            (report.state, report.open) = (TunnelState::Degraded, false);
            report.failures = report.failures.saturating_add(1);
            report.next_try_ms = Some(now.saturating_add(delay));
            (report.reason, report.hint) = (Some(down.reason), Some(down.hint));
        });
    }

    fn not_started(&self, error: &std::io::Error) -> Down {
        if error.kind() == std::io::ErrorKind::NotFound {
            return self.problem(SshProblem::NoSsh);
        }
        Down {
            reason: error.to_string(),
            hint: "repair that, then `openclaw remote up`".to_owned(),
        }
    }

    /// The `ssh` ended by itself.
    fn ended(&self, ending: Option<Ending>) -> Down {
        let failure = ending.and_then(|ending| classify(&ending, &self.forward.target));
        match failure {
            Some(failure) => Down { reason: failure.message, hint: failure.hint },
            None => Down {
                reason: "ssh was ended".to_owned(),
                hint: "nothing: it is started again".to_owned(),
            },
        }
    }

    fn silent(&self) -> Down {
        self.problem(SshProblem::TimedOut)
    }

    fn problem(&self, problem: SshProblem) -> Down {
        let failure = failure(problem, &self.forward.target, "");
        Down { reason: failure.message, hint: failure.hint }
    }

    /// The link works, but nothing answers at its end.
    fn no_gateway(&self) -> Down {
        let line = self.forward.target.command_line();
        Down {
            reason: format!("no Gateway answers on {}", self.forward.target.host()),
            hint: format!("see whether it runs, and where: ssh {line} openclaw gateway status"),
        }
    }

    fn refused(&self, error: &ClientError) -> Down {
        match error.kind() {
            ErrorKind::LinkLost | ErrorKind::NothingListening | ErrorKind::NotAGateway => {
                self.no_gateway()
            }
            _ => Down { reason: error.to_string(), hint: error.hint() },
        }
    }
}

const fn lost(reason: &CloseReason) -> Used {
    match reason {
        CloseReason::Silent(_) => Used::Silent,
        _ => Used::Lost,
    }
}

/// Waits until `ssh` has made a socket, which it does once it is logged in.
async fn appears(socket: &Path) {
    let mut look = interval(LOOK);
    while !socket.exists() {
        look.tick().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_and_an_answer_fit_into_what_is_promised() {
        assert!(BEAT + ANSWER <= DEAD_AFTER);
        assert!(DEAD_AFTER < Duration::from_secs(15));
    }
}
