//! The published reference client, in a Node of its own, steered line by line.

use std::{path::Path, process::Stdio, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// The client waits up to 30 s between two attempts to reconnect.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running reference client with one device identity. Ends when dropped.
pub(crate) struct ReferenceClient {
    _node: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    kept: Vec<Value>,
    next_id: u64,
    /// The id of its device.
    pub(crate) device: String,
}

impl ReferenceClient {
    /// Starts Node with the client, which connects to nothing yet.
    pub(crate) async fn start() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests-js");
        let node = folder.join("node_modules/node/bin/node");
        assert!(node.exists(), "Node is missing: run `npm ci` in tests-js, or `cargo xtask test`");
        let mut child = Command::new(node)
            .arg(folder.join("drive-client.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("Node starts");
        let input = child.stdin.take().expect("its input");
        let output = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut client = Self {
            _node: child,
            input,
            output,
            kept: Vec::new(),
            next_id: 0,
            device: String::new(),
        };
        let first = client.report(|report| report.get("device").is_some()).await;
        client.device = first["device"].as_str().expect("a device id").to_owned();
        client
    }

    /// Connects with these options beside the usual ones.
    pub(crate) async fn connect(&mut self, options: Value) {
        self.command(&json!({ "do": "connect", "options": options })).await;
    }

    /// Ends the connection for good.
    pub(crate) async fn stop(&mut self) {
        self.command(&json!({ "do": "stop" })).await;
        self.report(|report| report.get("stopped").is_some()).await;
    }

    /// Calls a method that must work and gives its payload.
    pub(crate) async fn ok(&mut self, method: &str, params: Value) -> Value {
        self.next_id += 1;
        let id = self.next_id;
        self.command(&json!({ "do": "call", "id": id, "method": method, "params": params })).await;
        let mut report = self.report(|report| report["answer"]["id"] == id).await;
        let answer = report["answer"].take();
        assert_eq!(answer["ok"], true, "{method}: {answer}");
        answer["payload"].clone()
    }

    /// The next `hello-ok`.
    pub(crate) async fn hello(&mut self) -> Value {
        self.report(|report| report.get("hello").is_some()).await["hello"].take()
    }

    /// The next refusal of a connect that carries a code.
    pub(crate) async fn refused(&mut self) -> Value {
        self.report(|report| report["refused"]["details"]["code"].is_string()).await["refused"]
            .take()
    }

    /// The next event with this name that `wanted` accepts; gives its payload.
    pub(crate) async fn event(&mut self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let matches = |report: &Value| {
            report["event"]["event"] == name && wanted(&report["event"]["payload"])
        };
        self.report(matches).await["event"]["payload"].take()
    }

    /// The next report that `wanted` accepts, among those kept and those to come.
    pub(crate) async fn report(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(found) = self.kept.iter().position(&wanted) {
            return self.kept.remove(found);
        }
        loop {
            let line = timeout(PATIENCE, self.output.next_line()).await;
            let Ok(line) = line else { panic!("nothing came; before it: {:?}", self.kept) };
            let line = line.expect("its output is text").expect("the client goes on");
            let report: Value = serde_json::from_str(&line).expect("reports are JSON");
            if wanted(&report) {
                return report;
            }
            self.kept.push(report);
        }
    }

    async fn command(&mut self, command: &Value) {
        let line = format!("{command}\n");
        self.input.write_all(line.as_bytes()).await.expect("it reads commands");
    }
}
