//! A server of tools that was not written with our client's library: `tests-js/mcp-server.mjs`.

use std::{path::Path, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests-js");

/// The command that starts it over its standard input and output.
#[must_use]
pub fn command(flags: &[&str]) -> Vec<String> {
    let node = Path::new(FOLDER).join("node_modules/node/bin/node");
    assert!(
        node.exists(),
        "the npm packages of the tests are missing; install them with: npm ci --prefix tests-js"
    );
    let script = Path::new(FOLDER).join("mcp-server.mjs");
    let words = [node, script].map(|path| path.display().to_string());
    words.into_iter().chain(flags.iter().map(|flag| (*flag).to_owned())).collect()
}

/// The same behind an address, which wants `Authorization: Bearer the-key`. It ends with its standard
/// input, so with the test however that ends.
pub struct HttpStandIn {
    _child: Child,
    /// Where it is, without a path.
    pub url: String,
}

impl HttpStandIn {
    /// Starts it.
    pub async fn start() -> Self {
        let words = command(&["--http"]);
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let first = tokio::time::timeout(Duration::from_secs(60), lines.next_line());
        let url = first.await.expect("in time").expect("readable").expect("a line");
        Self { _child: child, url }
    }
}
