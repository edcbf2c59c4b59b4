//! A model that says what the test wrote down for it, and remembers what it was asked.
//!
//! Each request takes the next [`Answer`] of the script; when none is left it answers `"."`. The model
//! counts its open streams, so a test can see that aborting really closes one.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, stream};
use openclaw_agent::{
    AuthState, ModelInfo, Models, ModelsError, ProviderAuth, Resolved, RestReason, RestingKey,
    model::{
        Model, ModelError, ModelEvent, ModelMessage, ModelRef, ModelRequest, ModelStream, Part,
        StopReason, Usage,
    },
};
use openclaw_base::CancellationToken;
use serde_json::Value;
use tokio::sync::{Notify, watch};

/// One step of an answer.
#[derive(Clone, Debug)]
pub enum Step {
    /// Something is said.
    Event(ModelEvent),
    /// Time passes.
    Wait(Duration),
    /// Nothing more comes until the test lets go.
    Gate(Arc<Notify>),
    /// Nothing ever comes again.
    Hang,
    /// The stream fails.
    Fail(ModelError),
    /// The stream ends without an end.
    Cut,
}

/// What the model does with one request.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    steps: Vec<Step>,
}

impl Answer {
    /// Says a text in one piece and stops.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::pieces(&[text])
    }

    /// Says a text in pieces and stops.
    #[must_use]
    pub fn pieces(pieces: &[&str]) -> Self {
        pieces.iter().fold(Self::default(), |answer, piece| answer.say(piece)).stop()
    }

    /// Fails at once.
    #[must_use]
    pub fn fail(error: ModelError) -> Self {
        Self::default().step(Step::Fail(error))
    }

    /// Calls one tool.
    #[must_use]
    pub fn call(id: &str, name: &str, arguments: &Value) -> Self {
        let (id, name) = (id.to_owned(), name.to_owned());
        Self::default()
            .step(Step::Event(ModelEvent::ToolCallStart { index: 0, id, name }))
            .step(Step::Event(ModelEvent::ToolCallDelta { index: 0, json: arguments.to_string() }))
            .step(Step::Event(ModelEvent::Usage(Usage {
                input: 10,
                output: 5,
                ..Usage::default()
            })))
            .step(Step::Event(ModelEvent::Stop(StopReason::ToolUse)))
    }

    /// Calls several tools in one answer: ids and names, without arguments.
    #[must_use]
    pub fn calls(calls: &[(&str, &str)]) -> Self {
        let call = |answer: Self, (index, (id, name)): (u64, &(&str, &str))| {
            let (id, name) = ((*id).to_owned(), (*name).to_owned());
            answer
                .step(Step::Event(ModelEvent::ToolCallStart { index, id, name }))
                .step(Step::Event(ModelEvent::ToolCallDelta { index, json: "{}".to_owned() }))
        };
        (0..)
            .zip(calls)
            .fold(Self::default(), call)
            .step(Step::Event(ModelEvent::Stop(StopReason::ToolUse)))
    }

    /// Its steps, to be put into another one.
    pub fn steps(self) -> impl Iterator<Item = Step> {
        self.steps.into_iter()
    }

    /// Adds a piece of text.
    #[must_use]
    pub fn say(self, text: &str) -> Self {
        self.step(Step::Event(ModelEvent::TextDelta(text.to_owned())))
    }

    /// Adds a step.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Ends as a model does: with its usage, 10 tokens in and 5 out, and a stop.
    #[must_use]
    pub fn stop(self) -> Self {
        let usage = Usage { input: 10, output: 5, ..Usage::default() };
        self.step(Step::Event(ModelEvent::Usage(usage)))
            .step(Step::Event(ModelEvent::Stop(StopReason::Stop)))
    }
}

/// A model that follows a script.
#[derive(Debug)]
pub struct ScriptedModel {
    id: ModelRef,
    window: Option<u64>,
    script: Mutex<VecDeque<Answer>>,
    requests: Mutex<Vec<ModelRequest>>,
    asked: watch::Sender<usize>,
    open: Arc<AtomicUsize>,
}

impl ScriptedModel {
    /// A model called `scripted/NAME`.
    #[must_use]
    pub fn new(name: &str, script: impl IntoIterator<Item = Answer>) -> Arc<Self> {
        Self::narrow(name, None, script)
    }

    /// The same with a context window of so many tokens.
    #[must_use]
    pub fn narrow(
        name: &str,
        window: Option<u64>,
        script: impl IntoIterator<Item = Answer>,
    ) -> Arc<Self> {
        Arc::new(Self {
            window,
            id: ModelRef::new("scripted", name),
            script: Mutex::new(script.into_iter().collect()),
            requests: Mutex::default(),
            asked: watch::Sender::new(0),
            open: Arc::default(),
        })
    }

