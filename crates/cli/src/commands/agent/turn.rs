//! One turn: the request, its events, its outcome, and what happens when one of them is missing.

mod recover;

use std::time::Duration;

use openclaw_client::{ClientError, CloseReason, Delivery, ErrorKind, Events, Step};
use openclaw_protocol::events::chat as chat_events;
use openclaw_protocol::methods::agent::{Agent, AgentParams, AgentResult, RunStatus};
use openclaw_protocol::methods::chat::ChatAbort;
use openclaw_protocol::methods::sessions::SessionsAbort;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::stream::{News, Shown, news, texts};
use crate::args::TargetArgs;
use crate::commands::Outcome;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::explain::client_failure;
use crate::failure::Failure;
use crate::link::{Link, params};
use crate::output::{duration, harmless};

/// How often a lost link is dialled anew.
const MAX_REDIALS: u32 = 8;
/// Shortest pause between two attempts; it doubles up to sixteen times this.
const REDIAL_PAUSE: Duration = Duration::from_millis(250);
/// How long a run may take when nobody says otherwise, as the Gateway has it, and a little more.
const USUAL_RUN: Duration = Duration::from_secs(660);
/// How long the Gateway has to confirm an abort.
const ABORT: Duration = Duration::from_secs(5);
/// How long the last events of a failed run may come after its answer.
const TRAILING: Duration = Duration::from_millis(250);

/// What to say, and how.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) message: &'a str,
    pub(super) session_key: Option<&'a str>,
    pub(super) agent: Option<&'a str>,
    pub(super) thinking: Option<&'a str>,
    pub(super) timeout: Option<Duration>,
}

/// A turn on its way.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    context: &'a Context,
    target: &'a TargetArgs,
    params: AgentParams,
    run_id: String,
    /// Known once the Gateway has accepted the run.
    session_key: Option<String>,
    accepted: bool,
    shown: Shown,
    /// `--timeout`.
    limit: Option<Duration>,
    deadline: Instant,
}

/// How following a run ended.
enum Followed {
    /// The final answer.
    Done(Value),
    /// A person pressed Ctrl-C.
    Interrupted,
    /// The link is gone.
    Lost(Failure),
}

impl<'a> Turn<'a> {
    /// A turn that is not sent yet.
    pub(super) fn new(
        context: &'a Context,
        target: &'a TargetArgs,
        request: &Request<'_>,
    ) -> Result<Self, Failure> {
        let run_id = uuid::Uuid::new_v4().to_string();
        let params = params::<Agent>(json!({
            "message": request.message,
            "sessionKey": request.session_key,
            "agentId": request.agent,
            "thinking": request.thinking,
            "timeout": request.timeout.map(|timeout| timeout.as_secs().max(1)),
            "idempotencyKey": run_id,
        }))?;
        let longest =
            request.timeout.map_or(USUAL_RUN, |timeout| timeout + Duration::from_secs(30));
        Ok(Self {
            context,
            target,
            params,
            run_id,
            session_key: None,
            accepted: false,
            shown: Shown::default(),
            limit: request.timeout,
            deadline: Instant::now() + longest,
        })
    }

    /// Sends the message and sees the turn through to its end.
    pub(super) async fn run(mut self) -> Outcome {
        let mut link = Link::open(self.context, self.target).await?;
        let mut redials = 0;
        loop {
            let followed =
                if self.accepted { self.wait(&link).await? } else { self.send(&link).await? };
            match followed {
                Followed::Done(result) => {
                    link.close().await;
                    return self.finish(&result);
                }
                Followed::Interrupted => {
                    let outcome = self.abort(&link).await;
                    link.close().await;
                    return outcome;
                }
                Followed::Lost(failure) => {
                    self.context.printer.note(format!("{}; dialling again", failure.message()));
                    link = tokio::select! {
                        link = self.redial(link, &mut redials, failure) => link?,
                        _ = tokio::signal::ctrl_c() => return Err(self.left_alone()),
                    };
                }
            }
        }
    }

