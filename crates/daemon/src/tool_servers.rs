//! Servers of tools, from the configuration.

use std::{collections::BTreeMap, time::Duration};

use openclaw_base::Tasks;
use openclaw_config::{
    Loaded, Paths, SecretInput, SecretResolver,
    schema::{McpServer, McpTransport},
};
use openclaw_exec::run::Hidden;
use openclaw_mcp::{McpSettings, ServerSetting, Servers, ToolFilter, Way};
use secrecy::SecretString;

/// How long a server may take unless its setting says otherwise.
const CONNECT: Duration = Duration::from_secs(30);
/// How long a call may take unless the setting says otherwise.
const REQUEST: Duration = Duration::from_secs(60);

/// All of them; nothing is started yet.
pub(crate) fn servers(
    paths: &Paths,
    loaded: &Loaded,
    environment: Vec<(String, String)>,
    tasks: &Tasks,
) -> Servers {
    let agents = loaded.config.agents(paths);
    let hidden = Hidden {
        folders: vec![paths.state_dir().to_owned()],
        except: agents.into_iter().map(|agent| agent.workspace).collect(),
        ..Hidden::default()
    };
    let workspace = loaded.config.default_agent(paths).workspace;
    let folder = if workspace.is_dir() { workspace } else { paths.home().to_owned() };
    let servers = Servers::new(environment, hidden, folder, tasks.child());
    servers.apply(settings(paths, loaded));
    servers
}

/// What is configured.
pub(crate) fn settings(paths: &Paths, loaded: &Loaded) -> McpSettings {
    let mcp = &loaded.config.mcp;
    let secrets = loaded.secrets();
    let used = mcp.servers.iter().filter(|(_, server)| server.enabled);
    McpSettings {
        servers: used
            .map(|(name, server)| (name.clone(), setting(paths, server, &secrets)))
            .collect(),
        idle: (mcp.session_idle_ttl_ms > 0).then(|| Duration::from_millis(mcp.session_idle_ttl_ms)),
    }
}

fn setting(paths: &Paths, server: &McpServer, secrets: &SecretResolver) -> ServerSetting {
    let limit = |milliseconds: Option<u64>, seconds: Option<u64>, usual| {
        let given = milliseconds.map(Duration::from_millis);
        given.or(seconds.map(Duration::from_secs)).unwrap_or(usual)
    };
    ServerSetting {
        way: way(paths, server, secrets),
        connect_timeout: limit(server.connection_timeout_ms, server.connect_timeout, CONNECT),
        request_timeout: limit(server.request_timeout_ms, server.timeout, REQUEST),
        parallel: server.supports_parallel_tool_calls,
        filter: ToolFilter {
            include: server.tool_filter.include.clone(),
            exclude: server.tool_filter.exclude.clone(),
        },
    }
}

fn way(paths: &Paths, server: &McpServer, secrets: &SecretResolver) -> Result<Way, String> {
    let revealed = |written: &BTreeMap<String, SecretInput>| {
        let reveal = |(name, secret): (&String, &SecretInput)| match secrets.resolve(secret) {
            Ok(secret) => Ok((name.clone(), secret)),
            Err(error) => Err(format!("the value of {name} cannot be read: {error}")),
        };
        written.iter().map(reveal).collect::<Result<BTreeMap<String, SecretString>, String>>()
    };
    match (&server.command, &server.url) {
        (Some(command), _) => Ok(Way::Stdio {
            argv: std::iter::once(command).chain(&server.args).cloned().collect(),
            environment: revealed(&server.env)?,
            cwd: server
                .cwd
                .as_ref()
                .or(server.working_directory.as_ref())
                .map(|cwd| paths.expand(cwd)),
        }),
        (None, Some(_)) if server.transport == Some(McpTransport::Sse) => {
            Err("the transport sse is not spoken; set transport to \"streamable-http\"".to_owned())
        }
        (None, Some(url)) => {
            Ok(Way::Http { url: url.clone(), headers: revealed(&server.headers)? })
        }
        (None, None) => Err("it has neither a command nor a url".to_owned()),
    }
}
