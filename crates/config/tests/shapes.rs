//! What `config.get`, `config.schema` and `config.schema.lookup` answer, against the published
//! contract and the recorded answers of the original; and whole files, valid and not.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail the test"
)]

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use openclaw_config::{
    ConfigError, ConfigSnapshot, Environment, PathOptions, Paths, REDACTED, describe, load,
    load_text,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Overrides where the contract's package lies.
const OVERRIDE: &str = "OPENCLAW_CONTRACT_DIR";

struct Bench {
    _home: TempDir,
    paths: Paths,
    env: Environment,
}

impl Bench {
    fn new(files: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let env = Environment::from_pairs([
            ("HOME", home.path().to_str().unwrap()),
            ("SECRET", "from-the-environment"),
        ]);
        let paths = Paths::resolve(&env, &PathOptions::default()).unwrap();
        std::fs::create_dir(paths.state_dir()).unwrap();
        for (name, text) in files {
            std::fs::write(paths.state_dir().join(name), text).unwrap();
        }
        Self { _home: home, paths, env }
    }

    fn snapshot(&self) -> Value {
        let snapshot = ConfigSnapshot::read(&self.paths, &self.env).with_applied("revision");
        serde_json::to_value(snapshot).unwrap()
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read_json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| {
        panic!("{} cannot be read ({error}): run `npm ci` in tests-js", path.display())
    });
    serde_json::from_str(&text).unwrap()
}

/// A definition of the contract.
fn contract(definition: &str) -> Validator {
    let folder = Environment::process().get(OVERRIDE).map_or_else(
        || repository().join("tests-js/node_modules/@openclaw/gateway-protocol"),
        PathBuf::from,
    );
    let contract = read_json(&folder.join("protocol.schema.json"));
    let schema = json!({
        "definitions": contract["definitions"],
        "$ref": format!("#/definitions/{definition}"),
    });
    jsonschema::draft7::new(&schema).unwrap()
}

fn check(validator: &Validator, answer: &Value) {
    let faults: Vec<String> = validator
        .iter_errors(answer)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(faults, Vec::<String>::new(), "{answer}");
}

/// The type of each top-level key that the original answers with.
fn recorded(method: &str) -> Vec<(String, String)> {
    let fixture = read_json(&repository().join(format!("fixtures/peer/{method}.json")));
    let paths = fixture["result"]["paths"].as_object().unwrap();
    let top = paths.iter().filter_map(|(path, kind)| {
        let key = path.strip_prefix("$.").filter(|key| !key.contains(['.', '[']))?;
        Some((key.to_owned(), kind.as_str().unwrap().to_owned()))
    });
    top.collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[test]
fn config_get_has_the_recorded_shape() {
    let nothing = Bench::new(&[]).snapshot();
    let recorded = recorded("config.get");
    for (key, expected) in &recorded {
        assert_eq!(kind(&nothing[key]), expected, "{key}");
    }
    assert_eq!(nothing.as_object().unwrap().len(), recorded.len());
    assert_eq!((&nothing["exists"], &nothing["valid"]), (&json!(false), &json!(true)));
    assert_eq!(nothing["config"]["gateway"]["bind"], "loopback");
}

#[test]
fn config_schema_and_lookup_hold_to_the_contract() {
    let described = serde_json::to_value(describe::describe()).unwrap();
    check(&contract("ConfigSchemaResponse"), &described);
    let lookup = contract("ConfigSchemaLookupResult");
    let paths = described["uiHints"].as_object().unwrap().keys();
    for path in paths.map(String::as_str).chain([".", "agents.list[0]", "models.providers.x"]) {
        let found = describe::lookup(path).unwrap_or_else(|| panic!("{path} is not found"));
        check(&lookup, &serde_json::to_value(found).unwrap());
    }
    jsonschema::draft7::meta::validate(&described["schema"]).unwrap();
}

#[test]
fn config_get_shows_everything_but_secrets() {
    let text = "{
        // token: 'old-secret-1'
        $include: 'agents.json',
        gateway: {auth: {token: 'written-secret-2', password: '${SECRET}', mode: 'token'}, token: 'x-secret-3'},
        channels: {telegram: {botToken: '123:secret-4'}},
    }";
    let agents = "{agents: {list: [{id: 'ops', name: 'Ops'}]}}";
    let bench = Bench::new(&[("openclaw.json", text), ("agents.json", agents)]);
    let shown = bench.snapshot();
    let whole = shown.to_string();
    for secret in ["secret-1", "secret-2", "secret-3", "secret-4", "from-the-environment"] {
        assert!(!whole.contains(secret), "{secret} in {whole}");
    }
    assert_eq!(shown["valid"], true, "{whole}");
    assert_eq!(shown["parsed"]["gateway"]["auth"]["password"], "${SECRET}");
    assert_eq!(shown["resolved"]["gateway"]["auth"]["password"], REDACTED);
    assert_eq!(shown["config"]["agents"]["list"][0]["name"], "Ops");
    assert_eq!(shown["config"]["gateway"]["auth"]["rateLimit"]["maxAttempts"], 10);
    assert_eq!(shown["config"]["channels"]["telegram"]["botToken"], REDACTED);
    assert!(shown["raw"].as_str().unwrap().contains("$include: 'agents.json'"));
    assert_eq!(shown["agentRosterIncludeOwned"], true);
    assert_eq!(shown["bindingsIncludeOwned"], true);
    assert_eq!(shown["includedPaths"].as_array().unwrap().len(), 1);
    assert_eq!(shown["legacyIssues"][0]["path"], "gateway.token");
    assert_eq!(shown["warnings"], serde_json::json!([]));
    assert_eq!(shown["hash"], load(&bench.paths, &bench.env).unwrap().hash());
    assert_eq!(load(&bench.paths, &bench.env).unwrap().snapshot().hash, shown["hash"]);
}

#[test]
fn an_invalid_file_is_shown_with_what_is_wrong() {
    let bench = Bench::new(&[("openclaw.json", "{gateway: {prt: 1, auth: {token: 'secret-1'}}}")]);
    let shown = bench.snapshot();
    assert_eq!(shown["valid"], false);
    assert_eq!(shown["issues"][0]["path"], "gateway.prt");
    let message = "line 1, column 12: unknown key (did you mean port?)";
    assert_eq!(shown["issues"][0]["message"], message);
    assert!(shown["raw"].as_str().unwrap().contains(REDACTED));

    // What cannot be parsed cannot be told apart from its secrets.
    let bench = Bench::new(&[("openclaw.json", "{gateway: {auth: {token: 'secret-1' 'x'}}}")]);
    let shown = bench.snapshot();
    assert_eq!((&shown["raw"], &shown["valid"]), (&Value::Null, &json!(false)));
    assert!(!shown.to_string().contains("secret-1"));
}

#[test]
fn every_default_is_valid() {
    let bench = Bench::new(&[]);
    let config = load(&bench.paths, &bench.env).unwrap().config;
    let mut text = serde_json::to_value(config.as_ref()).unwrap();
    drop_null(&mut text);
    let again = load_text(&text.to_string(), &bench.paths, &bench.env).unwrap();
    assert_eq!((again.config, again.warnings), (config, Vec::new()));
}

fn drop_null(value: &mut Value) {
    if let Value::Object(map) = value {
        map.retain(|_, value| !value.is_null());
        map.values_mut().for_each(drop_null);
    }
}

/// Texts that look like configurations, right and wrong.
fn configuration() -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec![
        "1",
        "0",
        "-1",
        "1.5",
        "''",
        "'x'",
        "'local'",
        "'lan'",
        "true",
        "null",
        "[]",
        "{}",
        "NaN",
        "['a', 1]",
        "'${SECRET}'",
        "'${NONE}'",
        "'$X'",
        "{source: 'env', id: 'X'}",
        "{source: 'file', id: 'x'}",
        "{$include: 'x.json'}",
        "[{id: 'a', default: true}, {id: 'a'}]",
        "'wss://h'",
        "'__OPENCLAW_REDACTED__'",
    ]);
    let key = prop::sample::select(vec![
        "gateway.port",
        "gateway.mode",
        "gateway.bind",
        "gateway.prt",
        "gateway.auth",
        "gateway.auth.token",
        "gateway.auth.password",
        "gateway.remote.url",
        "gateway.tls.certPath",
        "gateway.trustedProxies",
        "agents.list",
        "agents.entries.x",
        "agents.defaults.model",
        "models.providers.x",
        "models.providers.x.apiKey",
        "session.reset",
        "env",
        "env.vars",
        "channels",
        "cron.x",
        "secrets.providers.p",
        "messages.queue.mode",
        "x",
    ]);
    prop::collection::vec((key, value), 0..8).prop_map(|pairs| {
        let mut text = "{}".to_owned();
        for (key, value) in pairs {
            text = openclaw_config::edit::set(&text, key, value).unwrap_or(text);
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn loading_never_panics_and_every_error_has_a_place(text in configuration()) {
        let bench = Bench::new(&[("openclaw.json", &text)]);
        match load(&bench.paths, &bench.env) {
            Ok(loaded) => prop_assert_eq!(loaded.snapshot().valid, true),
            Err(ConfigError::Invalid { report }) => {
                prop_assert!(report.has_errors());
                for problem in report.problems() {
                    prop_assert!(problem.line.is_some() && problem.column.is_some(), "{}", problem);
                }
                prop_assert!(!ConfigSnapshot::read(&bench.paths, &bench.env).valid);
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn any_text_is_judged(text in any::<String>()) {
        let bench = Bench::new(&[]);
        load_text(&text, &bench.paths, &bench.env).ok();
    }
}
