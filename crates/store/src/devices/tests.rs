use openclaw_protocol::{limits::PAIRING_TTL_MS, scope::Scope};

use super::*;
use crate::Store;

const NOW: u64 = 1_700_000_000_000;

fn info(name: &str) -> DeviceInfo {
    DeviceInfo {
        device_id: DeviceId::new(format!("device-{name}")),
        public_key: format!("key-{name}"),
        display_name: Some(name.to_owned()),
        platform: Some("linux".to_owned()),
        device_family: None,
        client_id: Some("cli".to_owned()),
        client_mode: Some("cli".to_owned()),
        remote_ip: Some("127.0.0.1".to_owned()),
    }
}

fn scopes(scopes: &[Scope]) -> ScopeSet {
    scopes.iter().copied().collect()
}

fn operator(name: &str, wanted: &[Scope]) -> Ask {
    Ask {
        info: info(name),
        role: Role::Operator,
        scopes: scopes(wanted),
        commands: Vec::new(),
        reason: "not-paired".to_owned(),
    }
}

fn node(name: &str, commands: &[&str]) -> Ask {
    Ask {
        info: info(name),
        role: Role::Node,
        scopes: ScopeSet::EMPTY,
        commands: commands.iter().map(|command| (*command).to_owned()).collect(),
        reason: "not-paired".to_owned(),
    }
}

fn id(raw: &str) -> PairingRequestId {
    PairingRequestId::new(raw)
}

fn device(name: &str) -> DeviceId {
    DeviceId::new(format!("device-{name}"))
}

fn ids(requests: &[PairingRequest]) -> Vec<&str> {
    requests.iter().map(|request| request.request_id.as_str()).collect()
}

#[tokio::test]
async fn a_repeated_ask_renews_the_request_it_has() {
    let store = Store::in_memory().unwrap();
    let devices = store.devices();
    let ask = operator("a", &[Scope::Read]);
    let first = devices.request(&id("r1"), ask.clone(), NOW).await.unwrap();
    assert!(first.created && first.dropped.is_empty());
    let later = NOW + PAIRING_TTL_MS - 1;
    let second = devices.request(&id("r1"), ask, later).await.unwrap();
    assert!(!second.created);
    assert_eq!(second.request.created_at_ms, NOW);
    assert_eq!(second.request.expires_at_ms, later + PAIRING_TTL_MS);
    let waiting = devices.list_requests(later + PAIRING_TTL_MS - 1).await.unwrap();
    assert_eq!(waiting, [second.request]);
}

#[tokio::test]
async fn a_request_ends_with_its_time() {
    let store = Store::in_memory().unwrap();
    let devices = store.devices();
    devices.request(&id("r1"), operator("a", &[Scope::Read]), NOW).await.unwrap();
    let end = NOW + PAIRING_TTL_MS;
    assert!(devices.get_request(&id("r1"), end - 1).await.unwrap().is_some());
    assert!(devices.get_request(&id("r1"), end).await.unwrap().is_none());
    assert!(devices.list_requests(end).await.unwrap().is_empty());
    assert!(devices.approve(&id("r1"), "owner", end).await.unwrap().is_none());
    let again = devices.request(&id("r1"), operator("a", &[Scope::Read]), end).await.unwrap();
    assert!(again.created, "the one before is over");
    assert_eq!(ids(&again.dropped), ["r1"]);
    let expired = devices.expire_requests(end + PAIRING_TTL_MS).await.unwrap();
    assert_eq!(expired, [again.request]);
}

#[tokio::test]
async fn too_many_requests_push_out_the_one_closest_to_its_end() {
    let store = Store::in_memory().unwrap();
    let devices = store.devices();
    for index in 0..MAX_PENDING {
        let (name, now) = (format!("d{index}"), NOW + u64::try_from(index).unwrap());
        devices.request(&id(&name), operator(&name, &[Scope::Read]), now).await.unwrap();
    }
    let now = NOW + 1000;
    let renewed = devices.request(&id("d0"), operator("d0", &[Scope::Read]), now).await.unwrap();
    assert!(renewed.dropped.is_empty(), "a renewal needs no room");
    let one_more = devices.request(&id("x"), operator("x", &[Scope::Read]), now).await.unwrap();
    assert_eq!(ids(&one_more.dropped), ["d1"]);
    assert_eq!(devices.list_requests(now).await.unwrap().len(), MAX_PENDING);
}

