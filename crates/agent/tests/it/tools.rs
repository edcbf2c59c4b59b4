//! The tools, as a model calls them.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use openclaw_agent::{
    AgentProfile, AgentSettings, Tool, ToolContext, ToolOutcome,
    approval::{Answer, Approver, Question},
    skills::SkillSettings,
    tools::{EditTool, ExecParts, ExecTool, ProcessTool, Processes, ReadTool, WriteTool},
};
use openclaw_base::{CancellationToken, Tasks};
use openclaw_exec::{
    approvals::{Approvals, Used},
    policy::Decision,
    run::can_hide,
};
use openclaw_protocol::ids::{AgentId, RunId, SessionId, SessionKey};
use openclaw_store::Store;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;

/// Answers as it is told, and remembers what it was asked and told.
struct Person {
    says: Mutex<Answer>,
    asked: Mutex<Vec<Question>>,
    noted: Mutex<Vec<String>>,
}

impl Approver for Person {
    fn ask(&self, question: Question) -> BoxFuture<'_, Answer> {
        self.asked.lock().push(question);
        let says = self.says.lock().clone();
        Box::pin(async move { says })
    }

    fn ran(&self, _: &str, command: &str, _: &[Used], how: &str) {
        self.noted.lock().push(format!("{how} {command}"));
    }
}

struct Place {
    folder: tempfile::TempDir,
    person: Arc<Person>,
    approvals: Arc<Approvals>,
    tools: BTreeMap<&'static str, Arc<dyn Tool>>,
    tasks: Tasks,
    // Settings last as long as somebody holds the sender.
    _settings: watch::Sender<Arc<AgentSettings>>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().join("state");
        let profile =
            AgentProfile { workspace: Some(state.join("workspace")), ..AgentProfile::default() };
        let skills = SkillSettings {
            managed: Some(state.join("skills")),
            extra: vec![folder.path().join("more")],
            ..SkillSettings::default()
        };
        let settings = AgentSettings { agents: vec![profile], skills, ..AgentSettings::default() };
        let (sender, settings) = watch::channel(Arc::new(settings));
        std::fs::create_dir_all(&state).expect("made");
        std::fs::write(state.join("token"), "the-secret").expect("written");
        let person = Arc::new(Person {
            says: Mutex::new(Answer::Unanswered),
            asked: Mutex::default(),
            noted: Mutex::default(),
        });
        let approvals =
            Arc::new(Approvals::new(state.join("exec-approvals.json"), PathBuf::from("/")));
        let tasks = Tasks::new();
        let store = Store::in_memory().expect("a store");
        let processes = Processes::new(tasks.child());
        let exec = ExecTool::new(ExecParts {
            store: store.clone(),
            settings: settings.clone(),
            approvals: Arc::clone(&approvals),
            approver: Arc::clone(&person) as Arc<dyn Approver>,
            processes: processes.clone(),
            environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
            state_dir: state,
        });
        let tools: [Arc<dyn Tool>; 5] = [
            Arc::new(exec),
            Arc::new(ProcessTool::new(processes)),
            Arc::new(ReadTool::new(settings.clone())),
            Arc::new(WriteTool::new(settings.clone())),
            Arc::new(EditTool::new(settings)),
        ];
        let names = ["exec", "process", "read", "write", "edit"];
        let tools = names.into_iter().zip(tools).collect();
        Self { folder, person, approvals, tools, tasks, _settings: sender }
    }

    async fn call(&self, tool: &str, arguments: Value) -> ToolOutcome {
        let context = ToolContext {
            run_id: RunId::new("run"),
            session_key: SessionKey::new("agent:main:main"),
            session_id: SessionId::new("session"),
            agent_id: AgentId::new("main"),
            call_id: "call".into(),
            principal: "owner".into(),
            route: None,
            cancel: CancellationToken::new(),
        };
        self.tools.get(tool).expect("a tool").run(arguments, &context).await
    }

    async fn exec(&self, command: &str) -> ToolOutcome {
        self.call("exec", json!({"command": command})).await
    }

    fn says(&self, answer: Answer) {
        *self.person.says.lock() = answer;
    }

    fn asked(&self) -> usize {
        self.person.asked.lock().len()
    }
}

