//! The HTTP side: probes, refused hosts and proxies, and nothing else.

use openclaw_testkit::{TestGateway, WireClient, wire::request};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn get(gateway: &TestGateway, path: &str, headers: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port())).await.expect("connect");
    let text = format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(text.as_bytes()).await.expect("write");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("read");
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    (status, answer)
}

const LOCAL: &str = "Host: 127.0.0.1\r\n";

#[tokio::test]
async fn probes_answer_without_credentials_and_tell_no_version() {
    let gateway = TestGateway::start().await;
    for path in ["/health", "/healthz", "/ready", "/readyz", "/startup", "/startupz"] {
        let (status, answer) = get(&gateway, path, LOCAL).await;
        assert_eq!(status, 200, "{path}");
        assert!(!answer.contains(env!("CARGO_PKG_VERSION")), "{answer}");
        assert!(answer.contains("x-content-type-options: nosniff"), "{answer}");
    }
}

#[tokio::test]
async fn everything_else_is_not_there() {
    let gateway = TestGateway::start().await;
    for path in ["/nothing.js", "/metrics", "/api/x", "/v1/chat/completions", "/../etc/passwd"] {
        assert_eq!(get(&gateway, path, LOCAL).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn other_hosts_origins_and_proxies_are_refused_on_every_route() {
    let gateway = TestGateway::start().await;
    for (headers, kind) in [
        ("Host: evil.example\r\n", "host_not_allowed"),
        ("", "host_not_allowed"),
        ("Host: 127.0.0.1\r\nOrigin: https://evil.example\r\n", "origin_not_allowed"),
        ("Host: 127.0.0.1\r\nX-Forwarded-For: 192.0.2.1\r\n", "proxy_attribution_required"),
    ] {
        for path in ["/health", "/nothing"] {
            let (status, answer) = get(&gateway, path, headers).await;
            let refused = status == 403 || status == 400;
            assert!(refused && (status == 400 || answer.contains(kind)), "{headers}: {answer}");
        }
    }
}

#[tokio::test]
async fn upgrades_are_refused_for_other_hosts_and_proxies() {
    let gateway = TestGateway::start().await;
    for (name, value) in [("host", "evil.example"), ("x-forwarded-for", "192.0.2.1")] {
        let mut upgrade = request(gateway.port(), "/any/path");
        upgrade.headers_mut().insert(name, value.parse().expect("header"));
        let refused = WireClient::try_request(gateway.port(), upgrade).await;
        assert_eq!(refused.err(), Some(403), "{name}");
    }
    let upgrade = request(gateway.port(), "/any/path");
    assert!(WireClient::try_request(gateway.port(), upgrade).await.is_ok());
}

#[tokio::test]
async fn one_address_cannot_hold_all_sockets() {
    let gateway = TestGateway::start().await;
    let mut waiting = Vec::new();
    for _ in 0..openclaw_protocol::limits::MAX_PREAUTH_SOCKETS_PER_ADDRESS {
        waiting.push(gateway.wire().await);
    }
    let upgrade = request(gateway.port(), "/");
    assert_eq!(WireClient::try_request(gateway.port(), upgrade).await.err(), Some(503));
    // The owner is never locked out by it.
    WireClient::door(&gateway.door()).await;
}

/// A folder as `gateway.controlUi.root` may name one, with something secret beside it.
fn folder() -> tempfile::TempDir {
    let above = tempfile::tempdir().expect("folder");
    let root = above.path().join("ui");
    std::fs::create_dir_all(root.join("assets")).expect("folders");
    std::fs::write(above.path().join("secret.txt"), "secret").expect("file");
    std::fs::write(root.join("index.html"), "<title>mine</title>").expect("file");
    std::fs::write(root.join("assets/a.js"), "1").expect("file");
    std::fs::write(root.join(".env"), "secret").expect("file");
    std::os::unix::fs::symlink(above.path().join("secret.txt"), root.join("link.txt"))
        .expect("link");
    above
}

#[tokio::test]
async fn the_interface_is_served_below_its_base_path_and_nowhere_else() {
    let gateway = TestGateway::start().await;
    let (status, answer) = get(&gateway, "/", LOCAL).await;
    assert_eq!(status, 200, "{answer}");
    for line in [
        "content-security-policy: default-src 'none'",
        "frame-ancestors 'none'",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "cache-control: no-cache",
    ] {
        assert!(answer.contains(line), "{line}: {answer}");
    }
    assert!(!answer.contains(env!("CARGO_PKG_VERSION")) && !answer.contains("unsafe"), "{answer}");

    let gateway = TestGateway::with_config("{ gateway: { controlUi: { basePath: '/ui' } } }").await;
    assert_eq!(get(&gateway, "/", LOCAL).await.0, 404);
    let (status, answer) = get(&gateway, "/ui", LOCAL).await;
    assert!(status == 308 && answer.contains("location: /ui/"), "{answer}");
    assert_eq!(get(&gateway, "/ui/", LOCAL).await.0, 200);
    assert_eq!(get(&gateway, "/uix", LOCAL).await.0, 404);
    assert_eq!(get(&gateway, "/ui/nothing.js", LOCAL).await.0, 404);

    let gateway = TestGateway::with_config("{ gateway: { controlUi: { enabled: false } } }").await;
    assert_eq!(get(&gateway, "/", LOCAL).await.0, 404);
}

#[tokio::test]
async fn a_folder_is_served_instead_and_nothing_outside_of_it() {
    let above = folder();
    let root = above.path().join("ui");
    let config = format!("{{ gateway: {{ controlUi: {{ root: '{}' }} }} }}", root.display());
    let gateway = TestGateway::with_config(&config).await;
    for (path, status, text) in [
        ("/", 200, "<title>mine</title>"),
        ("/chat/some-page", 200, "<title>mine</title>"),
        ("/assets/a.js", 200, "text/javascript"),
        ("/assets/missing.js", 404, "not_found"),
        ("/link.txt", 404, "not_found"),
        ("/.env", 404, "not_found"),
        ("/../secret.txt", 404, "not_found"),
        ("/%2e%2e/secret.txt", 404, "not_found"),
        ("/..%2fsecret.txt", 404, "not_found"),
        ("/assets/..%5c..%5csecret.txt", 404, "not_found"),
    ] {
        let (found, answer) = get(&gateway, path, LOCAL).await;
        assert_eq!(found, status, "{path}: {answer}");
        assert!(answer.contains(text) && !answer.contains("\r\n\r\nsecret"), "{path}: {answer}");
    }
    let (_, answer) = get(&gateway, "/", LOCAL).await;
    let tag = answer.split("etag: ").nth(1).and_then(|rest| rest.lines().next()).expect("a tag");
    let again = get(&gateway, "/", &format!("{LOCAL}If-None-Match: {tag}\r\n")).await;
    assert_eq!(again.0, 304);
}
