//! Publishing with the `tailscale` command alone, where the daemon's socket is out of reach.
#![allow(
    clippy::expect_used,
    clippy::allow_attributes,
    reason = "test code: a failed expectation is the result"
)]

use std::{os::unix::fs::PermissionsExt, path::Path, time::Duration};

use openclaw_base::CancellationToken;
use openclaw_remote::tailscale::{Published, Publisher, Record, Whereabouts};
use tokio::sync::watch;

/// Answers as the command documents, and keeps the serve configuration in a file.
const COMMAND: &str = r#"#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/calls"
case "$*" in
"status --peers=false --json")
  echo '{"BackendState":"Running","CertDomains":["box.tail1.ts.net"],"Self":{"DNSName":"box.tail1.ts.net."}}' ;;
"serve status --json") cat "$here/config" ;;
"serve --bg --yes --https=443 --set-path=/ http://127.0.0.1:4000")
  [ -e "$here/denied" ] && { echo 'access denied: serve config denied' >&2; exit 1; }
  echo '{"TCP":{"443":{"HTTPS":true}},"Web":{"box.tail1.ts.net:443":{"Handlers":{"/":{"Proxy":"http://127.0.0.1:4000"}}}}}' > "$here/config" ;;
"serve --yes --https=443 --set-path=/ off") echo '{}' > "$here/config" ;;
*) echo "unknown: $*" >&2; exit 2 ;;
esac
"#;

fn publisher(folder: &Path) -> (Publisher, watch::Receiver<Published>) {
    let command = folder.join("tailscale");
    std::fs::write(&command, COMMAND).expect("write");
    std::fs::set_permissions(&command, PermissionsExt::from_mode(0o700)).expect("executable");
    std::fs::write(folder.join("config"), "").expect("write");
    let (told, seen) = watch::channel(Published::default());
    let publisher = Publisher {
        whereabouts: Whereabouts { sockets: vec![folder.join("no.sock")], command: Some(command) },
        target: "http://127.0.0.1:4000".to_owned(),
        funnel: false,
        record: folder.join("record.json"),
        told,
    };
    (publisher, seen)
}

async fn until(
    seen: &mut watch::Receiver<Published>,
    wanted: impl Fn(&Published) -> bool,
) -> Published {
    let found = tokio::time::timeout(Duration::from_secs(20), seen.wait_for(|it| wanted(it)));
    found.await.expect("in time").expect("it runs").clone()
}

#[tokio::test]
async fn the_command_publishes_and_takes_back_one_route() {
    let folder = tempfile::tempdir().expect("folder");
    let config = || std::fs::read_to_string(folder.path().join("config")).expect("read");
    let (publisher, mut seen) = publisher(folder.path());
    let (record, stop) = (publisher.record.clone(), CancellationToken::new());
    let denied = folder.path().join("denied");
    std::fs::write(&denied, "").expect("write");
    let drive = async {
        let failing = until(&mut seen, |it| matches!(it, Published::Failing { .. })).await;
        let Published::Failing { hint, .. } = failing else { return };
        assert!(hint.contains("--operator"), "{hint}");
        std::fs::remove_file(&denied).expect("remove");
        let standing = until(&mut seen, |it| it.name().is_some()).await;
        assert_eq!(standing.name(), Some("box.tail1.ts.net"));
        assert!(config().contains("127.0.0.1:4000"));
        stop.cancel();
    };
    tokio::join!(publisher.run(stop.clone()), drive);
    assert_eq!(config().trim(), "{}");
    assert_eq!(Record::read(&record).routes, []);
}
