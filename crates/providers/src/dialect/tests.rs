//! Whatever a server sends, however it is cut: the dialects end, once, and never panic.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use openclaw_agent::model::{ModelError, ModelEvent};
use openclaw_base::CancellationToken;
use proptest::prelude::*;
use serde_json::json;
use tokio::runtime::Builder;

use super::*;
use crate::{
    anthropic::{self, Anthropic},
    fixture,
    google::Google,
    ollama_chat::OllamaChat,
    openai::{self, OpenAi},
    responses::Responses,
    sse::Limits,
};

/// Pieces of real answers, which random bytes would hardly ever hit.
const SNIPPETS: [&str; 16] = [
    "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":1}}}\n\n",
    "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\"}}\n\n",
    "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"b\"}}\n\n",
    "data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\"}}\n\n",
    "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"ä\"}}\n\n",
    "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"}}\n\n",
    "data: {\"type\":\"message_stop\"}\n\n",
    "data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"ü\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"n\"}}]}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"arguments\":\"{\"}}]}}]}\n\n",
    "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"usage\":{\"prompt_tokens\":1,\"prompt_tokens_details\":{\"cached_tokens\":5}}}\n\n",
    "data: [DONE]\n\n",
    "event: x\r\nid: \0\rdata",
    "\u{feff}:\n\n",
];

fn answers() -> impl Strategy<Value = Vec<u8>> {
    let snippet = prop::sample::select(&SNIPPETS[..]).prop_map(|text| text.as_bytes().to_vec());
    let noise = prop::collection::vec(any::<u8>(), 0..20);
    let pieces = prop::collection::vec(prop_oneof![4 => snippet, 1 => noise], 0..12);
    pieces.prop_map(|pieces| pieces.concat())
}

/// Reads an answer that comes in chunks of a size.
fn read<D: Decode>(answer: &[u8], size: usize, decode: D) -> Vec<Result<ModelEvent, ModelError>> {
    let chunks: Vec<_> =
        answer.chunks(size).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    let chunks = stream::iter(chunks).boxed();
    let events = sse::events(chunks, Limits::default(), CancellationToken::new());
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(decoded(Phase::Reading(events), decode).collect())
}

fn check<D: Decode>(answer: &[u8], size: usize, decode: fn() -> D) {
    let got = read(answer, size, decode());
    let (last, before) = got.split_last().expect("an answer ends with a stop or an error");
    assert!(matches!(last, Ok(ModelEvent::Stop(_)) | Err(_)), "{got:?}");
    let early = |item: &Result<_, _>| matches!(item, Ok(ModelEvent::Stop(_)) | Err(_));
    assert!(!before.iter().any(early), "{got:?}");
    assert_eq!(got, read(answer, usize::MAX, decode()), "chunks of {size}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anthropic_answers_end_once(answer in answers(), size in 1_usize..64) {
        check(&answer, size, anthropic::decode::Decoder::default);
    }

    #[test]
    fn openai_answers_end_once(answer in answers(), size in 1_usize..64) {
        check(&answer, size, openai::decode::Decoder::default);
    }
}

fn body<D: Dialect>(request: &ModelRequest) -> Value {
    let mut endpoint = fixture::endpoint("own", "m");
    endpoint.max_tokens = Some(100);
    let set = json!({"temperature": 0.5, "topP": 0.9, "maxTokens": 7, "seed": 3,
        "messages": [], "model": "other", "contents": [], "stream": false, "tools": []});
    let mut body = D::prepare(&endpoint, request).unwrap().body;
    let before = body.clone();
    params::put(&mut body, D::PARAMS_IN, D::PARAMS, set.as_object().unwrap());
    for kept in params::KEPT {
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
        assert!(body[params::MAX_TOKENS].is_null(), "{body}");
    };
    inside(&body::<OpenAi>(&request), "top_p");
    inside(&body::<Anthropic>(&request), "top_p");
    inside(&body::<Responses>(&request), "top_p");
    inside(&body::<Google>(&request)["generationConfig"], "topP");
    inside(&body::<OllamaChat>(&request)["options"], "top_p");
}
