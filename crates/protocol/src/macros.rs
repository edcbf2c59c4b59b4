//! How wire types are declared, so that one policy holds for all of them.
//!
//! * `params!` declares what a request carries. A field marked `?` may be absent but is not `null`; one
//!   marked `??` is a [`Patch`](crate::patch::Patch), where `null` means "clear".
//! * `record!` declares what a response or event carries. A field marked `?` is left out when there is
//!   nothing to say, and read back from absence or `null`, because other Gateways send either.
//! * `names!` declares a closed set of strings.
//!
//! Field names are camel case on the wire, and unknown keys are ignored.

/// Declares params structs: `Name { field: T, optional?: T, clearable??: T, }`.
///
/// They are read from JSON objects only: what serde derives would take a list for a struct as well.
macro_rules! params {
    ($( $(#[$meta:meta])* $name:ident { $($body:tt)* } )+) => {$(
        $crate::macros::strict! { [$(#[$meta])*] $name [] [] [] $($body)* }
    )+};
}
pub(crate) use params;

/// Declares result and payload structs: `Name { field: T, optional?: T, }`.
macro_rules! record {
    ($( $(#[$meta:meta])* $name:ident { $($body:tt)* } )+) => {$(
        $crate::macros::lenient! { [$(#[$meta])*] $name [] $($body)* }
    )+};
}
pub(crate) use record;

/// Takes one field of `params!` after the other: attributes, name, fields of the struct, fields of what
/// is decoded, their names, and what is left.
macro_rules! strict {
    ($head:tt $name:ident [$($out:tt)*] [$($raw:tt)*] [$($names:ident)*]
        $(#[$meta:meta])* $field:ident ?? : $ty:ty, $($rest:tt)*) => {
        $crate::macros::strict! { $head $name [
            $($out)*
            $(#[$meta])*
            #[serde(skip_serializing_if = "crate::patch::Patch::is_keep")]
            #[schemars(default)]
            pub $field: $crate::patch::Patch<$ty>,
        ] [
            $($raw)*
            $(#[$meta])*
            #[serde(default)]
            $field: $crate::patch::Patch<$ty>,
        ] [$($names)* $field] $($rest)* }
    };
    ($head:tt $name:ident [$($out:tt)*] [$($raw:tt)*] [$($names:ident)*]
        $(#[$meta:meta])* $field:ident ? : $ty:ty, $($rest:tt)*) => {
        $crate::macros::strict! { $head $name [
            $($out)*
            $(#[$meta])*
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schemars(default, transform = $crate::patch::refuse_null)]
            pub $field: Option<$ty>,
        ] [
            $($raw)*
            $(#[$meta])*
            #[serde(default, deserialize_with = "crate::patch::present")]
            $field: Option<$ty>,
        ] [$($names)* $field] $($rest)* }
    };
    ($head:tt $name:ident [$($out:tt)*] [$($raw:tt)*] [$($names:ident)*]
        $(#[$meta:meta])* $field:ident : $ty:ty, $($rest:tt)*) => {
        $crate::macros::strict! { $head $name [
            $($out)*
            $(#[$meta])*
            pub $field: $ty,
        ] [
            $($raw)*
            $(#[$meta])*
            $field: $ty,
        ] [$($names)* $field] $($rest)* }
    };
    ([$($head:tt)*] $name:ident [$($out:tt)*] [$($raw:tt)*] [$($names:ident)*]) => {
        $($head)*
        #[derive(Clone, Debug, PartialEq, ::serde::Serialize, ::schemars::JsonSchema)]
        #[serde(rename_all = "camelCase")]
        pub struct $name { $($out)* }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[derive(::serde::Deserialize)]
                #[serde(rename_all = "camelCase")]
                struct Raw { $($raw)* }

                let Raw { $($names),* } =
                    ::serde::Deserialize::deserialize($crate::object::Object(deserializer))?;
                Ok(Self { $($names),* })
            }
        }
    };
}
pub(crate) use strict;

/// Takes one field of `record!` after the other: attributes, name, fields, and what is left.
macro_rules! lenient {
    ($head:tt $name:ident [$($out:tt)*]
        $(#[$meta:meta])* $field:ident ? : $ty:ty, $($rest:tt)*) => {
        $crate::macros::lenient! { $head $name [
            $($out)*
            $(#[$meta])*
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(transform = $crate::patch::refuse_null)]
            pub $field: Option<$ty>,
        ] $($rest)* }
    };
    ($head:tt $name:ident [$($out:tt)*]
        $(#[$meta:meta])* $field:ident : $ty:ty, $($rest:tt)*) => {
        $crate::macros::lenient! { $head $name [
            $($out)*
            $(#[$meta])*
            pub $field: $ty,
        ] $($rest)* }
    };
    ([$($head:tt)*] $name:ident [$($out:tt)*]) => {
        $($head)*
        #[derive(
            Clone, Debug, Default, PartialEq, ::serde::Serialize, ::serde::Deserialize,
            ::schemars::JsonSchema,
        )]
        #[serde(rename_all = "camelCase")]
        pub struct $name { $($out)* }
    };
}
pub(crate) use lenient;

/// Declares a closed set of strings: `Name { Variant = "wire", }`, or `Name = Variant { … }` to say
/// which one is the default.
macro_rules! names {
    ($(
        $( #[doc = $doc:literal] )+
        $name:ident $(= $default:ident)? { $( $(#[doc = $vdoc:literal])+ $variant:ident = $wire:literal, )+ }
    )+) => {$(
        $( #[doc = $doc] )+
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord,
            ::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema,
        )]
        pub enum $name { $( $(#[doc = $vdoc])+ #[serde(rename = $wire)] $variant, )+ }

        impl $name {
            /// Every value of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $wire,)+ }
            }

            /// Reads a name of the contract.
            #[must_use]
            pub fn parse(raw: &str) -> Option<Self> {
                match raw { $($wire => Some(Self::$variant),)+ _ => None }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        $(
            impl Default for $name {
                fn default() -> Self {
                    Self::$default
                }
            }
        )?
    )+};
}
pub(crate) use names;
