//! Rules for servers of tools.

use crate::{
    keypath,
    problem::Problem,
    schema::{Config, McpServer, McpTransport},
};

/// Checks every server that is used.
pub(super) fn check(config: &Config, found: &mut Vec<Problem>) {
    for (name, server) in config.mcp.servers.iter().filter(|(_, server)| server.enabled) {
        let mut path = "mcp.servers".to_owned();
        keypath::push(&mut path, name);
        if let Some((why, hint)) = fault(server) {
            found.push(Problem::warning(path, why).hint(hint));
        }
    }
}

fn fault(server: &McpServer) -> Option<(&'static str, &'static str)> {
    match (&server.command, &server.url, server.transport) {
        (None, None, _) => Some((
            "has neither a command nor a url and is not used",
            "put `command` or `url` there, or set `enabled: false`",
        )),
        (Some(_), Some(_), _) => {
            Some(("has a command and a url; the command is used", "leave one of them out"))
        }
        (None, Some(url), _) if !url.starts_with("http://") && !url.starts_with("https://") => {
            Some(("has a url that is neither http:// nor https://", "put the whole address there"))
        }
        (None, Some(_), Some(McpTransport::Sse)) => Some((
            "wants the transport sse, which this Gateway does not speak",
            "most servers speak `streamable-http` too",
        )),
        _ => None,
    }
}
