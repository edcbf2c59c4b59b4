//! `openclaw mcp …`: the servers of tools in this machine's configuration.

use clap::{Args, Subcommand};
use openclaw_config::schema::{McpServer, McpTransport};
use serde::Serialize;

use super::Outcome;
use crate::args::OutputArgs;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::output::Table;

/// Words of an argument after which nothing is shown.
const SECRET_WORDS: [&str; 5] = ["key", "token", "secret", "password", "auth"];

/// Everything about servers of tools.
#[derive(Args, Debug)]
pub(crate) struct McpArgs {
    #[command(subcommand)]
    command: McpCommand,
}

/// The words after `openclaw mcp`.
#[derive(Debug, Subcommand)]
enum McpCommand {
    /// List the servers of tools that are configured; nothing is started
    #[command(visible_alias = "status")]
    List {
        #[command(flatten)]
        output: OutputArgs,
    },
}

impl McpArgs {
    /// Whether `--json` was given.
    pub(crate) fn wants_json(&self) -> bool {
        let McpCommand::List { output } = &self.command;
        output.json
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    path: String,
    servers: Vec<Row>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: String,
    configured: bool,
    enabled: bool,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<&'static str>,
    launch: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_timeout_ms: Option<u64>,
    tool_filter: openclaw_config::schema::McpToolFilter,
    supports_parallel_tool_calls: bool,
}

/// Runs the word that was given.
pub(crate) fn run(context: &Context, args: &McpArgs) -> Outcome {
    let McpCommand::List { .. } = args.command;
    let loaded = context.config()?;
    let servers = loaded.config.mcp.servers.iter().map(|(name, server)| row(name, server));
    let servers: Vec<Row> = servers.collect();
    let printer = context.printer;
    if printer.is_json() {
        let path = context.paths.config_file().display().to_string();
        printer.json(&Listing { path, servers })?;
        return Ok(ExitCode::Done);
    }
    if servers.is_empty() {
        printer.line("No servers of tools are configured.")?;
        printer.note(format!(
            "add one: {} config set mcp.servers.NAME '{{command: \"PROGRAM\", args: []}}'",
            context.own
        ));
        return Ok(ExitCode::Done);
    }
    let mut table = Table::new(["NAME", "STATE", "TRANSPORT", "LAUNCH"]);
    for server in servers {
        let state = match (server.enabled, server.ok) {
            (false, _) => "off",
            (true, true) => "on",
            (true, false) => "unusable",
        };
        let transport = server.transport.unwrap_or("-").to_owned();
        table.row([server.name, state.to_owned(), transport, server.launch]);
    }
    printer.table(&table)?;
    Ok(ExitCode::Done)
}

fn row(name: &str, server: &McpServer) -> Row {
    let transport = match (&server.command, &server.url, server.transport) {
        (Some(_), _, _) => Some(McpTransport::Stdio),
        (None, Some(_), Some(McpTransport::Sse)) => Some(McpTransport::Sse),
        (None, Some(_), _) => Some(McpTransport::StreamableHttp),
        (None, None, _) => None,
    };
    let milliseconds = |exact: Option<u64>, seconds: Option<u64>| {
        exact.or(seconds.map(|seconds| seconds.saturating_mul(1000)))
    };
    Row {
        name: name.to_owned(),
        configured: true,
        enabled: server.enabled,
        ok: matches!(transport, Some(McpTransport::Stdio | McpTransport::StreamableHttp)),
        transport: transport.map(McpTransport::as_str),
        launch: launch(server),
        request_timeout_ms: milliseconds(server.request_timeout_ms, server.timeout),
        connection_timeout_ms: milliseconds(server.connection_timeout_ms, server.connect_timeout),
        tool_filter: server.tool_filter.clone(),
        supports_parallel_tool_calls: server.supports_parallel_tool_calls,
    }
}

/// What is started or asked, without what may be secret in it.
fn launch(server: &McpServer) -> String {
    match (&server.command, &server.url) {
        (Some(command), _) => {
            let mut words = vec![command.as_str()];
            for word in &server.args {
                let lower = word.to_ascii_lowercase();
                if SECRET_WORDS.iter().any(|secret| lower.contains(secret)) {
                    words.push("…");
                    break;
                }
                words.push(word);
            }
            words.join(" ")
        }
        (None, Some(url)) => {
            let shown = url.split(['?', '#']).next().unwrap_or_default();
            match shown.split_once("://") {
                Some((scheme, rest)) => {
                    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
                    let host = host.rsplit('@').next().unwrap_or_default();
                    format!("{scheme}://{host}/{path}").trim_end_matches('/').to_owned()
                }
                None => "-".to_owned(),
            }
        }
        (None, None) => "-".to_owned(),
    }
}
