//! What is on the screen and what follows from it.

use std::{collections::VecDeque, fmt, sync::Arc};

use openclaw_client::Event;
use openclaw_protocol::{
    events::approvals::{ExecApprovalRequested, ExecApprovalResolved},
    methods::{
        approvals::{ApprovalDecision, ExecApprovalRequested as Waiting},
        chat::ChatHistoryResult,
        sessions::SessionRow,
    },
};
use ratatui_textarea::{TextArea, WrapMode};

use crate::{
    conversation::{Conversation, Outcome, Sending},
    overlay::Overlay,
};

/// Most messages that are read of one session; the Gateway's own limit.
pub(crate) const MOST_MESSAGES: u64 = 1000;
/// Events that wait for the stored conversation.
const EARLY: usize = 4096;
/// Lines said before that the arrow keys bring back.
const SAID_BEFORE: usize = 100;

/// How to begin.
pub struct Options {
    /// Session to open: a key, or `main`.
    pub session: String,
    /// Messages to read at first, 1 to 1000.
    pub history: u64,
    /// What the Gateway is called.
    pub gateway: String,
    /// Whether colours may be used.
    pub colour: bool,
    /// Makes an idempotency key.
    pub new_id: fn() -> String,
    /// A time in milliseconds since 1970 as people read it.
    pub clock: fn(u64) -> String,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("session", &self.session)
            .field("gateway", &self.gateway)
            .finish_non_exhaustive()
    }
}

/// What to ask of the Gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Watch a session and read its end.
    Open {
        /// A key, or `main`.
        session: String,
        /// Most messages.
        limit: u64,
    },
    /// Say something.
    Send(Outgoing),
    /// Stop what runs in a session.
    Abort {
        /// Its key.
        session: String,
    },
    /// Decide about a command that waits.
    Decide {
        /// The approval.
        id: String,
        /// The word.
        decision: ApprovalDecision,
    },
    /// List sessions.
    Sessions,
    /// List commands that wait for a word.
    Approvals,
    /// List the words that begin with a slash.
    Commands,
    /// End.
    Leave,
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Idempotency key, which becomes the run's id.
    pub id: String,
    /// Session it is said in.
    pub session: String,
    /// What is said.
    pub text: String,
}

/// What the Gateway said, or what became of the link to it.
#[derive(Debug)]
pub enum Told {
    /// The link is up again.
    Online,
    /// The link is down and is dialled again.
    Offline {
        /// Why, in a sentence.
        why: String,
    },
    /// A session could not be opened, or read again.
    NotOpened {
        /// What was asked for.
        session: String,
        /// Why, in a sentence.
        why: String,
    },
    /// A session is watched from now on.
    Opened {
        /// What was asked for.
        session: String,
        /// Its key.
        key: String,
        /// The end of it.
        history: Box<ChatHistoryResult>,
    },
    /// The sessions there are, latest first.
    Sessions(Vec<SessionRow>),
    /// Commands that wait for a word.
    Approvals(Vec<Waiting>),
    /// Words that begin with a slash, without it.
    Commands(Vec<String>),
    /// The Gateway has a message.
    Sent {
        /// Its idempotency key.
        id: String,
        /// Whether it starts a run; a command or a stop word does not.
        runs: bool,
    },
    /// The Gateway refused a message.
    Refused {
        /// Its idempotency key.
        id: String,
        /// Why.
        why: String,
    },
    /// Something else that was asked for failed.
    Failed {
        /// Why, in a sentence.
        why: String,
    },
    /// Something happened.
    Event(Arc<Event>),
    /// Something may have been missed.
    Missed,
}

/// What the last picture was like; keys that scroll need to know.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Drawn {
    /// Lines of the whole conversation.
    pub(crate) lines: usize,
    /// Lines of it that fit.
    pub(crate) height: usize,
}

/// How the link stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinkState {
    Up,
    Down(String),
}

