//! A whole Gateway, a person who posts, and a place where answers are posted to.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::allow_attributes,
    reason = "test code: a failed expectation is the result"
)]

use std::{sync::Arc, time::Duration};

use hmac::{Hmac, KeyInit as _, Mac as _};
use openclaw_base::Tasks;
use openclaw_testkit::TestGateway;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

const SECRET: &str = "a secret that both sides know";

fn sign(stamp: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(format!("{stamp}.{body}").as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// Head and body of the next request or answer.
async fn read(socket: &mut TcpStream) -> Option<(String, String)> {
    let mut seen = Vec::new();
    let mut bytes = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&seen).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_lowercase();
            let length = length.split("content-length: ").nth(1)?.lines().next()?.trim().parse();
            if body.len() >= length.unwrap_or(0) {
                return Some((head.to_owned(), body.to_owned()));
            }
        }
        match socket.read(&mut bytes).await.ok()? {
            0 => return None,
            read => seen.extend(bytes.iter().take(read)),
        }
    }
}

/// Where answers are posted to; gives head and body of each. The first `failing` are refused.
async fn place(failing: usize) -> (String, mpsc::Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/answers", listener.local_addr().expect("its address"));
    let (sender, posts) = mpsc::channel(8);
    let tasks = Tasks::new();
    drop(tasks.spawn("a place for answers", async move {
        for count in 0.. {
            let (mut socket, _) = listener.accept().await.expect("a guest");
            let Some((head, body)) = read(&mut socket).await else { continue };
            let status = if count < failing { "503 Busy" } else { "204 Taken" };
            let reply =
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            socket.write_all(reply.as_bytes()).await.expect("written");
            let body = serde_json::from_str(&body).expect("JSON");
            sender.send((head, body)).await.expect("somebody waits");
        }
    }));
    (url, posts)
}

async fn gateway(url: &str) -> TestGateway {
    let account = json!({"secret": SECRET, "url": url, "allowFrom": ["ada"]});
    let config = json!({"channels": {"webhook": {"accounts": {"door": account}}}});
    TestGateway::with_config(&config.to_string()).await
}

/// Posts to an account and gives status and body.
async fn post(port: u16, account: &str, signature: Option<&str>, body: &str) -> (u16, Value) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let stamp = now.expect("after 1970").as_secs().to_string();
    let signature = signature.map_or_else(|| sign(&stamp, body), str::to_owned);
    let request = format!(
        "POST /channels/webhook/{account} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\
         content-length: {}\r\nx-openclaw-timestamp: {stamp}\r\n\
         x-openclaw-signature: {signature}\r\n\r\n{body}",
        body.len()
    );
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.expect("connected");
    socket.write_all(request.as_bytes()).await.expect("written");
    let (head, body) = read(&mut socket).await.expect("an answer");
    let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
    (status, serde_json::from_str(&body).unwrap_or_default())
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.expect("it happens in time")
}

#[tokio::test]
async fn a_signed_message_is_answered_by_a_signed_post() {
    let (url, mut posts) = place(1).await;
    let gateway = gateway(&url).await;
    let message = json!({"id": "m1", "sender": "ada", "name": "Ada", "text": "/help"}).to_string();
    let (status, body) = post(gateway.port(), "door", None, &message).await;
    assert_eq!((status, &body["ok"]), (202, &json!(true)));
    // The first try is refused, the second is the same.
    let (_, first) = within(posts.recv()).await.expect("a post");
    let (head, answer) = within(posts.recv()).await.expect("a post");
    assert_eq!(first["id"], answer["id"], "a repeat is known as one");
    assert_eq!((&answer["chat"], &answer["replyTo"]), (&json!("ada"), &json!("m1")));
    assert!(answer["text"].as_str().expect("text").contains("/new"));
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_lowercase().starts_with(name));
        line.and_then(|line| line.split_once(": ")).expect("a header").1.to_owned()
    };
    let signed = sign(&header("x-openclaw-timestamp"), &answer.to_string());
    assert!(signed.starts_with("sha256=") && header("x-openclaw-signature").len() == signed.len());

    // The same message is taken once.
    let (status, _) = post(gateway.port(), "door", None, &message).await;
    assert_eq!(status, 202);
    let other = json!({"id": "m2", "sender": "ada", "text": "/status"}).to_string();
    post(gateway.port(), "door", None, &other).await;
    let (_, next) = within(posts.recv()).await.expect("a post");
    assert_eq!(next["replyTo"], "m2");
}

#[tokio::test]
async fn what_is_not_signed_or_no_message_is_refused() {
    let (url, mut posts) = place(0).await;
    let gateway = Arc::new(gateway(&url).await);
    let port = gateway.port();
    let message = json!({"id": "m1", "sender": "ada", "text": "/help"}).to_string();
    let (status, body) = post(port, "door", Some("sha256=00"), &message).await;
    assert_eq!(status, 401);
    assert!(body["error"].as_str().expect("why").contains("Signature"));
    assert_eq!(post(port, "window", None, &message).await.0, 404);
    for bad in ["", "[]", r#"{"id":"","sender":"a","text":"x"}"#, r#"{"id":"1","sender":"a"}"#] {
        assert_eq!(post(port, "door", None, bad).await.0, 400, "{bad}");
    }
    let long = format!(r#"{{"id":"1","sender":"a","text":"{}"}}"#, "x".repeat(2 * 1024 * 1024));
    assert_eq!(post(port, "door", None, &long).await.0, 413);
    // A stranger gets a code.
    let stranger = json!({"id": "m2", "sender": "bob", "text": "hi"}).to_string();
    assert_eq!(post(port, "door", None, &stranger).await.0, 202);
    let (_, answer) = within(posts.recv()).await.expect("a post");
    assert!(answer["text"].as_str().expect("text").contains("pairing approve webhook"));
}

#[tokio::test]
async fn a_file_is_posted_with_what_is_said_below_it() {
    let (url, mut posts) = place(1).await;
    let gateway = gateway(&url).await;
    let mut client = gateway.operator().await;
    let params = json!({"to": "ada", "message": "look", "buffer": "aGVsbG8=",
        "filename": "a.txt", "idempotencyKey": "1"});
    client.ok("send", params).await;
    let (_, first) = within(posts.recv()).await.expect("a post");
    let (_, answer) = within(posts.recv()).await.expect("a post");
    assert_eq!(first, answer, "a repeat is the same");
    assert_eq!((&answer["text"], &answer["chat"]), (&json!("look"), &json!("ada")));
    let file = json!({"name": "a.txt", "mimeType": "text/plain", "content": "aGVsbG8="});
    assert_eq!(answer["file"], file);
}
