//! `meta`, `env`, `logging`, `ui` and `secrets`.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::choices::{ConsoleStyle, LogLevel, RedactMode};

/// Which program wrote the file last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// Its version.
    pub last_touched_version: Option<String>,
    /// When, as an ISO time.
    pub last_touched_at: Option<String>,
}

/// Variables that are set for the Gateway unless the environment already has them: those under
/// `vars`, and every other key that holds a string.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvBlock {
    /// Variables by name.
    pub vars: BTreeMap<String, String>,
    /// Taking variables over from a login shell; read, but not done by this Gateway.
    pub shell_env: Option<ShellEnv>,
    /// Variables that stand directly under `env`.
    #[serde(flatten)]
    pub others: BTreeMap<String, String>,
}

impl fmt::Debug for EnvBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvBlock")
            .field("names", &self.vars.keys().chain(self.others.keys()).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// Taking variables over from a login shell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ShellEnv {
    /// Whether to do it.
    pub enabled: bool,
    /// How long the shell may take, in milliseconds.
    pub timeout_ms: Option<u64>,
}

/// What is logged, and where to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Logging {
    /// The least level that is written to the file.
    pub level: LogLevel,
    /// The log file. Left out: `logs/gateway.log` in the state folder.
    pub file: Option<String>,
    /// The size at which a log file is put aside, in bytes.
    #[schemars(range(min = 1))]
    pub max_file_bytes: Option<u64>,
    /// The least level that is written to the terminal. Left out: `level`.
    #[schemars(extend("x-unserved" = true))]
    pub console_level: Option<LogLevel>,
    /// How lines look on a terminal.
    #[schemars(extend("x-unserved" = true))]
    pub console_style: Option<ConsoleStyle>,
    /// `tools` hides secrets in what tools print.
    #[schemars(extend("x-unserved" = true))]
    pub redact_sensitive: RedactMode,
    /// More patterns to hide.
    #[schemars(extend("x-unserved" = true))]
    pub redact_patterns: Vec<String>,
}

impl Default for Logging {
    fn default() -> Self {
        Self {
            level: LogLevel::Info,
            file: None,
            max_file_bytes: None,
            console_level: None,
            console_style: None,
            redact_sensitive: RedactMode::Tools,
            redact_patterns: Vec::new(),
        }
    }
}

/// How the interface presents itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Ui {
    /// The accent colour, six hexadecimal digits.
    #[schemars(extend("x-unserved" = true))]
    pub seam_color: Option<String>,
    /// The assistant's face in the interface.
    pub assistant: UiAssistant,
}

/// The assistant's face in the interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct UiAssistant {
    /// Its name.
    #[schemars(extend("x-unserved" = true))]
    pub name: Option<String>,
    /// Its picture: an emoji, a short text, a URL or a data URI.
    #[schemars(extend("x-unserved" = true))]
    pub avatar: Option<String>,
}

/// Where secret references are looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Secrets {
    /// Sources by name; a reference names one of them.
    pub providers: BTreeMap<String, SecretProvider>,
    /// The source that is meant when a reference names none.
    pub defaults: SecretDefaults,
}

/// The source that is meant when a reference names none, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretDefaults {
    /// For environment references.
    pub env: Option<String>,
    /// For file references.
    pub file: Option<String>,
    /// For command references.
    pub exec: Option<String>,
    /// For references into the original's shared store, which this Gateway does not read.
    pub store: Option<String>,
}

/// One source of secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "source", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum SecretProvider {
    /// Variables of the environment.
    Env {
        /// The only names that may be read; left out, any.
        #[serde(default)]
        allowlist: Option<Vec<String>>,
    },
    /// A private file.
    File {
        /// The file; it must be a regular file that nobody else can read.
        #[schemars(length(min = 1))]
        path: String,
        /// `json`: the reference is a JSON pointer into the file; `singleValue`: the file is the
        /// secret and the reference is `value`.
        #[serde(default)]
        mode: SecretFileMode,
        /// The longest the read may take, in milliseconds.
        #[serde(default)]
        #[schemars(range(min = 1, max = 120_000))]
        timeout_ms: Option<u64>,
        /// The largest file, in bytes.
        #[serde(default)]
        #[schemars(range(min = 1, max = 20_971_520))]
        max_bytes: Option<u64>,
    },
    /// A program that is asked over standard input and answers on standard output, as JSON.
    Exec {
        /// The program's absolute path; no shell is involved.
        #[serde(default)]
        command: Option<String>,
        /// Its arguments.
        #[serde(default)]
        args: Vec<String>,
        /// The longest it may take, in milliseconds.
        #[serde(default)]
        #[schemars(range(min = 1, max = 120_000))]
        timeout_ms: Option<u64>,
        /// The longest it may stay silent, in milliseconds.
        #[serde(default)]
        #[schemars(range(min = 1, max = 120_000))]
        no_output_timeout_ms: Option<u64>,
        /// The largest answer, in bytes.
        #[serde(default)]
        #[schemars(range(min = 1, max = 20_971_520))]
        max_output_bytes: Option<u64>,
        /// Whether an answer that is not JSON is refused.
        #[serde(default = "yes")]
        json_only: bool,
        /// Variables it is given.
        #[serde(default)]
        env: BTreeMap<String, String>,
        /// Names of variables it is handed on from the environment.
        #[serde(default)]
        pass_env: Vec<String>,
        /// The only folders the program may lie in; left out, any.
        #[serde(default)]
        trusted_dirs: Option<Vec<String>>,
    },
    /// The original's shared store; references to it cannot be resolved here.
    Store {},
}

/// What a secret file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SecretFileMode {
    /// A JSON object; references are pointers into it.
    #[default]
    Json,
    /// One secret; the reference is `value`.
    SingleValue,
}

fn yes() -> bool {
    true
}
