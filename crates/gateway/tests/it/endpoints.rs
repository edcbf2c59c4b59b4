//! What other programs call over plain HTTP: chats in other vendors' words, and single tools.

use std::sync::Arc;

use openclaw_agent::model::{ModelError, ModelEvent};
use openclaw_gateway::{
    auth::limiter::Limits,
    settings::{EndpointSettings, Settings},
};
use openclaw_testkit::{
    TestGateway,
    scripted_model::{Answer, Step, spoken},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    sync::Notify,
};

use crate::scripted::{Scripted, TOKEN, ended};

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";
const TOOLS: &str = "/tools/invoke";

fn on(settings: &mut Settings) {
    settings.endpoints = EndpointSettings {
        chat_completions: true,
        responses: true,
        tools: vec!["session_status".into(), "exec".into()],
        denied_tools: vec!["exec".into()],
    };
}

struct Answered {
    status: u16,
    head: String,
    body: String,
}

impl Answered {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("JSON: {}", self.body))
    }

    /// What stands behind `data:`, with the event's name.
    fn events(&self) -> Vec<(String, String)> {
        let blocks = self.body.split("\n\n").filter(|block| !block.is_empty());
        blocks
            .map(|block| {
                let line = |start: &str| {
                    let line = block.lines().find_map(|line| line.strip_prefix(start));
                    line.unwrap_or_default().to_owned()
                };
                (line("event: "), line("data: "))
            })
            .collect()
    }
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    text
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, text: &str) -> Answered {
    stream.write_all(text.as_bytes()).await.expect("write");
    let mut raw = String::new();
    stream.read_to_string(&mut raw).await.expect("read");
    let (head, body) = raw.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { dechunked(body) } else { body.to_owned() };
    Answered { status, head: head.to_ascii_lowercase(), body }
}

fn dechunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a size");
        whole.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
    }
    whole
}

