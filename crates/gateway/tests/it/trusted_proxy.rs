//! Mode `trusted-proxy`: a proxy names the person, and nothing else opens the port.

use openclaw_testkit::{TestGateway, WireClient, wire::request};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};

use crate::device::Device;

const CONFIG: &str =
    "{ gateway: { trustedProxies: ['127.0.0.1'], auth: { mode: 'trusted-proxy', trustedProxy: {
    userHeader: 'X-Forwarded-User', requiredHeaders: ['X-Proxy-Id'], allowUsers: ['me@example.org'],
    allowLoopback: true } } } }";

async fn through(port: u16, headers: &[(&'static str, &'static str)], device: &Device) -> Value {
    let mut upgrade = request(port, "/");
    for (name, value) in headers {
        let name = HeaderName::from_static(name);
        upgrade.headers_mut().append(name, HeaderValue::from_static(value));
    }
    let mut client = WireClient::try_request(port, upgrade).await.expect("upgrade");
    device.connect(&mut client).await
}

const ME: [(&str, &str); 3] =
    [("x-forwarded-for", "192.0.2.7"), ("x-forwarded-user", "me@example.org"), ("x-proxy-id", "1")];

#[tokio::test]
async fn a_person_the_proxy_names_is_asked_for_a_paired_device_and_nothing_more() {
    let gateway = TestGateway::with_config(CONFIG).await;
    let port = gateway.port();
    let device = Device::new("", &["operator.read"]);
    let asked = through(port, &ME, &device).await;
    assert_eq!(asked["error"]["details"]["code"], "PAIRING_REQUIRED", "{asked}");
    let id = asked["error"]["details"]["requestId"].as_str().expect("an id");
    let mut owner = WireClient::door(&gateway.door()).await;
    let hello = owner.call("connect", openclaw_testkit::connect_params(&json!({}))).await;
    assert_eq!(hello["ok"], true, "the owner's door needs no proxy: {hello}");
    let approved = owner.call("device.pair.approve", json!({"requestId": id})).await;
    assert_eq!(approved["ok"], true, "{approved}");
    let admitted = through(port, &ME, &device).await;
    assert_eq!(admitted["payload"]["auth"]["method"], "trusted-proxy", "{admitted}");
    let [from, me, proof] = ME;
    let other = ("x-forwarded-user", "other@example.org");
    for headers in
        [&[][..], &[from, me], &[from, proof], &[from, other, proof], &[from, me, me, proof]]
    {
        let refused = through(port, headers, &device).await;
        let code = &refused["error"]["details"]["code"];
        assert_eq!(code, "AUTH_IDENTITY_HEADER_REQUIRED", "{headers:?}: {refused}");
    }
}

#[tokio::test]
async fn devices_are_paired_by_themselves_only_where_that_is_said_and_never_as_administrators() {
    let config =
        CONFIG.replace("allowLoopback", "deviceAutoApprove: { enabled: true }, allowLoopback");
    let gateway = TestGateway::with_config(&config).await;
    let reader = Device::new("", &["operator.read", "operator.write"]);
    let admitted = through(gateway.port(), &ME, &reader).await;
    assert_eq!(admitted["ok"], true, "{admitted}");
    let admin = Device::new("", &["operator.admin"]);
    let asked = through(gateway.port(), &ME, &admin).await;
    assert_eq!(asked["error"]["details"]["code"], "PAIRING_REQUIRED", "{asked}");
    let node = Device { role: "node", ..Device::new("", &[]) };
    let asked = through(gateway.port(), &ME, &node).await;
    assert_eq!(asked["error"]["details"]["code"], "PAIRING_REQUIRED", "{asked}");
}

#[tokio::test]
async fn a_proxy_on_this_machine_does_not_count_unless_it_is_said() {
    let gateway = TestGateway::with_config(&CONFIG.replace("allowLoopback: true", "")).await;
    let refused = through(gateway.port(), &ME, &Device::new("", &["operator.read"])).await;
    let code = &refused["error"]["details"]["code"];
    assert_eq!(code, "AUTH_IDENTITY_HEADER_REQUIRED", "{refused}");
}
