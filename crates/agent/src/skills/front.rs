//! The block at the beginning of a `SKILL.md`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::About;

/// Names under `metadata` that hold what is meant for us, the newest first.
const OURS: [&str; 3] = ["openclaw", "clawdbot", "clawdis"];

/// The fields of the block, with their further lines; nothing if there is no whole block.
pub(super) fn read(text: &str) -> Option<BTreeMap<String, String>> {
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    if lines.next()?.trim_end() != "---" {
        return None;
    }
    let mut fields = BTreeMap::new();
    let mut current: Option<String> = None;
    for line in lines {
        if line.trim_end() == "---" {
            return Some(fields);
        }
        let indented = line.starts_with([' ', '\t']) || line.trim().is_empty();
        match (line.split_once(':').filter(|_| !indented), &current) {
            (Some((name, value)), _) => {
                let name = name.trim().to_owned();
                fields.insert(name.clone(), value.trim().to_owned());
                current = Some(name);
            }
            (None, Some(name)) => {
                if let Some(value) = fields.get_mut(name) {
                    value.push('\n');
                    value.push_str(line.trim());
                }
            }
            (None, None) => {}
        }
    }
    None
}

/// A field as one line of text: without quotes, and without the sign of a text in several lines.
pub(super) fn plain(value: &str) -> String {
    let value = value.trim();
    let (first, rest) = value.split_once('\n').unwrap_or((value, ""));
    let text =
        if matches!(first.trim(), ">" | "|" | ">-" | "|-" | ">+" | "|+") { rest } else { value };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let quoted = |quote: char| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    let inner = quoted('"').or_else(|| quoted('\'')).unwrap_or(&text);
    inner.replace("\\\"", "\"").replace("''", "'")
}

/// What `metadata` says; what cannot be read says nothing.
pub(super) fn about(metadata: &str) -> About {
    let Ok(value) = json5::from_str::<Value>(metadata) else { return About::default() };
    let ours = OURS.iter().find_map(|name| value.get(name)).cloned();
    ours.and_then(|ours| serde_json::from_value(ours).ok()).unwrap_or_default()
}
