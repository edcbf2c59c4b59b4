//! `openclaw tui` on a real terminal, seen through a terminal emulator.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

use openclaw_client::CallOptions;
use openclaw_testkit::sshd::Sshd;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::machine::{Machine, PATIENCE, shown};
use crate::model::{Provider, Turn};
use crate::ssh::{install, laptop};
use crate::terminal::Screen;
use crate::tunnel::processes;

const ROWS: NonZero<u16> = NonZero::new(20).unwrap();
const COLUMNS: NonZero<u16> = NonZero::new(72).unwrap();

/// A person in front of the chat.
struct Person {
    screen: Screen,
    keys: File,
    shown: Receiver<Vec<u8>>,
    terminal: vt100::Parser,
}

impl Person {
    fn sits_down(machine: &Machine, args: &[&str]) -> Self {
        let args: Vec<&str> = ["tui"].into_iter().chain(args.iter().copied()).collect();
        let mut command = machine.command(&args);
        command.env("TERM", "xterm-256color").env("TZ", "UTC");
        let screen = Screen::sized(command, ROWS.get(), COLUMNS.get());
        let keys = screen.person.try_clone().unwrap();
        let mut output = screen.person.try_clone().unwrap();
        let (sender, shown) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The kernel reports an error once the program has gone.
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                if sender.send(bytes[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { screen, keys, shown, terminal: vt100::Parser::new(ROWS, COLUMNS, 0) }
    }

    fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    fn sees(&self) -> String {
        self.terminal.screen().contents()
    }

    fn waits_for(&mut self, what: &str, seen: impl Fn(&str) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !seen(&self.sees()) {
            match self.shown.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.terminal.process(&bytes),
                Err(error) => panic!("{what}: {error}\n{}", self.sees()),
            }
        }
    }

    fn reads(&mut self, text: &str) {
        self.waits_for(text, |screen| screen.contains(text));
    }

    /// The exit code; the terminal is as it was.
    fn leaves(mut self) -> i32 {
        self.types("\x04");
        loop {
            match self.shown.recv_timeout(PATIENCE) {
                Ok(bytes) => self.terminal.process(&bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not leave\n{}", self.sees()),
            }
        }
        assert!(!self.terminal.screen().alternate_screen(), "{}", self.sees());
        self.screen.end().1
    }
}

fn kill_ssh(sshd: &Sshd) {
    let found = processes(&sshd.config().display().to_string());
    assert!(!found.is_empty());
    for process in found {
        // It may have ended meanwhile.
        kill_process(Pid::from_raw(process).unwrap(), Signal::KILL).ok();
    }
}

#[test]
fn a_conversation_over_ssh_survives_a_cut_and_commands_are_decided_in_it() {
    let sshd = Sshd::start().unwrap();
    let (server, laptop) = (Machine::new(), laptop(&sshd));
    install(&sshd, &server);
    let provider =
        Provider::start(&[Turn::Halves("The answer ", "is **42**."), Turn::Say("Fine.")]);
    server.configure(&provider.configuration());
    let gateway = server.gateway(&["--port", "0"]);

    let mut person = Person::sits_down(&laptop, &["--ssh", &sshd.target()]);
    person.reads("Nothing was said yet.");
    person.types("What is it?\r");
    person.reads("The answer");
    kill_ssh(&sshd);
    person.reads("dialling again");
    // What is typed meanwhile is kept, and sent when it can be.
    person.types("And now?\r");
    person.reads("on its way");
    provider.go_on();
    person.waits_for("both answers, once each", |screen| {
        screen.contains("Fine.") && !screen.contains("dialling again") && !screen.contains('▌')
    });
    let screen = person.sees();
    assert_eq!(screen.matches("The answer is 42.").count(), 1, "{screen}");
    assert_eq!(screen.matches("And now?").count(), 1, "{screen}");
    let settled = |line: &str| {
        let digits = |c: char| if c.is_ascii_digit() { '0' } else { c };
        if line.starts_with("you") || line.starts_with("agent") || line.contains("tokens") {
            line.chars().map(digits).collect()
        } else {
            line.to_owned()
        }
    };
    let head = screen.lines().next().unwrap();
    assert!(head.starts_with(" ") && head.contains('●'), "{head}");
    let rest: Vec<String> = screen.lines().skip(1).map(|line| settled(line.trim_end())).collect();
    insta::assert_snapshot!("over_ssh", rest.join("\n"));

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = runtime.block_on(crate::nodes::operator(gateway.port, server.token()));
    let asked = runtime.spawn(async move {
        let params = json!({"command": "rm -rf build", "cwd": "/srv", "agentId": "main"});
        client.call_raw("exec.approval.request", &params, CallOptions::default()).await.unwrap()
    });
    person.reads("A command waits for your word");
    person.types("\x12");
    person.reads("May this run?");
    person.reads("rm -rf build");
    person.types("o");
    person.reads("[allow Once]");
    person.types("\r");
    person.waits_for("nothing waits", |screen| !screen.contains("your word"));
    assert_eq!(runtime.block_on(asked).unwrap()["decision"], "allow-once");
    assert_eq!(person.leaves(), 0);
}

#[test]
fn escape_stops_the_run_on_the_gateway() {
    let provider = Provider::start(&[Turn::Hang("Let me think")]);
    let machine = Machine::new();
    machine.configure(&provider.configuration());
    let _gateway = machine.gateway(&["--port", "0"]);
    let mut person = Person::sits_down(&machine, &["--message", "hello", "--session", "work"]);
    person.reads("Let me think");
    person.types("\x1b");
    provider.wait_for_hang_up();
    person.reads("■ stopped");
    person.types("\x10");
    person.reads("Sessions: type to search");
    // Not with Escape: with what follows it, it would be another key.
    person.types("\r");
    assert_eq!(person.leaves(), 0);
}

#[test]
fn without_a_terminal_there_is_another_way() {
    let machine = Machine::new();
    let output = machine.run(&["tui"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(shown(&output).contains("openclaw agent --message"), "{}", shown(&output));
}
