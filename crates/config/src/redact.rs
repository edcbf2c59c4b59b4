//! Hiding secrets in a configuration that is shown.
//!
//! A string is hidden when its key has a secret for a type, when the key's name speaks of one,
//! or when it stands in an `env` or `headers` block. References to secrets and `${NAME}` stay
//! visible, they are no secrets. In doubt a string is hidden.

use serde_json::Value as Json;

use crate::secret::{REDACTED, SENSITIVE, is_variable_name};
use crate::shape;
use crate::syntax::{Document, Member, Node, Span, Value, quote};

/// Parts of key names that speak of a secret, in lower case without `_` and `-`.
const SECRET_WORDS: [&str; 9] = [
    "token",
    "password",
    "passphrase",
    "secret",
    "apikey",
    "privatekey",
    "credential",
    "authorization",
    "cookie",
];
/// Endings of key names that only speak about a secret: counts, files, names.
const HARMLESS_ENDINGS: [&str; 14] = [
    "tokens", "file", "path", "mode", "source", "provider", "policy", "profile", "profiles",
    "field", "env", "ms", "type", "header",
];
/// Blocks whose every string is hidden.
const SECRET_BLOCKS: [&str; 4] = ["env", "vars", "headers", "edgeAuth"];
/// Shortest secret that is also looked for in the rest of the text.
const MIN_SEARCHED: usize = 8;

/// Which tree is shown: the one as written still has its `${NAME}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Written,
    Resolved,
}

/// The tree as JSON, secrets hidden.
pub(crate) fn json(node: &Node, stage: Stage) -> Json {
    let mut redactor = Redactor { stage, hidden: Vec::new() };
    redactor.node(node, Some(shape::schema()), Context::default()).to_json()
}

/// The text of a file with the secrets in it and in its comments replaced.
pub(crate) fn text(text: &str, document: &Document) -> String {
    let mut redactor = Redactor { stage: Stage::Written, hidden: Vec::new() };
    redactor.node(&document.root, Some(shape::schema()), Context::default());
    let mut cuts: Vec<(Span, String)> =
        redactor.hidden.iter().map(|(span, _)| (*span, quote(REDACTED))).collect();
    for comment in &document.comments {
        let written = text.get(comment.range()).unwrap_or("");
        if speaks_of_secret(written) {
            cuts.push((*comment, hide_quoted(written)));
        }
    }
    cuts.sort_by_key(|(span, _)| span.start);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (span, instead) in cuts {
        let range = span.range();
        out.push_str(text.get(at..range.start).unwrap_or(""));
        out.push_str(&instead);
        at = range.end;
    }
    out.push_str(text.get(at..).unwrap_or(""));
    for (_, secret) in &redactor.hidden {
        if secret.len() >= MIN_SEARCHED && secret != REDACTED {
            out = out.replace(secret.as_str(), REDACTED);
        }
    }
    out
}

struct Redactor {
    stage: Stage,
    hidden: Vec<(Span, String)>,
}

#[derive(Clone, Copy, Default)]
struct Context {
    /// Whether the key, or a block around it, makes every string here a secret.
    secret: bool,
}

impl Redactor {
    fn node(&mut self, node: &Node, schema: Option<&Json>, context: Context) -> Node {
        let value = match &node.value {
            Value::String(text) => Value::String(self.string(node.span, text, context)),
            Value::Array(items) => {
                let inner = schema.and_then(|schema| shape::at(schema, "[]"));
                Value::Array(items.iter().map(|item| self.node(item, inner, context)).collect())
            }
            Value::Object(members) if context.secret && is_reference(node) => {
                Value::Object(members.clone())
            }
            Value::Object(members) => {
                let members = members.iter().map(|member| self.member(member, schema, context));
                Value::Object(members.collect())
            }
            // A number or flag under a secret's key may be a password typed without quotes.
            other if context.secret && !matches!(other, Value::Null | Value::Bool(_)) => {
                self.hidden.push((node.span, REDACTED.to_owned()));
                Value::String(REDACTED.to_owned())
            }
            other => other.clone(),
        };
        Node { span: node.span, value }
    }

    fn member(&mut self, member: &Member, schema: Option<&Json>, context: Context) -> Member {
        let inner = schema.and_then(|schema| shape::at(schema, &member.key));
        let typed = inner.is_some_and(|inner| inner.get(SENSITIVE).is_some());
        let block = SECRET_BLOCKS.contains(&member.key.as_str());
        let nested = matches!(member.node.value, Value::Object(_));
        let named = names_secret(&member.key) && !matches!(member.node.value, Value::Number(_));
        // A block makes its members secret, a name only what stands right there or in its list.
        let secret = context.secret || typed || named || (block && nested);
        let context = Context { secret };
        Member {
            key: member.key.clone(),
            key_span: member.key_span,
            node: self.node(&member.node, inner, context),
        }
    }

    fn string(&mut self, span: Span, text: &str, context: Context) -> String {
        let placeholder = self.stage == Stage::Written && is_placeholder(text);
        if context.secret && !text.is_empty() && !placeholder {
            self.hidden.push((span, text.to_owned()));
            return REDACTED.to_owned();
        }
        match without_login(text) {
            Some(clean) => {
                self.hidden.push((span, text.to_owned()));
                clean
            }
            None => text.to_owned(),
        }
    }
}

/// `{source, id}` is where a secret is, not the secret.
fn is_reference(node: &Node) -> bool {
    let kind = node.get("source").and_then(|member| member.node.as_str());
    node.get("id").is_some() && matches!(kind, Some("env" | "file" | "exec" | "store"))
}

