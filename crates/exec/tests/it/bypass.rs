//! Tricks of the shell, none of which may run without asking.
//!
//! The list allows `ls`, `cat`, `grep` and `git`, `python3`, `bash`, `find`, `xargs`, `env`, `tar`, `sudo` by
//! their paths, as somebody careless would. `evil` stands for what must not run.

use std::{os::unix::fs::PermissionsExt, path::Path};

use openclaw_exec::{
    approvals::Approvals,
    plan::{Plan, PlanError, Request, Surroundings, Verdict, What},
};

use crate::{place::Place, tricks::TRICKS};

/// Each of these runs, and this is what is run.
const FINE: &[(&str, &str)] = &[
    ("ls", "PATH/ls"),
    ("ls -la .", "PATH/ls -la ."),
    ("l\\s '-l'", "PATH/ls -l"),
    ("ls 'x; evil'", "PATH/ls x; evil"),
    ("cat '$(evil)'", "PATH/cat $(evil)"),
    ("ls | grep x", "SH -c 'PATH/ls' | 'PATH/grep' 'x'"),
    ("ls && cat x 2>&1", "SH -c 'PATH/ls' && 'PATH/cat' 'x' 2>&1"),
    ("ls # evil", "PATH/ls"),
];

#[test]
fn no_trick_runs_in_silence() {
    assert!(TRICKS.len() >= 100, "{}", TRICKS.len());
    let place = Place::new();
    let rules = place.careless();
    // Where the agent can write, and where it cannot.
    let elsewhere = place.bin.with_file_name("elsewhere");
    std::fs::create_dir(&elsewhere).expect("made");
    for (trick, cwd) in TRICKS.iter().flat_map(|trick| [(trick, &place.work), (trick, &elsewhere)])
    {
        for what in [What::Shell((*trick).to_owned()), place.wrapped(trick)] {
            let request = Request { what: what.clone(), cwd: cwd.clone(), environment: Vec::new() };
            match Plan::new(request, &place.surroundings) {
                Ok(plan) => {
                    let verdict = plan.judge(&rules);
                    assert!(matches!(verdict, Verdict::Ask(_)), "{what:?} runs {:?}", plan.argv());
                    let unanswered = plan.unanswered(&rules);
                    assert!(matches!(unanswered, Verdict::Refuse(_)), "{what:?}");
                }
                Err(error) => assert!(!matches!(error, PlanError::Folder(_)), "{what:?}: {error}"),
            }
        }
    }
}

#[test]
fn plain_commands_run_as_they_were_understood() {
    let place = Place::new();
    let rules = place.careless();
    for (text, expected) in FINE {
        let plan = place.plan(What::Shell((*text).to_owned())).expect("a plan");
        assert!(
            matches!(plan.judge(&rules), Verdict::Allow(_)),
            "{text}: {:?}",
            plan.judge(&rules)
        );
        let shown = plan.argv().join(" ").replace(&place.bin.display().to_string(), "PATH");
        let shown = shown.replace("/bin/bash", "SH").replace("/bin/sh", "SH");
        assert_eq!(shown, *expected, "{text}");
    }
}

#[test]
fn a_name_that_stands_for_something_else_is_what_it_stands_for() {
    let place = Place::new();
    let rules = place.careless();
    // A link called `ls` in the folder that is looked into first.
    std::fs::remove_file(place.bin.join("ls")).expect("removed");
    std::os::unix::fs::symlink(place.bin.join("evil"), place.bin.join("ls")).expect("linked");
    let plan = place.plan(What::Shell("ls".to_owned())).expect("a plan");
    assert!(matches!(plan.judge(&rules), Verdict::Ask(_)));
    // An allowed path that is a link to a shell.
    std::fs::remove_file(place.bin.join("ls")).expect("removed");
    std::os::unix::fs::symlink("/bin/sh", place.bin.join("ls")).expect("linked");
    let plan = place.plan(What::Shell("ls -c evil".to_owned())).expect("a plan");
    assert!(matches!(plan.judge(&rules), Verdict::Ask(_)));
}

/// Changes something about the folder of programs or the script.
type Change = fn(&Path, &Path);

#[test]
fn what_was_approved_is_what_runs() {
    let place = Place::new();
    let script = place.work.join("script.sh");
    let changes: &[(&str, Change)] = &[
        ("bash script.sh", |_, script| std::fs::write(script, "evil\n").expect("written")),
        ("bash ./script.sh | cat", |_, script| std::fs::write(script, "evil\n").expect("written")),
        ("cd . && bash script.sh", |_, script| std::fs::write(script, "evil\n").expect("written")),
        ("./script.sh", |_, script| std::fs::write(script, "evil\n").expect("written")),
        ("python3 --x=script.sh", |_, script| std::fs::write(script, "evil\n").expect("written")),
        ("evil", |bin, _| std::fs::write(bin.join("evil"), "#!/bin/sh\nworse\n").expect("written")),
        ("evil", |bin, _| {
            std::fs::rename(bin.join("evil"), bin.join("other")).expect("moved");
            std::os::unix::fs::symlink(bin.join("cat"), bin.join("evil")).expect("linked");
        }),
    ];
    for (text, change) in changes {
        std::fs::write(&script, "#!/bin/sh\nls\n").expect("written");
        std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).expect("runnable");
        let plan = place.plan(What::Shell((*text).to_owned())).expect("a plan");
        assert!(plan.spec(None).is_ok(), "{text} is as it was");
        let lasting = plan.grants(0).is_some();
        assert_eq!(lasting, *text == "evil", "{text}: what can change is not allowed for ever");
        change(&place.bin, &script);
        assert!(plan.spec(None).is_err(), "{text} has changed");
    }
}

