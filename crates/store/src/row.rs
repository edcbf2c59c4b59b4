//! Between columns and our types.

use std::{error::Error, fmt, str::FromStr};

use rusqlite::{
    Row, ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Type, ValueRef},
};
use serde::{Serialize, de::DeserializeOwned};

/// A value kept as JSON text.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        serde_json::from_str(text).map(Self).map_err(|error| FromSqlError::Other(error.into()))
    }
}

impl<T: Serialize> ToSql for Json<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        serde_json::to_string(&self.0)
            .map(ToSqlOutput::from)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
    }
}

/// Reads columns by name into the types of the domain.
pub(crate) trait RowExt {
    /// An identifier.
    fn id<T: From<String>>(&self, column: &str) -> rusqlite::Result<T>;
    /// An identifier that may be absent.
    fn maybe_id<T: From<String>>(&self, column: &str) -> rusqlite::Result<Option<T>>;
    /// A word of a fixed list.
    fn word<T: FromStr>(&self, column: &str) -> rusqlite::Result<T>;
    /// A JSON column.
    fn json<T: DeserializeOwned>(&self, column: &str) -> rusqlite::Result<T>;
}

impl RowExt for Row<'_> {
    fn id<T: From<String>>(&self, column: &str) -> rusqlite::Result<T> {
        self.get::<_, String>(column).map(T::from)
    }

    fn maybe_id<T: From<String>>(&self, column: &str) -> rusqlite::Result<Option<T>> {
        Ok(self.get::<_, Option<String>>(column)?.map(T::from))
    }

    fn word<T: FromStr>(&self, column: &str) -> rusqlite::Result<T> {
        let index = self.as_ref().column_index(column)?;
        let raw = self.get_ref(index)?.as_str().map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(index, Type::Text, error.into())
        })?;
        raw.parse().map_err(|_| {
            let error: Box<dyn Error + Send + Sync> = Box::new(UnknownWord(raw.to_owned()));
            rusqlite::Error::FromSqlConversionFailure(index, Type::Text, error)
        })
    }

    fn json<T: DeserializeOwned>(&self, column: &str) -> rusqlite::Result<T> {
        self.get::<_, Json<T>>(column).map(|json| json.0)
    }
}

#[derive(Debug)]
struct UnknownWord(String);

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown word {:?}", self.0)
    }
}

impl Error for UnknownWord {}

/// A count for `LIMIT` or `OFFSET`; more than SQLite can count to is no limit.
pub(crate) fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Gives an enum its stored words: `as_str`, `FromStr`, and serde with the same spelling.
macro_rules! words {
    ($( #[doc = $doc:literal] )+ pub enum $name:ident {
        $( #[doc = $vdoc:literal] $variant:ident = $word:literal, )+
    }) => {
        $( #[doc = $doc] )+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $( #[doc = $vdoc] #[serde(rename = $word)] $variant, )+ }

        impl $name {
            /// The word kept in the file and shown on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = ();

            fn from_str(raw: &str) -> Result<Self, Self::Err> {
                match raw { $( $word => Ok(Self::$variant), )+ _ => Err(()) }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;
