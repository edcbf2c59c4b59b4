use openclaw_protocol::{
    ids::DeviceId,
    scope::{Role, ScopeSet},
};

use super::*;
use crate::{
    Store,
    devices::{Ask, DeviceInfo},
};

const NOW: u64 = 1_700_000_000_000;

fn node(name: &str) -> DeviceId {
    DeviceId::new(format!("device-{name}"))
}

async fn paired(store: &Store, name: &str) {
    let ask = Ask {
        info: DeviceInfo {
            device_id: node(name),
            public_key: format!("key-{name}"),
            display_name: None,
            platform: None,
            device_family: None,
            client_id: None,
            client_mode: None,
            remote_ip: None,
        },
        role: Role::Node,
        scopes: ScopeSet::EMPTY,
        commands: Vec::new(),
        reason: "not-paired".to_owned(),
    };
    store.devices().pair_silently(ask, "silent", NOW).await.unwrap();
}

fn request(name: &str, urgent: bool) -> NewWork {
    NewWork {
        node: node("a"),
        kind: WorkKind::Request,
        name: name.to_owned(),
        key: String::new(),
        params: None,
        urgent,
        lives_ms: 1_000,
    }
}

fn command(key: &str) -> NewWork {
    let params = Some("{}".to_owned());
    let name = "canvas.present".to_owned();
    NewWork { kind: WorkKind::Command, key: key.to_owned(), params, name, ..request("", false) }
}

async fn put(store: &Store, new: NewWork, now_ms: u64) -> Work {
    match store.node_work().put(new, now_ms).await.unwrap() {
        Put::Waits { work, .. } => work,
        other => panic!("{other:?}"),
    }
}

async fn names(store: &Store, kind: WorkKind, now_ms: u64) -> Vec<String> {
    let waiting = store.node_work().waiting(&node("a"), kind, now_ms).await.unwrap();
    waiting.work.into_iter().map(|work| work.work_id).collect()
}

#[tokio::test]
async fn what_waits_keeps_its_order_is_there_once_and_ends_with_its_time() {
    let store = Store::in_memory().unwrap();
    paired(&store, "a").await;
    let first = put(&store, request("status.request", false), NOW).await;
    let second = put(&store, request("location.request", true), NOW + 1).await;
    assert_eq!(
        names(&store, WorkKind::Request, NOW + 1).await,
        [&second.work_id, &first.work_id].map(String::as_str)
    );

    let again = put(&store, request("status.request", true), NOW + 2).await;
    assert_eq!((&again.work_id, again.created_at_ms), (&first.work_id, NOW), "one of a name");
    assert_eq!((again.urgent, again.expires_at_ms), (true, NOW + 1_002), "more urgent, for longer");
    assert_eq!(
        names(&store, WorkKind::Request, NOW + 2).await,
        [first.work_id.as_str(), second.work_id.as_str()]
    );

    assert_eq!(names(&store, WorkKind::Request, NOW + 1_001).await, [first.work_id.as_str()]);
    assert!(names(&store, WorkKind::Request, NOW + 1_002).await.is_empty());
    let anew = put(&store, request("status.request", false), NOW + 1_002).await;
    assert_ne!(anew.work_id, first.work_id);
}

#[tokio::test]
async fn only_the_node_takes_what_is_its_own_and_a_repeat_is_not_put_there_again() {
    let store = Store::in_memory().unwrap();
    paired(&store, "a").await;
    paired(&store, "b").await;
    let (one, two) = (put(&store, command("k1"), NOW).await, put(&store, command("k2"), NOW).await);
    assert_eq!(put(&store, command("k1"), NOW).await, one);
    let ids = vec![one.work_id.clone(), "unknown".to_owned()];
    let stolen = store.node_work().take(&node("b"), ids.clone(), NOW).await.unwrap();
    assert_eq!(stolen, Taken { ids: Vec::new(), left: 0 });
    for _ in 0..2 {
        let taken = store.node_work().take(&node("a"), ids.clone(), NOW).await.unwrap();
        assert_eq!(taken, Taken { ids: vec![one.work_id.clone()], left: 1 });
    }
    assert_eq!(names(&store, WorkKind::Command, NOW).await, [two.work_id.as_str()]);
    // The caller tries again after the node took it.
    let known = store.node_work().find(command("k1"), NOW + 1).await.unwrap().expect("known");
    assert_eq!((&known.work_id, known.taken_at_ms), (&one.work_id, Some(NOW)));
    assert_eq!(put(&store, command("k1"), NOW + 1).await.work_id, one.work_id);
    let other = NewWork { params: Some("[]".to_owned()), ..command("k1") };
    assert_ne!(put(&store, other, NOW + 1).await.work_id, one.work_id, "other params, other work");
    assert!(store.node_work().find(command("k1"), NOW + 1_000).await.unwrap().is_none());
}

#[tokio::test]
async fn a_node_has_so_many_commands_waiting_and_all_go_with_the_node() {
    let store = Store::in_memory().unwrap();
    assert_eq!(store.node_work().put(command("k"), NOW).await.unwrap(), Put::NoNode);
    paired(&store, "a").await;
    let mut revisions = Vec::new();
    for key in 0..MAX_COMMANDS {
        match store.node_work().put(command(&key.to_string()), NOW).await.unwrap() {
            Put::Waits { revision, .. } => revisions.push(revision),
            other => panic!("{other:?}"),
        }
    }
    assert!(revisions.is_sorted_by(|one, next| one < next), "{revisions:?}");
    assert_eq!(store.node_work().put(command("more"), NOW).await.unwrap(), Put::Full);
    assert!(matches!(
        store.node_work().put(request("status.request", false), NOW).await.unwrap(),
        Put::Waits { .. }
    ));
    store.devices().revoke(&node("a"), Role::Node, NOW).await.unwrap().expect("a grant");
    assert!(names(&store, WorkKind::Command, NOW).await.is_empty());
    assert!(names(&store, WorkKind::Request, NOW).await.is_empty());
    paired(&store, "a").await;
    put(&store, command("k"), NOW).await;
    store.devices().remove(&node("a")).await.unwrap().expect("a device");
    assert!(names(&store, WorkKind::Command, NOW).await.is_empty());
}
