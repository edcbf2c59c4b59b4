//! The file with the keys a person has set: `model-auth.json`, 0600,
//! `{"version": 1, "providers": {"NAME": {"apiKey": "…"}}}`.

use std::{collections::BTreeMap, io, path::Path};

use openclaw_base::fs;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

const VERSION: u64 = 1;
/// Bytes the file may have.
const MAX_BYTES: u64 = 1024 * 1024;

/// Why the key file cannot be used. No text of it holds a key.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// Reading or writing failed.
    #[error("failed to use the key file")]
    Io(#[from] io::Error),
    /// It is not the JSON that is expected.
    #[error("the key file is damaged (line {line}, column {column})")]
    Damaged {
        /// Where.
        line: usize,
        /// Where.
        column: usize,
    },
    /// A newer release wrote it.
    #[error("the key file has version {0}, which this release does not know")]
    Version(u64),
    /// The provider's name cannot be one.
    #[error(
        "\"{0}\" is no provider name: use lower-case letters, digits, '-', '_' and '.', and NAME@PROFILE \
         for a further key"
    )]
    Name(String),
    /// The key cannot be one.
    #[error("the key is empty or holds characters that no key has")]
    Key,
}

/// Keys by provider.
#[derive(Clone, Debug, Default)]
pub struct KeyFile {
    keys: BTreeMap<String, SecretString>,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    version: u64,
    #[serde(default)]
    providers: BTreeMap<String, WireProvider>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireProvider {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    api_key: Option<String>,
    /// What a newer release of the same version keeps besides.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl KeyFile {
    /// Reads the file; one that does not exist is empty.
    ///
    /// # Errors
    /// When it cannot be read or is not what it should be.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let keys = read(path)?
            .providers
            .into_iter()
            .filter_map(|(name, provider)| Some((name, SecretString::from(provider.api_key?))))
            .collect();
        Ok(Self { keys })
    }

    /// The keys by provider.
    #[must_use]
    pub const fn keys(&self) -> &BTreeMap<String, SecretString> {
        &self.keys
    }

    /// Sets a provider's key.
    ///
    /// # Errors
    /// When name or key cannot be one, or the file cannot be read or written.
    pub fn set(path: &Path, provider: &str, key: &SecretString) -> Result<(), KeyFileError> {
        let name = provider_name(provider)?;
        let key = key.expose_secret().trim();
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_graphic()) {
            return Err(KeyFileError::Key);
        }
        let mut wire = read(path)?;
        wire.providers
            .entry(name)
            .or_insert_with(|| WireProvider { api_key: None, rest: Map::new() })
            .api_key = Some(key.to_owned());
        write(path, &wire)
    }

    /// Removes a provider's key; `false` when there was none.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn remove(path: &Path, provider: &str) -> Result<bool, KeyFileError> {
        let mut wire = read(path)?;
        let removed = wire.providers.remove(&provider_name(provider)?).is_some();
        if removed {
            write(path, &wire)?;
        }
        Ok(removed)
    }
}

fn provider_name(raw: &str) -> Result<String, KeyFileError> {
    let name = raw.trim().to_ascii_lowercase();
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    let is_name = |part: &str| !part.is_empty() && part.chars().all(good);
    let fits = match name.split_once('@') {
        Some((provider, profile)) => is_name(provider) && is_name(profile),
        None => is_name(&name),
    };
    if name.len() > 64 || !fits {
        return Err(KeyFileError::Name(raw.chars().take(64).collect()));
    }
    Ok(name)
}

fn read(path: &Path) -> Result<Wire, KeyFileError> {
    let bytes = match fs::read_limited(path, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Wire { version: VERSION, providers: BTreeMap::new() });
        }
        Err(error) => return Err(error.into()),
    };
    // The parser's own words could repeat a key.
    let wire: Wire = serde_json::from_slice(&bytes)
        .map_err(|error| KeyFileError::Damaged { line: error.line(), column: error.column() })?;
    if wire.version != VERSION {
        return Err(KeyFileError::Version(wire.version));
    }
    Ok(wire)
}

fn write(path: &Path, wire: &Wire) -> Result<(), KeyFileError> {
    let mut bytes = serde_json::to_vec_pretty(wire).map_err(io::Error::from)?;
    bytes.push(b'\n');
    fs::write_private(path, &bytes)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[test]
    fn keys_are_kept_privately_and_one_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model-auth.json");
        assert!(KeyFile::load(&path).unwrap().keys().is_empty());

        KeyFile::set(&path, " Anthropic ", &key(" sk-1\n")).unwrap();
        KeyFile::set(&path, "openai", &key("sk-2")).unwrap();
        KeyFile::set(&path, "openai", &key("sk-3")).unwrap();
        assert!(fs::is_private(&path).unwrap());
        let file = KeyFile::load(&path).unwrap();
        let shown: Vec<_> = file
            .keys()
            .iter()
            .map(|(name, key)| (name.as_str(), key.expose_secret().to_owned()))
            .collect();
        assert_eq!(shown, [("anthropic", "sk-1".to_owned()), ("openai", "sk-3".to_owned())]);
        assert!(!format!("{file:?}").contains("sk-1"));

        assert!(KeyFile::remove(&path, "openai").unwrap());
        assert!(!KeyFile::remove(&path, "openai").unwrap());
        assert_eq!(KeyFile::load(&path).unwrap().keys().len(), 1);
    }

    #[test]
    fn what_is_not_understood_is_neither_used_nor_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model-auth.json");
        let kept = r#"{"version":1,"providers":{"x":{"apiKey":"k","note":7}}}"#;
        std::fs::write(&path, kept).unwrap();
        KeyFile::set(&path, "x", &key("k2")).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("\"note\": 7") && text.contains("k2"), "{text}");

        std::fs::write(&path, r#"{"version":2,"providers":{}}"#).unwrap();
        assert!(matches!(KeyFile::load(&path), Err(KeyFileError::Version(2))));
        std::fs::write(&path, r#"{"version":1,"providers":{"x":{"apiKey":sk-secret}}}"#).unwrap();
        let error = KeyFile::load(&path).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn names_and_keys_are_checked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model-auth.json");
        for name in ["", "a b", "../x", "@x", "x@", "a@b@c", &"x".repeat(65)] {
            let set = KeyFile::set(&path, name, &key("k"));
            assert!(matches!(set, Err(KeyFileError::Name(_))), "{name}");
        }
        for bad in ["", "  ", "a b", "ä"] {
            assert!(matches!(KeyFile::set(&path, "x", &key(bad)), Err(KeyFileError::Key)), "{bad}");
        }
        assert!(!path.exists());
    }
}
