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
    /// `/whoami`.
    Whoami,
    /// `/new [text]` or `/reset [text]`, or what else the configuration says: a new transcript, and perhaps its first message.
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
    /// `/activation [mention|always|default]`.
    Activation {
        /// What follows the command.
        when: String,
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
    command("help", &["commands", "start"], None, "List what can be typed here."),
    command("status", &[], None, "Show version, model, tokens and queue of this session."),
    command("whoami", &["id"], None, "Show who you are here: your id, this chat and its session."),
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
    command(
        "activation",
        &[],
        Some("[mention|always|default]"),
        "Show or set which messages of this group are answered.",
    ),
];

/// Whether a message only says to stop.
#[must_use]
pub fn is_stop(message: &str) -> bool {
    let word = message.trim().to_lowercase();
    word == "/stop" || STOP_WORDS.contains(&word.as_str())
}

/// What follows one of the words that start a session anew; `None` if a message does not begin so.
pub(crate) fn after_reset(message: &str, triggers: &[String]) -> Option<String> {
    let line = message.trim();
    triggers.iter().map(|trigger| trigger.trim()).filter(|trigger| !trigger.is_empty()).find_map(
        |trigger| {
            let (start, rest) = line.split_at_checked(trigger.len())?;
            let rest = rest.strip_prefix(':').unwrap_or(rest);
            let ends = rest.is_empty() || rest.starts_with(char::is_whitespace);
            (start.to_lowercase() == trigger.to_lowercase() && ends).then(|| rest.trim().to_owned())
        },
    )
}

/// Reads a message as a command; `triggers` start the session anew. A path such as `/etc/hosts` is none,
/// nor is a slash alone.
pub(crate) fn parse(message: &str, triggers: &[String]) -> Option<Command> {
    if let Some(rest) = after_reset(message, triggers) {
        return Some(Command::Reset { rest });
    }
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
        Some("whoami") => Command::Whoami,
        Some("model") => Command::Model { wanted: rest },
        Some("models") => Command::Models,
        Some("think") => Command::Think { level: rest },
        Some("compact") => Command::Compact { wish: rest },
        Some("queue") => Command::Queue { mode: rest },
        Some("activation") => Command::Activation { when: rest },
        _ => Command::Unknown { name },
    })
}

/// Whether a message is a command that is known.
#[must_use]
pub fn is_known_command(message: &str, triggers: &[String]) -> bool {
    message.trim_start().starts_with('/')
        && (is_stop(message)
            || !matches!(parse(message, triggers), None | Some(Command::Unknown { .. })))
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

    fn parse(message: &str) -> Option<Command> {
        super::parse(message, &["/new".to_owned(), "/reset".to_owned()])
    }

    #[test]
    fn a_session_starts_anew_at_the_words_of_the_configuration() {
        let triggers = ["/fresh".to_owned(), " Neues Gespräch ".to_owned(), String::new()];
        for (message, rest) in [
            ("/FRESH", Some("")),
            ("/fresh: hello", Some("hello")),
            ("neues gespräch\nhallo", Some("hallo")),
            ("/freshly", None),
            ("neues gespräche", None),
            ("/new", None),
            ("neues gesprä", None),
            ("", None),
        ] {
            assert_eq!(after_reset(message, &triggers).as_deref(), rest, "{message:?}");
        }
        let unknown = Command::Unknown { name: "new".into() };
        assert_eq!(super::parse("/new", &triggers), Some(unknown));
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
        assert_eq!(parse("/id"), Some(Command::Whoami));
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
