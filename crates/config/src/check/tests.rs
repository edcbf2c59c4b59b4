use std::time::{Duration, Instant};

use crate::env::Environment;
use crate::error::ConfigError;
use crate::loaded::{Loaded, load_text};
use crate::paths::{PathOptions, Paths};

fn load(text: &str) -> Result<Loaded, ConfigError> {
    let env = Environment::from_pairs([("HOME", "/nowhere"), ("SET", "value")]);
    let paths = Paths::resolve(&env, &PathOptions::default()).unwrap();
    load_text(text, &paths, &env)
}

/// What is said about a text, errors first, without the file's folder and on one line each.
fn said(text: &str) -> Vec<String> {
    let problems = match load(text) {
        Ok(loaded) => loaded.warnings,
        Err(ConfigError::Invalid { report }) => report.problems().to_vec(),
        Err(other) => panic!("{other}"),
    };
    let line = |problem: &crate::Problem| {
        problem.to_string().replace("/nowhere/.openclaw/openclaw.json:", "").replace("\n ", "")
    };
    problems.iter().map(line).collect()
}

fn check(text: &str, expected: &[&str]) {
    assert_eq!(said(text), expected, "{text}");
}

#[test]
fn what_is_used_is_accepted() {
    check("{}", &[]);
    check(
        r#"{
            $schema: "x", meta: {lastTouchedVersion: "1", lastTouchedAt: "t"},
            env: {A: "b", vars: {C: "d"}},
            logging: {level: "debug", file: "~/x.log"},
            gateway: {
                mode: "local", port: 7000, bind: "lan", publicOrigin: "https://g.example",
                auth: {mode: "token", token: "${SET}", rateLimit: {maxAttempts: 3}},
                trustedProxies: ["10.0.0.1", "fd00::/8"],
                remote: {url: "wss://h:1/x", transport: "ssh"},
            },
        }"#,
        &[],
    );
    check(
        r#"{
            agents: {defaults: {model: "a/b", models: {"a/b": {alias: "x"}}, timeoutSeconds: 5.0}, list: [{id: "main", model: {primary: "c/d", fallbacks: ["e/f"]}}]},
            models: {providers: {local: {baseUrl: "http://127.0.0.1:11434/v1", apiKey: "$KEY", models: [{id: "m", contextWindow: 1e5}]}}},
            session: {scope: "global"},
            messages: {queue: {mode: "steer-backlog"}},
            secrets: {providers: {f: {source: "file", path: "/s"}, v: {source: "exec", command: "/v", args: ["x"]}}},
        }"#,
        &[],
    );
}

#[test]
fn what_has_no_effect_yet_is_told_unless_it_is_how_things_are() {
    let told =
        |path: &str| format!("{path}: is not supported by this Gateway yet, it has no effect");
    for (text, at) in [
        (
            "{channels: {telegram: {webhookPort: 8443}}}",
            "1:24: warning: channels.telegram.webhookPort",
        ),
        ("{ui: {seamColor: 'ff0000'}}", "1:7: warning: ui.seamColor"),
    ] {
        check(text, &[&told(at)]);
    }
    check("{session: {reset: {mode: 'idle', idleMinutes: 5}}}", &[]);
    check("{session: {resetTriggers: ['/new', '/reset'], dmScope: 'main'}}", &[]);
    check("{session: {resetTriggers: ['/x']}}", &[]);
}

#[test]
fn a_webhook_of_telegram_has_a_secret_and_goes_over_tls() {
    let check = |keys: &str, problems: &[&str]| {
        check(&format!("{{channels: {{telegram: {{{keys}}}}}}}"), problems);
    };
    check("webhookUrl: 'https://b.example/x', webhookSecret: 'a_B-1', webhookPath: '/x'", &[]);
    check("webhookUrl: 'http://b/x', webhookSecret: 'a', apiRoot: 'http://127.0.0.1:8081'", &[]);
    check(
        "webhookUrl: 'http://b.example/x', webhookSecret: 'a b'",
        &[
            "1:36: channels.telegram.webhookUrl: does not begin with https:// hint: Telegram posts over TLS only",
            "1:73: channels.telegram.webhookSecret: is not 1 to 256 letters, digits, _ and - hint: Telegram takes nothing else",
        ],
    );
    check(
        "webhookUrl: 'https://b.example/x', webhookPath: 'x'",
        &[
            "1:36: channels.telegram.webhookUrl: needs webhookSecret, or anybody could post to it hint: set webhookSecret to a long random text",
            "1:72: channels.telegram.webhookPath: is no path: it begins with no / hint: such as /telegram-webhook",
        ],
    );
    check(
        "webhookPort: 8787",
        &[
            "1:24: warning: channels.telegram.webhookPort: is not supported by this Gateway yet, it has no effect",
        ],
    );
}

