//! Secrets in the configuration: written out, or as a reference that is looked up when needed.
//!
//! A written secret never leaves this type in clear: printing and serialising show a placeholder.
//! A reference is `{source, provider, id}` or the short `"$NAME"`. It is authoritative: when it
//! cannot be resolved nothing else takes its place.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What stands in place of a secret wherever a configuration is shown.
pub const REDACTED: &str = "__OPENCLAW_REDACTED__";

/// The extension keyword that marks a secret in the JSON schema.
pub(crate) const SENSITIVE: &str = "x-sensitive";

/// A secret, or where to find it.
#[derive(Clone)]
pub enum SecretInput {
    /// The secret itself, as written in the file or substituted from `${NAME}`.
    Literal(SecretString),
    /// Where to find it.
    Reference(SecretRef),
}

/// Where to find a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SecretRef {
    /// The kind of place.
    pub source: SecretSource,
    /// The entry of `secrets.providers`; the kind's default when left out.
    pub provider: Option<String>,
    /// The name in that place: a variable, a JSON pointer, whatever the program understands.
    pub id: String,
}

/// The kinds of places secrets are found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    /// The environment.
    Env,
    /// A private file.
    File,
    /// A program.
    Exec,
    /// The original's shared store, which this Gateway does not read.
    Store,
}

impl SecretSource {
    /// The kind as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Env => "env",
            Self::File => "file",
            Self::Exec => "exec",
            Self::Store => "store",
        }
    }
}

impl SecretInput {
    /// Wraps a secret that is known.
    pub fn literal(secret: impl Into<String>) -> Self {
        Self::Literal(SecretString::from(secret.into()))
    }

    /// The secret, if it stands in the configuration itself.
    #[must_use]
    pub fn as_literal(&self) -> Option<&SecretString> {
        match self {
            Self::Literal(secret) => Some(secret),
            Self::Reference(_) => None,
        }
    }

    /// The reference, if it is one.
    #[must_use]
    pub fn as_reference(&self) -> Option<&SecretRef> {
        match self {
            Self::Literal(_) => None,
            Self::Reference(reference) => Some(reference),
        }
    }

    fn from_text(text: &str) -> Self {
        match text.strip_prefix('$').filter(|name| is_variable_name(name)) {
            Some(name) => Self::Reference(SecretRef {
                source: SecretSource::Env,
                provider: None,
                id: name.to_owned(),
            }),
            None => Self::literal(text),
        }
    }
}

impl SecretRef {
    /// Why this reference can never be resolved, if that can be seen from its text alone.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        if self.provider.as_deref().is_some_and(|name| !is_provider_name(name)) {
            return Some("provider must be lower-case letters, digits, '-' and '_'");
        }
        let id = self.id.as_str();
        match self.source {
            SecretSource::Env | SecretSource::Store => {
                (!is_variable_name(id)).then_some("id must be a variable name in capitals")
            }
            SecretSource::File => (id != "value" && !id.starts_with('/'))
                .then_some("id must be a JSON pointer that starts with '/', or \"value\""),
            SecretSource::Exec => {
                let usable = id.len() <= 256
                    && id.starts_with(|c: char| c.is_ascii_alphanumeric())
                    && id.chars().all(|c| c.is_ascii_alphanumeric() || "._:/#-".contains(c))
                    && id.split('/').all(|part| part != "." && part != "..");
                (!usable).then_some("id must be letters, digits and ._:/#- without '..'")
            }
        }
    }
}

fn is_provider_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c))
}

/// Capitals, digits and underscores, not starting with a digit.
pub(crate) fn is_variable_name(name: &str) -> bool {
    name.len() <= 128
        && name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

impl fmt::Debug for SecretInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(_) => f.write_str("[secret]"),
            Self::Reference(reference) => reference.fmt(f),
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.provider {
            Some(provider) => write!(f, "{}:{provider}:{}", self.source.as_str(), self.id),
            None => write!(f, "{}:{}", self.source.as_str(), self.id),
        }
    }
}

