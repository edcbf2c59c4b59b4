//! The configuration as it stands, and its schema. Writing is a person's act and not here.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    macros::{names, params, record},
    methods::system::NoParams,
    row::{Since, methods},
    text::{Shape, Shaped},
};

/// A path in the configuration, such as `gateway.auth.mode` or `agents.list[0]`.
#[derive(Clone, Copy, Debug)]
pub struct ConfigPathShape;

impl Shape for ConfigPathShape {
    const PATTERN: &'static str = r"^[A-Za-z0-9_./\[\]\-*]+$";
    const MAX: usize = 1024;

    fn fits(text: &str) -> bool {
        text.chars().all(|c| c.is_ascii_alphanumeric() || "_./[]-*".contains(c))
    }
}

params! {
    /// Params of `config.schema.lookup`.
    ConfigSchemaLookupParams {
        /// Which key.
        path: Shaped<ConfigPathShape>,
    }
}

record! {
    /// Result of `config.get`. Secrets are replaced by [`REDACTED`].
    ConfigGetResult {
        /// The file.
        path: String,
        /// Whether it exists.
        exists: bool,
        /// Its text; withheld where it could hold secrets.
        raw: Option<String>,
        /// As written, includes followed.
        parsed: Value,
        /// The same with environment and includes filled in.
        resolved: Value,
        /// Whether it can be used.
        valid: bool,
        /// What is in force.
        config: Value,
        /// As written, for editors.
        source_config: Value,
        /// What is in force, with defaults.
        runtime_config: Value,
        /// Names this state of the file; writers send it back.
        hash?: String,
        /// The same over all files.
        config_revision_hash?: String,
        /// The state that is in force.
        applied_config_hash?: String,
        /// What makes it unusable.
        issues: Vec<ConfigIssue>,
        /// What is odd.
        warnings: Vec<ConfigIssue>,
        /// What an older version wrote.
        legacy_issues: Vec<ConfigIssue>,
        /// Files it includes.
        included_paths: Vec<String>,
        /// Which key comes from which file.
        include_provenance: Vec<Value>,
        /// Whether the agents come from an included file.
        agent_roster_include_owned: bool,
        /// Whether the bindings come from an included file.
        bindings_include_owned: bool,
    }

    /// A problem in the configuration.
    ConfigIssue {
        /// Which key.
        path: String,
        /// What is wrong.
        message: String,
    }

    /// Result of `config.schema`.
    ConfigSchemaResult {
        /// JSON Schema of the configuration.
        schema: Value,
        /// How to show each key.
        ui_hints: BTreeMap<String, ConfigHint>,
        /// Version of the schema.
        version: String,
        /// When it was made, ISO 8601.
        generated_at: String,
    }

    /// How to show a key.
    ConfigHint {
        /// Name for people.
        label?: String,
        /// What it does.
        help?: String,
        /// Where to read more.
        docs_url?: String,
        /// Marks.
        tags?: Vec<String>,
        /// Heading it stands under.
        group?: String,
        /// Place under the heading.
        order?: i64,
        /// Whether beginners need not see it.
        advanced?: bool,
        /// Whether its value is secret.
        sensitive?: bool,
        /// Example.
        placeholder?: String,
    }

    /// Result of `config.schema.lookup`.
    ConfigSchemaLookupResult {
        /// The key.
        path: String,
        /// Its schema.
        schema: Value,
        /// What a change of it takes.
        reload_kind?: ReloadKind,
        /// How to show it.
        hint?: ConfigHint,
        /// Which key the hint is of.
        hint_path?: String,
        /// Keys below it.
        children: Vec<ConfigSchemaChild>,
    }

    /// A key below another.
    ConfigSchemaChild {
        /// Last part of its path.
        key: String,
        /// Its path.
        path: String,
        /// Its type.
        #[serde(rename = "type")]
        kind?: String,
        /// Whether it must be there.
        required: bool,
        /// Whether there are keys below it.
        has_children: bool,
        /// What a change of it takes.
        reload_kind?: ReloadKind,
        /// How to show it.
        hint?: ConfigHint,
        /// Which key the hint is of.
        hint_path?: String,
    }
}

/// Stands where a secret would.
pub const REDACTED: &str = "__OPENCLAW_REDACTED__";

names! {
    /// What a change of a key takes.
    ReloadKind {
        /// A restart.
        Restart = "restart",
        /// Nothing: it is applied at once.
        Hot = "hot",
        /// Nothing: it is read when it is needed.
        None = "none",
    }
}

methods! {
    /// Shows the configuration, secrets blacked out.
    ConfigGet = "config.get", Read, NoParams => ConfigGetResult;
    /// Shows the schema of the configuration.
    ConfigSchema = "config.schema", Read, NoParams => ConfigSchemaResult;
    /// Shows the schema of one key and what is below it.
    ConfigSchemaLookup = "config.schema.lookup", Read, ConfigSchemaLookupParams
        => ConfigSchemaLookupResult { since: Since::V4 };
}