#[tokio::test]
async fn approving_grants_what_was_asked_and_adds_up() {
    let store = Store::in_memory().unwrap();
    let devices = store.devices();
    devices.request(&id("r1"), operator("a", &[Scope::Read]), NOW).await.unwrap();
    let first = devices.approve(&id("r1"), "owner", NOW + 1).await.unwrap().unwrap();
    assert_eq!(ids(&first.settled), ["r1"]);
    assert_eq!(first.grant().unwrap().scopes, scopes(&[Scope::Read]));
    assert_eq!(first.paired.device.approved_via, "owner");
    assert!(devices.approve(&id("r1"), "owner", NOW + 1).await.unwrap().is_none());

    devices.request(&id("r2"), operator("a", &[Scope::Write]), NOW + 2).await.unwrap();
    devices.request(&id("r3"), operator("a", &[Scope::Read]), NOW + 2).await.unwrap();
    devices.request(&id("r4"), operator("a", &[Scope::Admin]), NOW + 2).await.unwrap();
    let second = devices.approve(&id("r2"), "cli", NOW + 3).await.unwrap().unwrap();
    assert_eq!(ids(&second.settled), ["r2", "r3"], "r3 asks for what is held already");
    let grant = second.grant().unwrap();
    assert_eq!(grant.scopes, scopes(&[Scope::Read, Scope::Write]));
    assert_eq!(grant.generation, first.grant().unwrap().generation, "tokens stay good");
    assert_eq!(second.paired.device.created_at_ms, NOW + 1);
    assert_eq!(second.paired.device.approved_at_ms, NOW + 3);
    assert_eq!(ids(&devices.list_requests(NOW + 3).await.unwrap()), ["r4"]);
    assert_eq!(devices.get(&device("a")).await.unwrap().unwrap(), second.paired);
}

#[tokio::test]
async fn roles_are_granted_apart() {
    let store = Store::in_memory().unwrap();
    let devices = store.devices();
    devices.pair_silently(operator("a", &[Scope::Admin]), "silent", NOW).await.unwrap();
    devices.request(&id("n"), node("a", &["system.run"]), NOW).await.unwrap();
    assert!(devices.get(&device("a")).await.unwrap().unwrap().grant(Role::Node).is_none());
    devices.approve(&id("n"), "owner", NOW).await.unwrap().unwrap();
    let more = node("a", &["camera.snap", "system.run"]);
    let paired = devices.pair_silently(more, "silent", NOW).await.unwrap().paired;
    assert_eq!(paired.grant(Role::Node).unwrap().commands, ["camera.snap", "system.run"]);
    assert_eq!(paired.grant(Role::Node).unwrap().scopes, ScopeSet::EMPTY);
    assert_eq!(paired.grant(Role::Operator).unwrap().scopes, scopes(&[Scope::Admin]));

    devices.revoke(&device("a"), Role::Node, NOW).await.unwrap().unwrap();
    let paired = devices.get(&device("a")).await.unwrap().unwrap();
    assert!(paired.grant(Role::Node).is_none());
    assert!(paired.grant(Role::Operator).is_some());
}

