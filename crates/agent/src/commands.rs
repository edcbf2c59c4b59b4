//! Messages that are for the Gateway, not for a model: words to stop, and slash commands.

/// Exactly these words, alone in a message, stop what runs.
const STOP_WORDS: [&str; 6] = ["stop", "esc", "abort", "wait", "exit", "interrupt"];

/// A message that is a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// `/help`, `/commands`.
    Help,
    /// `/status`.
    Status,
    /// `/new [text]` or `/reset [text]`: a new transcript, and perhaps its first message.
    Reset {
        /// What follows the command.
        rest: String,
    },
    /// `/model [name|default]`.
    Model {
        /// What follows the command.
        wanted: String,
    },
    /// `/models`.
    Models,
    /// `/think [level]`.
    Think {
        /// What follows the command.
        level: String,
    },
    /// `/compact [what matters]`.
    Compact {
        /// What follows the command.
        wish: String,
    },
    /// `/queue [mode]`.
    Queue {
        /// What follows the command.
        mode: String,
    },
    /// A slash and a word nobody knows.
    Unknown {
        /// The word.
        name: String,
    },
}

/// A command as lists show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandInfo {
    /// The word after the slash.
    pub name: &'static str,
    /// Other words for the same.
    pub aliases: &'static [&'static str],
    /// What may follow.
    pub arguments: Option<&'static str>,
    /// What it does.
    pub description: &'static str,
}

const fn command(
    name: &'static str,
    aliases: &'static [&'static str],
    arguments: Option<&'static str>,
    description: &'static str,
) -> CommandInfo {
    CommandInfo { name, aliases, arguments, description }
}

/// Every command there is.
pub const COMMANDS: &[CommandInfo] = &[
    command("help", &["commands"], None, "List what can be typed here."),
    command("status", &[], None, "Show version, model, tokens and queue of this session."),
    command("new", &["reset"], Some("[message]"), "Start the session anew, with an empty memory."),
    command("stop", &[], None, "Stop the running answer and drop what waits."),
    command("model", &[], Some("[name|default]"), "Show or choose this session's model."),
    command("models", &[], None, "List the models that can be chosen."),
    command("think", &["thinking", "t"], Some("[level]"), "Show or set how much the model thinks."),
    command(
        "compact",
        &[],
        Some("[what matters]"),
        "Make the beginning of this conversation into a summary.",
    ),
    command("queue", &[], Some("[mode]"), "Show or set what happens to messages sent meanwhile."),
];

/// Whether a message only says to stop.
#[must_use]
pub fn is_stop(message: &str) -> bool {
    let word = message.trim().to_lowercase();
    word == "/stop" || STOP_WORDS.contains(&word.as_str())
}

/// Whether a message resets its session, so that callers can ask for the right to do so first.
#[must_use]
pub fn is_reset(message: &str) -> bool {
    matches!(parse(message), Some(Command::Reset { .. }))
}

/// Reads a message as a command. A path such as `/etc/hosts` is none, nor is a slash alone.
pub(crate) fn parse(message: &str) -> Option<Command> {
    let line = message.trim();
    let body = line.strip_prefix('/')?;
    let (word, rest) = body.split_once(char::is_whitespace).unwrap_or((body, ""));
    let name = word.trim_end_matches(':').to_lowercase();
    let named = name.chars().next().is_some_and(char::is_alphabetic)
        && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if !named {
        return None;
    }
    let rest = rest.trim().to_owned();
    let known = COMMANDS
        .iter()
        .find(|info| info.name == name || info.aliases.contains(&name.as_str()))
        .map(|info| info.name);
    Some(match known {
        Some("help") => Command::Help,
        Some("status") => Command::Status,
        Some("new") => Command::Reset { rest },
        Some("model") => Command::Model { wanted: rest },
        Some("models") => Command::Models,
        Some("think") => Command::Think { level: rest },
        Some("compact") => Command::Compact { wish: rest },
        Some("queue") => Command::Queue { mode: rest },
        _ => Command::Unknown { name },
    })
}

/// The answer to `/help`.
pub(crate) fn help_text() -> String {
    let mut text = String::from("What you can type here:\n");
    for info in COMMANDS {
        let arguments = info.arguments.map(|arguments| format!(" {arguments}")).unwrap_or_default();
        text.push_str(&format!("\n/{}{arguments} — {}", info.name, info.description));
    }
    text.push_str("\n\nAnything else goes to the model.");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_to_stop_stand_alone() {
        for stop in ["/stop", " STOP ", "esc", "Abort", "wait", "exit", "interrupt"] {
            assert!(is_stop(stop), "{stop}");
        }
        for other in ["stop it", "/stopp", "", "waiting"] {
            assert!(!is_stop(other), "{other}");
        }
    }

    #[test]
    fn commands_are_a_slash_and_a_word() {
        let rest = |text: &str| Command::Reset { rest: text.to_owned() };
        assert_eq!(parse(" /NEW "), Some(rest("")));
        assert_eq!(parse("/reset hello\nyou"), Some(rest("hello\nyou")));
        assert_eq!(parse("/status"), Some(Command::Status));
        assert_eq!(parse("/t high"), Some(Command::Think { level: "high".into() }));
        assert_eq!(parse("/think: high"), Some(Command::Think { level: "high".into() }));
        assert_eq!(parse("/dance now"), Some(Command::Unknown { name: "dance".into() }));
        for text in ["hello", "/", "/ help", "/etc/hosts is a file", "//", "/1", "a /help"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert!(is_reset("/new") && !is_reset("/status"));
    }

    #[test]
    fn help_names_every_command() {
        let text = help_text();
        for info in COMMANDS {
            assert!(text.contains(&format!("/{}", info.name)), "{}", info.name);
            assert!(parse(&format!("/{}", info.name)).is_some(), "{}", info.name);
        }
    }
}
