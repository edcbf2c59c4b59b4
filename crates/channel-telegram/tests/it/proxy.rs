//! The way to the Bot API: through proxies, and when it hangs.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use openclaw_base::Tasks;
use openclaw_testkit::fake_telegram::Fault;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::stage::{ADA, Stage, within};

/// A SOCKS5 proxy without a password; counts what goes through it.
async fn socks(tasks: &Tasks) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let passed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&passed);
    let owner = tasks.clone();
    drop(tasks.spawn("proxy", async move {
        let stop = owner.token();
        while let Some(Ok((socket, _))) = stop.run_until_cancelled(listener.accept()).await {
            let (count, stop) = (Arc::clone(&count), owner.token());
            drop(owner.spawn("proxy's guest", async move {
                stop.run_until_cancelled(pass(socket, &count)).await;
            }));
        }
    }));
    (address, passed)
}

async fn pass(mut socket: TcpStream, count: &AtomicUsize) -> Option<()> {
    let mut head = [0; 2];
    socket.read_exact(&mut head).await.ok()?;
    let mut methods = vec![0; head[1].into()];
    socket.read_exact(&mut methods).await.ok()?;
    socket.write_all(&[5, 0]).await.ok()?;
    // CONNECT to an IPv4 address.
    let mut request = [0; 10];
    socket.read_exact(&mut request).await.ok()?;
    assert_eq!(request[..4], [5, 1, 0, 1]);
    let port = u16::from_be_bytes([request[8], request[9]]);
    let ip: [u8; 4] = request[4..8].try_into().ok()?;
    let mut far = TcpStream::connect(SocketAddr::from((ip, port))).await.ok()?;
    socket.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.ok()?;
    count.fetch_add(1, Ordering::SeqCst);
    copy_bidirectional(&mut socket, &mut far).await.ok()?;
    Some(())
}

#[tokio::test]
async fn everything_goes_through_the_proxy_that_is_set() {
    let tasks = Tasks::new();
    let (address, passed) = socks(&tasks).await;
    let proxy = format!("socks5://{address}");
    let stage = Stage::new(json!({"allowFrom": [ADA], "streamMode": "off", "proxy": proxy})).await;
    stage.telegram.direct_message(ADA, "/help");
    assert!(stage.said(1).await[0].contains("/new"));
    assert!(passed.load(Ordering::SeqCst) > 0);
    tasks.cancel();
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_told() {
    let keys = json!({"allowFrom": [ADA], "proxy": "http://127.0.0.1:9"});
    let stage = Stage::new(keys).await;
    let account = stage.account_is(|account| !account["lastError"].is_null()).await;
    assert_eq!(account["connected"], false);
    assert!(stage.telegram.calls("getMe").is_empty());
}

#[tokio::test]
async fn a_poll_that_hangs_is_told_and_given_up() {
    let stage = Stage::new(json!({"allowFrom": [ADA], "timeoutSeconds": 1})).await;
    stage.account_is(|account| account["connected"] == true).await;
    stage.telegram.fail_next("getUpdates", Fault::Stall);
    stage.telegram.direct_message(ADA, "/help");
    let hung = |account: &serde_json::Value| {
        account["lastError"].as_str().is_some_and(|why| why.contains("within"))
    };
    within(stage.account_is(hung)).await;
    assert!(stage.said(1).await[0].contains("/new"));
    stage
        .account_is(|account| account["connected"] == true && account["lastError"].is_null())
        .await;
}
