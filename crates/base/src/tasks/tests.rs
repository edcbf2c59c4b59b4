use super::*;

const GRACE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn shutdown_waits_for_tasks_that_listen() {
    let tasks = Tasks::new();
    let child = tasks.child();
    let token = child.token();
    let handle = child.spawn("listens", async move {
        token.cancelled().await;
        7
    });
    assert_eq!((tasks.running(), child.running()), (1, 1));
    assert!(tasks.shutdown(GRACE).await);
    assert!(child.is_cancelled());
    assert_eq!(handle.await.expect("ended by itself"), 7);
    assert_eq!(tasks.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn shutdown_aborts_tasks_of_children_that_do_not() {
    let tasks = Tasks::new();
    let handle = tasks.child().spawn("deaf", std::future::pending::<()>());
    assert!(!tasks.shutdown(GRACE).await);
    assert!(handle.await.expect_err("aborted").is_cancelled());
}

#[tokio::test]
async fn a_child_stops_alone() {
    let tasks = Tasks::new();
    let child = tasks.child();
    assert!(child.shutdown(GRACE).await);
    assert!(!tasks.is_cancelled());
    let handle = tasks.spawn("later", async { 1 });
    assert_eq!(handle.await.expect("runs"), 1);
}

#[tokio::test]
async fn nothing_is_kept_of_ended_tasks() {
    let tasks = Tasks::new();
    for _ in 0..100 {
        tasks.spawn("short", async {}).await.expect("runs");
    }
    assert!(tasks.node.running.lock().tasks.is_empty());
}

#[tokio::test]
async fn a_panic_ends_only_its_task() {
    let tasks = Tasks::new();
    let handle = tasks.spawn("falls", async { panic!("on purpose") });
    assert!(handle.await.expect_err("panicked").is_panic());
    assert_eq!(tasks.running(), 0);
    assert!(tasks.shutdown(GRACE).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_threads_leave_nothing_behind() {
    let tasks = Tasks::new();
    let handles: Vec<_> = (0..500).map(|_| tasks.child().spawn("short", async {})).collect();
    for handle in handles {
        handle.await.expect("runs");
    }
    assert!(tasks.shutdown(GRACE).await);
    assert!(tasks.node.running.lock().tasks.is_empty());
}
