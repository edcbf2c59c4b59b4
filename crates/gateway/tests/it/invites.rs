//! Single-use tokens: what each is good for, and that it is good for nothing else.

use openclaw_identity::from_base64;
use openclaw_testkit::{GatewayOptions, TestGateway, WireClient, connect_params};
use serde_json::{Value, json};

use crate::device::Device;

async fn owner(gateway: &TestGateway) -> WireClient {
    let mut owner = WireClient::door(&gateway.door()).await;
    owner.ok("connect", connect_params(&json!({}))).await;
    owner
}

/// The token of a new code, and the code's id.
async fn code(owner: &mut WireClient, params: Value) -> (String, String) {
    let made = owner.ok("device.pair.setupCode", params).await;
    let code = from_base64(made["setupCode"].as_str().expect("a code")).expect("base64");
    let code: Value = serde_json::from_slice(&code).expect("JSON");
    assert_eq!(code["expiresAtMs"], made["expiresAtMs"]);
    assert!(code["gatewayKey"].is_string(), "{code}");
    let token = code["bootstrapToken"].as_str().expect("a token").to_owned();
    (token, made["setupId"].as_str().expect("an id").to_owned())
}

/// Connects with a single-use token, as published clients do, and gives the response frame.
async fn show(gateway: &TestGateway, device: &Device, token: &str) -> Value {
    let mut client = gateway.wire().await;
    let signing = Device {
        token: token.to_owned(),
        key: device.key.clone(),
        scopes: device.scopes.clone(),
        ..*device
    };
    let mut params = signing.params(&client);
    params["auth"] = json!({"bootstrapToken": token});
    client.call("connect", params).await
}

fn detail(frame: &Value) -> &str {
    frame["error"]["details"]["code"].as_str().unwrap_or_default()
}

const WRONG: &str = "AUTH_BOOTSTRAP_TOKEN_INVALID";

#[tokio::test]
async fn a_link_pairs_one_browser_once_and_never_another() {
    let gateway = TestGateway::start().await;
    let mut owner = owner(&gateway).await;
    let (token, id) = code(&mut owner, json!({"expiresInMs": 60_000})).await;
    let status = owner.ok("device.pair.setupStatus", json!({"setupId": id})).await;
    assert_eq!(status, json!({}));
    let first = Device::new("", &["operator.admin"]);
    let hello = show(&gateway, &first, &token).await;
    assert_eq!(hello["payload"]["auth"]["method"], "bootstrap-token", "{hello}");
    assert_eq!(hello["payload"]["auth"]["scopes"], json!(["operator.admin"]));
    let device_token = hello["payload"]["auth"]["deviceToken"].as_str().expect("its own token");
    let status = owner.ok("device.pair.setupStatus", json!({"setupId": id})).await;
    assert_eq!(status["completion"]["deviceId"], first.key.device_id().as_str());
    assert_eq!(status["completion"]["access"], "full");
    for again in [&first, &Device::new("", &["operator.read"])] {
        let refused = show(&gateway, again, &token).await;
        assert_eq!(detail(&refused), WRONG, "{refused}");
        let message = refused["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains("openclaw dashboard"), "{message}");
    }
    let alone = Device { token: device_token.to_owned(), ..first };
    let hello = alone.connect(&mut gateway.wire().await).await;
    assert_eq!(hello["payload"]["auth"]["method"], "device-token", "{hello}");
    owner.refused("device.pair.setupStatus", json!({"setupId": "nobody"})).await;
}

#[tokio::test]
async fn of_many_that_show_it_at_once_exactly_one_is_let_in() {
    let gateway = TestGateway::start().await;
    let mut owner = owner(&gateway).await;
    let (token, _) = code(&mut owner, json!({})).await;
    let devices: Vec<Device> = (0..6).map(|_| Device::new("", &["operator.read"])).collect();
    let shown = devices.iter().map(|device| show(&gateway, device, &token));
    let answers = futures_util::future::join_all(shown).await;
    let admitted = answers.iter().filter(|answer| answer["ok"] == true).count();
    assert_eq!(admitted, 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| detail(answer) == WRONG).count(), 5, "{answers:?}");
    let list = owner.ok("device.pair.list", json!({})).await;
    assert_eq!(list["paired"].as_array().map(Vec::len), Some(1), "{list}");
}

