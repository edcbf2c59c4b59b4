//! A chat on a screen of letters.

use std::{cell::Cell, sync::Arc};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use openclaw_client::Event;
use openclaw_tui::{App, Ask, Options, Picture, Told};
use ratatui::{Terminal, backend::TestBackend};
use serde_json::{Value, json, value::to_raw_value};

/// Key of the session that is shown.
pub(crate) const KEY: &str = "agent:main:main";

thread_local! {
    static IDS: Cell<u32> = const { Cell::new(0) };
}

pub(crate) struct Stage {
    app: App,
    picture: Picture,
    terminal: Terminal<TestBackend>,
    pub(crate) asked: Vec<Ask>,
}

impl Stage {
    pub(crate) fn new(width: u16, height: u16) -> Self {
        IDS.set(0);
        let options = Options {
            session: "main".into(),
            history: 200,
            gateway: "ws://127.0.0.1:18789".into(),
            colour: true,
            new_id: || {
                IDS.set(IDS.get() + 1);
                format!("id-{}", IDS.get())
            },
            clock: |_| "12:34".into(),
        };
        let (app, asked) = App::new(options);
        Self {
            app,
            picture: Picture::default(),
            terminal: Terminal::new(TestBackend::new(width, height)).unwrap(),
            asked,
        }
    }

    /// The Gateway answers what is stored.
    pub(crate) fn open(&mut self, messages: &Value) {
        self.open_with(messages, false);
    }

    pub(crate) fn open_with(&mut self, messages: &Value, has_more: bool) {
        let history = json!({
            "sessionKey": KEY, "messages": messages, "hasMore": has_more,
            "sessionInfo": {"key": KEY, "kind": "direct", "model": "model-1", "displayName": "Main", "totalTokens": 1234},
        });
        let history = Box::new(serde_json::from_value(history).unwrap());
        self.told(Told::Opened { session: "main".into(), key: KEY.into(), history });
    }

    pub(crate) fn told(&mut self, told: Told) -> Vec<Ask> {
        self.app.told(told)
    }

    pub(crate) fn event(&mut self, name: &str, payload: &Value) {
        let payload = to_raw_value(payload).unwrap();
        let event = Event { name: name.into(), payload, seq: None, state_version: None };
        self.told(Told::Event(Arc::new(event)));
    }

    pub(crate) fn delta(&mut self, run: &str, text: &str) {
        let message = json!({"role": "assistant", "content": [{"type": "text", "text": text}], "timestamp": 1});
        let payload = json!({"runId": run, "sessionKey": KEY, "seq": 1, "state": "delta", "message": message});
        self.event("chat", &payload);
    }

    pub(crate) fn ended(&mut self, run: &str, state: &str) {
        self.event("chat", &json!({"runId": run, "sessionKey": KEY, "seq": 9, "state": state}));
    }

    pub(crate) fn stored(&mut self, message: &Value, run: &str) {
        let mark = &message["__openclaw"];
        let payload = json!({
            "sessionKey": KEY, "message": message, "messageId": mark["id"], "messageSeq": mark["seq"], "runId": run,
        });
        self.event("session.message", &payload);
    }

    pub(crate) fn sessions(&mut self, rows: &[(&str, &str)]) {
        let row = |(key, name): &(&str, &str)| {
            serde_json::from_value(json!({"key": key, "kind": "direct", "displayName": name}))
                .unwrap()
        };
        self.told(Told::Sessions(rows.iter().map(row).collect()));
    }

    pub(crate) fn press(&mut self, code: KeyCode, modifiers: KeyModifiers) -> Vec<Ask> {
        // Keys that scroll go by what was drawn last.
        self.shown();
        self.app.key(KeyEvent::new(code, modifiers))
    }

    pub(crate) fn type_text(&mut self, text: &str) {
        for letter in text.chars() {
            self.press(KeyCode::Char(letter), KeyModifiers::NONE);
        }
    }

    pub(crate) fn type_and_send(&mut self, text: &str) -> Vec<Ask> {
        self.type_text(text);
        self.press(KeyCode::Enter, KeyModifiers::NONE)
    }

    pub(crate) fn paste(&mut self, text: &str) {
        self.app.paste(text);
    }

    /// Everything on the screen.
    pub(crate) fn shown(&mut self) -> String {
        let Self { app, picture, terminal, .. } = self;
        terminal.draw(|frame| picture.draw(app, frame)).unwrap();
        self.terminal.backend().to_string()
    }
}

pub(crate) fn message(seq: u64, role: &str, content: &Value) -> Value {
    json!({
        "role": role, "content": content, "timestamp": 1, "model": if role == "assistant" { "model-1" } else { "" },
        "__openclaw": {"id": format!("m{seq}"), "seq": seq, "recordTimestampMs": 1},
    })
}

pub(crate) fn user(seq: u64, text: &str) -> Value {
    message(seq, "user", &json!([{"type": "text", "text": text}]))
}

pub(crate) fn user_of(seq: u64, text: &str, key: &str) -> Value {
    let mut message = user(seq, text);
    message["__openclaw"]["idempotencyKey"] = json!(key);
    message
}

pub(crate) fn answer_of(seq: u64, text: &str, run: &str) -> Value {
    let mut message = message(seq, "assistant", &json!([{"type": "text", "text": text}]));
    message["__openclaw"]["runId"] = json!(run);
    message
}

pub(crate) fn result(seq: u64, call: &str, text: &str) -> Value {
    let mut message = message(seq, "toolResult", &json!([{"type": "text", "text": text}]));
    message["toolCallId"] = json!(call);
    message["toolName"] = json!("exec");
    message
}
