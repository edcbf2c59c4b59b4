//! A server that answers as it is told, and a fetcher that must not be led astray.
#![expect(clippy::expect_used, reason = "test code: a failed expectation is the result")]

use std::{net::SocketAddr, time::Duration};

use openclaw_web::{FetchError, Fetcher, Limits};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::AbortHandle,
};

/// Answers every request with the text that its path names.
struct Server {
    address: SocketAddr,
    serving: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn answer(path: &str, own: SocketAddr) -> String {
    let redirect =
        |to: &str| format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
    match path {
        "/page" => "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: 9\r\n\r\n<p>hi</p>".into(),
        "/loop" => redirect("/loop"),
        "/there" => redirect("/page"),
        "/metadata" => redirect("http://169.254.169.254/latest/meta-data/"),
        "/other-port" => redirect(&format!("http://[::1]:{}/page", own.port())),
        "/decimal" => redirect("http://2130706433/"),
        "/file" => redirect("file:///etc/passwd"),
        "/user" => redirect("http://me:pw@1.1.1.1/"),
        "/name" => redirect(&format!("http://localhost:{}/page", own.port())),
        "/large" => format!("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{}", "x".repeat(5000)),
        "/silent" => String::new(),
        _ => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".into(),
    }
}

async fn server() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    #[expect(clippy::disallowed_methods, reason = "the server ends with the test")]
    let serving = tokio::spawn(async move {
        loop {
            let Ok((mut socket, _)) = listener.accept().await else { return };
            let mut request = vec![0; 4096];
            let length = socket.read(&mut request).await.unwrap_or(0);
            let text =
                String::from_utf8_lossy(request.get(..length).unwrap_or_default()).into_owned();
            let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
            let answer = answer(&path, address);
            if answer.is_empty() {
                std::mem::forget(socket);
                continue;
            }
            socket.write_all(answer.as_bytes()).await.ok();
        }
    });
    Server { address, serving: serving.abort_handle() }
}

fn fetcher(also: &[&str]) -> Fetcher {
    let limits = Limits { bytes: 1000, time: Duration::from_millis(1500), redirects: 3 };
    let also = also.iter().map(|net| net.parse().expect("a network")).collect();
    Fetcher::new("test", limits, also).expect("a fetcher")
}

#[tokio::test]
async fn nothing_leads_to_this_machine_or_a_private_network() {
    let server = server().await;
    let port = server.address.port();
    let fetcher = fetcher(&[]);
    for url in [
        format!("http://127.0.0.1:{port}/page"),
        format!("http://localhost:{port}/page"),
        format!("http://127.1:{port}/page"),
        format!("http://2130706433:{port}/page"),
        format!("http://0x7f000001:{port}/page"),
        format!("http://0177.0.0.1:{port}/page"),
        format!("http://0:{port}/page"),
        format!("http://0.0.0.0:{port}/page"),
        format!("http://[::1]:{port}/page"),
        format!("http://[::]:{port}/page"),
        format!("http://[::ffff:127.0.0.1]:{port}/page"),
        format!("http://[0:0:0:0:0:ffff:7f00:1]:{port}/page"),
        format!("http://[64:ff9b::127.0.0.1]:{port}/page"),
        format!("http://127.0.0.1%2f@example.com:{port}/page"),
        format!("http://①②⑦.⓪.⓪.①:{port}/page"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[fd00:ec2::254]/latest/meta-data/".to_owned(),
        "http://10.0.0.1/".to_owned(),
        "http://192.168.0.1/".to_owned(),
        "http://172.16.0.1/".to_owned(),
        "http://100.100.100.100/".to_owned(),
        "http://[fe80::1]/".to_owned(),
        "http://224.0.0.1/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "ftp://1.1.1.1/".to_owned(),
        "gopher://1.1.1.1/".to_owned(),
        "data:text/html,hi".to_owned(),
        "unix:/run/x".to_owned(),
        "http://me:pw@1.1.1.1/".to_owned(),
        "http://".to_owned(),
        "/page".to_owned(),
        "javascript:alert(1)".to_owned(),
    ] {
        let error = fetcher.get(&url).await.expect_err(&url);
        let refused = matches!(
            error,
            FetchError::NotPublic(_) | FetchError::NotWeb(_) | FetchError::Credentials
        );
        assert!(refused, "{url}: {error:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_checked_like_a_first_request() {
    let server = server().await;
    // This one server is allowed; nothing else that is not public is.
    let fetcher = fetcher(&["127.0.0.1/32"]);
    let url = |path: &str| format!("http://{}{path}", server.address);
    let page = fetcher.get(&url("/there")).await.expect("a page");
    assert_eq!((page.url, page.status), (url("/page"), 200));
    assert_eq!(
        (page.content_type.as_str(), page.body.as_slice()),
        ("text/html", b"<p>hi</p>".as_slice())
    );
    for path in ["/metadata", "/other-port"] {
        let error = fetcher.get(&url(path)).await.expect_err(path);
        assert!(matches!(error, FetchError::NotPublic(_)), "{path}: {error:?}");
    }
    assert!(matches!(fetcher.get(&url("/file")).await, Err(FetchError::NotWeb(_))));
    assert!(matches!(fetcher.get(&url("/user")).await, Err(FetchError::Credentials)));
    assert!(matches!(fetcher.get(&url("/loop")).await, Err(FetchError::Redirects(3))));
    let large = fetcher.get(&url("/large")).await.expect("the beginning");
    assert_eq!((large.body.len(), large.cut), (1000, true));
    assert!(matches!(fetcher.get(&url("/silent")).await, Err(FetchError::TooSlow(_))));
    assert_eq!(fetcher.get(&url("/nothing")).await.expect("a page").status, 404);
}