#[tokio::test]
async fn a_fresh_install_asks_and_silence_is_a_no() {
    let place = Place::new();
    let outcome = place.exec("echo hello").await;
    assert!(
        outcome.is_error && outcome.text.contains("nobody decided in time"),
        "{}",
        outcome.text
    );
    let question = place.person.asked.lock().pop().expect("somebody was asked");
    assert_eq!((question.command.as_str(), question.lasting), ("echo hello", true));
    place.says(Answer::Decided(Decision::Deny));
    assert!(place.exec("echo hello").await.text.contains("refused"));
    place.says(Answer::Failed("no Gateway".into()));
    assert!(place.exec("echo hello").await.is_error);
    place.says(Answer::Decided(Decision::AllowOnce));
    assert_eq!(place.exec("echo hello").await.text, "hello\n");
    assert_eq!(place.exec("echo $((1+1)); exit 3").await.text, "2\n\n(exit code 3)");
    place.says(Answer::Unanswered);
    assert!(place.exec("echo hello").await.is_error, "once is once");
}

#[tokio::test]
async fn always_is_not_asked_again() {
    let place = Place::new();
    place.says(Answer::Decided(Decision::AllowAlways));
    assert_eq!(place.exec("echo one").await.text, "one\n");
    place.says(Answer::Decided(Decision::Deny));
    let asked = place.asked();
    let again = place.exec("echo two").await;
    if can_hide() {
        assert_eq!((again.text.as_str(), place.asked()), ("two\n", asked));
        assert!(place.person.noted.lock().contains(&"allowed echo two".to_owned()));
    } else {
        assert_eq!(place.asked(), asked + 1, "where nothing can be hidden, each is asked about");
    }
    assert!(place.exec("echo two; cat /etc/hostname").await.is_error, "more than was allowed");
    assert!(place.exec("echo $(cat x)").await.is_error);
    let asks = json!({"command": "echo two", "ask": "always"});
    assert!(place.call("exec", asks).await.is_error, "the stricter holds");
    let lax = json!({"command": "uname", "security": "full", "ask": "off"});
    assert!(place.call("exec", lax).await.is_error, "a model cannot be laxer than the owner");
    std::fs::write(place.approvals.path(), "{").expect("written");
    assert!(place.exec("echo one").await.is_error, "a broken list allows nothing");
}

#[tokio::test]
async fn what_the_agent_starts_does_not_see_the_state_folder() {
    if !can_hide() {
        return;
    }
    let place = Place::new();
    place.says(Answer::Decided(Decision::AllowOnce));
    let read = place.exec("cat ../token; cat ../../state/token; echo x > ../token").await;
    assert!(!read.text.contains("the-secret"), "{}", read.text);
    assert_eq!(place.exec("echo a > f && cat f").await.text, "a\n", "the workspace is free");
    let token = place.folder.path().join("state/token");
    assert_eq!(std::fs::read_to_string(token).expect("there"), "the-secret");
}

#[tokio::test]
async fn what_skills_bring_is_read_and_run_and_not_changed() {
    let place = Place::new();
    place.says(Answer::Decided(Decision::AllowOnce));
    let state = place.folder.path().join("state");
    for folder in [state.join("skills/disk"), place.folder.path().join("more/net")] {
        std::fs::create_dir_all(&folder).expect("made");
        let skill = folder.join("SKILL.md");
        std::fs::write(&skill, "Run it.\n").expect("written");
        std::fs::write(folder.join("run.sh"), "echo ran\n").expect("written");
        std::os::unix::fs::symlink(state.join("token"), folder.join("link")).expect("linked");
        let read = place.call("read", json!({"path": skill})).await;
        assert_eq!(read.text, "Run it.\n");
        for name in ["link", "../../token", "../token", "gone"] {
            let read = place.call("read", json!({"path": folder.join(name)})).await;
            assert!(read.is_error && !read.text.contains("the-secret"), "{name}: {}", read.text);
        }
        let write = json!({"path": skill, "content": "Do as I say."});
        assert!(place.call("write", write).await.text.contains("outside"));
        let ran = place.exec(&format!("sh {}", folder.join("run.sh").display())).await;
        assert_eq!(ran.text, "ran\n");
    }
    if can_hide() {
        place.exec("echo more >> ../skills/disk/SKILL.md; touch ../skills/new").await;
        let skill = std::fs::read_to_string(state.join("skills/disk/SKILL.md"));
        assert_eq!(skill.expect("there"), "Run it.\n");
        assert!(!state.join("skills/new").exists());
    }
}

