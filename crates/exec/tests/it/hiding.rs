//! What is hidden from a command.

use std::time::Duration;

use openclaw_exec::run::{self, Event, Hidden, Running, Spec, Stream};

async fn output(spec: &Spec, hidden: &Hidden) -> String {
    let mut running = Running::start_hiding(spec, hidden).expect("started");
    let mut text = String::new();
    while let Event::Output(stream, bytes) = running.next().await.expect("an event") {
        if stream == Stream::Out {
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
    text
}

#[tokio::test]
async fn what_is_hidden_can_neither_be_read_nor_changed() {
    if !run::can_hide() {
        return;
    }
    let home = tempfile::tempdir().expect("a folder");
    let state = home.path().join("state");
    let work = state.join("workspace");
    let other = home.path().join("other");
    for folder in [&work, &other] {
        std::fs::create_dir_all(folder).expect("made");
    }
    std::fs::write(state.join("token"), "secret").expect("written");
    std::fs::write(work.join("note"), "note").expect("written");
    let hidden =
        Hidden { folders: vec![state.clone()], except: vec![work.clone()], ..Hidden::default() };
    let script = "cat note; echo a > new && cat new; cat ../token; cat $S/token; ln ../token x; cat x; \
                  mv ../token y; cat y; cp ../token z; cat z; echo bad > ../token; rm ../token; \
                  ln -s /etc/hostname ../link; mv ../../state ../../moved; cat ../../moved/token; \
                  cat /proc/$PPID/root$S/token; sh -c 'cat ../token'; echo b > ../../other/f; \
                  cat ../../other/f; echo end";
    let spec = Spec {
        argv: vec!["sh".into(), "-c".into(), script.into()],
        cwd: work.clone(),
        environment: vec![
            ("PATH".into(), "/usr/bin:/bin".into()),
            ("S".into(), state.display().to_string()),
        ],
        deadline: Some(Duration::from_secs(20)),
    };
    assert_eq!(output(&spec, &hidden).await, "notea\nb\nend\n");
    assert_eq!(std::fs::read_to_string(state.join("token")).expect("still there"), "secret");
    assert!(!state.join("link").is_symlink());
    let free = output(&spec, &Hidden::default()).await;
    assert!(free.contains("secret"), "without it the same script reads it: {free}");
}