/// The chat.
pub struct App {
    pub(crate) options: Options,
    pub(crate) link: LinkState,
    pub(crate) conversation: Conversation,
    pub(crate) input: TextArea<'static>,
    pub(crate) said: VecDeque<String>,
    /// Which line of `said` the input shows, counted from the latest.
    pub(crate) recalled: Option<usize>,
    pub(crate) sessions: Vec<SessionRow>,
    pub(crate) commands: Vec<String>,
    pub(crate) approvals: Vec<Waiting>,
    pub(crate) overlay: Option<Overlay>,
    pub(crate) notice: Option<String>,
    /// Lines between the end of the conversation and the bottom of the screen.
    pub(crate) scroll: usize,
    /// Whether outputs of tools and thoughts are shown whole.
    pub(crate) unfolded: bool,
    /// Whether Ctrl-C was pressed once.
    pub(crate) leaving: bool,
    pub(crate) limit: u64,
    /// How many answers about the stored conversation are still to come.
    opening: usize,
    /// What happened since the first of them was asked for. Answers and events come by different ways:
    /// what is stored is taken first, and what happened comes on top of it.
    early: Vec<Arc<Event>>,
    pub(crate) drawn: Drawn,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("link", &self.link)
            .field("conversation", &self.conversation)
            .finish_non_exhaustive()
    }
}

impl App {
    /// A chat whose link is up; also what to ask first.
    #[must_use]
    pub fn new(options: Options) -> (Self, Vec<Ask>) {
        let mut app = Self {
            link: LinkState::Up,
            conversation: Conversation::new(options.session.clone()),
            input: input(""),
            said: VecDeque::new(),
            recalled: None,
            sessions: Vec::new(),
            commands: Vec::new(),
            approvals: Vec::new(),
            overlay: None,
            notice: None,
            scroll: 0,
            unfolded: false,
            leaving: false,
            limit: options.history.clamp(1, MOST_MESSAGES),
            opening: 0,
            early: Vec::new(),
            drawn: Drawn::default(),
            options,
        };
        let asks = vec![app.open(), Ask::Approvals, Ask::Commands];
        (app, asks)
    }

