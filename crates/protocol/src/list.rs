//! Lists, objects and choices with the contract's limits built into their type, as [`crate::text`] has
//! them for strings and numbers.

use std::{borrow::Cow, fmt, marker::PhantomData, ops::Deref};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

/// A JSON object whose keys the contract leaves open.
pub type OpenObject = Map<String, Value>;

/// A list of `MIN` to `MAX` items, all different if `UNIQUE`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct List<T, const MIN: usize, const MAX: usize, const UNIQUE: bool = false>(Vec<T>);

impl<T: PartialEq, const MIN: usize, const MAX: usize, const UNIQUE: bool>
    List<T, MIN, MAX, UNIQUE>
{
    /// Checks the length, and that no item is there twice where that matters.
    ///
    /// # Errors
    /// The documented sentence when the list breaks a limit.
    pub fn new(items: Vec<T>) -> Result<Self, String> {
        if items.len() < MIN {
            return Err(format!("must NOT have fewer than {MIN} items"));
        }
        if items.len() > MAX {
            return Err(format!("must NOT have more than {MAX} items"));
        }
        let repeats =
            |(at, item): (usize, &T)| items.iter().skip(at + 1).any(|other| other == item);
        if UNIQUE && items.iter().enumerate().any(repeats) {
            return Err("must NOT have duplicate items".to_owned());
        }
        Ok(Self(items))
    }

    /// Gives the items away.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MIN: usize, const MAX: usize, const UNIQUE: bool> Deref
    for List<T, MIN, MAX, UNIQUE>
{
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'de, T, const MIN: usize, const MAX: usize, const UNIQUE: bool> Deserialize<'de>
    for List<T, MIN, MAX, UNIQUE>
where
    T: Deserialize<'de> + PartialEq,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl<T: JsonSchema, const MIN: usize, const MAX: usize, const UNIQUE: bool> JsonSchema
    for List<T, MIN, MAX, UNIQUE>
{
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("List_{}_{MIN}_{MAX}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Vec::<T>::json_schema(generator);
        if MIN > 0 {
            schema.insert("minItems".to_owned(), MIN.into());
        }
        if MAX < usize::MAX {
            schema.insert("maxItems".to_owned(), MAX.into());
        }
        if UNIQUE {
            schema.insert("uniqueItems".to_owned(), true.into());
        }
        schema
    }
}

/// An open object of at most `MAX` keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SmallObject<const MAX: usize>(OpenObject);

impl<const MAX: usize> Deref for SmallObject<MAX> {
    type Target = OpenObject;

    fn deref(&self) -> &OpenObject {
        &self.0
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for SmallObject<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = OpenObject::deserialize(deserializer)?;
        if object.len() > MAX {
            let sentence = format!("must NOT have more than {MAX} properties");
            return Err(de::Error::custom(sentence));
        }
        Ok(Self(object))
    }
}

impl<const MAX: usize> JsonSchema for SmallObject<MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("SmallObject_{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "maxProperties": MAX})
    }
}

/// The value `true`, where the contract allows no other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct True;

impl Serialize for True {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(true)
    }
}

impl<'de> Deserialize<'de> for True {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if bool::deserialize(deserializer)? {
            Ok(Self)
        } else {
            Err(de::Error::custom("must be equal to constant"))
        }
    }
}

impl JsonSchema for True {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "True".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"const": true})
    }
}

/// A word that may stand where a boolean is expected.
pub trait Word: Copy + Default + PartialEq + fmt::Debug + Send + Sync + 'static {
    /// The word.
    const WORD: &'static str;
}

/// A boolean or one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch<W> {
    /// Yes or no.
    Fixed(bool),
    /// The word.
    Word(W),
}

impl<W: Word> Serialize for Switch<W> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(value) => serializer.serialize_bool(*value),
            Self::Word(_) => serializer.serialize_str(W::WORD),
        }
    }
}

impl<'de, W: Word> Deserialize<'de> for Switch<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<W>(PhantomData<W>);

        impl<W: Word> de::Visitor<'_> for Visitor<W> {
            type Value = Switch<W>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a boolean")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
                Ok(Switch::Fixed(value))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
                if value == W::WORD {
                    Ok(Switch::Word(W::default()))
                } else {
                    Err(E::custom("must be equal to constant"))
                }
            }
        }

        deserializer.deserialize_any(Visitor(PhantomData))
    }
}

impl<W: Word> JsonSchema for Switch<W> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Switch_{}", W::WORD).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"type": "boolean"}, {"const": W::WORD}]})
    }
}

/// The word `auto`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Auto;

impl Word for Auto {
    const WORD: &'static str = "auto";
}

/// The word `all`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct All;

impl Word for All {
    const WORD: &'static str = "all";
}

/// One value or several of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<T: Serialize> Serialize for OneOrMany<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            many => many.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
                T::deserialize(de::value::StrDeserializer::new(value))
                    .map(|one| OneOrMany(vec![one]))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(
                self,
                mut items: A,
            ) -> Result<Self::Value, A::Error> {
                let mut many = Vec::new();
                while let Some(item) = items.next_element()? {
                    many.push(item);
                }
                Ok(OneOrMany(many))
            }
        }

        deserializer.deserialize_any(Visitor(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMany_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        let many = generator.subschema_for::<Vec<T>>();
        json_schema!({"anyOf": [one, many]})
    }
}
