//! The configuration: `openclaw.json` as JSON5 in, one validated and immutable [`Config`] out.
//!
//! ```no_run
//! use openclaw_config::{Environment, PathOptions, Paths};
//!
//! # fn main() -> Result<(), openclaw_config::ConfigError> {
//! let process = Environment::process();
//! let paths = Paths::resolve(&process, &PathOptions { profile: None, dev: false })?;
//! let (env, env_warnings) = process.with_dotenv(paths.state_dir(), None);
//! let loaded = openclaw_config::load(&paths, &env)?; // a missing file is an empty configuration
//! for warning in env_warnings.iter().chain(&loaded.warnings) {
//!     eprintln!("{warning}");
//! }
//! let port = loaded.config.gateway_port(&paths, &loaded.env)?;
//! # Ok(()) }
//! ```
//!
//! * [`Environment`] is captured once and handed around; nothing else in the program reads the
//!   process's environment. [`Loaded::env`] also has the configuration's own `env` block.
//! * [`Paths`] knows every file and folder. [`Profile`] knows the default port.
//! * [`load`] finds *all* problems and returns them in one [`Report`]
//!   ([`ConfigError::Invalid`]); each [`Problem`] has file, line, column, key path, allowed values
//!   and a hint, prints well and serialises.
//! * [`Config`] is plain data with every default applied; see [`schema`] for its fields.
//! * A secret is a [`SecretInput`]: ask [`Loaded::secrets`] to resolve it when it is needed.
//! * [`ConfigSnapshot`] is the answer to `config.get`; [`describe`] answers `config.schema` and
//!   `config.schema.lookup`.
//! * [`Editor`] makes the edits of `openclaw config set`, byte by byte beside them unchanged.
//! * [`ConfigWatch`] follows the file and says what a change applied and what needs a restart.
//!
//! Reading never writes: the file is changed by [`Editor::save`] alone, on a person's explicit act.

mod check;
pub mod describe;
mod discovery;
pub mod edit;
mod editor;
mod env;
mod error;
mod keypath;
mod known;
mod loaded;
mod patch;
mod paths;
mod problem;
mod redact;
pub mod reload;
mod restore;
pub mod schema;
mod secret;
mod settings;
mod shape;
mod snapshot;
mod source;
mod syntax;
mod vault;
mod watch;

pub use discovery::DiscoverySettings;
pub use editor::{Editor, Saved};
pub use env::{Environment, Layer};
pub use error::ConfigError;
pub use loaded::{Loaded, load, load_text};
pub use paths::{PathOptions, Paths, Profile};
pub use problem::{Place, Problem, Report, Severity};
pub use reload::ReloadClass;
pub use schema::Config;
pub use secret::{REDACTED, SecretInput, SecretRef, SecretSource};
pub use settings::{AgentSettings, ConversationKind, ResetRule};
pub use snapshot::{ConfigSnapshot, IncludeProvenance, Issue};
pub use vault::SecretResolver;
pub use watch::{ConfigWatch, Reload};
