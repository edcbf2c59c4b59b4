use proptest::prelude::*;
use serde_json::json;

use super::*;

fn check_set(text: &str, path: &str, value: &str, expected: &str) {
    assert_eq!(set(text, path, value).unwrap(), expected, "{text:?} {path}");
}

fn check_unset(text: &str, path: &str, expected: Option<&str>) {
    assert_eq!(unset(text, path).unwrap().as_deref(), expected, "{text:?} {path}");
}

#[test]
fn values_are_read() {
    let text = "{a: {'b.c': [1, {d: null}]}} // end";
    assert_eq!(get(text, "a[\"b.c\"][0]").unwrap(), Some(json!(1)));
    assert_eq!(get(text, "a.'b.c'.1.d").unwrap(), Some(json!(null)));
    assert_eq!(get(text, "").unwrap(), Some(json!({"a": {"b.c": [1, {"d": null}]}})));
    for missing in ["b", "a.b", "a[0]", "a[\"b.c\"][2]", "a[\"b.c\"].x", "a[\"b.c\"][0].x"] {
        assert_eq!(get(text, missing).unwrap(), None, "{missing}");
    }
    assert_eq!(get("", "a").unwrap(), None);
    assert!(matches!(get("{a", "a"), Err(ConfigError::BadText { line: 1, column: 3, .. })));
}

#[test]
fn a_value_takes_the_place_of_another() {
    check_set("{ a: 1, /* x */ b: 2 }", "a", " [3] // new", "{ a: [3], /* x */ b: 2 }");
    check_set("{a:{b:[1,2]}}", "a.b[1]", "{c:1}", "{a:{b:[1,{c:1}]}}");
    check_set("{a:1,a:2}", "a", "3", "{a:1,a:3}");
    check_set("{\"a\": 'x' // s\n}", "a", "\"y\"", "{\"a\": \"y\" // s\n}");
}

#[test]
fn a_new_key_is_written_like_its_neighbours() {
    check_set("", "gateway.port", "1", "{\n  gateway: {\n    port: 1\n  }\n}\n");
    check_set("// mine\n", "a", "1", "// mine\n{\n  a: 1\n}\n");
    check_set("{}", "a", "1", "{\n  a: 1\n}");
    check_set("{a: 1}", "b", "2", "{a: 1, b: 2}");
    check_set("{a: 1,}", "b", "2", "{a: 1, b: 2,}");
    check_set("{\n  a: 1\n}", "b", "2", "{\n  a: 1,\n  b: 2\n}");
    check_set("{\n  a: 1, // one\n}", "b", "2", "{\n  a: 1, // one\n  b: 2,\n}");
    check_set("{\n  a: 1 // one\n}", "b", "2", "{\n  a: 1, // one\n  b: 2\n}");
    check_set(
        "{\n  a: 1 /* x */ , /* y */ // z\n}",
        "b",
        "2",
        "{\n  a: 1 /* x */ , /* y */ // z\n  b: 2,\n}",
    );
    check_set("{\n  a: 1 }", "b", "2", "{\n  a: 1,\n  b: 2 }");
    check_set("{\r\n\t\"a\": {}\r\n}", "a.b", "2", "{\r\n\t\"a\": {\r\n\t\t\"b\": 2\r\n\t}\r\n}");
    check_set(
        "{\n    \"a\": 1\n}",
        "b.c",
        "2",
        "{\n    \"a\": 1,\n    \"b\": {\n        \"c\": 2\n    }\n}",
    );
    check_set("{ /* none */ }", "a", "1", "{\n  a: 1\n /* none */ }");
    check_set("{ // none\n}", "a", "1", "{\n  a: 1 // none\n}");
    check_set("{a: 1}", "b-c", "2", "{a: 1, \"b-c\": 2}");
}

#[test]
fn lists_grow_at_their_end() {
    check_set("{a: [1]}", "a[1]", "2", "{a: [1, 2]}");
    check_set("{a: []}", "a[0]", "2", "{a: [\n  2\n]}");
    check_set("{\n  a: [\n    1,\n  ]\n}", "a.1", "2", "{\n  a: [\n    1,\n    2,\n  ]\n}");
    check_set("{}", "a[0].b", "1", "{\n  a: [\n    {\n      b: 1\n    }\n  ]\n}");
}

