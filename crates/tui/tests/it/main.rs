//! The chat without a terminal and without a Gateway: what it shows and what it asks for.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what is not as expected fails the test here"
)]

mod stage;

use crossterm::event::{KeyCode, KeyModifiers};
use openclaw_protocol::methods::approvals::ApprovalDecision;
use openclaw_tui::{Ask, Outgoing, Told};
use serde_json::json;

use crate::stage::Stage;

fn allow_prompt(stage: &mut Stage) {
    stage.event(
        "exec.approval.requested",
        &json!({
            "id": "a1", "approvalKind": "exec", "createdAtMs": 1, "expiresAtMs": 120_000,
            "request": {
                "command": "rm -rf build", "cwd": "/home/me", "nodeId": "laptop", "host": "node",
                "security": null, "ask": null, "agentId": "main", "resolvedPath": "/usr/bin/rm",
                "sessionKey": "agent:main:main",
                "allowedDecisions": ["allow-once", "allow-always", "deny"],
            },
        }),
    );
}

#[test]
fn a_conversation_is_shown_as_it_is_stored() {
    let mut stage = Stage::new(64, 24);
    assert_eq!(
        stage.asked,
        [Ask::Open { session: "main".into(), limit: 200 }, Ask::Approvals, Ask::Commands]
    );
    stage.open(&json!([
        stage::user(1, "How full is the **disk**?"),
        stage::message(2, "assistant", &json!([
            {"type": "thinking", "thinking": "df will tell"},
            {"type": "text", "text": "Let me look."},
            {"type": "toolCall", "id": "t1", "name": "exec", "arguments": {"command": "df -h /"}},
        ])),
        stage::result(3, "t1", "Filesystem  Size  Used\n/dev/vda   252G   63G\n"),
        stage::message(4, "assistant", &json!([
            {"type": "text", "text": "It is *25 %* full:\n\n- used: `63G`\n- of: 252G\n\n```sh\ndf -h /\n```"},
        ])),
    ]));
    insta::assert_snapshot!("conversation", stage.shown());
    stage.press(KeyCode::Char('o'), KeyModifiers::CONTROL);
    insta::assert_snapshot!("conversation_unfolded", stage.shown());
}

#[test]
fn an_answer_grows_and_then_stands_once() {
    let mut stage = Stage::new(50, 14);
    stage.open(&json!([]));
    let asks = stage.type_and_send("hello");
    let sent = Outgoing { id: "id-1".into(), session: stage::KEY.into(), text: "hello".into() };
    assert_eq!(asks, [Ask::Send(sent)]);
    assert!(stage.shown().contains("on its way"), "{}", stage.shown());
    stage.stored(&stage::user_of(1, "hello", "id-1"), "id-1");
    assert!(!stage.shown().contains("on its way"), "{}", stage.shown());
    stage.delta("id-1", "Hel");
    stage.delta("id-1", "Hello **there**");
    insta::assert_snapshot!("growing", stage.shown());
    stage.stored(&stage::answer_of(2, "Hello **there**", "id-1"), "id-1");
    // A delta that was under way says nothing new.
    stage.delta("id-1", "Hello **there**");
    assert_eq!(stage.shown().matches("there").count(), 1, "{}", stage.shown());
    stage.ended("id-1", "final");
    let shown = stage.shown();
    assert_eq!(shown.matches("Hello there").count(), 1, "{shown}");
    assert!(!shown.contains('▌'), "{shown}");
}

#[test]
fn what_happens_before_the_stored_conversation_is_there_is_not_lost() {
    let mut stage = Stage::new(50, 14);
    stage.delta("r", "Let me think");
    stage.open(&json!([stage::user(1, "hello")]));
    assert!(stage.shown().contains("Let me think"), "{}", stage.shown());
    // The same when it is read again, and what is older than what is shown changes nothing.
    stage.told(Told::Missed);
    stage.delta("r", "Let me");
    stage.delta("r", "Let me think about it");
    stage.delta("r", "Let me think");
    stage.open(&json!([stage::user(1, "hello")]));
    assert!(stage.shown().contains("Let me think about it"), "{}", stage.shown());
}

#[test]
fn escape_stops_the_run_and_the_second_interrupt_leaves() {
    let mut stage = Stage::new(50, 14);
    stage.open(&json!([]));
    assert_eq!(stage.press(KeyCode::Esc, KeyModifiers::NONE), []);
    stage.delta("r", "going on");
    let stop = [Ask::Abort { session: stage::KEY.into() }];
    assert_eq!(stage.press(KeyCode::Esc, KeyModifiers::NONE), stop);
    assert_eq!(stage.press(KeyCode::Char('c'), KeyModifiers::CONTROL), stop);
    stage.ended("r", "aborted");
    stage.type_text("draft");
    assert_eq!(stage.press(KeyCode::Char('c'), KeyModifiers::CONTROL), []);
    assert!(!stage.shown().contains("draft"));
    assert_eq!(stage.press(KeyCode::Char('c'), KeyModifiers::CONTROL), []);
    assert!(stage.shown().contains("Ctrl-C again leaves"), "{}", stage.shown());
    assert_eq!(stage.press(KeyCode::Char('c'), KeyModifiers::CONTROL), [Ask::Leave]);
}