#[tokio::test]
async fn a_token_gives_what_it_was_made_for_and_nothing_more() {
    let gateway = TestGateway::start().await;
    let mut owner = owner(&gateway).await;
    let (limited, _) = code(&mut owner, json!({"bootstrapProfile": "limited"})).await;
    let greedy = Device::new("", &["operator.admin"]);
    assert_eq!(detail(&show(&gateway, &greedy, &limited).await), "PAIRING_REQUIRED");
    let node = Device { role: "node", ..Device::new("", &[]) };
    assert_eq!(detail(&show(&gateway, &node, &limited).await), WRONG);
    // Nothing of this used it up.
    let modest = Device::new("", &["operator.write"]);
    let hello = show(&gateway, &modest, &limited).await;
    assert_eq!(hello["payload"]["auth"]["scopes"], json!(["operator.write"]), "{hello}");
    // Through the network nobody is let in by a shared secret of the token's value.
    let shared = Device::new(&limited, &["operator.read"]);
    let refused = shared.connect(&mut gateway.wire().await).await;
    assert_eq!(detail(&refused), "AUTH_TOKEN_MISMATCH");
    let device = owner.refused("device.pair.setupCode", json!({"bootstrapProfile": "all"})).await;
    assert_eq!(device["code"], "INVALID_REQUEST");
    let url = owner.refused("device.pair.setupCode", json!({"publicUrl": "javascript:1"})).await;
    assert_eq!(url["code"], "INVALID_REQUEST");
}

#[tokio::test]
async fn a_nodes_code_is_the_right_to_ask_and_belongs_to_the_first_that_asks() {
    let gateway = TestGateway::start().await;
    let mut owner = owner(&gateway).await;
    let (token, id) = code(&mut owner, json!({"bootstrapProfile": "node"})).await;
    let node = Device { role: "node", client: ("node-host", "node"), ..Device::new("", &[]) };
    let asked = show(&gateway, &node, &token).await;
    assert_eq!(detail(&asked), "PAIRING_REQUIRED", "{asked}");
    let request = asked["error"]["details"]["requestId"].as_str().expect("an id").to_owned();
    let thief = Device { role: "node", client: ("node-host", "node"), ..Device::new("", &[]) };
    assert_eq!(detail(&show(&gateway, &thief, &token).await), WRONG);
    let climber = Device { key: node.key.clone(), ..Device::new("", &["operator.read"]) };
    assert_eq!(detail(&show(&gateway, &climber, &token).await), WRONG);
    // It asks again with the same code, and is the same request.
    let again = show(&gateway, &node, &token).await;
    assert_eq!(again["error"]["details"]["requestId"], request.as_str());
    assert_eq!(owner.ok("device.pair.setupStatus", json!({"setupId": id})).await, json!({}));
    owner.ok("device.pair.approve", json!({"requestId": request})).await;
    let hello = show(&gateway, &node, &token).await;
    assert_eq!(hello["payload"]["auth"]["role"], "node", "{hello}");
    assert!(hello["payload"]["auth"]["deviceToken"].is_string(), "{hello}");
    let status = owner.ok("device.pair.setupStatus", json!({"setupId": id})).await;
    assert_eq!(status["completion"]["access"], "node");
}

#[tokio::test]
async fn a_token_ends_with_its_time_and_with_the_right_of_whoever_made_it() {
    let gateway = TestGateway::start().await;
    let mut owner = owner(&gateway).await;
    let short = json!({"bootstrapProfile": "node", "expiresInMs": 1000});
    let (short, _) = code(&mut owner, short).await;
    // A node may show its code again, so it is good until its second is over.
    let node = Device { role: "node", client: ("node-host", "node"), ..Device::new("", &[]) };
    assert_eq!(detail(&show(&gateway, &node, &short).await), "PAIRING_REQUIRED");
    while detail(&show(&gateway, &node, &short).await) != WRONG {}
    let admin = Device::new(&gateway.token(), &["operator.admin"]);
    let mut client = gateway.wire().await;
    assert_eq!(admin.connect(&mut client).await["ok"], true);
    let (token, _) = code(&mut client, json!({})).await;
    let device_id = admin.key.device_id();
    owner.ok("device.token.revoke", json!({"deviceId": device_id, "role": "operator"})).await;
    assert_eq!(detail(&show(&gateway, &Device::new("", &["operator.read"]), &token).await), WRONG);
}

#[tokio::test]
async fn guesses_are_counted_and_lock() {
    let config =
        r#"{ gateway: { auth: { rateLimit: { maxAttempts: 3, exemptLoopback: false } } } }"#;
    let options = GatewayOptions { config: Some(config.to_owned()), ..GatewayOptions::default() };
    let gateway = TestGateway::with(options).await;
    let guesser = Device::new("", &["operator.read"]);
    for _ in 0..3 {
        assert_eq!(detail(&show(&gateway, &guesser, "guess").await), WRONG);
    }
    let locked = show(&gateway, &guesser, "guess").await;
    assert_eq!(detail(&locked), "AUTH_RATE_LIMITED", "{locked}");
    let mut owner = owner(&gateway).await;
    let (token, _) = code(&mut owner, json!({})).await;
    assert_eq!(detail(&show(&gateway, &guesser, &token).await), "AUTH_RATE_LIMITED");
}