    /// Dials until somebody answers or patience ends.
    async fn redial(
        &self,
        ended: Link,
        redials: &mut u32,
        first: Failure,
    ) -> Result<Link, Failure> {
        let mut failure = first;
        let point = ended.resume_point();
        // What carried it may still hang.
        ended.close().await;
        while *redials < MAX_REDIALS {
            tokio::time::sleep(REDIAL_PAUSE * 2_u32.pow((*redials).min(4))).await;
            *redials += 1;
            match Link::again(self.context, self.target, point.clone()).await {
                Ok(link) => return Ok(link),
                Err(next) if next.is_lasting() => return Err(next),
                Err(next) => failure = next,
            }
        }
        Err(failure.hint(self.goes_on()))
    }

    /// Ctrl-C while nobody answers: the run cannot be told to stop.
    fn left_alone(&self) -> Failure {
        let message = "interrupted; the Gateway could not be told, so the run may go on";
        Failure::new(ExitCode::LinkLost, message).kind("aborted").hint(self.goes_on())
    }

    fn goes_on(&self) -> String {
        match &self.session_key {
            Some(key) => format!("the run goes on there: openclaw sessions show {key}"),
            None => "look at it with `openclaw sessions show`".to_owned(),
        }
    }

    /// Sends the request, or sends it again: the same key never starts a second run.
    async fn send(&mut self, link: &Link) -> Result<Followed, Failure> {
        let mut events = link.events();
        let mut answers = match link.start::<Agent>(&self.params, self.time_left()).await {
            Ok(answers) => answers,
            Err(error) => return self.last_word(Some(Err(error))),
        };
        let interrupt = tokio::signal::ctrl_c();
        tokio::pin!(interrupt);
        loop {
            tokio::select! {
                biased;
                _ = &mut interrupt => return Ok(Followed::Interrupted),
                delivery = events.next() => match delivery {
                    Some(delivery) => drop(self.show(&delivery)?),
                    None => return self.last_word(answers.next().await),
                },
                answer = answers.next() => match answer {
                    Some(Ok(step)) if !step.last => self.accept(&step)?,
                    other => {
                        self.show_waiting(&mut events)?;
                        if matches!(&other, Some(Err(error)) if error.rpc().is_some()) {
                            self.show_trailing(&mut events).await?;
                        }
                        return self.last_word(other);
                    }
                },
            }
        }
    }

    fn accept(&mut self, step: &Step) -> Result<(), Failure> {
        let first: Value = step.decode().map_err(|error| client_failure(&error))?;
        self.accepted = true;
        self.session_key = first.get("sessionKey").and_then(Value::as_str).map(str::to_owned);
        Ok(())
    }

    /// Tells the end of a run from the end of a link.
    fn last_word(
        &mut self,
        answer: Option<Result<Step, ClientError>>,
    ) -> Result<Followed, Failure> {
        let error = match answer {
            Some(Ok(step)) if step.last => {
                return step.decode().map(Followed::Done).map_err(|error| client_failure(&error));
            }
            Some(Ok(step)) => {
                self.accept(&step)?;
                ClientError::LinkLost(CloseReason::Ended)
            }
            Some(Err(error)) => error,
            None => ClientError::LinkLost(CloseReason::Ended),
        };
        let failure = client_failure(&error);
        let lost = matches!(error.kind(), ErrorKind::LinkLost | ErrorKind::NothingListening);
        if lost && Instant::now() < self.deadline {
            return Ok(Followed::Lost(failure));
        }
        self.end_line()?;
        Err(failure)
    }

