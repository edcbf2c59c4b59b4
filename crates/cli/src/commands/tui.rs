//! `openclaw tui`: the chat in this terminal.
//!
//! What is shown and what keys do is in `openclaw-tui`; here it is joined to a link that comes back.

use std::io::{self, IsTerminal};
use std::rc::Rc;
use std::time::Duration;

use clap::Args;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use openclaw_base::Backoff;
use openclaw_client::{ClientError, Delivery, ErrorKind, Events, ResumePoint};
use openclaw_protocol::Rpc;
use openclaw_protocol::methods::agent::RunStatus;
use openclaw_protocol::methods::approvals::{ExecApprovalList, ExecApprovalResolve};
use openclaw_protocol::methods::chat::{ChatAbort, ChatHistory, ChatMetadata, ChatSend};
use openclaw_protocol::methods::sessions::{SessionsList, SessionsMessagesSubscribe};
use openclaw_tui::{App, Ask, Options, Outgoing, Screen, TerminalEvent, Told};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use super::Outcome;
use crate::args::{ReachArgs, TargetArgs};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::explain::client_failure;
use crate::failure::Failure;
use crate::link::{Link, block_on, params};
use crate::output::clock;

/// Shortest and longest pause between two attempts to dial.
const REDIAL: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// How long the Gateway has for an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Events that are taken before the picture is drawn again.
const BURST: usize = 256;
/// Sessions in the list to choose from.
const SESSIONS: u64 = 200;

/// Where to begin.
#[derive(Args, Debug)]
pub(crate) struct TuiArgs {
    /// Session to open: a key, or `main`
    #[arg(long, value_name = "SESSION", default_value = "main")]
    session: String,
    /// Say this at once
    #[arg(long, short, value_name = "TEXT")]
    message: Option<String>,
    /// Messages to begin with
    #[arg(long, value_name = "COUNT", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=1000))]
    history_limit: u64,
    #[command(flatten)]
    reach: ReachArgs,
}

/// Shows the chat until the person leaves.
pub(crate) fn run(context: &Context, args: &TuiArgs) -> Outcome {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        let failure = Failure::usage("the chat needs a terminal for its input and its output");
        return Err(failure.hint("openclaw agent --message \"hello\""));
    }
    let target = TargetArgs { reach: args.reach.clone(), timeout: None };
    block_on(async {
        // Whatever has to be said or asked about the connection comes before the screen is taken.
        let link = Link::open(context, &target).await?;
        let quiet = Context { printer: context.printer.silent(), ..context.clone() };
        let options = Options {
            session: args.session.clone(),
            history: args.history_limit,
            gateway: link.place().to_owned(),
            colour: context.printer.is_coloured(),
            new_id: || uuid::Uuid::new_v4().to_string(),
            clock,
        };
        let (app, asks) = App::new(options);
        let screen = Screen::take();
        let screen = screen.map_err(|error| Failure::local("the terminal refuses", &error))?;
        let chat = Chat {
            context: &quiet,
            target: &target,
            app,
            screen,
            answers: FuturesUnordered::new(),
        };
        chat.run(link, asks, args.message.as_deref()).await
    })
}

/// The chat and what it waits for.
struct Chat<'a> {
    context: &'a Context,
    target: &'a TargetArgs,
    app: App,
    screen: Screen,
    answers: FuturesUnordered<LocalBoxFuture<'static, Option<Told>>>,
}

/// How the Gateway is reached at the moment.
enum Line<'a> {
    Up { link: Rc<Link>, events: Events },
    Down(LocalBoxFuture<'a, Result<Link, Failure>>),
}

/// What happened to the line.
enum Change {
    Told(Delivery),
    Lost,
    Back(Link),
}

impl Line<'_> {
    fn up(link: Link) -> Self {
        let events = link.events();
        Self::Up { link: Rc::new(link), events }
    }

    async fn next(&mut self) -> Result<Change, Failure> {
        match self {
            Self::Up { events, .. } => Ok(events.next().await.map_or(Change::Lost, Change::Told)),
            Self::Down(dialling) => dialling.await.map(Change::Back),
        }
    }
}