#[test]
fn typing_never_allows_a_command() {
    let mut stage = Stage::new(80, 24);
    stage.open(&json!([]));
    allow_prompt(&mut stage);
    assert!(stage.shown().contains("A command waits for your word"), "{}", stage.shown());
    // A person who is typing goes on typing.
    for letter in ['y', 'o', 'a'] {
        assert_eq!(stage.press(KeyCode::Char(letter), KeyModifiers::NONE), []);
    }
    assert!(stage.shown().contains("yoa"), "{}", stage.shown());
    stage.press(KeyCode::Char('r'), KeyModifiers::CONTROL);
    insta::assert_snapshot!("review", stage.shown());
    // Enter alone refuses.
    let refused = Ask::Decide { id: "a1".into(), decision: ApprovalDecision::Deny };
    assert_eq!(stage.press(KeyCode::Enter, KeyModifiers::NONE), [refused]);
    stage.press(KeyCode::Char('r'), KeyModifiers::CONTROL);
    stage.press(KeyCode::Char('o'), KeyModifiers::NONE);
    let allowed = Ask::Decide { id: "a1".into(), decision: ApprovalDecision::AllowOnce };
    assert_eq!(stage.press(KeyCode::Enter, KeyModifiers::NONE), [allowed]);
    stage.press(KeyCode::Char('r'), KeyModifiers::CONTROL);
    stage.event(
        "exec.approval.resolved",
        &json!({"id": "a1", "decision": "deny", "resolvedBy": "cli", "ts": 2}),
    );
    let shown = stage.shown();
    assert!(!shown.contains("May this run") && !shown.contains("waits"), "{shown}");
}

#[test]
fn a_command_that_does_not_fit_says_so_and_its_choices_stay() {
    let mut stage = Stage::new(60, 20);
    stage.open(&json!([]));
    let long: String = (0..60).map(|n| format!("echo line number {n}\n")).collect();
    stage.event(
        "exec.approval.requested",
        &json!({
            "id": "a2", "approvalKind": "exec", "createdAtMs": 1, "expiresAtMs": 2,
            "request": {
                "command": long, "cwd": "/", "nodeId": null, "host": "gateway", "security": null,
                "ask": null, "agentId": null, "resolvedPath": null, "sessionKey": null,
                "allowedDecisions": ["allow-once", "deny"],
            },
        }),
    );
    stage.press(KeyCode::Char('r'), KeyModifiers::CONTROL);
    insta::assert_snapshot!("review_too_long", stage.shown());
}

#[test]
fn what_is_said_while_the_link_is_down_is_sent_once_it_is_back() {
    let mut stage = Stage::new(60, 14);
    stage.open(&json!([]));
    let first = stage.type_and_send("before");
    stage.told(Told::Offline { why: "the link was lost".into() });
    assert!(stage.shown().contains("the link was lost; dialling again"), "{}", stage.shown());
    assert_eq!(stage.type_and_send("meanwhile"), []);
    let asks = stage.told(Told::Online);
    let texts: Vec<&str> = asks
        .iter()
        .filter_map(|ask| if let Ask::Send(sent) = ask { Some(sent.text.as_str()) } else { None })
        .collect();
    assert_eq!(texts, ["before", "meanwhile"]);
    // Under the key it had: the Gateway knows whether it has it.
    assert!(asks.contains(&first[0]));
    assert!(asks.contains(&Ask::Open { session: stage::KEY.into(), limit: 200 }));
    // What came of the cut link's own request changes nothing.
    stage.told(Told::Refused { id: "id-2".into(), why: "too long".into() });
    assert!(stage.shown().contains("not sent: too long"), "{}", stage.shown());
    assert!(
        !stage
            .told(Told::Online)
            .iter()
            .any(|ask| matches!(ask, Ask::Send(sent) if sent.id == "id-2"))
    );
}

