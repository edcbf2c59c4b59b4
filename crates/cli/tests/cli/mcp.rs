//! Servers of tools in the configuration: listed, and nothing secret of them.

use crate::sandbox::{Sandbox, json};

#[test]
fn servers_are_listed_without_their_secrets() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!("mcp_list_empty", sandbox.shown(&["mcp", "list"]));
    sandbox.write(
        ".openclaw/openclaw.json",
        r#"{ mcp: { servers: {
            files: { command: "npx", args: ["-y", "server-filesystem", "/srv"], env: { K: "hidden-1" } },
            docs: { url: "https://me:hidden-2@docs.example/mcp?key=hidden-3",
                    headers: { Authorization: "Bearer hidden-4" }, timeout: 20,
                    toolFilter: { include: ["search_*"] } },
            old: { command: "old", args: ["--api-key", "hidden-5"], enabled: false },
            empty: {},
            sse: { url: "https://x.example", transport: "sse" },
        } } }"#,
    );
    let shown = sandbox.shown(&["mcp", "list"]);
    assert!(!shown.contains("hidden"), "{shown}");
    insta::assert_snapshot!("mcp_list", shown);
    let output = sandbox.run(&["mcp", "list", "--json"]);
    let listed = json(&output);
    assert!(!listed.to_string().contains("hidden"), "{listed}");
    let servers = listed["servers"].as_array().unwrap();
    let named = |name: &str| servers.iter().find(|server| server["name"] == name).unwrap();
    assert_eq!(named("docs")["launch"], "https://docs.example/mcp");
    assert_eq!(named("docs")["requestTimeoutMs"], 20_000);
    assert_eq!(named("docs")["transport"], "streamable-http");
    assert_eq!(named("files")["launch"], "npx -y server-filesystem /srv");
    assert_eq!(named("empty")["ok"], false);
    assert_eq!(named("old")["enabled"], false);
}
