//! A tool of a server, as the agent has it.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use openclaw_agent::{Tool, ToolContext, ToolOrigin, ToolOutcome};
use serde_json::{Value, json};

use crate::{listed::Listed, server::Server};

/// What the loop's own limit comes after ours.
const MARGIN: Duration = Duration::from_secs(5);

/// The tool.
pub(crate) struct McpTool {
    server: Arc<Server>,
    tools: Arc<Vec<Listed>>,
    index: usize,
}

/// The tools that a server named last.
pub(crate) fn tools(server: &Arc<Server>) -> Vec<Arc<dyn Tool>> {
    let tools = server.listed();
    let tool = |index| McpTool { server: Arc::clone(server), tools: Arc::clone(&tools), index };
    (0..tools.len()).map(|index| Arc::new(tool(index)) as Arc<dyn Tool>).collect()
}

impl McpTool {
    fn listed(&self) -> Option<&Listed> {
        self.tools.get(self.index)
    }
}

impl Tool for McpTool {
    fn name(&self) -> &str {
        self.listed().map_or("", |tool| &tool.name)
    }

    fn description(&self) -> &str {
        self.listed().map_or("", |tool| &tool.description)
    }

    fn schema(&self) -> Value {
        self.listed().map_or_else(|| json!({"type": "object"}), |tool| tool.schema.clone())
    }

    fn time_limit(&self) -> Option<Duration> {
        let setting = self.server.setting();
        Some(setting.connect_timeout + setting.request_timeout + MARGIN)
    }

    /// The owner says so; what the server says of itself is not believed.
    fn may_overlap(&self) -> bool {
        self.server.setting().parallel
    }

    fn origin(&self) -> ToolOrigin {
        let tool = self.listed().map(|tool| tool.raw.clone()).unwrap_or_default();
        ToolOrigin::Server { server: self.server.name().to_owned(), tool }
    }

    fn run<'a>(&'a self, arguments: Value, _: &'a ToolContext) -> BoxFuture<'a, ToolOutcome> {
        Box::pin(async move {
            let Some(tool) = self.listed() else {
                return ToolOutcome::error("there is no such tool");
            };
            match arguments {
                Value::Object(arguments) => self.server.call(&tool.raw, arguments).await,
                Value::Null => self.server.call(&tool.raw, serde_json::Map::new()).await,
                _ => ToolOutcome::error("the arguments must be an object"),
            }
        })
    }
}
