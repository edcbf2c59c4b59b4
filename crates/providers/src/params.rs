//! Parameters of a model that its owner sets (`agents.defaults.models.NAME.params`), in the form of each dialect.

use serde_json::{Map, Value};

use crate::dialect::Dialect;

/// What the conversation itself is made of: no parameter takes its place.
const KEPT: &[&str] = &[
    "contents",
    "input",
    "instructions",
    "messages",
    "model",
    "stream",
    "stream_options",
    "system",
    "systemInstruction",
    "tools",
];

/// The longest answer in tokens. It goes its own way, as the dialects need it for more than its name.
pub(crate) const MAX_TOKENS: &str = "maxTokens";

/// Puts parameters into the body of a request. Where the body says something of the same name already, the
/// owner's word counts.
pub(crate) fn put<D: Dialect>(body: &mut Value, params: &Map<String, Value>) {
    if params.is_empty() {
        return;
    }
    let place = match D::PARAMS_IN {
        None => body.as_object_mut(),
        Some(part) => body.as_object_mut().and_then(|body| {
            body.entry(part).or_insert_with(|| Value::Object(Map::new())).as_object_mut()
        }),
    };
    let Some(place) = place else { return };
    for (name, value) in params.iter().filter(|(name, _)| *name != MAX_TOKENS) {
        let own = D::PARAMS.iter().find(|(ours, _)| ours == name).map(|(_, theirs)| *theirs);
        let name = own.unwrap_or(name);
        if KEPT.contains(&name) {
            tracing::warn!(name, "no parameter of a model: it is part of the conversation");
        } else {
            place.insert(name.to_owned(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use openclaw_agent::model::ModelRequest;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        anthropic::Anthropic, fixture, google::Google, ollama_chat::OllamaChat, openai::OpenAi,
        responses::Responses,
    };

    fn body<D: Dialect>(request: &ModelRequest) -> Value {
        let mut endpoint = fixture::endpoint("own", "m");
        endpoint.max_tokens = Some(100);
        let params = json!({"temperature": 0.5, "topP": 0.9, "maxTokens": 7, "seed": 3,
            "messages": [], "model": "other", "contents": [], "stream": false, "tools": []});
        let mut body = D::prepare(&endpoint, request).unwrap().body;
        let before = body.clone();
        put::<D>(&mut body, params.as_object().unwrap());
        for kept in KEPT {
            assert_eq!(body.get(kept), before.get(kept), "{kept}");
        }
        body
    }

    #[test]
    fn every_dialect_has_its_place_and_its_names() {
        let request = fixture::request(vec![fixture::user("hi")]);
        let inside = |body: &Value, top: &str| {
            let found = [&body["temperature"], &body[top], &body["seed"]];
            assert_eq!(found, [&json!(0.5), &json!(0.9), &json!(3)], "{body}");
            assert!(body[MAX_TOKENS].is_null(), "{body}");
        };
        inside(&body::<OpenAi>(&request), "top_p");
        inside(&body::<Anthropic>(&request), "top_p");
        inside(&body::<Responses>(&request), "top_p");
        inside(&body::<Google>(&request)["generationConfig"], "topP");
        inside(&body::<OllamaChat>(&request)["options"], "top_p");
    }
}
