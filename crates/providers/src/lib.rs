//! Models behind the agent's `trait Model`: five dialects, the offline assistant, and the registry that
//! knows who can be asked.
//!
//! The only crate that speaks HTTP to vendors and knows their JSON. It is given settings and keys as
//! values and reads neither environment nor configuration; the key file ([`KeyFile`]) is its own.

mod anthropic;
mod conversation;
mod dialect;
#[cfg(test)]
mod fixture;
mod google;
mod http;
mod keys;
mod known;
mod offline;
mod ollama;
mod ollama_chat;
mod openai;
mod params;
mod profiles;
mod registry;
mod responses;
mod settings;
mod sse;

pub use self::{
    keys::{KeyFile, KeyFileError},
    known::{Api, built_in_keys, key_variables},
    profiles::resting_keys,
    registry::Registry,
    settings::{ModelSetting, OLLAMA_ADDRESS, ProviderSetting, ProviderSettings},
    sse::Limits,
};