#[test]
fn sessions_are_searched_and_opened() {
    let mut stage = Stage::new(60, 16);
    stage.open(&json!([stage::user(1, "in the first")]));
    assert_eq!(stage.press(KeyCode::Char('p'), KeyModifiers::CONTROL), [Ask::Sessions]);
    stage.sessions(&[("agent:main:main", "Main"), ("agent:main:tg:1", "Shopping list")]);
    insta::assert_snapshot!("sessions", stage.shown());
    for letter in "shop".chars() {
        stage.press(KeyCode::Char(letter), KeyModifiers::NONE);
    }
    let open = Ask::Open { session: "agent:main:tg:1".into(), limit: 200 };
    assert_eq!(stage.press(KeyCode::Enter, KeyModifiers::NONE), [open]);
    assert!(!stage.shown().contains("in the first"), "{}", stage.shown());
    // What the session before would have said is not this one's.
    stage.open(&json!([stage::user(1, "in the first")]));
    assert!(!stage.shown().contains("in the first"), "{}", stage.shown());
}

#[test]
fn scrolling_reads_further_back_until_there_is_no_more() {
    let mut stage = Stage::new(50, 12);
    let many: Vec<_> = (1..=20).map(|n| stage::user(n, &format!("message {n}"))).collect();
    stage.open_with(&json!(many), true);
    assert!(stage.shown().contains("message 20"));
    let asks = stage.press(KeyCode::Home, KeyModifiers::CONTROL);
    assert_eq!(asks, [Ask::Open { session: stage::KEY.into(), limit: 400 }]);
    let shown = stage.shown();
    assert!(shown.contains("message 1\u{20}") && !shown.contains("message 20"), "{shown}");
    assert!(shown.contains("there is more below"), "{shown}");
    // Once is enough until an answer came.
    assert_eq!(stage.press(KeyCode::PageUp, KeyModifiers::NONE), []);
    stage.press(KeyCode::End, KeyModifiers::CONTROL);
    assert!(stage.shown().contains("message 20"));
}

#[test]
fn nothing_that_is_said_steers_the_terminal() {
    let evil = "\u{1b}[2J\u{1b}]0;owned\u{7}x\u{9b}31m\r\u{8}";
    let mut stage = Stage::new(70, 20);
    stage.sessions(&[("agent:main:main", evil)]);
    stage.open(&json!([
        stage::user(1, evil),
        stage::message(
            2,
            "assistant",
            &json!([
                {"type": "text", "text": format!("{evil} `{evil}` [{evil}](http://x/{evil})")},
                {"type": "toolCall", "id": "t", "name": evil, "arguments": {"command": evil}},
            ])
        ),
        stage::result(3, "t", evil),
    ]));
    allow_prompt(&mut stage);
    stage.paste(evil);
    for key in ['o', 'p', 'r'] {
        stage.press(KeyCode::Char(key), KeyModifiers::CONTROL);
        assert!(!stage.shown().chars().any(|c| c.is_control() && c != '\n'), "{}", stage.shown());
        stage.press(KeyCode::Esc, KeyModifiers::NONE);
    }
}

#[test]
fn slash_commands_are_completed_and_lines_come_back() {
    let mut stage = Stage::new(60, 12);
    stage.open(&json!([]));
    stage.told(Told::Commands(vec!["model".into(), "models".into(), "new".into()]));
    stage.type_text("/mo");
    stage.press(KeyCode::Tab, KeyModifiers::NONE);
    assert!(stage.shown().contains("/model  /models"), "{}", stage.shown());
    stage.press(KeyCode::Char('c'), KeyModifiers::CONTROL);
    stage.type_text("/n");
    stage.press(KeyCode::Tab, KeyModifiers::NONE);
    let asks = stage.press(KeyCode::Enter, KeyModifiers::NONE);
    assert!(matches!(asks.as_slice(), [Ask::Send(sent)] if sent.text == "/new"), "{asks:?}");
    // A command is answered without a run.
    stage.told(Told::Sent { id: "id-1".into(), runs: false });
    assert!(!stage.shown().contains("on its way"), "{}", stage.shown());
    stage.press(KeyCode::Up, KeyModifiers::NONE);
    assert!(stage.shown().contains("/new"), "{}", stage.shown());
    stage.press(KeyCode::Down, KeyModifiers::NONE);
    assert!(!stage.shown().contains("/new"), "{}", stage.shown());
    stage.type_text("/quit");
    assert_eq!(stage.press(KeyCode::Enter, KeyModifiers::NONE), [Ask::Leave]);
}

#[test]
fn no_window_is_too_small() {
    for (width, height) in [(1, 1), (2, 3), (10, 4), (20, 6), (300, 2)] {
        let mut stage = Stage::new(width, height);
        stage.open(&json!([stage::user(1, "hello"), stage::result(2, "t", "out")]));
        allow_prompt(&mut stage);
        for key in ['p', 'r'] {
            stage.press(KeyCode::Char(key), KeyModifiers::CONTROL);
            stage.shown();
        }
        stage.press(KeyCode::F(1), KeyModifiers::NONE);
        stage.shown();
    }
}
