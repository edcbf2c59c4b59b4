//! What keys do.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use openclaw_protocol::methods::approvals::ApprovalDecision;

use crate::{
    app::{App, Ask, LinkState},
    overlay::{Overlay, decisions},
};

impl App {
    /// Takes a key.
    pub fn key(&mut self, key: KeyEvent) -> Vec<Ask> {
        if key.kind == KeyEventKind::Release {
            return Vec::new();
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if control && key.code == KeyCode::Char('c') {
            return self.interrupt();
        }
        self.leaving = false;
        self.notice = None;
        if self.overlay.is_some() {
            return self.overlay_key(key, control);
        }
        match key.code {
            KeyCode::Char('d') if control && self.input.is_empty() => return vec![Ask::Leave],
            KeyCode::Char('p') if control => return self.pick_session(),
            KeyCode::Char('o') if control => self.unfolded = !self.unfolded,
            KeyCode::Char('r') if control => self.review(),
            KeyCode::F(1) => self.overlay = Some(Overlay::Help),
            KeyCode::Esc => return self.stop(),
            KeyCode::PageUp => return self.up(self.page()),
            KeyCode::PageDown => self.scroll = self.scroll.saturating_sub(self.page()),
            KeyCode::End if control => self.scroll = 0,
            KeyCode::Home if control => return self.up(usize::MAX),
            KeyCode::Enter if key.modifiers.contains(KeyModifiers::ALT) => {
                self.input.insert_newline();
            }
            KeyCode::Char('j') if control => self.input.insert_newline(),
            KeyCode::Enter => return self.send(),
            KeyCode::Tab => self.complete(),
            KeyCode::Up if self.input.cursor().0 == 0 => self.recall(true),
            KeyCode::Down if self.recalled.is_some() => self.recall(false),
            _ => {
                self.input.input(key);
            }
        }
        Vec::new()
    }

    /// Takes text that was pasted.
    pub fn paste(&mut self, text: &str) {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        match &mut self.overlay {
            None => drop(self.input.insert_str(openclaw_base::harmless(&text))),
            Some(Overlay::Sessions { filter, .. }) => filter.push_str(text.trim()),
            Some(Overlay::Review { .. } | Overlay::Help) => {}
        }
    }

    /// Ctrl-C: stops what runs; else empties the input; else leaves, when it is pressed twice.
    fn interrupt(&mut self) -> Vec<Ask> {
        if self.leaving {
            return vec![Ask::Leave];
        }
        self.overlay = None;
        if self.is_busy() && self.link == LinkState::Up {
            return self.stop();
        }
        if self.input.is_empty() {
            self.leaving = true;
        } else {
            self.write("");
        }
        Vec::new()
    }

    fn stop(&mut self) -> Vec<Ask> {
        if !self.is_busy() {
            return Vec::new();
        }
        match &self.link {
            LinkState::Up => vec![Ask::Abort { session: self.conversation.address().to_owned() }],
            LinkState::Down(_) => {
                self.notice = Some("there is no link to stop it over".to_owned());
                Vec::new()
            }
        }
    }

    fn page(&self) -> usize {
        self.drawn.height.saturating_sub(2).max(1)
    }

    fn up(&mut self, lines: usize) -> Vec<Ask> {
        let most = self.drawn.lines.saturating_sub(self.drawn.height);
        self.scroll = self.scroll.saturating_add(lines).min(most);
        if self.scroll == most { self.read_older() } else { Vec::new() }
    }

    fn recall(&mut self, older: bool) {
        let next = match (self.recalled, older) {
            (None, true) => Some(0),
            (Some(at), true) => Some((at + 1).min(self.said.len().saturating_sub(1))),
            (Some(at), false) => at.checked_sub(1),
            (None, false) => None,
        };
        // What is being typed is not given up for what was said before.
        if self.recalled.is_none() && !self.input.is_empty() {
            return;
        }
        let text = next.and_then(|at| self.said.get(at)).cloned();
        self.write(text.as_deref().unwrap_or_default());
        self.recalled = next.filter(|_| text.is_some());
    }

    /// Completes a word that begins with a slash.
    fn complete(&mut self) {
        let text = self.input.lines().join("\n");
        let Some(begun) = text.strip_prefix('/') else { return };
        if begun.contains(char::is_whitespace) {
            return;
        }
        let own = ["quit", "sessions"].map(str::to_owned);
        let mut fitting: Vec<&String> =
            self.commands.iter().chain(&own).filter(|name| name.starts_with(begun)).collect();
        fitting.sort();
        fitting.dedup();
        let Some(first) = fitting.first() else { return };
        let shared = fitting.iter().fold(first.as_str(), |shared, name| common(shared, name));
        let (written, shown) = match fitting.as_slice() {
            [one] => (format!("/{one} "), None),
            several => {
                let names: Vec<String> = several.iter().map(|name| format!("/{name}")).collect();
                (format!("/{shared}"), Some(names.join("  ")))
            }
        };
        self.write(&written);
        self.notice = shown;
    }

    fn overlay_key(&mut self, key: KeyEvent, control: bool) -> Vec<Ask> {
        if key.code == KeyCode::Esc {
            self.overlay = None;
            return Vec::new();
        }
        match self.overlay.take() {
            Some(Overlay::Sessions { filter, at }) => self.sessions_key(key, control, filter, at),
            Some(Overlay::Review { id, at }) => self.review_key(key, id, at),
            Some(Overlay::Help) | None => Vec::new(),
        }
    }

    fn sessions_key(
        &mut self,
        key: KeyEvent,
        control: bool,
        mut filter: String,
        mut at: usize,
    ) -> Vec<Ask> {
        let fitting: Vec<String> =
            self.fitting(&filter).iter().map(|row| row.key.to_string()).collect();
        match key.code {
            KeyCode::Enter => {
                return fitting.get(at).cloned().map_or_else(Vec::new, |key| self.switch(key));
            }
            KeyCode::Up => at = at.saturating_sub(1),
            KeyCode::Down => at = (at + 1).min(fitting.len().saturating_sub(1)),
            KeyCode::Backspace => {
                filter.pop();
                at = 0;
            }
            KeyCode::Char(letter) if !control => {
                filter.push(letter);
                at = 0;
            }
            _ => {}
        }
        self.overlay = Some(Overlay::Sessions { filter, at });
        Vec::new()
    }

    fn review_key(&mut self, key: KeyEvent, id: String, at: usize) -> Vec<Ask> {
        let Some(waiting) = self.approvals.iter().find(|waiting| waiting.id == id) else {
            return Vec::new();
        };
        let allowed = decisions(waiting);
        let by_letter = |decision| allowed.iter().position(|other| *other == decision);
        let at = match key.code {
            KeyCode::Enter => {
                let decision = allowed.get(at).copied();
                return decision.map(|decision| Ask::Decide { id, decision }).into_iter().collect();
            }
            KeyCode::Left | KeyCode::Up | KeyCode::BackTab => at.saturating_sub(1),
            KeyCode::Right | KeyCode::Down | KeyCode::Tab => (at + 1).min(allowed.len() - 1),
            // A letter chooses; only Enter decides.
            KeyCode::Char('o') => by_letter(ApprovalDecision::AllowOnce).unwrap_or(at),
            KeyCode::Char('a') => by_letter(ApprovalDecision::AllowAlways).unwrap_or(at),
            KeyCode::Char('d') => by_letter(ApprovalDecision::Deny).unwrap_or(at),
            _ => at,
        };
        self.overlay = Some(Overlay::Review { id, at });
        Vec::new()
    }
}

/// The beginning that two words share.
fn common<'a>(one: &'a str, other: &str) -> &'a str {
    let same = one.char_indices().zip(other.chars()).find(|((_, a), b)| a != b);
    let end = same.map_or_else(|| one.len().min(other.len()), |((at, _), _)| at);
    one.get(..end).unwrap_or(one)
}