async fn call(gateway: &Scripted, path: &str, headers: &[(&str, &str)], body: &Value) -> Answered {
    let bearer = format!("Bearer {TOKEN}");
    let mut all = vec![("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    all.extend_from_slice(headers);
    let stream = TcpStream::connect(("127.0.0.1", gateway.port())).await.expect("connect");
    exchange(stream, &request("POST", path, &all, &body.to_string())).await
}

fn ask(text: &str) -> Value {
    json!({"model": "openclaw", "messages": [{"role": "user", "content": text}]})
}

#[tokio::test]
async fn nothing_is_served_until_it_is_turned_on() {
    let gateway = Scripted::start([]).await;
    for path in [CHAT, RESPONSES, TOOLS, "/v1/models"] {
        let answered = call(&gateway, path, &[], &ask("hi")).await;
        assert_eq!(answered.status, 404, "{path}");
        assert!(answered.json()["error"]["hint"].is_string(), "{}", answered.body);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn only_who_knows_the_secret_may_call_and_guessing_locks() {
    let gateway = Scripted::start_with([Answer::text("hello")], |settings| {
        on(settings);
        settings.limits = Limits { max_attempts: 3, exempt_loopback: false, ..Limits::default() };
    })
    .await;
    let with = async |authorization: &str| {
        let stream = TcpStream::connect(("127.0.0.1", gateway.port())).await.expect("connect");
        let headers = [("Authorization", authorization)];
        exchange(stream, &request("POST", CHAT, &headers, &ask("hi").to_string())).await
    };
    let right = format!("Bearer {TOKEN}");
    for wrong in ["", "Basic abc", "Bearer", "Bearer ", TOKEN] {
        let answered = with(wrong).await;
        assert_eq!(answered.status, 401, "{wrong}");
        assert_eq!(answered.json()["error"]["type"], "unauthorized");
    }
    assert_eq!(with(&right).await.json()["choices"][0]["message"]["content"], "hello");
    for _ in 0..3 {
        assert_eq!(with("Bearer guess").await.status, 401);
    }
    let locked = with(&right).await;
    assert_eq!((locked.status, &locked.json()["error"]["type"]), (429, &json!("rate_limited")));
    assert!(locked.head.contains("retry-after: "), "{}", locked.head);
    gateway.stop().await;
}

#[tokio::test]
async fn a_chat_is_answered_whole() {
    let gateway = Scripted::start_with([Answer::text("hello")], on).await;
    let answered = call(
        &gateway,
        CHAT,
        &[],
        &json!({"model": "openclaw/ops", "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "two"},
            {"role": "user", "content": [
                {"type": "text", "text": "three"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
            ]},
        ]}),
    )
    .await;
    let body = answered.json();
    assert_eq!((answered.status, &body["object"]), (200, &json!("chat.completion")), "{body}");
    assert!(body["id"].as_str().is_some_and(|id| id.starts_with("chatcmpl_")), "{body}");
    assert_eq!(body["model"], "openclaw/ops");
    assert_eq!(
        body["choices"],
        json!([{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}])
    );
    assert_eq!(
        body["usage"],
        json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15})
    );
    let asked = &gateway.model.requests()[0];
    assert!(asked.system.contains("be brief"), "{}", asked.system);
    let said = spoken(asked);
    assert!(
        said[0].contains("User: one\nAssistant: two") && said[0].ends_with("three"),
        "{said:?}"
    );
    let mut client = gateway.operator().await;
    let sessions = client.ok("sessions.list", json!({})).await.to_string();
    assert!(sessions.contains("agent:ops:openai:"), "{sessions}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_chat_is_streamed_with_what_was_said_before_a_tool() {
    let first = Answer::default().say("Let me see.").step(Step::Event(ModelEvent::ToolCallStart {
        index: 0,
        id: "c".into(),
        name: "session_status".into(),
    }));
    let first =
        first.step(Step::Event(ModelEvent::Stop(openclaw_agent::model::StopReason::ToolUse)));
    let script = [first, Answer::pieces(&["All ", "is well."])];
    let gateway = Scripted::start_with(script, on).await;
    let mut body = ask("how is it?");
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    let answered = call(&gateway, CHAT, &[], &body).await;
    assert_eq!(answered.status, 200);
    assert!(answered.head.contains("content-type: text/event-stream"), "{}", answered.head);
    let mut events: Vec<String> = answered.events().into_iter().map(|(_, data)| data).collect();
    assert_eq!(events.pop().as_deref(), Some("[DONE]"));
    let chunks: Vec<Value> =
        events.iter().map(|data| serde_json::from_str(data).expect("JSON")).collect();
    assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk"));
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let text: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(text, "Let me see.\n\nAll is well.");
    let reasons: Vec<&str> =
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["finish_reason"].as_str()).collect();
    assert_eq!(reasons, ["stop"]);
    assert_eq!(chunks.last().expect("usage")["usage"]["completion_tokens"], 5);
    gateway.stop().await;
}

#[tokio::test]
async fn a_user_has_a_session_and_a_header_names_another() {
    let gateway = Scripted::start_with([], on).await;
    let of = |text: &str, user: &str| {
        let mut body = ask(text);
        body["user"] = json!(user);
        body
    };
    for body in [of("one", "ann"), of("two", "ann"), of("three", "bob")] {
        assert_eq!(call(&gateway, CHAT, &[], &body).await.status, 200);
    }
    let asked = gateway.model.requests();
    assert_eq!(spoken(&asked[1]), ["user: one", "assistant: .", "user: two"]);
    assert_eq!(spoken(&asked[2]), ["user: three"]);
    let headers = [("x-openclaw-session-key", "work"), ("x-openclaw-agent-id", "ops")];
    assert_eq!(call(&gateway, CHAT, &headers, &ask("four")).await.status, 200);
    let mut client = gateway.operator().await;
    let history = client.ok("chat.history", json!({"sessionKey": "agent:ops:work"})).await;
    assert_eq!(history["messages"].as_array().map(Vec::len), Some(2), "{history}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_named_run_is_never_run_twice() {
    let gateway = Scripted::start_with([Answer::text("first"), Answer::text("second")], on).await;
    let headers = [("Idempotency-Key", "k1"), ("x-openclaw-session-key", "work")];
    let first = call(&gateway, CHAT, &headers, &ask("hi")).await.json();
    let again = call(&gateway, CHAT, &headers, &ask("hi")).await.json();
    assert_eq!(first["choices"], again["choices"]);
    assert_eq!(gateway.model.requests().len(), 1);
    let other = call(&gateway, CHAT, &headers, &ask("something else")).await;
    assert_eq!(
        (other.status, &other.json()["error"]["type"]),
        (400, &json!("invalid_request_error"))
    );
    gateway.stop().await;
}

#[tokio::test]
async fn a_caller_that_goes_away_stops_its_run() {
    let gate = Arc::new(Notify::new());
    let answer = Answer::default().say("I begin").step(Step::Gate(Arc::clone(&gate)));
    let gateway = Scripted::start_with([answer], on).await;
    let mut client = gateway.operator().await;
    let mut body = ask("hi");
    body["stream"] = json!(true);
    let bearer = format!("Bearer {TOKEN}");
    let text = request("POST", CHAT, &[("Authorization", &bearer)], &body.to_string());
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port())).await.expect("connect");
    stream.write_all(text.as_bytes()).await.expect("write");
    let mut seen = String::new();
    while !seen.contains("I begin") {
        let mut piece = [0_u8; 1024];
        let count = stream.read(&mut piece).await.expect("read");
        assert_ne!(count, 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
    let id = seen.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next());
    let id = id.expect("an id").to_owned();
    drop(stream);
    let end = ended(&mut client, &id).await;
    assert_eq!(end["state"], "aborted", "{end}");
    assert_eq!(gateway.model.open_streams(), 0);
    gateway.stop().await;
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_in_the_documented_shape() {
    let gateway = Scripted::start_with([], on).await;
    let user = json!([{"role": "user", "content": "hi"}]);
    for (body, says) in [
        (json!({"model": "openclaw", "messages": []}), "Missing user message in `messages`."),
        (json!({"model": "gpt-5", "messages": user}), "Invalid `model`"),
        (json!({"model": "openclaw/nobody", "messages": user}), "unknown agent id"),
        (json!({"messages": user, "n": 2}), "`n`"),
        (json!({"messages": user, "tools": [{"type": "function"}]}), "`tools`"),
        (json!({"messages": [{"role": "alien", "content": "hi"}]}), "unknown role"),
        (json!({"messages": "hi"}), "invalid JSON body"),
        (
            json!({"messages": [{"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": "http://127.0.0.1/a.png"}}]}]}),
            "data addresses",
        ),
    ] {
        let answered = call(&gateway, CHAT, &[], &body).await;
        let error = &answered.json()["error"];
        assert_eq!(
            (answered.status, &error["type"]),
            (400, &json!("invalid_request_error")),
            "{body}"
        );
        assert!(error["message"].as_str().is_some_and(|text| text.contains(says)), "{error}");
    }
    let long = "x".repeat(1024 * 1024);
    assert_eq!(call(&gateway, CHAT, &[], &ask(&long)).await.status, 413);
    let stream = TcpStream::connect(("127.0.0.1", gateway.port())).await.expect("connect");
    let get = exchange(stream, &request("GET", CHAT, &[], "")).await;
    assert_eq!(get.status, 405);
    assert!(get.head.contains("allow: post"), "{}", get.head);
    assert_eq!(gateway.model.requests().len(), 0);
    gateway.stop().await;
}

