//! What a server says its tools are, in the form that models are shown.

use rmcp::model::Tool as Offered;
use serde_json::{Value, json};

use crate::{names, settings::ToolFilter};

/// Characters of a description that models are shown.
const MAX_DESCRIPTION: usize = 4000;
/// Bytes of a schema that models are shown; a longer one is left out.
const MAX_SCHEMA: usize = 64 * 1024;

/// A tool as its server named it.
#[derive(Debug)]
pub(crate) struct Listed {
    /// As models call it.
    pub(crate) name: String,
    /// As the server calls it.
    pub(crate) raw: String,
    pub(crate) description: String,
    pub(crate) schema: Value,
}

/// What counts of the tools that a server offers.
pub(crate) fn listed(server: &str, filter: &ToolFilter, offered: Vec<Offered>) -> Vec<Listed> {
    let mut offered: Vec<Offered> =
        offered.into_iter().filter(|tool| filter.lets(server, &tool.name)).collect();
    // In the same order each time, so that a provider's cache holds them.
    offered.sort_by(|one, other| one.name.cmp(&other.name));
    if offered.is_empty() && !filter.include.is_empty() {
        tracing::warn!(server, "toolFilter.include matches no tool of this server");
    }
    let raw: Vec<String> = offered.iter().map(|tool| tool.name.to_string()).collect();
    let names = names::distinct(server, &raw);
    offered.into_iter().zip(names).map(|(tool, name)| one(server, tool, name)).collect()
}

fn one(server: &str, tool: Offered, name: String) -> Listed {
    let given = tool.description.as_deref().or(tool.title.as_deref()).unwrap_or_default();
    let mut description: String = given.chars().take(MAX_DESCRIPTION).collect();
    if description.trim().is_empty() {
        description = format!("{} of the server {server}", tool.name);
    }
    let mut schema = Value::Object((*tool.input_schema).clone());
    if schema.to_string().len() > MAX_SCHEMA {
        tracing::warn!(server, tool = name, "schema of a tool is too long and left out");
        schema = json!({"type": "object"});
    }
    if let Value::Object(schema) = &mut schema {
        schema.entry("type").or_insert_with(|| json!("object"));
    }
    Listed { name, raw: tool.name.into_owned(), description, schema }
}
