//! Models and commands for the composer.

use openclaw_agent::{COMMANDS, CommandInfo};
use openclaw_protocol::methods::{
    chat::{
        ChatMetadataResult, CommandArgument, CommandArgumentType, CommandCategory, CommandEntry,
        CommandScope, CommandSource,
    },
    models::ModelsView,
};

use crate::{shape::models::Catalog, state::State};

/// What the composer offers.
pub(crate) fn of(state: &State) -> ChatMetadataResult {
    ChatMetadataResult {
        models: Catalog::of(state).choices(ModelsView::Configured),
        commands: COMMANDS.iter().map(command).collect(),
        swarm_enabled: false,
        account_selection: None,
    }
}

fn command(info: &CommandInfo) -> CommandEntry {
    let names = std::iter::once(info.name).chain(info.aliases.iter().copied());
    CommandEntry {
        name: info.name.to_owned(),
        native_name: Some(info.name.to_owned()),
        text_aliases: Some(names.map(|name| format!("/{name}")).collect()),
        description: info.description.to_owned(),
        category: Some(category(info.name)),
        source: CommandSource::Native,
        scope: CommandScope::Both,
        accepts_args: info.arguments.is_some(),
        args: info.arguments.map(|arguments| vec![argument(arguments)]),
    }
}

/// The one argument of a command, written `[name]`.
fn argument(written: &str) -> CommandArgument {
    let name = written.trim_matches(['[', ']']);
    CommandArgument {
        name: name.split('|').next().unwrap_or(name).to_owned(),
        description: name.replace('|', " or "),
        kind: CommandArgumentType::String,
        required: Some(!written.starts_with('[')),
        choices: None,
    }
}

fn category(name: &str) -> CommandCategory {
    match name {
        "new" | "stop" => CommandCategory::Session,
        "model" | "models" | "think" | "queue" => CommandCategory::Options,
        _ => CommandCategory::Status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_described() {
        let model = COMMANDS.iter().find(|info| info.name == "model").expect("there is one");
        let json = serde_json::to_value(command(model)).expect("JSON");
        assert_eq!(json["textAliases"], serde_json::json!(["/model"]));
        assert_eq!(json["args"][0]["name"], "name");
        assert_eq!(json["args"][0]["description"], "name or default");
        assert_eq!(json["args"][0]["required"], false);
        for info in COMMANDS {
            let entry = command(info);
            assert_eq!(entry.accepts_args, entry.args.is_some(), "{}", info.name);
        }
    }
}
