//! `gateway.tailscale` as a person sees it.

use std::time::Instant;

use openclaw_testkit::FakeTailscale;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::machine::{Machine, PATIENCE};

fn seen(machine: &Machine, wanted: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let status = machine.json(&["gateway", "status"])["gateway"]["tailscale"].clone();
        if wanted(&status) {
            return status;
        }
        assert!(started.elapsed() < PATIENCE, "{status}");
    }
}

#[test]
fn status_says_what_is_published_or_why_nothing_is() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let fake = runtime.block_on(FakeTailscale::start("box.tail1.ts.net"));
    fake.becomes("Stopped");
    let socket = fake.socket().display().to_string();
    let machine = Machine::new().with_env("OPENCLAW_TAILSCALE_SOCKET", socket);
    machine.configure("{ gateway: { tailscale: { mode: 'serve' } } }");
    let gateway = machine.gateway(&["--port", "0"]);
    let status = seen(&machine, |status| status["problem"].is_string());
    assert_eq!((&status["mode"], &status["published"]), (&json!("serve"), &json!(false)));
    let text = machine.text(&["gateway", "status"]);
    assert!(text.contains("not published: this machine is not connected to its tailnet"), "{text}");
    fake.becomes("Running");
    let status = seen(&machine, |status| status["published"] == true);
    assert_eq!(status["url"], "https://box.tail1.ts.net/");
    let text = machine.text(&["gateway", "status"]);
    assert!(text.contains("serve at https://box.tail1.ts.net/"), "{text}");
    gateway.end(Signal::TERM);
    assert_eq!(fake.config(), json!({}), "given up at the end");
    assert_eq!(machine.code(&["gateway", "run", "--port", "0", "--auth", "none"]), 78);
    let funnel = "{ gateway: { tailscale: { mode: 'funnel' } } }";
    machine.configure(funnel);
    assert_eq!(machine.code(&["gateway", "run", "--port", "0"]), 78, "a token is not enough");
}