/// Exactly one variable and nothing else: `${NAME}` or `$NAME`.
fn is_placeholder(text: &str) -> bool {
    let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    name.or_else(|| text.strip_prefix('$')).is_some_and(is_variable_name)
}

fn names_secret(key: &str) -> bool {
    let plain = key.to_lowercase().replace(['_', '-'], "");
    SECRET_WORDS.iter().any(|word| plain.contains(word))
        && !HARMLESS_ENDINGS.iter().any(|ending| plain.ends_with(ending))
}

fn speaks_of_secret(text: &str) -> bool {
    let plain = text.to_lowercase().replace(['_', '-'], "");
    SECRET_WORDS.iter().any(|word| plain.contains(word))
}

/// A URL without the login in front of its host, if it has one.
fn without_login(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(end)?;
    let (_, host) = authority.rsplit_once('@')?;
    Some(format!("{scheme}://{REDACTED}@{host}{tail}"))
}

/// A comment with everything between quotes, and every bare word after `:` or `=`, replaced.
fn hide_quoted(comment: &str) -> String {
    let mut out = String::with_capacity(comment.len());
    let mut rest = comment;
    while let Some(at) = rest.find(['"', '\'', ':', '=']) {
        let mark = rest.get(at..).and_then(|from| from.chars().next()).unwrap_or(':');
        let (before, from) = rest.split_at_checked(at + 1).unwrap_or((rest, ""));
        out.push_str(before);
        rest = from;
        if matches!(mark, '"' | '\'') {
            let end = from.find(mark).or_else(|| from.find('\n')).unwrap_or(from.len());
            out.push_str(REDACTED);
            rest = from.get(end..).unwrap_or("");
            if let Some(after) = rest.strip_prefix(mark) {
                out.push(mark);
                rest = after;
            }
            continue;
        }
        let word = from.trim_start_matches([' ', '\t']);
        let stops =
            |c: char| c.is_whitespace() || matches!(c, ',' | '"' | '\'' | '{' | '[' | '}' | ']');
        let length = word.find(stops).unwrap_or(word.len());
        if length > 0 {
            out.push_str(from.get(..from.len() - word.len()).unwrap_or(""));
            out.push_str(REDACTED);
            rest = word.get(length..).unwrap_or("");
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::syntax::parse;

    fn shown(text: &str, stage: Stage) -> Json {
        json(&parse(text, 0).unwrap().root, stage)
    }

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        let written = "{
            gateway: {auth: {token: 'tok-literal', password: '${PW}', mode: 'token'}, remote: {url: 'wss://u:p@h/x', token: {source: 'env', id: 'T'}}},
            models: {providers: {x: {apiKey: '$KEY', headers: {Authorization: 'Bearer abc', 'x-y': '1'}, baseUrl: 'http://h', models: [{id: 'm', maxTokens: 5}]}}},
            channels: {telegram: {botToken: '1:abc', tokenFile: '/f', accounts: {a: {webhookSecret: 's'}}}},
            env: {vars: {A: 'v'}, OPENAI_API_KEY: 'sk'},
            hooks: {token: 12345},
            skills: {entries: {s: {apiKey: 'k', env: {Z: 'z'}}}},
        }";
        let hidden = REDACTED;
        assert_eq!(
            shown(written, Stage::Written),
            json!({
                "gateway": {"auth": {"token": hidden, "password": "${PW}", "mode": "token"}, "remote": {"url": format!("wss://{hidden}@h/x"), "token": {"source": "env", "id": "T"}}},
                "models": {"providers": {"x": {"apiKey": "$KEY", "headers": {"Authorization": hidden, "x-y": hidden}, "baseUrl": "http://h", "models": [{"id": "m", "maxTokens": 5}]}}},
                "channels": {"telegram": {"botToken": hidden, "tokenFile": "/f", "accounts": {"a": {"webhookSecret": hidden}}}},
                "env": {"vars": {"A": hidden}, "OPENAI_API_KEY": hidden},
                "hooks": {"token": 12345},
                "skills": {"entries": {"s": {"apiKey": hidden, "env": {"Z": hidden}}}},
            })
        );
        let resolved = shown("{gateway: {auth: {token: '${PW}'}}}", Stage::Resolved);
        assert_eq!(resolved["gateway"]["auth"]["token"], hidden);
    }

    fn check_text(written: &str, expected: &str) {
        let found = text(written, &parse(written, 0).unwrap());
        assert_eq!(found, expected.replace('#', REDACTED));
    }

    #[test]
    fn the_text_keeps_everything_but_the_secrets() {
        check_text("{ // note\n a: 1 }", "{ // note\n a: 1 }");
        check_text(
            "{gateway:{auth:{token:'secret-1',}}} // end",
            "{gateway:{auth:{token:\"#\",}}} // end",
        );
        check_text(
            "{\n // token: \"old-one\", port: 1\n gateway: {}, // secret-2\n hooks: {token: 'secret-2'}}",
            "{\n // token: \"#\", port: #\n gateway: {}, // secret-2\n hooks: {token: \"#\"}}"
                .replace("secret-2", "#")
                .as_str(),
        );
        check_text("{/* apiKey = sk-1 */}", "{/* apiKey = # */}");
    }

    proptest! {
        #[test]
        fn no_secret_survives(secret in "[a-zA-Z0-9+/_.-]{12,40}") {
            let written = format!(
                "{{gateway: {{auth: {{token: '{secret}'}}}}, x: ['{secret}'], /* token: {secret} */ env: {{K: '{secret}'}}}} // '{secret}'"
            );
            let document = parse(&written, 0).unwrap();
            prop_assert!(!text(&written, &document).contains(&secret));
        }
    }
}
