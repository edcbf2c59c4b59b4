//! A conversation as every provider accepts it: each tool call answered, no answer without its call.
//!
//! Providers refuse a request in which the two do not pair up, and a transcript may well hold such a
//! pair (the process ended between call and result, a result was trimmed away). A call without a result
//! gets one that says so; a result without its call is left out.

use openclaw_agent::model::{ModelMessage, Part};

/// Said of a call whose result is not known.
const NO_RESULT: &str =
    "No result: the call was interrupted and is not known to have had an effect.";

/// Pairs calls and results. Messages without content are left out.
pub(crate) fn paired(messages: &[ModelMessage]) -> Vec<ModelMessage> {
    let mut out = Vec::with_capacity(messages.len());
    for (index, message) in messages.iter().enumerate() {
        match message {
            ModelMessage::User(parts) if parts.is_empty() => {}
            ModelMessage::User(_) => out.push(message.clone()),
            // Results are placed right after their calls, below.
            ModelMessage::ToolResult { .. } => {}
            ModelMessage::Assistant { parts, .. } => {
                if parts.is_empty() {
                    continue;
                }
                out.push(message.clone());
                let after = messages.get(index + 1..).unwrap_or_default();
                out.extend(parts.iter().filter_map(|part| answer_of(part, after)));
            }
        }
    }
    out
}

/// The result of a call, looked for up to the next answer of a model.
fn answer_of(part: &Part, after: &[ModelMessage]) -> Option<ModelMessage> {
    let Part::ToolCall { id, name, .. } = part else { return None };
    let found =
        after.iter().take_while(|message| !matches!(message, ModelMessage::Assistant { .. })).find(
            |message| matches!(message, ModelMessage::ToolResult { call_id, .. } if call_id == id),
        );
    Some(found.cloned().unwrap_or_else(|| ModelMessage::ToolResult {
        call_id: id.clone(),
        name: name.clone(),
        text: NO_RESULT.to_owned(),
        is_error: true,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn user(text: &str) -> ModelMessage {
        ModelMessage::User(vec![Part::Text(text.into())])
    }

    fn calls(ids: &[&str]) -> ModelMessage {
        let call = |id: &&str| Part::ToolCall {
            id: (*id).into(),
            name: "look".into(),
            arguments: json!({}),
        };
        ModelMessage::Assistant { parts: ids.iter().map(call).collect(), origin: None }
    }

    fn result(id: &str, text: &str) -> ModelMessage {
        ModelMessage::ToolResult {
            call_id: id.into(),
            name: "look".into(),
            text: text.into(),
            is_error: false,
        }
    }

    #[test]
    fn results_follow_their_calls() {
        let messages = [
            user("a"),
            calls(&["1", "2"]),
            user("meanwhile"),
            result("2", "two"),
            result("1", "one"),
            calls(&["1"]),
            result("1", "again"),
        ];
        let got = paired(&messages);
        let wanted = [
            user("a"),
            calls(&["1", "2"]),
            result("1", "one"),
            result("2", "two"),
            user("meanwhile"),
            calls(&["1"]),
            result("1", "again"),
        ];
        assert_eq!(got, wanted);
    }

    #[test]
    fn what_does_not_pair_up_is_mended() {
        let messages = [result("0", "orphan"), user("a"), calls(&["1"]), user("b")];
        let got = paired(&messages);
        assert_eq!(got.len(), 4);
        match got.get(2) {
            Some(ModelMessage::ToolResult { call_id, is_error: true, .. }) => {
                assert_eq!(call_id, "1");
            }
            other => panic!("{other:?}"),
        }
        let empty = ModelMessage::Assistant { parts: Vec::new(), origin: None };
        assert_eq!(paired(&[empty, ModelMessage::User(Vec::new())]), []);
    }
}