#[test]
fn what_cannot_be_set_is_refused() {
    for (text, path, reason) in [
        ("{a: 1}", "a.b", "single value"),
        ("{a: null}", "a.b", "single value"),
        ("{a: {}}", "a[0]", "not a list"),
        ("{a: [1]}", "a.b", "no index"),
        ("{a: [1]}", "a[2]", "past the end"),
        ("{}", "a[1]", "begins at 0"),
        ("[]", "a", "no index"),
        ("7", "a", "single value"),
    ] {
        let error = set(text, path, "1").unwrap_err();
        assert!(error.to_string().contains(reason), "{text} {path}: {error}");
    }
    assert!(matches!(set("{}", "", "1"), Err(ConfigError::BadKeyPath { .. })));
    assert!(matches!(set("{}", "a", "{b:"), Err(ConfigError::BadValue { .. })));
    assert!(matches!(set("{}", "a", "1 2"), Err(ConfigError::BadValue { .. })));
    assert!(matches!(set("{a", "a", "1"), Err(ConfigError::BadText { .. })));
    let hidden = format!("{{token: '{REDACTED}'}}");
    assert!(matches!(set("{}", "a", &hidden), Err(ConfigError::RedactedValue)));
    let deep = format!("{}1{}", "[".repeat(60), "]".repeat(60));
    assert!(set("{a:{b:{}}}", "a.b.c", &deep).is_ok());
    assert!(set("{a:{b:{c:{d:{}}}}}", "a.b.c.d.e", &deep).is_err());
}

#[test]
fn a_removed_key_leaves_no_trace() {
    check_unset("{a: 1}", "a", Some("{}"));
    check_unset("{ a: 1, b: 2 }", "a", Some("{ b: 2 }"));
    check_unset("{ a: 1, b: 2 }", "b", Some("{ a: 1 }"));
    check_unset("{a: 1, b: 2,}", "b", Some("{a: 1, }"));
    check_unset("{\n  a: 1,\n  b: 2\n}", "a", Some("{\n  b: 2\n}"));
    check_unset("{\n  a: 1,\n  b: 2\n}", "b", Some("{\n  a: 1\n}"));
    check_unset("{\r\n  a: 1,\r\n  b: 2,\r\n}", "b", Some("{\r\n  a: 1,\r\n}"));
    check_unset("{\n  a: {\n    x: 1,\n  },\n  b: 2\n}", "a", Some("{\n  b: 2\n}"));
    check_unset("{a: [1, 2, 3]}", "a[1]", Some("{a: [1, 3]}"));
    check_unset("{a: [1, 2, 3]}", "a.2", Some("{a: [1, 2]}"));
    check_unset("{a:1,b:2,a:3}", "a", Some("{b:2}"));
    for missing in ["b", "a.b", "a[0]"] {
        check_unset("{a: 1}", missing, None);
    }
    check_unset("", "a", None);
}

#[test]
fn comments_stay() {
    check_unset(
        "{\n  // about a\n  a: 1, // one\n  b: 2\n}",
        "a",
        Some("{\n  // about a\n   // one\n  b: 2\n}"),
    );
    check_unset("{a: 1 /* x */, /* y */ b: 2}", "a", Some("{ /* x */ /* y */ b: 2}"));
    check_unset(
        "{\n  a: 1, // one\n  // about b\n  b: 2 // two\n}",
        "b",
        Some("{\n  a: 1 // one\n  // about b\n   // two\n}"),
    );
}

/// A document with comments, in many styles; every key in it is unique.
fn document() -> impl Strategy<Value = String> {
    let trivia = prop::sample::select(vec!["", " ", "\n  ", " /* c */ ", " // d\n  ", "\r\n\t"]);
    let scalar =
        prop::sample::select(vec!["1", "-2.5e3", "'s'", "\"t\\n\"", "null", "true", "0x1f"]);
    let leaf = scalar.prop_map(str::to_owned);
    let value = leaf.prop_recursive(3, 24, 4, move |inner| {
        let gap = trivia.clone();
        let entries = prop::collection::vec((gap.clone(), inner, gap.clone(), gap.clone()), 0..4);
        (entries, any::<bool>(), any::<bool>(), gap).prop_map(|(entries, list, comma, end)| {
            let count = entries.len();
            let body: String = entries
                .into_iter()
                .enumerate()
                .map(|(index, (before, value, middle, after))| {
                    let key = match (list, index % 2) {
                        (true, _) => String::new(),
                        (false, 0) => format!("k{index}:{middle}"),
                        (false, _) => format!("\"q {index}\"{middle}:"),
                    };
                    let comma = if index + 1 < count || comma { "," } else { "" };
                    format!("{before}{key}{value}{after}{comma}")
                })
                .collect();
            if list { format!("[{body}{end}]") } else { format!("{{{body}{end}}}") }
        })
    });
    (value.clone(), value).prop_map(|(a, b)| {
        format!("// head\n{{\n  first: {a}, // one\n  second: {b}\n}}\n// tail\n")
    })
}

fn paths(node: &Node, above: &KeyPath, found: &mut Vec<KeyPath>) {
    let mut visit = |segment, node: &Node| {
        let mut path = above.clone();
        path.0.push(segment);
        paths(node, &path, found);
        found.push(path);
    };
    for member in node.members() {
        visit(Segment::Key(member.key.clone()), &member.node);
    }
    for (index, item) in node.items().iter().enumerate() {
        visit(Segment::Index(index), item);
    }
}

fn comments(text: &str) -> Vec<String> {
    let document = syntax::parse(text, 0).unwrap();
    document.comments.iter().map(|span| text[span.range()].to_owned()).collect()
}

