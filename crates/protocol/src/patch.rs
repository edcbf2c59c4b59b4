//! Fields that may be absent, and fields that may be absent, `null`, or set.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Reads a field that may be absent but must not be `null`.
///
/// # Errors
/// What the field's own type says.
pub(crate) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Takes `null` out of the schema of an optional field: it may be absent, but is not `null`.
pub(crate) fn refuse_null(schema: &mut Schema) {
    let is_null = |schema: &Value| schema.get("type").is_some_and(|name| name == "null");
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    let choices = schema.remove("anyOf");
    let Some(Value::Array(mut choices)) = choices else { return };
    choices.retain(|choice| !is_null(choice));
    match choices.as_slice() {
        [Value::Object(only)] => {
            for (key, value) in only {
                schema.insert(key.clone(), value.clone());
            }
        }
        _ => {
            schema.insert("anyOf".to_owned(), Value::Array(choices));
        }
    }
}

/// What to do with a stored value: leave it, clear it, or set it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// The key is absent: leave the value as it is.
    #[default]
    Keep,
    /// The key is `null`: forget the value.
    Clear,
    /// The key holds a new value.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether nothing is to be changed.
    #[must_use]
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The new value, if one is set.
    #[must_use]
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// Applies the change to a stored value.
    pub fn apply(self, stored: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *stored = None,
            Self::Set(value) => *stored = Some(value),
        }
    }

    /// The same change of another type.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(convert(value)),
        }
    }
}

impl<T: Serialize> Serialize for Patch<T> {
    /// Absence is the field's business (`skip_serializing_if`); on its own, `Keep` is `null`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

impl<T: JsonSchema> JsonSchema for Patch<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Patch_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<T>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Text;

    crate::macros::params! {
        /// A request with one field of each kind.
        #[derive(Default)]
        #[expect(unreachable_pub, reason = "the macro declares what crates export")]
        Sample {
            /// Optional.
            limit?: u64,
            /// Clearable.
            label??: Text<1, 3>,
        }
    }

    #[test]
    fn absent_null_and_set_differ() {
        let label = |json: &str| serde_json::from_str::<Sample>(json).expect(json).label;
        assert_eq!(label("{}"), Patch::Keep);
        assert_eq!(label(r#"{"label":null}"#), Patch::Clear);
        assert_eq!(label(r#"{"label":"a"}"#), Patch::Set(Text::new("a").expect("short")));
        serde_json::from_str::<Sample>(r#"{"label":"abcd"}"#).expect_err("too long");
        serde_json::from_str::<Sample>(r#"{"limit":null}"#).expect_err("not nullable");
        assert_eq!(serde_json::to_string(&Sample::default()).expect("JSON"), "{}");
        let cleared = Sample { limit: None, label: Patch::Clear };
        assert_eq!(serde_json::to_string(&cleared).expect("JSON"), r#"{"label":null}"#);
    }

    #[test]
    fn a_change_is_applied() {
        let mut stored = Some(1);
        Patch::Keep.apply(&mut stored);
        assert_eq!(stored, Some(1));
        Patch::Set(2).apply(&mut stored);
        assert_eq!(stored, Some(2));
        Patch::Clear.apply(&mut stored);
        assert_eq!(stored, None);
    }
}