    /// Stops the run on the Gateway.
    async fn abort(&mut self, link: &Link) -> Outcome {
        self.end_line()?;
        let stopped = match &self.session_key {
            Some(key) => {
                let wanted =
                    params::<ChatAbort>(json!({ "sessionKey": key, "runId": self.run_id }))?;
                link.try_ask::<ChatAbort>(&wanted, ABORT).await
            }
            None => {
                let wanted = params::<SessionsAbort>(json!({ "runId": self.run_id }))?;
                link.try_ask::<SessionsAbort>(&wanted, ABORT).await
            }
        };
        let failure = match stopped {
            Ok(_) => Failure::new(ExitCode::Failed, "interrupted; the run was stopped"),
            Err(error) => Failure::local("interrupted, but the run could not be stopped", &error)
                .hint("openclaw sessions show --follow"),
        };
        Err(failure.kind("aborted"))
    }

    /// Prints the end of the answer.
    fn finish(mut self, value: &Value) -> Outcome {
        let printer = self.context.printer;
        if printer.is_json() {
            printer.json(value)?;
        }
        let result: AgentResult = serde_json::from_value(value.clone())
            .map_err(|error| Failure::local("the answer has an unusual shape", &error))?;
        let run = result.result.as_ref();
        if !printer.is_json() {
            let rest = self.shown.finish(&run.map(texts).unwrap_or_default());
            printer.piece(&harmless(&rest))?;
            self.end_line()?;
            match run {
                _ if self.shown.anything() => {}
                // The message was a word to stop.
                None => printer.note("nothing runs in this session any more"),
                Some(_) => printer.note("the answer is empty"),
            }
        }
        if run.and_then(|run| run.meta.aborted) == Some(true) {
            let failure = self.stopped(result.status == RunStatus::Timeout);
            return Err(if printer.is_json() {
                Failure::already_shown(failure.exit)
            } else {
                failure
            });
        }
        Ok(ExitCode::Done)
    }

    fn stopped(&self, too_long: bool) -> Failure {
        if !too_long {
            return Failure::new(ExitCode::Failed, "the run was stopped").kind("aborted");
        }
        let limit = self.limit.map_or_else(|| "it may".to_owned(), duration);
        let message = format!("the run took longer than {limit} and was stopped");
        Failure::new(ExitCode::LinkLost, message)
            .kind("timeout")
            .hint("give it more time with --timeout, or set agents.defaults.timeoutSeconds")
    }

    /// Shows an event; says whether it was the last of the run.
    fn show(&mut self, delivery: &Delivery) -> Result<bool, Failure> {
        let printer = self.context.printer;
        let Delivery::Event(event) = delivery else { return Ok(false) };
        let Some(payload) = event.decode::<chat_events::Agent>() else { return Ok(false) };
        match news(payload, &self.run_id) {
            Some(News::Over) => return Ok(true),
            _ if printer.is_json() => {}
            Some(News::Said(text)) => {
                let addition = self.shown.advance(&text);
                printer.piece(&harmless(&addition))?;
            }
            Some(News::AskedAgain { reason, after_ms }) => {
                let after = duration(Duration::from_millis(after_ms));
                let why = harmless(&reason).replace('_', " ");
                printer.note(format!("the model is asked again in {after} ({why})"));
            }
            None => {}
        }
        Ok(false)
    }

    /// The events of a run and its answer come by different ways: what was said before a run failed may
    /// arrive a moment later.
    async fn show_trailing(&mut self, events: &mut Events) -> Result<(), Failure> {
        let until = Instant::now() + TRAILING;
        while let Ok(Some(delivery)) = tokio::time::timeout_at(until, events.next()).await {
            if self.show(&delivery)? {
                break;
            }
        }
        Ok(())
    }

    fn show_waiting(&mut self, events: &mut Events) -> Result<(), Failure> {
        while let Some(delivery) = events.try_next() {
            self.show(&delivery)?;
        }
        Ok(())
    }

    /// Ends the line of an answer that was cut or is complete.
    fn end_line(&self) -> Result<(), Failure> {
        if self.shown.anything() { self.context.printer.line("") } else { Ok(()) }
    }

    fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}
