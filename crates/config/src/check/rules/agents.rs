//! Agents, sessions and models.

use std::collections::BTreeSet;

use crate::keypath;
use crate::problem::Problem;
use crate::schema::{Agent, Config};

/// Longest agent id.
const MAX_ID: usize = 64;

pub(super) fn check(config: &Config, found: &mut Vec<Problem>) {
    agents(config, found);
    models(config, found);
    if config.session.main_key.contains(|c: char| c == ':' || c.is_whitespace()) {
        found.push(Problem::error("session.mainKey", "must hold neither ':' nor white space"));
    }
}

fn agents(config: &Config, found: &mut Vec<Problem>) {
    let mut ids = BTreeSet::new();
    let mut defaults = 0;
    for (index, agent) in config.agents.list.iter().enumerate() {
        let path = format!("agents.list[{index}]");
        match agent.id.as_deref() {
            Some(id) => check_id(id, &format!("{path}.id"), &mut ids, found),
            None => found.push(Problem::error(path, "has no id")),
        }
        defaults += usize::from(agent.is_default);
    }
    for (id, agent) in &config.agents.entries {
        let mut path = "agents.entries".to_owned();
        keypath::push(&mut path, id);
        check_id(id, &path, &mut ids, found);
        check_entry(id, agent, &path, found);
        defaults += usize::from(agent.is_default);
    }
    if defaults > 1 {
        let message = format!("{defaults} agents are marked as default, the first one counts");
        found.push(Problem::warning("agents", message));
    }
}

fn models(config: &Config, found: &mut Vec<Problem>) {
    for (name, provider) in &config.models.providers {
        let mut seen = BTreeSet::new();
        for (index, model) in provider.models.iter().enumerate() {
            let mut path = "models.providers".to_owned();
            keypath::push(&mut path, name);
            path.push_str(&format!(".models[{index}]"));
            if model.id.is_empty() {
                found.push(Problem::error(path, "has no id"));
            } else if !seen.insert(model.id.as_str()) {
                let message = "has the id of another model as well, the first one counts";
                found.push(Problem::warning(path, message));
            }
        }
    }
}

fn check_entry(id: &str, agent: &Agent, path: &str, found: &mut Vec<Problem>) {
    if agent.id.as_deref().is_some_and(|inner| inner != id) {
        let problem = Problem::error(format!("{path}.id"), "differs from the key it stands under");
        found.push(problem.hint("leave it out, the key is the id"));
    }
}

fn check_id(id: &str, path: &str, ids: &mut BTreeSet<String>, found: &mut Vec<Problem>) {
    let lower = id.trim().to_ascii_lowercase();
    let usable = lower.len() <= MAX_ID
        && lower.starts_with(|c: char| c.is_ascii_alphanumeric())
        && lower.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if !usable {
        let problem = Problem::error(path, "is not an agent id");
        found.push(problem.hint("letters, digits, '-' and '_', at most 64"));
    } else if !ids.insert(lower) {
        found.push(Problem::error(path, "is the id of another agent as well"));
    }
}
