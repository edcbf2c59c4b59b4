//! Which commands of a node may be called: what its platform may do, what the configuration adds and what
//! it takes away. The defaults are those of the original.

use openclaw_protocol::methods::nodes::NodeRow;

const CANVAS: &[&str] = &[
    "canvas.present",
    "canvas.hide",
    "canvas.navigate",
    "canvas.eval",
    "canvas.snapshot",
    "canvas.a2ui.push",
    "canvas.a2ui.pushJSONL",
    "canvas.a2ui.reset",
];
const PHONE: &[&str] = &[
    "camera.list",
    "location.get",
    "device.info",
    "device.status",
    "contacts.search",
    "calendar.events",
    "reminders.list",
    "photos.latest",
    "motion.activity",
    "motion.pedometer",
];
const SYSTEM: &[&str] = &["system.run", "system.which", "system.notify", "browser.proxy"];
/// Ours: a node of ours has them, those about files only for folders that its owner opened.
const HOST: &[&str] = &["host.stats", "file.read", "file.write", "file.list"];
const UNKNOWN: &[&str] = &["camera.list", "location.get"];
/// Reached only through the methods for approvals, whatever anybody allows.
const RESERVED: &str = "system.execApprovals.";

/// What the configuration says about commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandPolicy {
    /// Allowed beside the defaults.
    pub allow: Vec<String>,
    /// Never allowed.
    pub deny: Vec<String>,
}

impl CommandPolicy {
    /// Whether a command may be called on a node of this platform.
    #[must_use]
    pub fn allows(&self, node: &NodeRow, command: &str) -> bool {
        let listed = |list: &[String]| list.iter().any(|entry| entry == command);
        !is_reserved(command)
            && !listed(&self.deny)
            && (listed(&self.allow) || is_default(node, command))
    }
}

/// Whether a command has methods of its own.
#[must_use]
pub fn is_reserved(command: &str) -> bool {
    command.starts_with(RESERVED)
}

fn is_default(node: &NodeRow, command: &str) -> bool {
    let words = [&node.platform, &node.device_family];
    let known = words.into_iter().flatten().find_map(|word| families(&word.to_ascii_lowercase()));
    let families = known.unwrap_or(&[CANVAS, UNKNOWN, SYSTEM]);
    families.iter().any(|family| family.contains(&command))
}

fn families(word: &str) -> Option<&'static [&'static [&'static str]]> {
    const IOS: &[&[&str]] = &[CANVAS, PHONE, &["system.notify"]];
    const ANDROID: &[&[&str]] = &[CANVAS, PHONE];
    const MAC: &[&[&str]] = &[CANVAS, PHONE, SYSTEM, HOST];
    const DESKTOP: &[&[&str]] = &[SYSTEM, HOST];
    let table: [(&str, &'static [&'static [&'static str]]); 8] = [
        ("ios", IOS),
        ("iphone", IOS),
        ("ipad", IOS),
        ("android", ANDROID),
        ("mac", MAC),
        ("darwin", MAC),
        ("linux", DESKTOP),
        ("windows", DESKTOP),
    ];
    table.into_iter().find(|(prefix, _)| word.starts_with(prefix)).map(|(_, families)| families)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(platform: &str) -> NodeRow {
        NodeRow { platform: Some(platform.to_owned()), ..crate::nodes::empty_row("n") }
    }

    #[test]
    fn a_platform_has_its_defaults_and_dangerous_commands_wait_for_a_word() {
        let policy = CommandPolicy::default();
        let cases = [
            ("linux", "system.run", true),
            ("Linux", "system.which", true),
            ("linux", "file.read", true),
            ("ios", "file.read", false),
            ("linux", "camera.list", false),
            ("linux", "canvas.present", false),
            ("darwin", "system.run", true),
            ("macos 26", "canvas.present", true),
            ("ios 26", "system.run", false),
            ("iOS", "system.notify", true),
            ("android", "system.notify", false),
            ("android", "location.get", true),
            ("plan9", "system.run", true),
            ("ios", "camera.snap", false),
            ("ios", "screen.record", false),
            ("android", "sms.send", false),
            ("linux", "system.execApprovals.set", false),
        ];
        for (platform, command, allowed) in cases {
            assert_eq!(policy.allows(&node(platform), command), allowed, "{platform} {command}");
        }
    }

    #[test]
    fn the_configuration_adds_and_takes_away_and_taking_away_wins() {
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let policy = CommandPolicy {
            allow: list(&["camera.snap", "system.run", "system.execApprovals.get"]),
            deny: list(&["system.run"]),
        };
        assert!(policy.allows(&node("ios"), "camera.snap"));
        assert!(!policy.allows(&node("linux"), "system.run"));
        assert!(!policy.allows(&node("linux"), "system.execApprovals.get"));
    }
}
