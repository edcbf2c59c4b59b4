//! The one route of ours in the daemon's serve configuration, as pure functions on its JSON.
//!
//! Everything that is not this route passes through untouched, fields of newer versions too.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The port of the tailnet name.
const PORT: u16 = 443;

/// `https://NAME/` to one address of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The machine's name in the tailnet.
    pub name: String,
    /// Where requests go, such as `http://127.0.0.1:40123`.
    pub target: String,
    /// Whether the whole internet may use it.
    pub funnel: bool,
}

impl Route {
    /// The address that people use.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}/", self.name)
    }

    /// The port of the target.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.target.rsplit(':').next()?.parse().ok()
    }

    fn key(&self) -> String {
        format!("{}:{PORT}", self.name)
    }
}

/// Somebody else has what the route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Port 443 forwards something else.
    #[error("port 443 of the tailnet name is used for something else than HTTPS")]
    Port,
    /// The root of the name is served by somebody else.
    #[error("the root of the tailnet name is served by something else")]
    Root,
    /// Funnel is on for this name, and was not turned on by us.
    #[error("Funnel is on for this tailnet name, so serving there would publish to the internet")]
    Funnel,
    /// With Funnel, other paths of others would be published too.
    #[error(
        "other paths of this tailnet name are served by something else, and Funnel would publish them"
    )]
    Neighbours,
}

/// The configuration with the route in it. What we claimed `before` goes: the name, the target or the
/// reach may be others now.
pub(super) fn claim(config: &Value, route: &Route, before: &[Route]) -> Result<Value, Conflict> {
    let others = before.iter().filter(|before| *before != route);
    let mut config = release_all(config, others);
    let ours = |proxy: &str| proxy == route.target;
    let key = route.key();
    match config.pointer(&format!("/TCP/{PORT}")) {
        None | Some(Value::Null) => {}
        Some(port) if port.get("HTTPS") == Some(&Value::Bool(true)) => {}
        Some(_) => return Err(Conflict::Port),
    }
    let handlers = config.get("Web").and_then(|web| web.get(&key)?.get("Handlers")?.as_object());
    let root = handlers.and_then(|handlers| handlers.get("/"));
    let root_is_ours = root.and_then(|root| root.get("Proxy")?.as_str()).is_some_and(ours);
    if root.is_some() && !root_is_ours {
        return Err(Conflict::Root);
    }
    let has_neighbours = handlers.is_some_and(|it| it.keys().any(|path| path != "/"));
    let is_public = config.get("AllowFunnel").and_then(|it| it.get(&key)?.as_bool()) == Some(true);
    if route.funnel && has_neighbours && !is_public {
        return Err(Conflict::Neighbours);
    }
    if is_public && !route.funnel {
        return Err(Conflict::Funnel);
    }
    let top = object(&mut config);
    entry(top, "TCP").entry(PORT.to_string()).or_insert_with(|| json!({"HTTPS": true}));
    let web = object(entry(top, "Web").entry(&key).or_insert_with(|| json!({})));
    entry(web, "Handlers").insert("/".to_owned(), json!({"Proxy": route.target}));
    if route.funnel {
        entry(top, "AllowFunnel").insert(key, Value::Bool(true));
    }
    Ok(config)
}

/// The configuration without these routes.
pub(super) fn release_all<'a>(
    config: &Value,
    routes: impl IntoIterator<Item = &'a Route>,
) -> Value {
    routes.into_iter().fold(config.clone(), |config, route| release(&config, route))
}

/// The configuration without the route; unchanged if the route is not there.
pub(super) fn release(config: &Value, route: &Route) -> Value {
    let key = route.key();
    let mut after = config.clone();
    let top = object(&mut after);
    let Some(web) = top.get_mut("Web").and_then(Value::as_object_mut) else {
        return config.clone();
    };
    let Some(handlers) =
        web.get_mut(&key).and_then(|it| it.get_mut("Handlers")).and_then(Value::as_object_mut)
    else {
        return config.clone();
    };
    let proxy = handlers.get("/").and_then(|root| root.get("Proxy")?.as_str());
    if proxy != Some(route.target.as_str()) {
        return config.clone();
    }
    handlers.remove("/");
    if handlers.is_empty() {
        web.remove(&key);
    }
    let suffix = format!(":{PORT}");
    let port_is_used = web.keys().any(|key| key.ends_with(&suffix));
    prune(top, "Web");
    if !port_is_used {
        remove(top, "TCP", &PORT.to_string());
    }
    if route.funnel {
        remove(top, "AllowFunnel", &key);
    }
    after
}

