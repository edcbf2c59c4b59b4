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
macro_rules! params {
    ($( $(#[$meta:meta])* $name:ident { $($body:tt)* } )+) => {$(
        $crate::macros::object! { @strict
            [
                $(#[$meta])*
                #[derive(
                    Clone, Debug, PartialEq, ::serde::Serialize, ::serde::Deserialize,
                    ::schemars::JsonSchema,
                )]
                #[serde(rename_all = "camelCase")]
                pub struct $name
            ]
            [] $($body)*
        }
    )+};
}
pub(crate) use params;

/// Declares result and payload structs: `Name { field: T, optional?: T, }`.
macro_rules! record {
    ($( $(#[$meta:meta])* $name:ident { $($body:tt)* } )+) => {$(
        $crate::macros::object! { @lenient
            [
                $(#[$meta])*
                #[derive(
                    Clone, Debug, Default, PartialEq, ::serde::Serialize, ::serde::Deserialize,
                    ::schemars::JsonSchema,
                )]
                #[serde(rename_all = "camelCase")]
                pub struct $name
            ]
            [] $($body)*
        }
    )+};
}
pub(crate) use record;

/// Takes one field after the other; see `params!` and `record!`.
macro_rules! object {
    (@$mode:ident [$($head:tt)*] [$($out:tt)*]
        $(#[$meta:meta])* $field:ident ?? : $ty:ty, $($rest:tt)*) => {
        $crate::macros::object! { @$mode [$($head)*] [
            $($out)*
            $(#[$meta])*
            #[serde(default, skip_serializing_if = "crate::patch::Patch::is_keep")]
            pub $field: $crate::patch::Patch<$ty>,
        ] $($rest)* }
    };
    (@strict [$($head:tt)*] [$($out:tt)*]
        $(#[$meta:meta])* $field:ident ? : $ty:ty, $($rest:tt)*) => {
        $crate::macros::object! { @strict [$($head)*] [
            $($out)*
            $(#[$meta])*
            #[serde(
                default,
                deserialize_with = "crate::patch::present",
                skip_serializing_if = "Option::is_none"
            )]
            pub $field: Option<$ty>,
        ] $($rest)* }
    };
    (@lenient [$($head:tt)*] [$($out:tt)*]
        $(#[$meta:meta])* $field:ident ? : $ty:ty, $($rest:tt)*) => {
        $crate::macros::object! { @lenient [$($head)*] [
            $($out)*
            $(#[$meta])*
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub $field: Option<$ty>,
        ] $($rest)* }
    };
    (@$mode:ident [$($head:tt)*] [$($out:tt)*]
        $(#[$meta:meta])* $field:ident : $ty:ty, $($rest:tt)*) => {
        $crate::macros::object! { @$mode [$($head)*] [
            $($out)*
            $(#[$meta])*
            pub $field: $ty,
        ] $($rest)* }
    };
    (@$mode:ident [$($head:tt)*] [$($out:tt)*]) => {
        $($head)* { $($out)* }
    };
}
pub(crate) use object;

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
