use proptest::prelude::*;

use super::*;

#[test]
fn reads_what_people_type() {
    let cases = [
        ("server", None, "server", None),
        ("me@server", Some("me"), "server", None),
        ("me@server.example.org:2222", Some("me"), "server.example.org", Some(2222)),
        ("192.168.1.2:22", None, "192.168.1.2", Some(22)),
        ("me@[fd00::1]:2222", Some("me"), "fd00::1", Some(2222)),
        ("[::1]", None, "::1", None),
        ("::1", None, "::1", None),
        ("me@fe80::1%eth0", Some("me"), "fe80::1%eth0", None),
        ("first.last+x@my_alias", Some("first.last+x"), "my_alias", None),
    ];
    for (text, user, host, port) in cases {
        let target = SshTarget::parse(text).expect(text);
        assert_eq!((target.user(), target.host(), target.port()), (user, host, port), "{text}");
        assert_eq!(SshTarget::parse(&target.to_string()).expect(text), target, "{text}");
    }
}

#[test]
fn refuses_what_could_be_more_than_a_target() {
    let long = format!("me@{}", "x".repeat(400));
    let long_host = "x".repeat(254);
    let long_user = format!("{}@host", "x".repeat(65));
    let cases = [
        ("", "empty"),
        ("-oProxyCommand=touch /tmp/x", "space"),
        ("-oProxyCommand=evil", "dash"),
        ("me@-oProxyCommand=evil", "dash"),
        ("-l@host", "dash"),
        ("@host", "user is empty"),
        ("me@", "host is empty"),
        ("me@host;id", "character"),
        ("me@$(id)", "character"),
        ("me@`id`", "character"),
        ("me@ho|st", "character"),
        ("me@host/../x", "character"),
        ("m'e@host", "character"),
        ("ssh://host", "port"),
        ("host:0", "port"),
        ("host:65536", "port"),
        ("host:+22", "port"),
        ("host:", "port"),
        ("host:22:33", "port"),
        ("host\n", "control"),
        ("ho\u{0}st", "control"),
        ("[host]:22", "brackets"),
        ("[::1", "closed"),
        ("[::1]22", "follows"),
        ("fe80::1%", "port"),
        ("hôst", "character"),
        (&long, "too long"),
        (&long_host, "too long"),
        (&long_user, "too long"),
    ];
    for (text, reason) in cases {
        let error = SshTarget::parse(text).expect_err(text).to_string();
        assert!(error.contains(reason), "{text:?}: {error}");
    }
}

proptest! {
    #[test]
    fn what_is_accepted_is_harmless(text in "[-a@:.%\\[\\]0-9 ;$'\"\\PC]{0,40}") {
        if let Ok(target) = SshTarget::parse(&text) {
            prop_assert!(!target.host().starts_with('-'));
            prop_assert!(!target.user().is_some_and(|user| user.starts_with('-')));
            let plain = |c: char| c.is_ascii_alphanumeric() || "._-+:%@[]".contains(c);
            prop_assert!(target.to_string().chars().all(plain));
            prop_assert_eq!(SshTarget::parse(&target.to_string()).expect("again"), target);
        }
    }
}
