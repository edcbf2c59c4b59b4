//! `system.which`: where programs are.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::{FutureExt, future::BoxFuture};
use openclaw_exec::run::find_program;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Machine;
use crate::command::{Call, CommandError, NodeCommand};

/// Most names in one call.
const MAX_NAMES: usize = 256;

/// Looks programs up.
pub(super) struct Which(pub(super) Arc<Machine>);

#[derive(Deserialize)]
struct Params {
    bins: Vec<String>,
}

impl Which {
    fn find(&self, call: &Call) -> Result<Value, CommandError> {
        let Params { bins } = call.params()?;
        if bins.len() > MAX_NAMES {
            return Err(CommandError::invalid(format!("at most {MAX_NAMES} bins in one call")));
        }
        // A path says nothing about the search path, and would tell what files there are.
        let names = bins.iter().filter(|name| !name.contains('/'));
        let found: BTreeMap<&str, String> = names
            .filter_map(|name| {
                let path = find_program(name, &self.0.home, self.0.search())?;
                Some((name.as_str(), path.display().to_string()))
            })
            .collect();
        Ok(json!({"bins": found}))
    }
}

impl NodeCommand for Which {
    fn name(&self) -> &'static str {
        "system.which"
    }

    fn is_repeatable(&self) -> bool {
        true
    }

    fn run(&self, call: Call) -> BoxFuture<'_, Result<Value, CommandError>> {
        async move { self.find(&call) }.boxed()
    }
}