#[tokio::test]
async fn no_generation_is_ever_given_out_twice() {
    let store = Store::in_memory().unwrap();
    let devices = store.devices();
    let ask = operator("a", &[Scope::Read, Scope::Admin]);
    let mut seen = Vec::new();
    let first = devices.pair_silently(ask.clone(), "silent", NOW).await.unwrap();
    seen.push(first.grant().unwrap().generation);

    let only_read = Some(scopes(&[Scope::Read]));
    let rotated = devices.rotate(&device("a"), Role::Operator, only_read, NOW + 1).await.unwrap();
    let rotated = rotated.unwrap();
    assert_eq!((rotated.scopes, rotated.rotated_at_ms), (scopes(&[Scope::Read]), Some(NOW + 1)));
    seen.push(rotated.generation);

    let revoked = devices.revoke(&device("a"), Role::Operator, NOW + 2).await.unwrap().unwrap();
    assert_eq!(revoked.revoked_at_ms, Some(NOW + 2));
    seen.push(revoked.generation);
    assert!(devices.rotate(&device("a"), Role::Operator, None, NOW).await.unwrap().is_none());
    assert!(devices.revoke(&device("a"), Role::Operator, NOW).await.unwrap().is_none());

    let read = operator("a", &[Scope::Read]);
    let again = devices.pair_silently(read, "silent", NOW + 3).await.unwrap();
    assert_eq!(again.grant().unwrap().scopes, scopes(&[Scope::Read]), "admin is not given back");
    seen.push(again.grant().unwrap().generation);

    let removed = devices.remove(&device("a")).await.unwrap().unwrap();
    assert_eq!(removed, again.paired);
    assert_eq!(devices.get(&device("a")).await.unwrap(), None);
    let anew = devices.pair_silently(ask, "silent", NOW + 4).await.unwrap();
    seen.push(anew.grant().unwrap().generation);

    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "{seen:?}");
}

#[tokio::test]
async fn removing_ends_the_requests_of_the_device_too() {
    let store = Store::in_memory().unwrap();
    let devices = store.devices();
    devices.pair_silently(operator("a", &[Scope::Read]), "silent", NOW).await.unwrap();
    devices.request(&id("r1"), operator("a", &[Scope::Admin]), NOW).await.unwrap();
    devices.request(&id("r2"), operator("b", &[Scope::Admin]), NOW).await.unwrap();
    devices.remove(&device("a")).await.unwrap().unwrap();
    assert_eq!(ids(&devices.list_requests(NOW).await.unwrap()), ["r2"]);
    assert_eq!(devices.remove(&device("a")).await.unwrap(), None);
}

#[tokio::test]
async fn rejecting_ends_a_request_once() {
    let store = Store::in_memory().unwrap();
    let devices = store.devices();
    let asked =
        devices.request(&id("r1"), operator("a", &[Scope::Read]), NOW).await.unwrap().request;
    assert_eq!(devices.reject(&id("r1"), NOW).await.unwrap(), Some(asked));
    assert_eq!(devices.reject(&id("r1"), NOW).await.unwrap(), None);
    assert_eq!(devices.get(&device("a")).await.unwrap(), None);
}

