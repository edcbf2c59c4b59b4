//! A model provider that is played by the test: OpenAI's dialect, one answer per line of a script.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

/// One turn of the script.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Turn {
    /// Says this, and the answer is complete.
    Say(&'static str),
    /// Says this, and that it took 1000 tokens, 400 of them from a cache, and wrote 200.
    Counted(&'static str),
    /// Says this, and then nothing more until the other side hangs up.
    Hang(&'static str),
    /// Says the first part, waits until the test lets go, and says the second.
    Halves(&'static str, &'static str),
}

/// The provider.
pub(crate) struct Provider {
    port: u16,
    hung_up: Receiver<()>,
    go: Sender<()>,
}

impl Provider {
    /// Starts one that follows a script; the last turn is repeated.
    pub(crate) fn start(script: &'static [Turn]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, hung_up) = channel();
        let (go, gone) = channel();
        let gate = Arc::new(Mutex::new(gone));
        thread::spawn(move || {
            let mut turns = script.iter().copied();
            let mut last = *script.last().unwrap();
            for stream in listener.incoming() {
                last = turns.next().unwrap_or(last);
                let (turn, sender, gate) = (last, sender.clone(), Arc::clone(&gate));
                thread::spawn(move || answer(stream.unwrap(), turn, &sender, &gate));
            }
        });
        Self { port, hung_up, go }
    }

    /// A configuration that makes this the only model.
    pub(crate) fn configuration(&self) -> String {
        format!(
            "{{ agents: {{ defaults: {{ model: 'played/model' }} }}, models: {{ providers: {{ played: {{ \
             baseUrl: 'http://127.0.0.1:{}/v1', apiKey: 'k', api: 'openai-completions', \
             models: [{{ id: 'model', name: 'Played' }}] }} }} }} }}",
            self.port
        )
    }

    /// Lets one answer in two halves go on.
    pub(crate) fn go_on(&self) {
        self.go.send(()).unwrap();
    }

    /// Waits until the other side has hung up on a turn that hangs.
    pub(crate) fn wait_for_hang_up(&self) {
        self.hung_up.recv_timeout(crate::machine::PATIENCE).unwrap();
    }
}

fn answer(mut stream: TcpStream, turn: Turn, hung_up: &Sender<()>, gate: &Mutex<Receiver<()>>) {
    if read_request(&stream).is_none() {
        return;
    }
    let (text, rest, complete) = match turn {
        Turn::Say(text) | Turn::Counted(text) => (text, None, true),
        Turn::Hang(text) => (text, None, false),
        Turn::Halves(first, second) => (first, Some(second), true),
    };
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    let chunk = |delta: &str, finish: &str| {
        format!(
            "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\
             \"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
        )
    };
    let piece = |text: &str| chunk(&format!("{{\"content\":\"{text}\"}}"), "null");
    let mut body = piece(text);
    if let Some(rest) = rest {
        if stream.write_all(format!("{head}{body}").as_bytes()).is_err() {
            return;
        }
        gate.lock().unwrap().recv().unwrap();
        body = format!("{}{}data: [DONE]\n\n", piece(rest), chunk("{}", "\"stop\""));
        // Who is gone by then does not hear it.
        stream.write_all(body.as_bytes()).ok();
        return;
    }
    if matches!(turn, Turn::Counted(_)) {
        body.push_str(
            "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{\
             \"prompt_tokens\":1000,\"completion_tokens\":200,\"total_tokens\":1200,\
             \"prompt_tokens_details\":{\"cached_tokens\":400}}}\n\n",
        );
    }
    if complete {
        body.push_str(&chunk("{}", "\"stop\""));
        body.push_str("data: [DONE]\n\n");
    }
    if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).is_err() {
        return;
    }
    if !complete {
        // The answer hangs; the next thing that happens is that the other side goes away.
        let mut byte = [0];
        stream.read_exact(&mut byte).ok();
        hung_up.send(()).ok();
    }
}

/// Reads one request with its body.
fn read_request(stream: &TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()
}