fn change(json: &mut Json, path: &KeyPath, value: Option<Json>) {
    let (last, above) = path.0.split_last().unwrap();
    let parent = above.iter().fold(json, |json, segment| match segment {
        Segment::Key(key) => &mut json[key],
        Segment::Index(index) => &mut json[index],
    });
    match (last, value) {
        (Segment::Key(key), Some(value)) => parent[key] = value,
        (Segment::Index(index), Some(value)) => parent[index] = value,
        (Segment::Key(key), None) => drop(parent.as_object_mut().unwrap().remove(key)),
        (Segment::Index(index), None) => drop(parent.as_array_mut().unwrap().remove(*index)),
    }
}

/// The comments that stand inside one value.
fn comments_within(text: &str, path: &KeyPath) -> usize {
    let document = syntax::parse(text, 0).unwrap();
    let (last, above) = path.0.split_last().unwrap();
    let parent = above.iter().fold(&document.root, |node, segment| step(node, segment).unwrap());
    let range = match last {
        Segment::Key(key) => {
            let member = parent.get(key).unwrap();
            member.key_span.range().start..member.node.span.range().end
        }
        Segment::Index(index) => parent.items()[*index].span.range(),
    };
    document.comments.iter().filter(|span| range.contains(&span.range().start)).count()
}

proptest! {
    #[test]
    fn what_is_set_is_got_and_the_rest_stays(text in document(), pick in any::<prop::sample::Index>(), number in any::<i32>()) {
        let tree = syntax::parse(&text, 0).unwrap().root;
        let mut all = Vec::new();
        paths(&tree, &KeyPath::default(), &mut all);
        let path = pick.get(&all);
        let edited = set(&text, &path.to_string(), &number.to_string()).unwrap();
        let mut expected = tree.to_json();
        change(&mut expected, path, Some(json!(number)));
        prop_assert_eq!(syntax::parse(&edited, 0).unwrap().root.to_json(), expected);
        prop_assert_eq!(get(&edited, &path.to_string()).unwrap(), Some(json!(number)));
        // Nothing but the value changed: what stood before and after it is there, byte for byte.
        let node = path.0.iter().fold(&tree, |node, segment| step(node, segment).unwrap());
        prop_assert!(edited.starts_with(&text[..node.span.range().start]));
        prop_assert!(edited.ends_with(&text[node.span.range().end..]));
    }

    #[test]
    fn new_keys_keep_the_rest(text in document(), pick in any::<prop::sample::Index>(), key in "[a-z]{3}|[^\\x00-\\x1f]{1,4}") {
        let tree = syntax::parse(&text, 0).unwrap().root;
        let mut all = Vec::new();
        paths(&tree, &KeyPath::default(), &mut all);
        all.push(KeyPath::default());
        let objects: Vec<&KeyPath> = all
            .iter()
            .filter(|path| {
                let node = path.0.iter().fold(&tree, |node, segment| step(node, segment).unwrap());
                matches!(node.value, Value::Object(_)) && node.get(&key).is_none()
            })
            .collect();
        prop_assume!(!objects.is_empty());
        let mut path = (*pick.get(&objects)).clone();
        path.0.push(Segment::Key(key));
        let edited = set(&text, &path.to_string(), "{new: [1]}").unwrap();
        let mut expected = tree.to_json();
        change(&mut expected, &path, Some(json!({"new": [1]})));
        prop_assert_eq!(syntax::parse(&edited, 0).unwrap().root.to_json(), expected);
        prop_assert_eq!(comments(&edited), comments(&text));
        let back = unset(&edited, &path.to_string()).unwrap().unwrap();
        prop_assert_eq!(syntax::parse(&back, 0).unwrap().root.to_json(), tree.to_json());
        prop_assert_eq!(comments(&back), comments(&text));
    }

    #[test]
    fn unset_removes_just_that(text in document(), pick in any::<prop::sample::Index>()) {
        let tree = syntax::parse(&text, 0).unwrap().root;
        let mut all = Vec::new();
        paths(&tree, &KeyPath::default(), &mut all);
        let path = pick.get(&all);
        let edited = unset(&text, &path.to_string()).unwrap().unwrap();
        let mut expected = tree.to_json();
        change(&mut expected, path, None);
        prop_assert_eq!(syntax::parse(&edited, 0).unwrap().root.to_json(), expected);
        prop_assert_eq!(comments(&edited).len() + comments_within(&text, path), comments(&text).len());
    }

    #[test]
    fn never_panics(text in any::<String>(), path in any::<String>(), value in any::<String>()) {
        get(&text, &path).ok();
        set(&text, &path, &value).ok();
        unset(&text, &path).ok();
    }

    #[test]
    fn broken_texts_never_panic(text in document(), cut in any::<prop::sample::Index>(), path in "[a-z0-9.\\[\\]]{0,8}") {
        let chars: Vec<char> = text.chars().collect();
        let broken: String = chars[..cut.index(chars.len())].iter().collect();
        get(&broken, &path).ok();
        set(&broken, &path, "1").ok();
        unset(&broken, &path).ok();
    }
}