    /// Whether something moves although nobody presses a key.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.conversation.is_busy()
    }

    /// Says something as if it had been typed.
    pub fn say(&mut self, text: &str) -> Vec<Ask> {
        let id = (self.options.new_id)();
        let sending = Sending { id: id.clone(), text: text.to_owned(), refused: None };
        self.conversation.sending.push(sending);
        self.conversation.failure = None;
        self.scroll = 0;
        let session = self.conversation.address().to_owned();
        match self.link {
            LinkState::Up => vec![Ask::Send(Outgoing { id, session, text: text.to_owned() })],
            // It is sent once the link is up.
            LinkState::Down(_) => Vec::new(),
        }
    }

    /// Takes what the Gateway said.
    pub fn told(&mut self, told: Told) -> Vec<Ask> {
        match told {
            Told::Online => return self.online(),
            Told::Offline { why } => self.link = LinkState::Down(why),
            Told::Opened { session, key, history } => {
                if self.is_shown(&session) {
                    self.conversation.read(key, *history);
                    return self.catch_up();
                }
            }
            Told::NotOpened { session, why } => {
                if self.is_shown(&session) {
                    self.notice = Some(why);
                    return self.catch_up();
                }
            }
            Told::Sessions(sessions) => self.sessions = sessions,
            Told::Approvals(waiting) => {
                self.approvals = waiting;
                self.close_review();
            }
            Told::Commands(commands) => self.commands = commands,
            Told::Sent { id, runs } => {
                if !runs {
                    self.conversation.sending.retain(|sending| sending.id != id);
                }
            }
            Told::Refused { id, why } => {
                for sending in &mut self.conversation.sending {
                    if sending.id == id {
                        sending.refused = Some(why.clone());
                    }
                }
            }
            Told::Failed { why } => self.notice = Some(why),
            Told::Event(event) => return self.hear(event),
            Told::Missed => return vec![self.open(), Ask::Approvals],
        }
        Vec::new()
    }

    fn online(&mut self) -> Vec<Ask> {
        self.link = LinkState::Up;
        // Answers of the last link come no more.
        self.opening = 0;
        // What was asked for while the link broke may have got lost, also where events have not.
        let mut asks = vec![self.open(), Ask::Approvals, Ask::Commands];
        let session = self.conversation.address().to_owned();
        let waiting = self.conversation.sending.iter().filter(|sending| sending.refused.is_none());
        asks.extend(waiting.map(|Sending { id, text, .. }| {
            Ask::Send(Outgoing { id: id.clone(), session: session.clone(), text: text.clone() })
        }));
        asks
    }

    fn hear(&mut self, event: Arc<Event>) -> Vec<Ask> {
        if let Some(waiting) = event.decode::<ExecApprovalRequested>() {
            self.approvals.retain(|other| other.id != waiting.id);
            self.approvals.push(waiting);
            return Vec::new();
        }
        if let Some(resolved) = event.decode::<ExecApprovalResolved>() {
            self.approvals.retain(|waiting| waiting.id != resolved.id);
            self.close_review();
            return Vec::new();
        }
        if self.opening > 0 && self.early.len() < EARLY {
            self.early.push(event);
            return Vec::new();
        }
        self.happened(&event)
    }

    fn happened(&mut self, event: &Event) -> Vec<Ask> {
        match self.conversation.hear(event) {
            Outcome::Reload => vec![self.open()],
            Outcome::Shown | Outcome::NotMine => Vec::new(),
        }
    }

    /// Takes what happened while the stored conversation was asked for.
    fn catch_up(&mut self) -> Vec<Ask> {
        self.opening = self.opening.saturating_sub(1);
        if self.opening > 0 {
            return Vec::new();
        }
        let early = std::mem::take(&mut self.early);
        let asks: Vec<Ask> = early.iter().flat_map(|event| self.happened(event)).collect();
        // Once is enough.
        asks.into_iter().take(1).collect()
    }

    fn is_shown(&self, session: &str) -> bool {
        let conversation = &self.conversation;
        session == conversation.name || Some(session) == conversation.key.as_deref()
    }

    /// Nothing is left to review, or something else has taken its place.
    fn close_review(&mut self) {
        if let Some(Overlay::Review { id, .. }) = &self.overlay
            && !self.approvals.iter().any(|waiting| waiting.id == *id)
        {
            self.overlay = None;
        }
    }

    /// Asks for the session that is shown.
    pub(crate) fn open(&mut self) -> Ask {
        self.opening += 1;
        Ask::Open { session: self.conversation.address().to_owned(), limit: self.limit }
    }

    /// Shows another session.
    pub(crate) fn switch(&mut self, session: String) -> Vec<Ask> {
        if session == self.conversation.address() {
            return Vec::new();
        }
        self.conversation = Conversation::new(session);
        self.limit = self.options.history.clamp(1, MOST_MESSAGES);
        self.scroll = 0;
        self.notice = None;
        self.opening = 0;
        self.early.clear();
        vec![self.open()]
    }

    /// Reads further back, if there is more and the limit is not reached.
    pub(crate) fn read_older(&mut self) -> Vec<Ask> {
        if !self.conversation.has_older || self.limit >= MOST_MESSAGES {
            return Vec::new();
        }
        self.limit = (self.limit * 2).min(MOST_MESSAGES);
        self.conversation.has_older = false;
        vec![self.open()]
    }

    /// Sends what stands in the input.
    pub(crate) fn send(&mut self) -> Vec<Ask> {
        let text = self.input.lines().join("\n");
        let text = text.trim();
        if text.is_empty() {
            return Vec::new();
        }
        let text = text.to_owned();
        self.said.retain(|before| *before != text);
        self.said.push_front(text.clone());
        self.said.truncate(SAID_BEFORE);
        self.write("");
        match text.as_str() {
            "/quit" | "/exit" => vec![Ask::Leave],
            "/sessions" => self.pick_session(),
            _ => self.say(&text),
        }
    }

    /// Opens the list of sessions.
    pub(crate) fn pick_session(&mut self) -> Vec<Ask> {
        self.overlay = Some(Overlay::Sessions { filter: String::new(), at: 0 });
        vec![Ask::Sessions]
    }

    /// Replaces what stands in the input.
    pub(crate) fn write(&mut self, text: &str) {
        self.input = input(text);
        self.recalled = None;
    }
}

fn input(text: &str) -> TextArea<'static> {
    let mut area = TextArea::new(text.split('\n').map(str::to_owned).collect());
    area.set_wrap_mode(WrapMode::WordOrGlyph);
    area.set_cursor_line_style(ratatui::style::Style::default());
    area.move_cursor(ratatui_textarea::CursorMove::Bottom);
    area.move_cursor(ratatui_textarea::CursorMove::End);
    area
}
