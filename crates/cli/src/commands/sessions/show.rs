//! `openclaw sessions show`: the end of a conversation, and what is said from now on.

use std::time::Duration;

use openclaw_client::{Delivery, Events};
use openclaw_protocol::events::sessions::SessionMessage;
use openclaw_protocol::methods::chat::{ChatHistory, ChatHistoryResult};
use openclaw_protocol::methods::sessions::SessionsMessagesSubscribe;
use openclaw_protocol::transcript::{Content, ContentBlock, MessageRole, TranscriptMessage};
use serde_json::json;

use crate::args::TargetArgs;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::link::{Answer, Link, params};
use crate::output::{Printer, Style, clock, harmless};

/// How often a lost link is dialled anew before following ends.
const MAX_REDIALS: u32 = 8;
/// Shortest pause between two attempts.
const REDIAL_PAUSE: Duration = Duration::from_millis(250);

/// Messages that are read anew when the Gateway cannot say what was missed; its own limit.
const MOST_MISSED: u64 = 1_000;

/// What to show.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) session: &'a str,
    pub(super) limit: u64,
    pub(super) follow: bool,
}

/// Where following stands.
struct Follower<'a> {
    printer: Printer,
    wanted: &'a Wanted<'a>,
    /// Place of the last message that was printed.
    last: u64,
    /// The session as the Gateway names it, once it is watched.
    key: Option<String>,
}