#[tokio::test]
async fn another_key_under_a_known_id_is_refused() {
    let store = Store::in_memory().unwrap();
    let devices = store.devices();
    devices.pair_silently(operator("a", &[Scope::Read]), "silent", NOW).await.unwrap();
    let mut forged = operator("a", &[Scope::Admin]);
    forged.info.public_key = "another".to_owned();
    for refused in [
        devices.request(&id("r1"), forged.clone(), NOW).await.map(|_| ()),
        devices.pair_silently(forged, "silent", NOW).await.map(|_| ()),
    ] {
        assert!(
            matches!(refused, Err(StoreError::Conflict(Conflict::DeviceKeyChanged))),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn names_and_last_sight_are_kept() {
    let store = Store::in_memory().unwrap();
    let devices = store.devices();
    devices.pair_silently(operator("a", &[Scope::Read]), "silent", NOW).await.unwrap();
    devices.pair_silently(operator("b", &[Scope::Read]), "silent", NOW + 1).await.unwrap();
    assert!(devices.touch(&device("a"), Role::Operator, NOW + 5, "connect").await.unwrap());
    assert!(!devices.touch(&device("x"), Role::Operator, NOW + 5, "connect").await.unwrap());
    assert!(devices.rename(&device("x"), Some("no")).await.unwrap().is_none());
    devices.rename(&device("a"), Some("desk")).await.unwrap().unwrap();
    // What the device says of itself later does not change the operator's word.
    devices.pair_silently(operator("a", &[Scope::Read]), "silent", NOW).await.unwrap();
    let list = devices.list().await.unwrap();
    let names: Vec<_> = list.iter().map(|paired| paired.device.name().unwrap()).collect();
    assert_eq!(names, ["b", "desk"]);
    let desk = &list[1];
    assert_eq!(desk.device.last_seen_at_ms, Some(NOW + 5));
    assert_eq!(desk.device.last_seen_reason.as_deref(), Some("connect"));
    assert_eq!(desk.grant(Role::Operator).unwrap().last_used_at_ms, Some(NOW + 5));
    let bare = devices.rename(&device("a"), None).await.unwrap().unwrap();
    assert_eq!(bare.device.name(), Some("a"));
}

fn invite(id: &str, role: Role, wanted: &[Scope], until_ms: u64) -> invites::Invite {
    invites::Invite {
        invite_id: id.to_owned(),
        role,
        scopes: scopes(wanted),
        made_by: "device-maker".to_owned(),
        created_at_ms: NOW,
        expires_at_ms: until_ms,
        used_by: None,
        used_at_ms: None,
    }
}

#[tokio::test]
async fn an_invite_pairs_once_and_in_time_and_for_no_more_than_it_says() {
    let store = Store::in_memory().unwrap();
    let devices = store.devices();
    let redeem =
        |digest, name, wanted, now| devices.redeem(digest, operator(name, wanted), "link", now);
    for (digest, until) in [("one", NOW + 60), ("two", NOW + 60)] {
        devices
            .invite(digest, invite(digest, Role::Operator, &[Scope::Write], until))
            .await
            .unwrap();
    }
    assert!(redeem("none", "a", &[Scope::Read], NOW).await.unwrap().is_none());
    assert!(redeem("one", "a", &[Scope::Admin], NOW).await.unwrap().is_none());
    assert!(redeem("one", "a", &[Scope::Read], NOW + 60).await.unwrap().is_none());
    assert_eq!(devices.list().await.unwrap().len(), 0);
    let approval = redeem("one", "a", &[Scope::Read], NOW + 59).await.unwrap().unwrap();
    assert_eq!(approval.paired.grant(Role::Operator).unwrap().scopes, scopes(&[Scope::Read]));
    for again in ["a", "b"] {
        assert!(redeem("one", again, &[Scope::Read], NOW + 59).await.unwrap().is_none());
    }
    assert!(!devices.claim_invite("two", &node("n", &[]), NOW).await.unwrap());
    let used = devices.invite_by_id("one").await.unwrap().unwrap();
    assert_eq!((used.used_by, used.used_at_ms), (Some(device("a")), Some(NOW + 59)));
    assert_eq!(devices.find_invite("two").await.unwrap().unwrap().used_by, None);
}

#[tokio::test]
async fn a_nodes_invite_stays_with_the_first_that_shows_it() {
    let store = Store::in_memory().unwrap();
    let devices = store.devices();
    devices.invite("n", invite("n", Role::Node, &[], NOW + 60)).await.unwrap();
    assert!(devices.claim_invite("n", &node("a", &["x"]), NOW).await.unwrap());
    assert!(devices.claim_invite("n", &node("a", &["x", "y"]), NOW + 1).await.unwrap());
    assert!(!devices.claim_invite("n", &node("b", &[]), NOW + 1).await.unwrap());
    assert!(!devices.claim_invite("n", &node("a", &[]), NOW + 60).await.unwrap());
    assert!(!devices.claim_invite("n", &operator("a", &[]), NOW + 1).await.unwrap());
    assert_eq!(devices.find_invite("n").await.unwrap().unwrap().used_at_ms, Some(NOW));
}

#[tokio::test]
async fn invites_are_bounded_and_end_with_the_right_of_their_maker() {
    let store = Store::in_memory().unwrap();
    let devices = store.devices();
    for number in 0..=invites::MAX_INVITES {
        let name = format!("i{number}");
        let until = NOW + 1000 + u64::try_from(number).unwrap();
        devices.invite(&name, invite(&name, Role::Operator, &[Scope::Read], until)).await.unwrap();
    }
    assert!(devices.find_invite("i0").await.unwrap().is_none(), "the one closest to its end");
    assert!(devices.find_invite("i1").await.unwrap().is_some());
    devices.pair_silently(operator("maker", &[Scope::Read]), "owner", NOW).await.unwrap();
    devices.revoke(&device("maker"), Role::Operator, NOW).await.unwrap().unwrap();
    assert!(devices.find_invite("i1").await.unwrap().is_none());
}