impl Chat<'_> {
    async fn run(mut self, link: Link, asks: Vec<Ask>, message: Option<&str>) -> Outcome {
        let mut line = Line::up(link);
        let mut ended = signal(SignalKind::terminate())?;
        let mut asks = asks;
        if let Some(message) = message {
            asks.extend(self.app.say(message));
        }
        loop {
            if !self.ask(&line, asks) {
                break;
            }
            self.screen.draw(&mut self.app)?;
            asks = tokio::select! {
                event = self.screen.next() => match event {
                    Some(TerminalEvent::Key(key)) => self.app.key(key),
                    Some(TerminalEvent::Paste(text)) => {
                        self.app.paste(&text);
                        Vec::new()
                    }
                    Some(TerminalEvent::Redraw) => Vec::new(),
                    None => break,
                },
                change = line.next() => self.follow(&mut line, change?).await,
                Some(told) = self.answers.next() => match told {
                    Some(told) => self.app.told(told),
                    None => Vec::new(),
                },
                _ = ended.recv() => break,
            };
        }
        if let Line::Up { link, .. } = &line {
            link.close().await;
        }
        Ok(ExitCode::Done)
    }

    async fn follow(&mut self, line: &mut Line<'_>, change: Change) -> Vec<Ask> {
        match change {
            Change::Told(delivery) => {
                let mut asks = self.hear(delivery);
                if let Line::Up { events, .. } = line {
                    let waiting = std::iter::from_fn(|| events.try_next()).take(BURST);
                    asks.extend(waiting.flat_map(|delivery| self.hear(delivery)));
                }
                asks
            }
            Change::Lost => {
                let Line::Up { link, .. } = line else { return Vec::new() };
                let why = "the link was lost".to_owned();
                let link = Rc::clone(link);
                *line = Line::Down(
                    redial(self.context.clone(), self.target.clone(), link).boxed_local(),
                );
                self.app.told(Told::Offline { why })
            }
            Change::Back(link) => {
                *line = Line::up(link);
                self.app.told(Told::Online)
            }
        }
    }

    fn hear(&mut self, delivery: Delivery) -> Vec<Ask> {
        match delivery {
            Delivery::Event(event) => self.app.told(Told::Event(event)),
            // Whatever was missed is read anew when the link is up.
            Delivery::Resync { .. } => Vec::new(),
            Delivery::Gap { .. } | Delivery::Overflow { .. } => self.app.told(Told::Missed),
        }
    }

    /// Asks the Gateway; `false` when the person wants to leave. Without a link nothing is asked: the
    /// chat asks again once there is one.
    fn ask(&self, line: &Line<'_>, asks: Vec<Ask>) -> bool {
        for ask in asks {
            if ask == Ask::Leave {
                return false;
            }
            if let Line::Up { link, .. } = line {
                self.answers.push(answer(Rc::clone(link), ask).boxed_local());
            }
        }
        true
    }
}

/// Dials until somebody answers, or until only a person can help.
async fn redial(context: Context, target: TargetArgs, ended: Rc<Link>) -> Result<Link, Failure> {
    let point: Option<ResumePoint> = ended.resume_point();
    // What carried it may still hang.
    ended.close().await;
    drop(ended);
    let mut pause = Backoff::new(REDIAL.0, REDIAL.1);
    loop {
        match Link::again(&context, &target, point.clone()).await {
            Ok(link) => return Ok(link),
            Err(failure) if failure.is_lasting() => return Err(failure),
            Err(_) => tokio::time::sleep(pause.next_delay()).await,
        }
    }
}

/// Asks one thing. Nothing comes of it when the link breaks.
async fn answer(link: Rc<Link>, ask: Ask) -> Option<Told> {
    let opened = if let Ask::Open { session, .. } = &ask { Some(session.clone()) } else { None };
    let optional = matches!(ask, Ask::Approvals | Ask::Commands);
    let error = match told(&link, ask).await {
        Ok(told) => return told,
        Err(error) => error,
    };
    match opened {
        // A slow answer is no lost link.
        Some(session) => Some(Told::NotOpened { session, why: why(&error) }),
        None if optional || error.kind() == ErrorKind::LinkLost => None,
        None => Some(Told::Failed { why: why(&error) }),
    }
}

async fn told(link: &Link, ask: Ask) -> Result<Option<Told>, ClientError> {
    Ok(Some(match ask {
        Ask::Open { session, limit } => {
            let subscribed =
                call::<SessionsMessagesSubscribe>(link, json!({ "key": session })).await?;
            let wanted = json!({ "sessionKey": subscribed.key, "limit": limit });
            let history = Box::new(call::<ChatHistory>(link, wanted).await?);
            Told::Opened { session, key: subscribed.key.into_string(), history }
        }
        Ask::Send(outgoing) => return send(link, outgoing).await,
        Ask::Abort { session } => {
            call::<ChatAbort>(link, json!({ "sessionKey": session })).await?;
            return Ok(None);
        }
        Ask::Decide { id, decision } => {
            call::<ExecApprovalResolve>(link, json!({ "id": id, "decision": decision })).await?;
            return Ok(None);
        }
        Ask::Sessions => {
            let wanted = json!({ "limit": SESSIONS, "includeDerivedTitles": true });
            Told::Sessions(call::<SessionsList>(link, wanted).await?.sessions)
        }
        Ask::Approvals => Told::Approvals(call::<ExecApprovalList>(link, json!({})).await?),
        Ask::Commands => {
            let known = call::<ChatMetadata>(link, json!({})).await?;
            Told::Commands(known.commands.into_iter().map(|command| command.name).collect())
        }
        Ask::Leave => return Ok(None),
    }))
}

/// A message that the Gateway refuses is shown as refused; one whose fate is unknown is sent again
/// under the same key.
async fn send(link: &Link, outgoing: Outgoing) -> Result<Option<Told>, ClientError> {
    let Outgoing { id, session, text } = outgoing;
    let wanted = json!({ "sessionKey": session, "message": text, "idempotencyKey": id });
    match call::<ChatSend>(link, wanted).await {
        Ok(sent) => {
            let runs = sent.run_id.is_some() && sent.status != Some(RunStatus::Ok);
            Ok(Some(Told::Sent { id, runs }))
        }
        Err(error) if error.kind() == ErrorKind::LinkLost => Err(error),
        Err(error) => Ok(Some(Told::Refused { id, why: why(&error) })),
    }
}

async fn call<M: Rpc>(link: &Link, wanted: Value) -> Result<M::Result, ClientError> {
    let params =
        params::<M>(wanted).map_err(|failure| ClientError::Url(failure.message().to_owned()))?;
    let answer = link.try_ask::<M>(&params, PATIENCE).await?;
    serde_json::from_value(answer).map_err(|error| ClientError::Url(error.to_string()))
}

fn why(error: &ClientError) -> String {
    client_failure(error).message().to_owned()
}