    /// Adds an answer to the end of the script.
    pub fn then(&self, answer: Answer) {
        lock(&self.script).push_back(answer);
    }

    /// What it was asked, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<ModelRequest> {
        lock(&self.requests).clone()
    }

    /// Waits until it was asked `count` times.
    pub async fn asked(&self, count: usize) {
        // The sender lives as long as `self`, so this cannot fail.
        self.asked.subscribe().wait_for(|asked| *asked >= count).await.ok();
    }

    /// Streams that are being read.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

impl Model for ScriptedModel {
    fn id(&self) -> &ModelRef {
        &self.id
    }

    fn context_window(&self) -> Option<u64> {
        self.window
    }

    fn stream(&self, request: Arc<ModelRequest>, _: CancellationToken) -> ModelStream {
        lock(&self.requests).push(ModelRequest::clone(&request));
        self.asked.send_modify(|asked| *asked += 1);
        let answer = lock(&self.script).pop_front().unwrap_or_else(|| Answer::text("."));
        let open = Open::new(&self.open);
        let steps = (VecDeque::from(answer.steps), open);
        stream::unfold(steps, |(mut steps, open)| async move {
            loop {
                let item = match steps.pop_front()? {
                    Step::Event(event) => Ok(event),
                    Step::Fail(error) => Err(error),
                    Step::Cut => return None,
                    Step::Wait(time) => {
                        tokio::time::sleep(time).await;
                        continue;
                    }
                    Step::Gate(gate) => {
                        gate.notified().await;
                        continue;
                    }
                    Step::Hang => std::future::pending().await,
                };
                return Some((item, (steps, open)));
            }
        })
        .boxed()
    }
}

/// Counts a stream for as long as it lives.
#[derive(Debug)]
struct Open(Arc<AtomicUsize>);

impl Open {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The models of a test: the first is the default, the others its fallbacks.
#[derive(Debug)]
pub struct ScriptedModels {
    models: Vec<Arc<ScriptedModel>>,
}

impl ScriptedModels {
    /// These models.
    #[must_use]
    pub fn new(models: Vec<Arc<ScriptedModel>>) -> Arc<Self> {
        Arc::new(Self { models })
    }
}

impl Models for ScriptedModels {
    fn resolve(&self, wanted: Option<&str>) -> Result<Resolved, ModelsError> {
        let unknown = || ModelsError::Unknown {
            wanted: wanted.unwrap_or_default().to_owned(),
            known: self.models.iter().map(|model| model.id.to_string()).collect(),
        };
        let is_wanted = |model: &&Arc<ScriptedModel>| {
            wanted.is_none_or(|wanted| model.id.to_string() == wanted || model.id.model == wanted)
        };
        let chosen = self.models.iter().find(is_wanted).ok_or_else(unknown)?;
        let others = self.models.iter().filter(|model| model.id != chosen.id);
        Ok(Resolved {
            model: Arc::clone(chosen) as Arc<dyn Model>,
            fallbacks: others.map(|model| Arc::clone(model) as Arc<dyn Model>).collect(),
        })
    }

    fn catalog(&self) -> Vec<ModelInfo> {
        let info = |(place, model): (usize, &Arc<ScriptedModel>)| ModelInfo {
            id: model.id.model.clone(),
            name: model.id.model.clone(),
            provider: model.id.provider.clone(),
            context_window: None,
            max_tokens: None,
            reasoning: false,
            input: vec![String::from("text")],
            available: true,
            is_default: place == 0,
        };
        self.models.iter().enumerate().map(info).collect()
    }

    fn auth_status(&self) -> Vec<ProviderAuth> {
        vec![ProviderAuth {
            provider: String::from("scripted"),
            display_name: String::from("Scripted"),
            status: AuthState::NotNeeded,
            source: None,
            resting: vec![RestingKey {
                name: String::from("scripted@work"),
                reason: RestReason::Billing,
                until_ms: 4_102_444_800_000,
            }],
        }]
    }

    fn is_configured(&self) -> bool {
        true
    }
}

/// The texts of a request's conversation, each with who said it: `user: hello`.
#[must_use]
pub fn spoken(request: &ModelRequest) -> Vec<String> {
    let texts = |parts: &[Part]| {
        let texts: Vec<&str> = parts
            .iter()
            .filter_map(|part| match part {
                Part::Text(text) => Some(text.as_str()),
                Part::ToolCall { name, .. } => Some(name.as_str()),
                Part::Image { .. } | Part::Thinking { .. } => None,
            })
            .collect();
        texts.join("|")
    };
    request
        .messages
        .iter()
        .map(|message| match message {
            ModelMessage::User(parts) => format!("user: {}", texts(parts)),
            ModelMessage::Assistant { parts, .. } => format!("assistant: {}", texts(parts)),
            ModelMessage::ToolResult { text, .. } => format!("tool: {text}"),
        })
        .collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