#[tokio::test]
async fn a_failed_run_says_so_and_asks_nobody_to_try_again() {
    let failed = || {
        Answer::fail(ModelError::BadRequest { status: 400, message: "no such parameter".into() })
    };
    let gateway = Scripted::start_with([failed(), failed(), failed()], on).await;
    let answered = call(&gateway, CHAT, &[], &ask("hi")).await;
    assert_eq!((answered.status, &answered.json()["error"]["type"]), (500, &json!("api_error")));
    assert!(answered.head.contains("x-should-retry: false"), "{}", answered.head);
    let mut body = ask("hi");
    body["stream"] = json!(true);
    let events = call(&gateway, CHAT, &[], &body).await.events();
    let error = &events[events.len() - 2].1;
    assert!(error.contains("no such parameter") && error.contains("api_error"), "{events:?}");
    let body = json!({"input": "hi", "stream": true});
    let events = call(&gateway, RESPONSES, &[], &body).await.events();
    assert!(events.iter().any(|(name, _)| name == "response.failed"), "{events:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn responses_are_answered_whole_streamed_and_continued() {
    let script = [Answer::text("one"), Answer::pieces(&["t", "wo"]), Answer::text("three")];
    let gateway = Scripted::start_with(script, on).await;
    let first = json!({"model": "openclaw", "input": "a", "instructions": "be kind"});
    let first = call(&gateway, RESPONSES, &[], &first).await.json();
    assert_eq!((&first["object"], &first["status"]), (&json!("response"), &json!("completed")));
    assert_eq!(first["output"][0]["content"][0]["text"], "one");
    assert_eq!(first["usage"], json!({"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}));
    let second = json!({"stream": true, "previous_response_id": first["id"], "input": [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "b"}]}]});
    let second = call(&gateway, RESPONSES, &[], &second).await.events();
    let names: Vec<&str> = second.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names[..4],
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
        ]
    );
    assert_eq!(
        names[names.len() - 5..],
        [
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
            "",
        ]
    );
    let data = |index: usize| serde_json::from_str::<Value>(&second[index].1).expect("JSON");
    let deltas: String = (0..second.len() - 1)
        .map(data)
        .filter(|event| event["type"] == "response.output_text.delta")
        .map(|event| event["delta"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(deltas, "two");
    assert_eq!(data(second.len() - 2)["response"]["output"][0]["content"][0]["text"], "two");
    let asked = gateway.model.requests();
    assert!(asked[0].system.contains("be kind"));
    assert_eq!(spoken(&asked[1]), ["user: a", "assistant: one", "user: b"]);
    let unknown = json!({"input": "c", "previous_response_id": "resp_unknown"});
    assert_eq!(call(&gateway, RESPONSES, &[], &unknown).await.status, 400);
    gateway.stop().await;
}

#[tokio::test]
async fn agents_are_listed_as_models() {
    let gateway = Scripted::start_with([], on).await;
    let bearer = format!("Bearer {TOKEN}");
    let text = request("GET", "/v1/models", &[("Authorization", &bearer)], "");
    let stream = TcpStream::connect(("127.0.0.1", gateway.port())).await.expect("connect");
    let body = exchange(stream, &text).await.json();
    let ids: Vec<_> = body["data"]
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|row| row["id"].as_str())
        .collect();
    assert_eq!(ids, ["openclaw", "openclaw/default", "openclaw/main", "openclaw/ops"]);
    gateway.stop().await;
}