#[tokio::test]
async fn variables_that_redirect_programs_are_refused() {
    let place = Place::new();
    place.says(Answer::Decided(Decision::AllowOnce));
    for name in ["LD_PRELOAD", "PATH", "NODE_OPTIONS", "BASH_ENV"] {
        let outcome = place.call("exec", json!({"command": "ls", "env": {name: "x"}})).await;
        assert!(outcome.is_error && outcome.text.contains(name), "{}", outcome.text);
    }
    let elsewhere = place.call("exec", json!({"command": "ls", "host": "node"})).await;
    assert!(elsewhere.text.contains("`nodes`"), "{}", elsewhere.text);
    assert_eq!(place.asked(), 0);
}

#[tokio::test]
async fn a_long_command_goes_on_and_is_looked_after() {
    let place = Place::new();
    place.says(Answer::Decided(Decision::AllowOnce));
    let command = "echo started; read x < fifo; echo got $x; sleep 1000";
    place.exec("mkfifo fifo").await;
    let running = place.call("exec", json!({"command": command, "yieldMs": 100})).await;
    let details = running.details.expect("details");
    assert_eq!(details["status"], "running", "{}", running.text);
    let id = details["sessionId"].as_str().expect("an id").to_owned();
    assert!(place.call("process", json!({"action": "list"})).await.text.contains("running"));
    place.exec("echo there > fifo").await;
    let mut seen = String::new();
    while !seen.contains("got there") {
        let poll = json!({"action": "poll", "sessionId": id, "timeout": 20});
        seen.push_str(&place.call("process", poll).await.text);
    }
    let log = place.call("process", json!({"action": "log", "sessionId": id, "offset": 1})).await;
    assert_eq!(log.text, "got there\n[lines 2 to 2 of 2]");
    let kill = place.call("process", json!({"action": "kill", "sessionId": id})).await;
    assert!(kill.text.contains("it was stopped"), "{}", kill.text);
    let poll = place.call("process", json!({"action": "poll", "sessionId": id})).await;
    assert!(poll.text.ends_with("[ended]"), "{}", poll.text);
    place.call("process", json!({"action": "remove", "sessionId": id})).await;
    assert_eq!(place.call("process", json!({"action": "list"})).await.text, "no commands");
    let unknown = place.call("process", json!({"action": "kill", "sessionId": "x"})).await;
    assert!(unknown.is_error);
    assert!(place.tasks.shutdown(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn a_stopped_run_stops_its_command() {
    let place = Place::new();
    place.says(Answer::Decided(Decision::AllowOnce));
    let call =
        place.call("exec", json!({"command": "echo $$ > pid; sleep 1000", "yieldMs": 60_000}));
    let file = place.folder.path().join("state/workspace/pid");
    let started = async {
        loop {
            if std::fs::read_to_string(&file).is_ok_and(|pid| pid.ends_with('\n')) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        outcome = call => panic!("it ended: {}", outcome.text),
        () = started => {}
    }
    let listed = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            let list = place.call("process", json!({"action": "list"})).await.text;
            if !list.contains("running") {
                return list;
            }
            tokio::task::yield_now().await;
        }
    });
    assert!(listed.await.expect("it ends").contains("killed"));
}

#[tokio::test]
async fn files_are_written_read_and_edited_within_the_workspace() {
    let place = Place::new();
    let write = json!({"path": "notes/a.md", "content": "one\ntwo\n"});
    assert_eq!(place.call("write", write).await.text, "Wrote 8 bytes to notes/a.md");
    let read = place.call("read", json!({"file_path": "notes/a.md", "offset": 2})).await;
    assert_eq!(read.text, "two\n");
    let edit = json!({"path": "notes/a.md", "old_string": "two", "new_string": "2"});
    assert_eq!(place.call("edit", edit).await.text, "Edited notes/a.md");
    assert_eq!(place.call("read", json!({"path": "notes/a.md"})).await.text, "one\n2\n");
    for path in ["../token", "/etc/passwd", "notes/../../token"] {
        for (tool, extra) in [
            ("read", json!({})),
            ("write", json!({"content": "x"})),
            ("edit", json!({"oldText": "a", "newText": "b"})),
        ] {
            let mut arguments = extra;
            arguments["path"] = json!(path);
            let outcome = place.call(tool, arguments).await;
            assert!(
                outcome.is_error && outcome.text.contains("outside"),
                "{tool} {path}: {}",
                outcome.text
            );
        }
    }
    assert!(place.call("read", json!({"path": 5})).await.is_error);
}
