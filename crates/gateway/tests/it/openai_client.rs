//! The published `openai` client against the endpoints that speak its vendor's words.

use std::{path::Path, process::Stdio, sync::Arc, time::Duration};

use openclaw_agent::model::ModelError;
use openclaw_gateway::settings::{EndpointSettings, Settings};
use openclaw_testkit::scripted_model::{Answer, Step, spoken};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::Notify,
    time::timeout,
};

use crate::scripted::{Scripted, TOKEN, ended};

const PATIENCE: Duration = Duration::from_secs(60);
const APIS: [&str; 2] = ["chat", "responses"];

fn on(settings: &mut Settings) {
    settings.endpoints =
        EndpointSettings { chat_completions: true, responses: true, ..Default::default() };
}

/// The client in a Node of its own, with its usual settings. Ends when dropped.
struct OpenAi {
    _node: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl OpenAi {
    async fn start(gateway: &Scripted, token: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests-js");
        let node = folder.join("node_modules/node/bin/node");
        let package = folder.join("node_modules/openai");
        assert!(
            node.exists() && package.exists(),
            "the npm packages of the tests are missing; install them with: npm ci --prefix tests-js"
        );
        let mut child = Command::new(node)
            .arg(folder.join("openai-client.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("Node starts");
        let input = child.stdin.take().expect("its input");
        let output = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut client = Self { _node: child, input, output };
        let base = format!("http://127.0.0.1:{}/v1", gateway.port());
        let options = json!({"baseURL": base, "apiKey": token});
        client.command(&json!({"do": "client", "options": options})).await;
        assert_eq!(client.report().await, json!({"ready": true}));
        client
    }

    async fn command(&mut self, command: &Value) {
        let line = format!("{command}\n");
        self.input.write_all(line.as_bytes()).await.expect("it reads commands");
    }

    async fn report(&mut self) -> Value {
        let line = timeout(PATIENCE, self.output.next_line()).await.expect("in time");
        let line = line.expect("its output is text").expect("the client goes on");
        serde_json::from_str(&line).expect("reports are JSON")
    }

    /// One command, and what comes of it.
    async fn tell(&mut self, what: &str, api: &str, params: Value) -> Value {
        self.command(&json!({"do": what, "api": api, "params": params})).await;
        self.report().await
    }

    /// Streams to the end, and gives what came. The model goes on once a piece of its answer was read.
    async fn stream(&mut self, api: &str, params: Value, model: &Notify) -> Vec<Value> {
        let mut report = self.tell("call", api, params).await;
        let mut events = Vec::new();
        while report["ended"] != true {
            assert!(report["event"].is_object(), "{report}");
            if piece(api, &report["event"]).is_some_and(|text| !text.is_empty()) {
                model.notify_one();
            }
            events.push(report["event"].take());
            report = self.report().await;
        }
        events
    }
}

fn asking(api: &str, model: &str, text: &str) -> Value {
    match api {
        "chat" => json!({"model": model, "messages": [{"role": "user", "content": text}]}),
        _ => json!({"model": model, "input": text}),
    }
}

fn streaming(api: &str, text: &str) -> Value {
    let mut params = asking(api, "openclaw", text);
    params["stream"] = json!(true);
    params
}

/// The text of a whole answer.
fn text(api: &str, answer: &Value) -> Value {
    match api {
        "chat" => answer["choices"][0]["message"]["content"].clone(),
        // The client itself puts this together.
        _ => answer["output_text"].clone(),
    }
}

/// The piece of text of an event, if it is one.
fn piece<'a>(api: &str, event: &'a Value) -> Option<&'a str> {
    match api {
        "chat" => event["choices"][0]["delta"]["content"].as_str(),
        _ if event["type"] == "response.output_text.delta" => event["delta"].as_str(),
        _ => None,
    }
}

#[tokio::test]
async fn it_reads_answers_whole_and_streamed_and_lists_the_agents() {
    for api in APIS {
        let said = || Answer::pieces(&["All ", "is ", "well."]);
        let gate = Arc::new(Notify::new());
        let halting = Answer::default().say("All ").step(Step::Gate(Arc::clone(&gate)));
        let halting = halting.say("is ").say("well.").stop();
        let gateway = Scripted::start_with([said(), halting, said()], on).await;
        let mut client = OpenAi::start(&gateway, TOKEN).await;

        let mut whole = client.tell("call", api, asking(api, "openclaw/ops", "how is it?")).await;
        let whole = whole["answer"].take();
        assert_eq!(text(api, &whole), "All is well.", "{whole}");
        assert_eq!(
            (&whole["model"], &whole["usage"]["total_tokens"]),
            (&json!("openclaw/ops"), &json!(15))
        );

        let events = client.stream(api, streaming(api, "and now?"), &gate).await;
        let pieces: Vec<&str> = events.iter().filter_map(|event| piece(api, event)).collect();
        assert!(pieces.len() > 1, "{pieces:?}");
        assert_eq!(pieces.concat(), "All is well.");
        let last = events.last().expect("events");
        match api {
            "chat" => assert_eq!(last["choices"][0]["finish_reason"], "stop"),
            _ => assert_eq!(last["type"], "response.completed"),
        }

        let gathered = client.tell("gather", api, asking(api, "openclaw", "once more")).await;
        assert_eq!(text(api, &gathered["answer"]), "All is well.", "{gathered}");

        client.command(&json!({"do": "models"})).await;
        let models = client.report().await;
        let ids: Vec<_> =
            models["models"].as_array().expect("models").iter().map(|it| &it["id"]).collect();
        assert_eq!(ids, ["openclaw", "openclaw/default", "openclaw/main", "openclaw/ops"]);
        gateway.stop().await;
    }
}

#[tokio::test]
async fn it_carries_a_response_on() {
    let gateway = Scripted::start_with([Answer::text("one"), Answer::text("two")], on).await;
    let mut client = OpenAi::start(&gateway, TOKEN).await;
    let first = client.tell("call", "responses", asking("responses", "openclaw", "a")).await;
    let mut second = asking("responses", "openclaw", "b");
    second["previous_response_id"] = first["answer"]["id"].clone();
    let second = client.tell("call", "responses", second).await;
    assert_eq!(text("responses", &second["answer"]), "two", "{second}");
    let asked = gateway.model.requests();
    assert_eq!(spoken(&asked[1]), ["user: a", "assistant: one", "user: b"]);
    gateway.stop().await;
}

#[tokio::test]
async fn it_understands_every_refusal_and_repeats_none() {
    let failed =
        || Answer::fail(ModelError::BadRequest { status: 400, message: "no such thing".into() });
    let script: Vec<Answer> = std::iter::repeat_with(failed).take(4).collect();
    let gateway = Scripted::start_with(script, on).await;
    let mut stranger = OpenAi::start(&gateway, "a-wrong-token").await;
    let mut client = OpenAi::start(&gateway, TOKEN).await;
    for (turn, api) in APIS.into_iter().enumerate() {
        let refused = stranger.tell("call", api, asking(api, "openclaw", "hi")).await;
        let error = &refused["error"];
        assert_eq!(
            (&error["class"], &error["status"]),
            (&json!("AuthenticationError"), &json!(401)),
            "{refused}"
        );

        for (model, says) in [("gpt-5", "Invalid `model`"), ("openclaw/nobody", "unknown agent id")]
        {
            let refused = client.tell("call", api, asking(api, model, "hi")).await;
            let error = &refused["error"];
            assert_eq!(
                (&error["class"], &error["type"]),
                (&json!("BadRequestError"), &json!("invalid_request_error")),
                "{refused}"
            );
            assert!(error["message"].as_str().is_some_and(|text| text.contains(says)), "{error}");
        }
        assert_eq!(gateway.model.requests().len(), 2 * turn, "none of them ran");

        let failure = client.tell("call", api, asking(api, "openclaw", "hi")).await;
        let error = &failure["error"];
        assert_eq!(error["class"], "InternalServerError", "{failure}");
        assert_eq!(gateway.model.requests().len(), 2 * turn + 1, "a failed run is not repeated");

        // A stream has begun when its run fails, so the failure comes as its last event.
        let mut report = client.tell("call", api, streaming(api, "hi")).await;
        while report["event"].is_object() && report["event"]["type"] != "response.failed" {
            report = client.report().await;
        }
        match api {
            "chat" => assert_eq!(report["error"]["class"], "APIError", "{report}"),
            _ => {
                assert_eq!(report["event"]["response"]["status"], "failed", "{report}");
                assert_eq!(client.report().await, json!({"ended": true}));
            }
        }
        assert!(report.to_string().contains("no such thing"), "{report}");
        assert_eq!(gateway.model.requests().len(), 2 * turn + 2);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn its_abort_in_mid_stream_stops_the_run() {
    for api in APIS {
        let gate = Arc::new(Notify::new());
        let answer = Answer::default().say("I begin").step(Step::Gate(gate));
        let gateway = Scripted::start_with([answer, Answer::text("fresh")], on).await;
        let mut owner = gateway.operator().await;
        let mut client = OpenAi::start(&gateway, TOKEN).await;
        let mut report = client.tell("call", api, streaming(api, "hi")).await;
        let mut id = Value::Null;
        while piece(api, &report["event"]).is_none_or(str::is_empty) {
            let event = &report["event"];
            let named = if api == "chat" { &event["id"] } else { &event["response"]["id"] };
            if named.is_string() {
                id = named.clone();
            }
            report = client.report().await;
        }
        assert_eq!(gateway.model.open_streams(), 1);
        client.command(&json!({"do": "abort"})).await;
        assert_eq!(client.report().await, json!({"ended": true}));
        let end = ended(&mut owner, id.as_str().expect("an id")).await;
        assert_eq!(end["state"], "aborted", "{end}");
        assert_eq!(gateway.model.open_streams(), 0);
        let next = client.tell("call", api, asking(api, "openclaw", "again")).await;
        assert_eq!(text(api, &next["answer"]), "fresh", "{next}");
        gateway.stop().await;
    }
}