/// Shows the end; with `follow` until it is interrupted.
pub(super) async fn run(
    context: &Context,
    target: &TargetArgs,
    wanted: &Wanted<'_>,
) -> Result<(), Failure> {
    let printer = context.printer;
    if !wanted.follow {
        let link = Link::open(context, target).await?;
        let answer = history(&link, wanted.session, wanted.limit).await;
        link.close().await;
        return answer?.show(printer, print_all);
    }
    let mut follower = Follower { printer, wanted, last: 0, key: None };
    tokio::select! {
        ended = follower.follow(context, target) => ended,
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

async fn history(link: &Link, session: &str, limit: u64) -> Result<Answer<ChatHistory>, Failure> {
    let params = params::<ChatHistory>(json!({ "sessionKey": session, "limit": limit }))?;
    link.ask::<ChatHistory>(&params).await
}

impl Follower<'_> {
    /// Lives through lost links: the Gateway sends what was missed, or else the transcript says it.
    async fn follow(&mut self, context: &Context, target: &TargetArgs) -> Result<(), Failure> {
        let mut link = Link::open(context, target).await?;
        let mut redials = 0;
        loop {
            let failure = match self.once(&link).await {
                Ok(()) => {
                    redials = 0;
                    Failure::new(ExitCode::LinkLost, "the link was lost")
                }
                Err(failure) => failure,
            };
            let lost = matches!(failure.exit, ExitCode::LinkLost | ExitCode::NothingListening);
            if !lost {
                return Err(failure);
            }
            self.printer.warning(format!("{}; dialling again", failure.message()));
            let point = link.resume_point();
            link.close().await;
            link = loop {
                if redials == MAX_REDIALS {
                    return Err(failure);
                }
                tokio::time::sleep(REDIAL_PAUSE * 2_u32.pow(redials.min(5))).await;
                redials += 1;
                match Link::again(context, target, point.clone()).await {
                    Ok(link) => break link,
                    Err(next) if next.is_lasting() => return Err(next),
                    Err(_) => {}
                }
            };
        }
    }

    /// One life of one link. Subscribing comes first, so nothing falls between history and events.
    async fn once(&mut self, link: &Link) -> Result<(), Failure> {
        let mut events = link.events();
        if let Some(key) = self.key.clone().filter(|_| link.has_resumed()) {
            return self.watch(&mut events, &key).await;
        }
        let subscription =
            params::<SessionsMessagesSubscribe>(json!({ "key": self.wanted.session }))?;
        let subscribed =
            link.ask::<SessionsMessagesSubscribe>(&subscription).await?.into_typed()?;
        self.catch_up(link).await?;
        let key = subscribed.key.into_string();
        self.key = Some(key.clone());
        self.watch(&mut events, &key).await
    }

    /// Prints what the transcript holds beyond what was printed.
    async fn catch_up(&mut self, link: &Link) -> Result<(), Failure> {
        let limit = if self.last == 0 { self.wanted.limit } else { MOST_MISSED };
        let told: ChatHistoryResult =
            history(link, self.wanted.session, limit).await?.into_typed()?;
        let messages = || told.messages.iter().flatten();
        let oldest = messages().find_map(|message| message.mark.as_ref()).map(|mark| mark.seq);
        if self.last > 0 && oldest.is_some_and(|oldest| oldest > self.last + 1) {
            self.printer.warning("some messages may be missing here");
        }
        messages().try_for_each(|message| self.print(message))
    }

    async fn watch(&mut self, events: &mut Events, key: &str) -> Result<(), Failure> {
        while let Some(delivery) = events.next().await {
            let event = match delivery {
                Delivery::Event(event) => event,
                // The transcript was read after the connection began with this.
                Delivery::Resync { .. } => continue,
                Delivery::Gap { .. } | Delivery::Overflow { .. } => {
                    self.printer.warning("some messages may be missing here");
                    continue;
                }
            };
            let Some(payload) = event.decode::<SessionMessage>() else { continue };
            if payload.session_key.as_str() == key {
                self.print(&payload.message)?;
            }
        }
        Ok(())
    }

    fn print(&mut self, message: &TranscriptMessage) -> Result<(), Failure> {
        if let Some(mark) = &message.mark {
            if mark.seq <= self.last {
                return Ok(());
            }
            self.last = mark.seq;
        }
        if self.printer.is_json() {
            return self.printer.json_line(message);
        }
        print_one(self.printer, message)
    }
}

fn print_all(printer: Printer, result: &ChatHistoryResult) -> Result<(), Failure> {
    let messages = result.messages.as_deref().unwrap_or_default();
    if messages.is_empty() {
        printer.note("nothing was said yet");
    }
    messages.iter().try_for_each(|message| print_one(printer, message))
}

fn print_one(printer: Printer, message: &TranscriptMessage) -> Result<(), Failure> {
    let model = message.model.as_deref().map_or_else(String::new, |model| format!("  {model}"));
    let tool = message.tool_name.as_deref().map_or_else(String::new, |tool| format!("  {tool}"));
    let head = format!("{}  {}{model}{tool}", message.role.as_str(), clock(message.timestamp));
    let style = match message.role {
        MessageRole::User => Style::Good,
        MessageRole::Assistant => Style::Bold,
        MessageRole::ToolResult | MessageRole::System => Style::Dim,
    };
    printer.line(printer.paint(style, &harmless(&head)))?;
    let mut body = text(&message.content);
    if let Some(error) = &message.error_message {
        body = format!("{}\n[failed: {error}]", body.trim_end());
    } else if let Some(cut) = &message.openclaw_abort {
        let how = if cut.origin == "timeout" { "took too long, stopped" } else { "stopped" };
        body = format!("{}\n[{how}]", body.trim_end());
    }
    for line in harmless(body.trim_end()).lines() {
        printer.line(format!("  {line}").trim_end())?;
    }
    printer.line("")
}

/// What a message says, other blocks than text in short.
fn text(content: &Content) -> String {
    let blocks = match content {
        Content::Text(text) => return text.clone(),
        Content::Blocks(blocks) => blocks,
    };
    let parts = blocks.iter().map(|block| match block {
        ContentBlock::Text { text } => text.clone(),
        ContentBlock::ToolCall { name, .. } => format!("[calls {name}]"),
        ContentBlock::Thinking { .. } => "[thinks]".to_owned(),
        _ => "[attachment]".to_owned(),
    });
    parts.collect::<Vec<_>>().join("\n")
}
