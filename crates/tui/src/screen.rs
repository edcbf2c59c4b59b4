//! The terminal itself: taken over while the chat is shown, and given back whatever happens.

use std::io::{self, Stdout};

use crossterm::{
    event::{
        DisableBracketedPaste, EnableBracketedPaste, Event as RawEvent, EventStream, KeyEvent,
    },
    execute,
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};
use futures_util::StreamExt;
use ratatui::{Terminal, backend::CrosstermBackend};

use crate::{app::App, view::Picture};

/// What a person did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TerminalEvent {
    /// Pressed a key.
    Key(KeyEvent),
    /// Pasted text.
    Paste(String),
    /// Gave the window another size, or something without a meaning here.
    Redraw,
}

/// The terminal while it shows the chat. Dropping it gives the terminal back.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    events: EventStream,
    picture: Picture,
    _taken: Taken,
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screen").finish_non_exhaustive()
    }
}

/// Gives the terminal back.
struct Taken;

impl Drop for Taken {
    fn drop(&mut self) {
        // There is nobody left to tell if one of these fails.
        execute!(io::stdout(), DisableBracketedPaste, LeaveAlternateScreen).ok();
        disable_raw_mode().ok();
    }
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    ///
    /// Standard output is no terminal, or it does not do what it is told.
    pub fn take() -> io::Result<Self> {
        enable_raw_mode()?;
        let taken = Taken;
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        Ok(Self {
            terminal,
            events: EventStream::new(),
            picture: Picture::default(),
            _taken: taken,
        })
    }

    /// Shows the chat as it is now.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub fn draw(&mut self, app: &mut App) -> io::Result<()> {
        let picture = &mut self.picture;
        self.terminal.draw(|frame| picture.draw(app, frame))?;
        Ok(())
    }

    /// What the person does next; `None` once the terminal is gone.
    pub async fn next(&mut self) -> Option<TerminalEvent> {
        let event = self.events.next().await?.ok()?;
        Some(match event {
            RawEvent::Key(key) => TerminalEvent::Key(key),
            RawEvent::Paste(text) => TerminalEvent::Paste(text),
            RawEvent::Resize(..)
            | RawEvent::FocusGained
            | RawEvent::FocusLost
            | RawEvent::Mouse(_) => TerminalEvent::Redraw,
        })
    }
}
