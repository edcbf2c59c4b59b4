use std::fs::{Permissions, set_permissions, write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::paths::PathOptions;

struct Bench {
    home: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, text: &str, mode: u32) -> String {
        let path = self.home.path().join(name);
        write(&path, text).unwrap();
        set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn program(&self, name: &str, body: &str) -> String {
        self.file(name, &format!("#!/bin/sh\n{body}\n"), 0o700)
    }

    /// The secret, or what the error says.
    fn resolve(&self, providers: &Value, reference: &Value) -> Result<String, String> {
        let secrets: Secrets = serde_json::from_value(json!({ "providers": providers })).unwrap();
        let env = Environment::from_pairs([
            ("HOME", self.home.path().to_str().unwrap()),
            ("PATH", "/usr/bin:/bin"),
            ("API_KEY", "from-env"),
            ("EMPTY", ""),
        ]);
        let paths = Paths::resolve(&env, &PathOptions::default()).unwrap();
        let secret: SecretInput = serde_json::from_value(reference.clone()).unwrap();
        let resolver = SecretResolver::new(secrets, env, paths);
        match resolver.resolve(&secret) {
            Ok(secret) => Ok(secret.expose_secret().to_owned()),
            Err(ConfigError::Secret { reason, .. }) => Err(reason),
            Err(other) => panic!("{other}"),
        }
    }

    fn check(&self, providers: &Value, reference: &Value, expected: Result<&str, &str>) {
        let found = self.resolve(providers, reference);
        match (&found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{providers} {reference}"),
            (Err(found), Err(expected)) => {
                assert!(found.contains(expected), "{found:?} lacks {expected:?} ({providers})");
            }
            _ => panic!("{found:?} instead of {expected:?} ({providers} {reference})"),
        }
    }
}

#[test]
fn the_environment() {
    let bench = Bench::new();
    let none = json!({});
    let listed = json!({ "default": { "source": "env", "allowlist": ["OTHER"] } });
    let key = json!({ "source": "env", "provider": "default", "id": "API_KEY" });
    bench.check(&none, &json!("written"), Ok("written"));
    bench.check(&none, &json!("$API_KEY"), Ok("from-env"));
    bench.check(&none, &key, Ok("from-env"));
    bench.check(&none, &json!("$EMPTY"), Err("missing or empty"));
    bench.check(&none, &json!("$MISSING"), Err("missing or empty"));
    bench.check(&listed, &key, Err("allowlist"));
    let other = json!({ "source": "env", "provider": "other", "id": "API_KEY" });
    bench.check(&none, &other, Err("secrets.providers.other"));
    let store = json!({ "source": "store", "id": "API_KEY" });
    bench.check(&none, &store, Err("shared store"));
}

#[test]
fn a_private_file() {
    let bench = Bench::new();
    let json_file = bench.file("s.json", r#"{"a":{"b/c":"deep"},"n":1}"#, 0o600);
    let plain = bench.file("plain", "one\n", 0o600);
    let open = bench.file("open", "{}", 0o644);
    std::fs::hard_link(&plain, bench.home.path().join("twin")).unwrap();
    let linked = bench.file("target", "x", 0o600);
    std::os::unix::fs::symlink(&linked, bench.home.path().join("link")).unwrap();
    let single = bench.file("single", "one\n", 0o600);

    let reference = |id: &str| json!({ "source": "file", "provider": "p", "id": id });
    let json_at = |path: &str| json!({ "p": { "source": "file", "path": path } });
    let single_at =
        |path: &str| json!({ "p": { "source": "file", "path": path, "mode": "singleValue" } });

    bench.check(&json_at(&json_file), &reference("/a/b~1c"), Ok("deep"));
    bench.check(&json_at("~/s.json"), &reference("/a/b~1c"), Ok("deep"));
    bench.check(&json_at(&json_file), &reference("/n"), Err("no string"));
    bench.check(&json_at(&json_file), &reference("/zzz"), Err("no string"));
    bench.check(&single_at(&single), &reference("value"), Ok("one"));
    bench.check(&single_at(&single), &reference("/a"), Err("\"value\""));
    bench.check(&json_at(&plain), &reference("/a"), Err("hard-linked"));
    bench.check(&json_at(&open), &reference("/a"), Err("chmod 600"));
    bench.check(&json_at("~/link"), &reference("/a"), Err("link"));
    bench.check(&json_at("~/nothing"), &reference("/a"), Err("No such file"));
    bench.check(&json_at("~"), &reference("/a"), Err("regular"));
    let small = json!({ "p": { "source": "file", "path": json_file, "maxBytes": 4 } });
    bench.check(&small, &reference("/a"), Err("larger than 4"));
}

#[test]
fn a_program() {
    let bench = Bench::new();
    let answer = |body: &str| format!("cat >/dev/null; printf '%s' '{body}'");
    let good = bench.program("good", &answer(r#"{"protocolVersion":1,"values":{"a":"secret"}}"#));
    let plain = bench.program("plain", &answer("just this"));
    let refused = bench.program(
        "refused",
        &answer(r#"{"protocolVersion":1,"values":{},"errors":{"a":{"code":"NOT_FOUND"}}}"#),
    );
    let leaky = bench.program(
        "leaky",
        &answer(r#"{"protocolVersion":1,"values":{},"errors":{"a":{"code":"hunter2"}}}"#),
    );
    let shows = bench.program(
        "shows",
        r#"read l; v=$(env | grep -c '^API_KEY='); printf '{"protocolVersion":1,"values":{"a":"%s %s"}}' "$v" "$EXTRA""#,
    );
    let fails = bench.program("fails", "echo '{}'; exit 3");
    let hangs = bench.program("hangs", "exec >&-; read a b; while :; do :; done");
    let silent = bench.program("silent", "while :; do :; done");
    let floods = bench.program("floods", "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done");
    let open = bench.file("open", "#!/bin/sh\n", 0o777);

    let id = json!({ "source": "exec", "provider": "p", "id": "a" });
    let with = |command: &str, more: Value| {
        let mut provider = json!({ "source": "exec", "command": command, "timeoutMs": 10_000 });
        for (key, value) in more.as_object().unwrap() {
            provider[key] = value.clone();
        }
        json!({ "p": provider })
    };
    bench.check(&with(&good, json!({})), &id, Ok("secret"));
    bench.check(
        &with(&good, json!({})),
        &json!({"source":"exec","provider":"p","id":"b"}),
        Err("lacks"),
    );
    bench.check(&with(&plain, json!({})), &id, Err("not the expected JSON"));
    bench.check(&with(&plain, json!({ "jsonOnly": false })), &id, Ok("just this"));
    bench.check(&with(&refused, json!({})), &id, Err("NOT_FOUND"));
    bench.check(&with(&leaky, json!({})), &id, Err("says refused"));
    let path = json!({ "passEnv": ["PATH"], "env": { "EXTRA": "e" } });
    bench.check(&with(&shows, path), &id, Ok("0 e"));
    let path = json!({ "passEnv": ["PATH", "API_KEY"] });
    bench.check(&with(&shows, path), &id, Ok("1 "));
    bench.check(&with(&fails, json!({})), &id, Err("failed"));
    bench.check(&with(&hangs, json!({ "timeoutMs": 50 })), &id, Err("in time"));
    bench.check(&with(&silent, json!({ "noOutputTimeoutMs": 50 })), &id, Err("in time"));
    bench.check(&with(&floods, json!({ "maxOutputBytes": 1000 })), &id, Err("more than 1000"));
    bench.check(&with("relative", json!({})), &id, Err("absolute"));
    bench.check(&with(&open, json!({})), &id, Err("writable by no other"));
    let elsewhere = json!({ "trustedDirs": ["/opt/none"] });
    bench.check(&with(&good, elsewhere), &id, Err("trusted folders"));
    let inside = json!({ "trustedDirs": ["~"] });
    bench.check(&with(&good, inside), &id, Ok("secret"));
    assert!(Path::new(&good).exists());
}