/// Whether the route stands in the configuration.
pub(super) fn stands(config: &Value, route: &Route) -> bool {
    claim(config, route, &[]).is_ok_and(|claimed| claimed == *config)
}

fn remove(top: &mut Map<String, Value>, table: &str, key: &str) {
    if let Some(entries) = top.get_mut(table).and_then(Value::as_object_mut) {
        entries.remove(key);
    }
    prune(top, table);
}

/// The daemon leaves out empty tables; so do we, so that nothing of ours stays.
fn prune(top: &mut Map<String, Value>, table: &str) {
    if top.get(table).and_then(Value::as_object).is_some_and(Map::is_empty) {
        top.remove(table);
    }
}

fn entry<'a>(top: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    object(top.entry(key).or_insert(Value::Null))
}

/// The value as an object; `null`, as Go writes an empty one, becomes one.
fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("it was just made one"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(funnel: bool) -> Route {
        let (name, target) = ("box.tail1.ts.net".to_owned(), "http://127.0.0.1:4000".to_owned());
        Route { name, target, funnel }
    }

    fn ours(funnel: bool) -> Value {
        claim(&Value::Null, &route(funnel), &[]).expect("nothing is in the way")
    }

    fn foreign() -> Value {
        json!({
            "TCP": {"443": {"HTTPS": true}, "22": {"TCPForward": "127.0.0.1:22"}},
            "Web": {"box.tail1.ts.net:443": {"Handlers": {"/files": {"Path": "/srv"}}}},
            "Foreground": {"x": {"New": 1}},
        })
    }

    #[test]
    fn a_claim_in_an_empty_configuration_is_the_documented_shape_and_leaves_nothing() {
        let expected = json!({
            "TCP": {"443": {"HTTPS": true}},
            "Web": {"box.tail1.ts.net:443": {"Handlers": {"/": {"Proxy": "http://127.0.0.1:4000"}}}},
            "AllowFunnel": {"box.tail1.ts.net:443": true},
        });
        assert_eq!(ours(true), expected);
        assert!(stands(&ours(true), &route(true)) && !stands(&Value::Null, &route(true)));
        assert_eq!(release(&ours(true), &route(true)), json!({}));
        assert_eq!(release(&ours(false), &route(false)), json!({}));
    }

    #[test]
    fn what_others_serve_stays() {
        let with = claim(&foreign(), &route(false), &[]).expect("the root is free");
        assert_eq!(with["Foreground"], foreign()["Foreground"]);
        assert_eq!(
            with["Web"]["box.tail1.ts.net:443"]["Handlers"]["/files"],
            json!({"Path": "/srv"})
        );
        assert_eq!(release(&with, &route(false)), foreign());
    }

    #[test]
    fn a_leftover_is_taken_over_and_funnel_goes_when_it_is_not_wanted_any_more() {
        let old = Route { target: "http://127.0.0.1:3999".to_owned(), ..route(true) };
        let left = claim(&Value::Null, &old, &[]).expect("free");
        assert_eq!(claim(&left, &route(false), &[]), Err(Conflict::Root));
        let now = claim(&left, &route(false), &[old]).expect("ours");
        assert_eq!(now, ours(false));
    }

    #[test]
    fn what_belongs_to_others_is_in_the_way() {
        let handlers = |handlers: Value| json!({"TCP": {"443": {"HTTPS": true}}, "Web": {"box.tail1.ts.net:443": {"Handlers": handlers}}});
        let root = handlers(json!({"/": {"Proxy": "http://127.0.0.1:3000"}}));
        assert_eq!(claim(&root, &route(false), &[]), Err(Conflict::Root));
        assert_eq!(release(&root, &route(false)), root);
        let port = json!({"TCP": {"443": {"TCPForward": "127.0.0.1:1"}}});
        assert_eq!(claim(&port, &route(false), &[]), Err(Conflict::Port));
        assert_eq!(claim(&foreign(), &route(true), &[]), Err(Conflict::Neighbours));
        let mut public = foreign();
        public["AllowFunnel"] = json!({"box.tail1.ts.net:443": true});
        assert_eq!(claim(&public, &route(false), &[]), Err(Conflict::Funnel));
    }
}