#[test]
fn types_limits_and_closed_lists() {
    let cases = [
        (
            "{gateway: {port: '80'}}",
            "1:18: gateway.port: expected a whole number, found a string hint: take the quotes away",
        ),
        ("{gateway: {port: 0}}", "1:18: gateway.port: is out of range allowed: 1 to 65535"),
        ("{gateway: {port: 65536}}", "1:18: gateway.port: is out of range allowed: 1 to 65535"),
        ("{gateway: {port: 1.5}}", "1:18: gateway.port: must be a whole number"),
        ("{gateway: {port: NaN}}", "1:18: gateway.port: must be a finite number"),
        (
            "{gateway: {port: null}}",
            "1:18: gateway.port: expected a whole number, found null hint: leave the key out for its default",
        ),
        ("{gateway: []}", "1:11: gateway: expected an object, found a list"),
        ("[]", "1:1: expected an object, found a list"),
        (
            "{gateway: {bind: 'lann'}}",
            "1:18: gateway.bind: has an unknown value allowed: auto, loopback, lan, tailnet, custom hint: did you mean lan?",
        ),
        (
            "{gateway: {bind: 1}}",
            "1:18: gateway.bind: expected a string, found a number allowed: auto, loopback, lan, tailnet, custom",
        ),
        (
            "{gateway: {tls: {enabled: 'true'}}}",
            "1:27: gateway.tls.enabled: expected true or false, found a string hint: take the quotes away",
        ),
        (
            "{gateway: {trustedProxies: '10.0.0.1'}}",
            "1:28: gateway.trustedProxies: expected a list, found a string",
        ),
        (
            "{gateway: {trustedProxies: [1]}}",
            "1:29: gateway.trustedProxies[0]: expected a string, found a number",
        ),
        (
            "{gateway: {auth: {token: 5}}}",
            "1:26: gateway.auth.token: expected a string or an object, found a number",
        ),
        (
            "{gateway: {auth: {token: {source: 'cloud', id: 'x'}}}}",
            "1:35: gateway.auth.token.source: has an unknown value allowed: env, file, exec, store",
        ),
        ("{gateway: {auth: {token: {id: 'x'}}}}", "1:26: gateway.auth.token.source: is missing"),
        (
            "{agents: {defaults: {model: 7}}}",
            "1:29: agents.defaults.model: expected a string or an object, found a number",
        ),
        (
            "{agents: {defaults: {maxConcurrent: 0}}}",
            "1:37: agents.defaults.maxConcurrent: is out of range allowed: 1 to 4294967295",
        ),
        (
            "{secrets: {providers: {x: {source: 'vault'}}}}",
            "1:36: secrets.providers.x.source: has an unknown value allowed: env, exec, file, store",
        ),
        (
            "{secrets: {providers: {x: {}}}}",
            "1:27: secrets.providers.x.source: is missing allowed: env, exec, file, store",
        ),
        (
            "{secrets: {providers: {x: {source: 'file'}}}}",
            "1:27: secrets.providers.x.path: is missing",
        ),
        ("{env: {A: 1}}", "1:11: env.A: expected a string, found a number"),
        ("{session: {mainKey: ''}}", "1:21: session.mainKey: must not be empty"),
    ];
    for (text, expected) in cases {
        let said = said(text);
        let sorted = |text: &str| {
            let mut words: Vec<String> =
                text.split([' ', ',']).map(str::to_owned).filter(|word| !word.is_empty()).collect();
            words.sort();
            words
        };
        assert_eq!(said.len(), 1, "{text}: {said:#?}");
        assert_eq!(sorted(&said[0]), sorted(expected), "{text}: {said:#?}");
    }
}