#[tokio::test]
async fn a_tool_is_called_by_the_rules() {
    let gateway = Scripted::start_with([], on).await;
    let called = call(&gateway, TOOLS, &[], &json!({"tool": "session_status", "args": {}})).await;
    let body = called.json();
    assert_eq!((called.status, &body["ok"]), (200, &json!(true)), "{body}");
    assert!(body["result"]["text"].is_string(), "{body}");
    for (body, status, kind) in [
        (json!({}), 400, "invalid_request"),
        (json!({"name": "exec", "args": {"command": "id"}}), 404, "not_found"),
        (json!({"name": "nodes", "args": {}}), 404, "not_found"),
        (json!({"name": "nobody"}), 404, "not_found"),
    ] {
        let answered = call(&gateway, TOOLS, &[], &body).await;
        let said = answered.json();
        assert_eq!((answered.status, &said["error"]["type"]), (status, &json!(kind)), "{body}");
        assert_eq!(said["ok"], false);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn the_owner_needs_no_secret_at_the_door() {
    let config = "{ gateway: { http: { endpoints: { chatCompletions: { enabled: true } } } } }";
    let gateway = TestGateway::with_config(config).await;
    let stream = UnixStream::connect(gateway.door()).await.expect("the door");
    let answered = exchange(stream, &request("POST", CHAT, &[], &ask("hi").to_string())).await;
    assert_eq!(answered.status, 200, "{}", answered.body);
    assert!(!answered.json()["choices"][0]["message"]["content"].as_str().unwrap_or("").is_empty());
    let stream = TcpStream::connect(("127.0.0.1", gateway.port())).await.expect("connect");
    let answered = exchange(stream, &request("POST", CHAT, &[], &ask("hi").to_string())).await;
    assert_eq!(answered.status, 401);
}

#[tokio::test]
async fn what_the_originals_interface_asks_first_is_told_to_who_knows_the_secret() {
    let gateway = Scripted::start_with([], |settings| {
        settings.control_ui.base_path = "/ui".to_owned();
    })
    .await;
    let get = async |method: &str, path: &str, authorization: &str| {
        let stream = TcpStream::connect(("127.0.0.1", gateway.port())).await.expect("connect");
        exchange(stream, &request(method, path, &[("Authorization", authorization)], "")).await
    };
    let right = format!("Bearer {TOKEN}");
    for path in ["control-ui-config.json", "__openclaw__/control-ui-config.json"] {
        let path = format!("/ui/{path}");
        let stranger = get("GET", &path, "").await;
        assert_eq!(stranger.status, 401, "{path}");
        assert!(!stranger.body.contains(env!("CARGO_PKG_VERSION")), "{}", stranger.body);
        assert_eq!(get("GET", &path, "Bearer guess").await.status, 401, "{path}");
        let told = get("GET", &path, &right).await;
        assert_eq!(told.status, 200, "{path}: {}", told.body);
        assert!(told.head.contains("cache-control: no-store"), "{}", told.head);
        let told = told.json();
        assert_eq!((&told["basePath"], &told["assistantAgentId"]), (&json!("/ui"), &json!("main")));
        assert_eq!(told["pluginAssetsRequireAuth"], true);
        assert!(told["serverVersion"].is_string() && told.get("serverBuildId").is_none());
    }
    let head = get("HEAD", "/ui/control-ui-config.json", &right).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    // It stands below the base path only.
    assert_eq!(get("GET", "/control-ui-config.json", &right).await.status, 404);
    gateway.stop().await;
}
