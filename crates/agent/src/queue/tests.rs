use super::*;

const DEBOUNCE: Duration = Duration::from_secs(1);
const CAP: usize = 20;

fn waiting(name: &'static str, mode: QueueMode, arrived: Instant) -> Waiting<&'static str> {
    let (group, line) = (String::from("me"), name.to_owned());
    Waiting { item: name, mode, group, line, arrived, busy: true }
}

fn batch(queue: &mut Queue<&'static str>, now: Instant) -> Vec<&'static str> {
    match queue.next(now, DEBOUNCE, CAP) {
        Next::Batch(batch) => std::iter::once(batch.leader).chain(batch.followers).collect(),
        other => panic!("no batch but {other:?}"),
    }
}

#[test]
fn an_idle_session_answers_at_once() {
    let now = Instant::now();
    let mut queue = Queue::default();
    let first = Waiting { busy: false, ..waiting("a", QueueMode::Collect, now) };
    assert!(queue.push(first, CAP, Overflow::Old).is_empty());
    assert_eq!(batch(&mut queue, now), ["a"]);
    assert!(matches!(queue.next(now, DEBOUNCE, CAP), Next::Empty));
}

#[test]
fn collected_messages_wait_for_quiet_and_go_together() {
    let now = Instant::now();
    let later = now + DEBOUNCE / 2;
    let mut queue = Queue::default();
    queue.push(waiting("a", QueueMode::Collect, now), CAP, Overflow::Old);
    queue.push(waiting("b", QueueMode::Collect, later), CAP, Overflow::Old);
    queue.push(waiting("c", QueueMode::Followup, later), CAP, Overflow::Old);
    match queue.next(later, DEBOUNCE, CAP) {
        Next::Wait(at) => assert_eq!(at, later + DEBOUNCE),
        other => panic!("{other:?}"),
    }
    assert_eq!(batch(&mut queue, later + DEBOUNCE), ["a", "b"]);
    assert_eq!(batch(&mut queue, later), ["c"]);
}

#[test]
fn only_one_kind_of_asker_goes_together() {
    let now = Instant::now();
    let mut queue = Queue::default();
    queue.push(waiting("a", QueueMode::Collect, now), CAP, Overflow::Old);
    let other = Waiting { group: String::from("you"), ..waiting("b", QueueMode::Collect, now) };
    queue.push(other, CAP, Overflow::Old);
    assert_eq!(batch(&mut queue, now + DEBOUNCE), ["a"]);
    assert_eq!(batch(&mut queue, now + DEBOUNCE), ["b"]);
}

#[test]
fn followups_go_one_by_one() {
    let now = Instant::now();
    let mut queue = Queue::default();
    for name in ["a", "b"] {
        queue.push(waiting(name, QueueMode::Steer, now), CAP, Overflow::Old);
    }
    assert_eq!(batch(&mut queue, now), ["a"]);
    assert_eq!(batch(&mut queue, now), ["b"]);
}

#[test]
fn a_full_queue_drops_the_oldest_and_remembers_it() {
    let now = Instant::now();
    let mut queue = Queue::default();
    for name in ["a", "b"] {
        queue.push(waiting(name, QueueMode::Followup, now), 2, Overflow::Summarize);
    }
    let out = queue.push(waiting("c", QueueMode::Followup, now), 2, Overflow::Summarize);
    assert_eq!(out, ["a"]);
    assert_eq!(queue.len(), 2);
    match queue.next(now, DEBOUNCE, 2) {
        Next::Batch(batch) => assert_eq!((batch.leader, batch.dropped), ("b", vec!["a".into()])),
        other => panic!("{other:?}"),
    }
    queue.push(waiting("d", QueueMode::Followup, now), 1, Overflow::Old);
    assert_eq!(batch(&mut queue, now), ["d"]);
}

#[test]
fn removed_messages_never_run() {
    let now = Instant::now();
    let mut queue = Queue::default();
    for name in ["a", "b", "c"] {
        queue.push(waiting(name, QueueMode::Followup, now), CAP, Overflow::Old);
    }
    assert_eq!(queue.remove(|name| *name == "b"), ["b"]);
    assert_eq!(queue.iter().copied().collect::<Vec<_>>(), ["a", "c"]);
}

#[test]
fn modes_have_the_published_names() {
    for mode in [QueueMode::Steer, QueueMode::Followup, QueueMode::Collect, QueueMode::Interrupt] {
        assert_eq!(QueueMode::parse(mode.as_str()), Some(mode));
    }
    assert_eq!(QueueMode::parse("queue"), Some(QueueMode::Steer));
    assert_eq!(QueueMode::parse("later"), None);
    assert_eq!(Overflow::parse("summarize"), Some(Overflow::Summarize));
}

#[test]
fn a_summary_line_is_one_short_line() {
    assert_eq!(summary_line("\n  first \nsecond"), "first");
    assert_eq!(summary_line(""), "");
    let long = summary_line(&"ä".repeat(500));
    assert_eq!(long.chars().count(), MAX_LINE_CHARS + 1);
}