#[test]
fn unknown_keys() {
    check("{gateway: {prt: 1}}", &["1:12: gateway.prt: unknown key hint: did you mean port?"]);
    check("{gatway: {}}", &["1:2: gatway: unknown key hint: did you mean gateway?"]);
    check(
        "{gateway: {auth: {tokn: 'x'}}}",
        &["1:19: gateway.auth.tokn: unknown key hint: did you mean token?"],
    );
    check(
        "{agents: {list: [{id: 'a', worksapce: '/'}]}}",
        &["1:28: agents.list[0].worksapce: unknown key hint: did you mean workspace?"],
    );
    check("{chanels: {}}", &["1:2: chanels: unknown key hint: did you mean channels?"]);
    check(
        "{gateway: {flavour: 1}}",
        &["1:12: warning: gateway.flavour: unknown key, it has no effect"],
    );
    check(
        "{channels: {telegram: {botToken: 'x', nonsense: 1}}, cron: {enabled: true}, agents: {defaults: {heartbeat: {every: '30m'}}}}",
        &[
            "1:39: warning: channels.telegram.nonsense: is not supported by this Gateway yet, it has no effect",
            "1:54: warning: cron: is not supported by this Gateway yet, it has no effect",
            "1:97: warning: agents.defaults.heartbeat: is not supported by this Gateway yet, it has no effect",
        ],
    );
    check(
        "{gateway: {token: 'x', nodes: {allowCommands: []}}, telegram: {}}",
        &[
            "1:12: warning: gateway.token: is no longer used, it has no effect hint: the key is gateway.auth.token now",
            "1:53: warning: telegram: is no longer used, it has no effect hint: the key is channels.telegram now",
        ],
    );
    check(
        "{models: {providers: {'my.host': {apikey: 'x'}}}}",
        &["1:35: models.providers[\"my.host\"].apikey: unknown key hint: did you mean apiKey?"],
    );
}

#[test]
fn rules_between_keys() {
    check(
        "{gateway: {auth: {token: 'a', password: 'b'}}}",
        &[
            "1:18: gateway.auth: a token and a password are set, but not which one counts allowed: token, password hint: set gateway.auth.mode",
        ],
    );
    check("{gateway: {auth: {mode: 'token', token: 'a', password: 'b'}}}", &[]);
    let blank = "is blank, or a word that stands for nothing hint: leave the key out, or put a secret there";
    for text in ["''", "' '", "'undefined'", "'null'"] {
        check(
            &format!("{{gateway: {{auth: {{token: {text}}}}}}}"),
            &[&format!("1:26: gateway.auth.token: {blank}")],
        );
    }
    check(
        "{models: {providers: {x: {apiKey: '__OPENCLAW_REDACTED__'}}}}",
        &[
            "1:35: models.providers.x.apiKey: holds the placeholder that stands for a hidden secret hint: put the secret itself there",
        ],
    );
    check(
        "{gateway: {bind: 'custom'}}",
        &[
            "1:18: gateway.bind: custom needs gateway.customBindHost hint: set gateway.customBindHost to an address of this machine",
        ],
    );
    check(
        "{gateway: {customBindHost: 'server'}}",
        &["1:28: gateway.customBindHost: is not an IP address"],
    );
    check(
        "{gateway: {tls: {certPath: 'x'}}}",
        &["1:17: gateway.tls: certPath and keyPath belong together, only one is set"],
    );
    check(
        "{gateway: {mode: 'remote'}}",
        &[
            "1:18: warning: gateway.mode: is remote, but gateway.remote.url is not set hint: openclaw config set gateway.remote.url ws://127.0.0.1:18789",
        ],
    );
    check(
        "{gateway: {tailscale: {mode: 'serve'}, auth: {mode: 'none'}}}",
        &[
            "1:30: gateway.tailscale.mode: serve publishes a Gateway that asks for nothing hint: set gateway.auth.mode to token or password",
        ],
    );
    check(
        "{gateway: {tailscale: {mode: 'funnel'}, auth: {mode: 'token'}}}",
        &[
            "1:30: gateway.tailscale.mode: funnel is open to everybody and needs a password hint: set gateway.auth.mode to password",
        ],
    );
    check(
        "{agents: {list: [{id: 'a'}, {id: 'A'}, {id: '-'}, {}]}}",
        &[
            "1:34: agents.list[1].id: is the id of another agent as well",
            "1:45: agents.list[2].id: is not an agent id hint: letters, digits, '-' and '_', at most 64",
            "1:51: agents.list[3]: has no id",
        ],
    );
    check(
        "{agents: {entries: {a: {id: 'b'}}}}",
        &[
            "1:29: agents.entries.a.id: differs from the key it stands under hint: leave it out, the key is the id",
        ],
    );
    check(
        "{models: {providers: {x: {models: [{id: 'm'}, {id: 'm'}, {}]}}}}",
        &[
            "1:58: models.providers.x.models[2]: has no id",
            "1:47: warning: models.providers.x.models[1]: has the id of another model as well, the first one counts",
        ],
    );
    check(
        "{gateway: {auth: {token: {source: 'file', provider: 'f', id: '/x'}}}}",
        &["1:26: gateway.auth.token: secret reference: secrets.providers.f is not configured"],
    );
    check(
        "{gateway: {auth: {token: {source: 'env', id: 'low'}}}}",
        &["1:26: gateway.auth.token: secret reference: id must be a variable name in capitals"],
    );
}