#[test]
fn plans_that_differ_have_other_digests() {
    let place = Place::new();
    let base = Request {
        what: What::Argv(vec!["ls".into(), "a b".into()]),
        cwd: place.work.clone(),
        environment: Vec::new(),
    };
    let digest = |request: Request| {
        Plan::new(request, &place.surroundings).expect("a plan").digest().to_owned()
    };
    let mut seen = vec![digest(base.clone())];
    assert_eq!(seen[0], digest(base.clone()));
    for other in [
        Request { what: What::Argv(vec!["ls".into(), "a".into(), "b".into()]), ..base.clone() },
        Request {
            what: What::Argv(vec!["ls".into(), "a b".into(), String::new()]),
            ..base.clone()
        },
        Request { what: What::Shell("ls 'a b'".into()), ..base.clone() },
        Request { what: What::Argv(vec!["cat".into(), "a b".into()]), ..base.clone() },
        Request { cwd: place.bin.clone(), ..base.clone() },
        Request { environment: vec![("A".into(), "1".into())], ..base.clone() },
    ] {
        let new = digest(other.clone());
        assert!(!seen.contains(&new), "{other:?}");
        seen.push(new);
    }
}

#[test]
fn always_is_remembered_as_narrowly_as_it_was_meant() {
    let place = Place::new();
    let approvals = Approvals::new(place.work.join("approvals.json"), place.work.clone());
    for (text, also, not) in [
        ("ls -l", Some("ls -la x"), Some("cat x")),
        ("evil-tool a b", Some("evil-tool a b"), Some("evil-tool 'a b'")),
        ("ls | wc -l", Some("ls x | wc -l"), Some("ls | sh")),
    ] {
        let plan = place.plan(What::Shell(text.to_owned())).expect("a plan");
        let before = approvals.rules("main").expect("rules");
        assert!(matches!(plan.judge(&before), Verdict::Ask(_)), "{text}");
        approvals.remember("main", plan.grants(1).expect("can be remembered")).expect("remembered");
        let rules = approvals.rules("main").expect("rules");
        for same in [Some(text), also].into_iter().flatten() {
            let verdict = place.plan(What::Shell(same.to_owned())).expect("a plan").judge(&rules);
            assert!(matches!(verdict, Verdict::Allow(_)), "{same}: {verdict:?}");
        }
        let other = place.plan(What::Shell(not.expect("one").to_owned())).expect("a plan");
        assert!(matches!(other.judge(&rules), Verdict::Ask(_)), "{not:?}");
        for grant in approvals.grants().expect("a list") {
            approvals.revoke(&grant.entry.id.expect("an id")).expect("revoked");
        }
    }
    for text in [
        // Settings that the agent wrote decide what these do.
        "git status",
        "make test",
        "ls | python3",
        "bash script.sh",
        "cd x",
        "python3 script.sh",
        "ls $HOME",
        "ls | xargs cat",
    ] {
        let plan = place.plan(What::Shell(text.to_owned())).expect("a plan");
        assert!(plan.grants(1).is_none(), "{text}");
    }
}

#[test]
fn what_reads_settings_is_remembered_only_where_they_are_somebody_elses() {
    let place = Place::new();
    let project = place.bin.with_file_name("project");
    std::fs::create_dir(&project).expect("made");
    let plan = |cwd: &Path, text: &str| {
        let request = Request {
            what: What::Shell(text.to_owned()),
            cwd: cwd.to_owned(),
            environment: Vec::new(),
        };
        Plan::new(request, &place.surroundings).expect("a plan")
    };
    let approvals = Approvals::new(place.bin.join("approvals.json"), place.work.clone());
    let granted = plan(&project, "git status").grants(1).expect("can be remembered");
    approvals.remember("main", granted).expect("remembered");
    let rules = approvals.rules("main").expect("rules");
    for (cwd, text, runs) in [
        (&project, "git status", true),
        (&project, "git  'status'", true),
        (&project, "git push", false),
        (&project, "git status -v", false),
        (&place.work, "git status", false),
    ] {
        let verdict = plan(cwd, text).judge(&rules);
        assert_eq!(matches!(verdict, Verdict::Allow(_)), runs, "{text}: {verdict:?}");
    }
}

#[test]
fn surroundings_hold_no_more_than_they_say() {
    let place = Place::new();
    let request = Request {
        what: What::Argv(vec!["ls".into()]),
        cwd: place.work.clone(),
        environment: vec![("LD_PRELOAD".into(), "./x.so".into())],
    };
    let error = Plan::new(request.clone(), &place.surroundings).expect_err("refused");
    assert!(matches!(error, PlanError::Variable(_)));
    let gone = Request { cwd: place.work.join("gone"), environment: Vec::new(), ..request };
    assert!(matches!(Plan::new(gone, &Surroundings::default()), Err(PlanError::Folder(_))));
}