impl PartialEq for SecretInput {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(a), Self::Literal(b)) => a.expose_secret() == b.expose_secret(),
            (Self::Reference(a), Self::Reference(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for SecretInput {}

impl Serialize for SecretInput {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Literal(_) => serializer.serialize_str(REDACTED),
            Self::Reference(reference) => {
                let mut out = serializer.serialize_struct("SecretRef", 3)?;
                out.serialize_field("source", &reference.source)?;
                match &reference.provider {
                    Some(provider) => out.serialize_field("provider", provider)?,
                    None => out.skip_field("provider")?,
                }
                out.serialize_field("id", &reference.id)?;
                out.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for SecretInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

struct SecretVisitor;

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = SecretInput;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a secret reference")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SecretInput, E> {
        Ok(SecretInput::from_text(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SecretInput, A::Error> {
        #[derive(Deserialize)]
        struct Fields {
            source: SecretSource,
            #[serde(default)]
            provider: Option<String>,
            id: String,
        }
        let Fields { source, provider, id } =
            Fields::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(SecretInput::Reference(SecretRef { source, provider, id }))
    }
}

impl JsonSchema for SecretInput {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "SecretInput".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            SENSITIVE: true,
            "anyOf": [
                { "type": "string" },
                {
                    "type": "object",
                    "properties": {
                        "source": {
                            "description": "The kind of place.",
                            "enum": ["env", "file", "exec", "store"],
                        },
                        "provider": {
                            "description": "The entry of secrets.providers to ask.",
                            "type": "string",
                        },
                        "id": {
                            "description": "The name of the secret in that place.",
                            "type": "string",
                            "minLength": 1,
                        },
                    },
                    "required": ["source", "id"],
                },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_is_a_string_or_a_reference() {
        let read = |value: serde_json::Value| serde_json::from_value::<SecretInput>(value);
        assert_eq!(read(json!("hunter2")).unwrap(), SecretInput::literal("hunter2"));
        assert_eq!(read(json!("$lower")).unwrap(), SecretInput::literal("$lower"));
        let short = read(json!("$OPENAI_API_KEY")).unwrap();
        let long = read(json!({"source": "env", "id": "OPENAI_API_KEY"})).unwrap();
        assert_eq!(short, long);
        assert_eq!(long.as_reference().unwrap().to_string(), "env:OPENAI_API_KEY");
        assert!(read(json!({"source": "cloud", "id": "x"})).is_err());
        assert!(read(json!(7)).is_err());
    }

    #[test]
    fn nothing_shows_a_literal() {
        let secret = SecretInput::literal("hunter2");
        assert_eq!(format!("{secret:?}"), "[secret]");
        assert_eq!(serde_json::to_value(&secret).unwrap(), json!(REDACTED));
    }

    #[test]
    fn references_that_can_never_work_are_told() {
        let reference = |source, provider: Option<&str>, id: &str| SecretRef {
            source,
            provider: provider.map(str::to_owned),
            id: id.to_owned(),
        };
        let good = [
            reference(SecretSource::Env, None, "A_1"),
            reference(SecretSource::File, Some("main"), "/a/b~1c"),
            reference(SecretSource::File, Some("main"), "value"),
            reference(SecretSource::Exec, Some("vault"), "a/b#c"),
        ];
        for good in good {
            assert_eq!(good.fault(), None, "{good}");
        }
        let bad = [
            reference(SecretSource::Env, None, "lower"),
            reference(SecretSource::Env, Some("Big"), "A"),
            reference(SecretSource::File, Some("main"), "a"),
            reference(SecretSource::Exec, Some("vault"), "a/../b"),
            reference(SecretSource::Exec, Some("vault"), "-x"),
        ];
        for bad in bad {
            assert!(bad.fault().is_some(), "{bad}");
        }
    }
}
