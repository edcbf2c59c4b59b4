//! The configuration as it stands, its schema, and changes that a person makes from afar.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    list::List,
    macros::{names, params, record},
    methods::system::NoParams,
    row::{Since, methods},
    text::{Int0, NonEmpty, Shape, Shaped},
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

    /// Params of `config.set`.
    ConfigSetParams {
        /// The whole file, JSON5. [`REDACTED`] stands for the secret that was hidden there.
        raw: NonEmpty,
        /// `hash` of the `config.get` that the text was made from; needed where there is a file.
        base_hash?: NonEmpty,
    }

    /// Params of `config.apply`.
    ConfigApplyParams {
        /// The whole file, JSON5. [`REDACTED`] stands for the secret that was hidden there.
        raw: NonEmpty,
        /// `hash` of the `config.get` that the text was made from; needed where there is a file.
        base_hash?: NonEmpty,
        /// The session that asked; taken and not used, changes are applied without a restart.
        session_key?: String,
        /// Where that session would be told; taken and not used.
        delivery_context?: ConfigDelivery,
        /// Why, for the audit trail.
        note?: String,
        /// When to restart; taken and not used.
        restart_delay_ms?: Int0,
    }

    /// Params of `config.patch`.
    ConfigPatchParams {
        /// A merge patch, JSON5: `null` removes, lists of objects with an `id` are merged.
        raw: NonEmpty,
        /// `hash` of the `config.get` that the patch was made for; needed where there is a file.
        base_hash?: NonEmpty,
        /// The session that asked; taken and not used, changes are applied without a restart.
        session_key?: String,
        /// Where that session would be told; taken and not used.
        delivery_context?: ConfigDelivery,
        /// Why, for the audit trail.
        note?: String,
        /// When to restart; taken and not used.
        restart_delay_ms?: Int0,
        /// Lists that the patch replaces instead of merging into them.
        replace_paths?: List<NonEmpty, 0, 256>,
    }

    /// Where a session would be told of a restart.
    ConfigDelivery {
        /// The channel.
        channel?: String,
        /// The chat.
        to?: String,
        /// The account.
        account_id?: String,
        /// The thread, a text or a number.
        thread_id?: Value,
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

    /// Result of `config.set`, `config.patch` and `config.apply`.
    ConfigWriteResult {
        /// Always true.
        ok: bool,
        /// The file.
        path: String,
        /// What holds with it, secrets hidden.
        config: Value,
        /// Names the new state of the file.
        hash: String,
        /// The keys that were changed.
        changed_paths: Vec<String>,
        /// Those of them that hold after a restart only.
        needs_restart: Vec<String>,
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
    /// Replaces the configuration file.
    ConfigSet = "config.set", Admin, ConfigSetParams => ConfigWriteResult;
    /// Changes some keys of the configuration file and leaves every other byte as it is.
    ConfigPatch = "config.patch", Admin, ConfigPatchParams => ConfigWriteResult;
    /// Replaces the configuration file; what can be applied is applied at once.
    ConfigApply = "config.apply", Admin, ConfigApplyParams => ConfigWriteResult;
    /// Shows the schema of one key and what is below it.
    ConfigSchemaLookup = "config.schema.lookup", Read, ConfigSchemaLookupParams
        => ConfigSchemaLookupResult { since: Since::V4 };
}