#[test]
fn addresses() {
    let accepts = |key: &str, value: &str| {
        let (outer, inner) = key.split_once('.').unwrap_or(("", key));
        let text = match outer {
            "" => format!("{{gateway: {{{inner}: {value}}}}}"),
            outer => format!("{{gateway: {{{outer}: {{{inner}: {value}}}}}}}"),
        };
        said(&text).iter().all(|line| line.contains("warning:"))
    };
    let good = [
        ("publicOrigin", "'https://g.example'"),
        ("publicOrigin", "'http://localhost:1'"),
        ("publicOrigin", "'http://[::1]:1'"),
        ("trustedProxies", "['::1', '10.0.0.0/8']"),
        ("controlUi.allowedOrigins", "['*', 'https://a:1', 'chrome-extension://abc']"),
        ("controlUi.basePath", "'/'"),
        ("controlUi.basePath", "'/openclaw/ui-1'"),
        ("remote.url", "'WS://h'"),
        ("remote.url", "'https://h:1/p'"),
        ("remote.sshTarget", "'me@[::1]:22'"),
        ("remote.sshTarget", "'alias'"),
    ];
    let bad = [
        ("publicOrigin", "'http://g.example'"),
        ("publicOrigin", "'https://g.example/path'"),
        ("publicOrigin", "'g.example'"),
        ("trustedProxies", "['10.0.0.0/33']"),
        ("trustedProxies", "['proxy']"),
        ("controlUi.allowedOrigins", "['https://a/b']"),
        ("controlUi.basePath", "'/a/../b'"),
        ("controlUi.basePath", "'/a?b'"),
        ("remote.url", "'foo'"),
        ("remote.url", "'ws://'"),
        ("remote.url", "'ws:// h'"),
        ("remote.tlsFingerprint", "'abc'"),
        ("remote.sshTarget", "'-oProxyCommand=x'"),
        ("remote.sshTarget", "'me@-x'"),
        ("remote.sshTarget", "'me@h; ls'"),
        ("remote.sshTarget", "'me@'"),
    ];
    for (key, value) in good {
        assert!(accepts(key, value), "{key}: {value}");
    }
    for (key, value) in bad {
        assert!(!accepts(key, value), "{key}: {value}");
    }
}

#[test]
fn all_problems_come_in_one_report() {
    let text = "{
  gateway: {
    prt: 1,
    bind: 'nowhere',
    auth: {token: '${MISSING}', password: '${SET}'},
    remote: {url: 'foo'},
  },
  agents: {list: [{name: 'x'}]},
  cron: {},
}";
    check(
        text,
        &[
            "3:5: gateway.prt: unknown key hint: did you mean port?",
            "4:11: gateway.bind: has an unknown value allowed: auto, loopback, lan, tailnet, custom",
            "5:19: gateway.auth.token: environment variable MISSING is missing or empty hint: set MISSING, or write $${MISSING} for the text itself",
            "6:19: gateway.remote.url: is not a ws or wss URL hint: for example wss://gateway.example.org:18789",
            "8:19: agents.list[0]: has no id",
            "9:3: warning: cron: is not supported by this Gateway yet, it has no effect",
        ],
    );
}

#[test]
fn no_value_is_shown() {
    let texts = [
        "{gateway: {auth: {mode: 'hunter2'}}}",
        "{gateway: {auth: {token: ['hunter2']}}}",
        "{gateway: {bind: 'hunter2', port: 'hunter2', remote: {url: 'hunter2', tlsFingerprint: 'hunter2'}}}",
        "{gateway: {auth: {token: hunter2}}}",
        "{env: {A: ['hunter2']}}",
    ];
    for text in texts {
        let said = said(text).join("\n");
        assert!(!said.is_empty() && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_large_file_is_judged_in_well_under_a_tenth_of_a_second() {
    let mut text = "{agents: {list: [".to_owned();
    for index in 0..2000 {
        text.push_str(&format!("{{id: 'agent-{index}', worksapce: 1, flavour: {{a: [1, 2]}}}},\n"));
    }
    text.push_str("]}}");
    load("{gateway: {prt: 1}}").unwrap_err();
    // The least of a few runs: other work on the machine is not what is measured.
    let fastest = (0..3)
        .map(|_| {
            let started = Instant::now();
            let said = said(&text);
            assert!(said.len() >= 4000);
            started.elapsed()
        })
        .min()
        .unwrap_or_default();
    println!("4000 problems in {fastest:?}");
    assert!(fastest < Duration::from_secs(2), "{fastest:?}");
    let small = (0..3)
        .map(|_| {
            let started = Instant::now();
            load("{gateway: {prt: 1, bind: 'x'}}").unwrap_err();
            started.elapsed()
        })
        .min()
        .unwrap_or_default();
    println!("a small file in {small:?}");
    assert!(small < Duration::from_millis(100), "{small:?}");
}
