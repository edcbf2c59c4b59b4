//! Strings and numbers with the contract's limits built into their type.
//!
//! A limit that is broken is reported in the words of the documented validator (`must NOT have fewer
//! than 1 characters`), so [`crate::params::decode`] can pass it on as it is.

use std::{borrow::Cow, fmt, ops::Deref};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// A string of `MIN` to `MAX` characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Text<const MIN: usize, const MAX: usize>(String);

/// A string that is not empty.
pub type NonEmpty = Text<1, { usize::MAX }>;
/// A session key as a client spells it.
pub type RawSessionKey = Text<1, { crate::limits::MAX_SESSION_KEY_CHARS }>;

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    /// Checks the length.
    ///
    /// # Errors
    /// The documented sentence when the text is too short or too long.
    pub fn new(text: impl Into<String>) -> Result<Self, String> {
        let text = text.into();
        let length = text.chars().count();
        if length < MIN {
            return Err(format!("must NOT have fewer than {MIN} characters"));
        }
        if length > MAX {
            return Err(format!("must NOT have more than {MAX} characters"));
        }
        Ok(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Gives the text away.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl<const MIN: usize, const MAX: usize> Deref for Text<MIN, MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize> fmt::Display for Text<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de, const MIN: usize, const MAX: usize> Deserialize<'de> for Text<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl<const MIN: usize, const MAX: usize> JsonSchema for Text<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Text_{MIN}_{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        if MAX == usize::MAX {
            json_schema!({"type": "string", "minLength": MIN})
        } else {
            json_schema!({"type": "string", "minLength": MIN, "maxLength": MAX})
        }
    }
}

/// An integer from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Int<const MIN: u64, const MAX: u64>(u64);

/// The largest integer a JavaScript peer can hold exactly.
pub const MAX_SAFE_INTEGER: u64 = 9_007_199_254_740_991;
/// An integer of at least 0.
pub type Int0 = Int<0, MAX_SAFE_INTEGER>;
/// An integer of at least 1.
pub type Int1 = Int<1, MAX_SAFE_INTEGER>;

impl<const MIN: u64, const MAX: u64> Int<MIN, MAX> {
    /// Checks the range.
    ///
    /// # Errors
    /// The documented sentence when the number is out of range.
    pub fn new(value: u64) -> Result<Self, String> {
        if value < MIN {
            return Err(format!("must be >= {MIN}"));
        }
        if value > MAX {
            return Err(format!("must be <= {MAX}"));
        }
        Ok(Self(value))
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number as a size.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Int<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<const MIN: u64, const MAX: u64>;

        impl<const MIN: u64, const MAX: u64> serde::de::Visitor<'_> for Visitor<MIN, MAX> {
            type Value = Int<MIN, MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer")
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Self::Value, E> {
                Int::new(value).map_err(E::custom)
            }

            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Self::Value, E> {
                match u64::try_from(value) {
                    Ok(value) => self.visit_u64(value),
                    Err(_) => Err(E::custom(format!("must be >= {MIN}"))),
                }
            }

            /// `5.0` is an integer to a JavaScript validator.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "checked to be a whole number in range first"
            )]
            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Self::Value, E> {
                if value.fract() != 0.0 {
                    return Err(E::custom("must be integer"));
                }
                if value < 0.0 {
                    return Err(E::custom(format!("must be >= {MIN}")));
                }
                if value > MAX_SAFE_INTEGER as f64 {
                    return Err(E::custom(format!("must be <= {MAX}")));
                }
                self.visit_u64(value as u64)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl<const MIN: u64, const MAX: u64> JsonSchema for Int<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Int_{MIN}_{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        if MAX == MAX_SAFE_INTEGER {
            json_schema!({"type": "integer", "minimum": MIN})
        } else {
            json_schema!({"type": "integer", "minimum": MIN, "maximum": MAX})
        }
    }
}

/// A number of at least 0, whole or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Number0(f64);

impl Number0 {
    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Number0 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        if number >= 0.0 { Ok(Self(number)) } else { Err(D::Error::custom("must be >= 0")) }
    }
}

impl JsonSchema for Number0 {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Number0".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number", "minimum": 0})
    }
}

/// What a [`Shaped`] text must look like.
pub trait Shape: Send + Sync + 'static {
    /// The contract's regular expression; what [`Shape::fits`] checks.
    const PATTERN: &'static str;
    /// Longest text, in characters.
    const MAX: usize;

    /// Whether the text matches the pattern.
    fn fits(text: &str) -> bool;
}

/// A text of 1 to [`Shape::MAX`] characters that matches a pattern.
pub struct Shaped<S>(String, std::marker::PhantomData<S>);

impl<S: Shape> Shaped<S> {
    /// Checks length and pattern.
    ///
    /// # Errors
    /// The documented sentence when the text does not fit.
    pub fn new(text: impl Into<String>) -> Result<Self, String> {
        let text = text.into();
        if text.is_empty() {
            return Err("must NOT have fewer than 1 characters".to_owned());
        }
        if text.chars().count() > S::MAX {
            return Err(format!("must NOT have more than {} characters", S::MAX));
        }
        if !S::fits(&text) {
            return Err(format!("must match pattern \"{}\"", S::PATTERN));
        }
        Ok(Self(text, std::marker::PhantomData))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<S> Clone for Shaped<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), std::marker::PhantomData)
    }
}

impl<S> PartialEq for Shaped<S> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<S> fmt::Debug for Shaped<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<S> Serialize for Shaped<S> {
    fn serialize<R: serde::Serializer>(&self, serializer: R) -> Result<R::Ok, R::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de, S: Shape> Deserialize<'de> for Shaped<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl<S: Shape> JsonSchema for Shaped<S> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Shaped".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 1, "maxLength": S::MAX, "pattern": S::PATTERN})
    }
}

/// A secret on the wire: never printed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    /// Marks a text as secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}
