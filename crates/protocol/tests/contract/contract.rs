//! Finds and reads the published contract.

use std::{collections::BTreeMap, path::PathBuf, sync::LazyLock};

use jsonschema::Validator;
use serde_json::Value;

/// Overrides where the package lies.
const OVERRIDE: &str = "OPENCLAW_CONTRACT_DIR";
/// The version everything here is written against.
const VERSION: &str = "2026.9.1";

/// The contract.
pub(crate) struct Contract {
    /// Scope by method name.
    pub(crate) scopes: BTreeMap<String, String>,
    /// Schemas by name.
    definitions: BTreeMap<String, Value>,
}

/// The contract, read once.
pub(crate) static CONTRACT: LazyLock<Contract> = LazyLock::new(Contract::read);

impl Contract {
    fn read() -> Self {
        let package = read_json("package.json");
        assert_eq!(
            package["version"], VERSION,
            "another contract is installed: run `npm ci` in tests-js"
        );
        let schema = readable(&read_text("protocol.schema.json"));
        let scopes = schema["methods"]
            .as_object()
            .expect("methods")
            .iter()
            .map(|(name, row)| (name.clone(), row["scope"].as_str().expect("scope").to_owned()))
            .collect();
        let definitions = schema["definitions"].as_object().expect("definitions");
        let definitions = definitions.clone().into_iter().collect();
        Self { scopes, definitions }
    }

    /// A schema, if the contract has one of that name.
    pub(crate) fn definition(&self, name: &str) -> Option<&Value> {
        self.definitions.get(name)
    }
}

/// The folder of the installed package.
pub(crate) fn folder() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "only this test looks for the package")]
    let chosen = std::env::var_os(OVERRIDE).map(PathBuf::from);
    chosen.unwrap_or_else(|| repository().join("tests-js/node_modules/@openclaw/gateway-protocol"))
}

/// The folder of the repository.
pub(crate) fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A text file of the package.
pub(crate) fn read_text(file: &str) -> String {
    let path = folder().join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!(
            "{} cannot be read ({error}): run `npm ci` in tests-js, or name the package's folder in \
             {OVERRIDE}",
            path.display()
        )
    })
}

/// The schemas, without two things that the tools for them cannot read: a pattern about halves of
/// characters, which JSON text in Rust cannot hold, and a choice between two sets of required fields,
/// which the node that gets them makes.
fn readable(text: &str) -> Value {
    let halves = r"(?:[^\\uD800-\\uDFFF]|[\\uD800-\\uDBFF][\\uDC00-\\uDFFF])+";
    let mut schema: Value =
        serde_json::from_str(&text.replace(halves, r"[\\s\\S]+")).expect("the package holds JSON");
    let choice = schema["definitions"]["ExecApprovalsNodeSetParams"].as_object_mut();
    choice.expect("a schema").remove("oneOf").expect("a choice");
    schema
}

fn read_json(file: &str) -> Value {
    serde_json::from_str(&read_text(file)).expect("the package holds JSON")
}

/// A validator for one schema, in the contract's dialect.
pub(crate) fn validator(schema: &Value) -> Validator {
    jsonschema::draft7::new(schema).expect("a usable schema")
}
