use proptest::prelude::*;
use serde_json::json;

use super::*;

fn json_of(text: &str) -> Json {
    parse(text, 0).unwrap_or_else(|error| panic!("{text:?}: {error:?}")).root.to_json()
}

fn check(text: &str, expected: &Json) {
    assert_eq!(&json_of(text), expected, "{text:?}");
}

fn refuse(text: &str, offset: usize, message: &str) {
    let error = parse(text, 0).expect_err(text);
    assert_eq!(error.offset, offset, "{text:?}: {error:?}");
    assert!(error.message.contains(message), "{text:?}: {error:?}");
}

#[test]
fn values() {
    check("null", &json!(null));
    check(" true ", &json!(true));
    check("[]", &json!([]));
    check("{}", &json!({}));
    check("[1,2,]", &json!([1, 2]));
    check("{a:1,'b':2,\"c\":3,$_:4,ünïcode:5,}", &json!({"a":1,"b":2,"c":3,"$_":4,"ünïcode":5}));
    check("{a:{b:[{c:null}]}}", &json!({"a":{"b":[{"c":null}]}}));
    check("{a:1,a:2}", &json!({"a":2}));
    check("{\\u0061b:1}", &json!({"ab":1}));
    check("{null:1,true:2,Infinity:3}", &json!({"null":1,"true":2,"Infinity":3}));
    check("\u{feff}// c\n/* d **/ 1 // e", &json!(1));
}

#[test]
fn numbers() {
    for (text, expected) in [
        ("0", json!(0)),
        ("-0x10", json!(-16)),
        ("0xFF", json!(255)),
        ("+1", json!(1)),
        (".5", json!(0.5)),
        ("5.", json!(5)),
        ("5.0", json!(5)),
        ("1e3", json!(1000)),
        ("1.5e-1", json!(0.15)),
        ("18446744073709551615", json!(u64::MAX)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("Infinity", json!(null)),
        ("-NaN", json!(null)),
    ] {
        check(text, &expected);
    }
    for text in ["01", "1a", "0x", ".", "-", "1e", "1e+", "1.2.3", "+-1", "0x1FFFFFFFFFFFFFFFF"] {
        assert!(parse(text, 0).is_err(), "{text}");
    }
}

#[test]
fn strings() {
    check(r#""a\"b\\c\/d""#, &json!("a\"b\\c/d"));
    check(r"'\x41\u0042\n\0'", &json!("AB\n\0"));
    check(r"'\uD83D\uDE00'", &json!("😀"));
    check("'one\\\r\ntwo\\\nthree'", &json!("onetwothree"));
    check("'\u{2028}'", &json!("\u{2028}"));
    for text in
        [r"'\1'", r"'\01'", r"'\xg0'", r"'\uD83D'", r"'\uDE00\uD83D'", "'a\nb'", "'a", "\"a'"]
    {
        assert!(parse(text, 0).is_err(), "{text}");
    }
}

#[test]
fn faults_name_their_place() {
    refuse("", 0, "no value");
    refuse("  // only\n", 10, "no value");
    refuse("{a 1}", 3, "':' after the key");
    refuse("{a:1 b:2}", 5, "',' or '}'");
    refuse("[1 2]", 3, "',' or ']'");
    refuse("{a:}", 3, "expected a value, found '}'");
    refuse("{a:", 3, "the text ends here");
    refuse("{a:1", 4, "the text ends here");
    refuse("{,}", 1, "a key or '}'");
    refuse("{} x", 3, "after the end");
    refuse("{a:'x\n'}", 5, "line end");
    refuse("{a:'x}", 3, "never closed");
    refuse("/* x", 0, "never closed");
    refuse("{a:/}", 3, "comment");
    refuse("{token: hunter2}", 8, "needs quotes");
    let error = parse("{token: hunter2}", 0).unwrap_err();
    assert!(!error.message.contains("hunter2"));
}

#[test]
fn depth_is_limited() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&nested(MAX_DEPTH), 0).is_ok());
    refuse(&nested(MAX_DEPTH + 1), MAX_DEPTH, "levels");
    assert!(parse(&"[".repeat(1_000_000), 0).is_err());
    assert!(parse(&"{a:".repeat(1_000_000), 0).is_err());
}

#[test]
fn spans_cover_exactly_the_value() {
    let text = "{ // c\n key : [ 'é', 2 ] }";
    let document = parse(text, 3).unwrap();
    let member = document.root.get("key").unwrap();
    assert_eq!(&text[member.key_span.range()], "key");
    assert_eq!(&text[member.node.span.range()], "[ 'é', 2 ]");
    assert_eq!(&text[member.node.items()[0].span.range()], "'é'");
    assert_eq!(&text[document.comments[0].range()], "// c");
    assert_eq!(member.node.span.file, 3);
}

#[test]
fn lines_and_columns_count_from_one() {
    let text = "a\nbé x\r\n\n";
    let lines = Lines::of(text);
    let of = |what: &str| lines.position(text, text.find(what).unwrap());
    assert_eq!(of("a"), (1, 1));
    assert_eq!(of("b"), (2, 1));
    assert_eq!(of("x"), (2, 4));
    assert_eq!(lines.position(text, text.len()), (4, 1));
    assert_eq!(lines.position(text, 999), (4, 1));
    assert_eq!(Lines::of("").position("", 0), (1, 1));
}

/// Pieces that make texts which are often, but not always, JSON5.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        " ",
        "\n",
        "\"a\"",
        "'b'",
        "c",
        "\\u0064",
        "1",
        "-2.5",
        "0x1f",
        ".5e3",
        "true",
        "null",
        "Infinity",
        "NaN",
        "// x\n",
        "/* y */",
        "'\\x41\\\n'",
        "\u{feff}",
        "é",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// The judgement of the `json5` crate on the same text, as JSON.
fn second_opinion(text: &str) -> Result<Json, json5::Error> {
    json5::from_str::<Json>(text)
}

proptest! {
    #[test]
    fn never_panics(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        parse(&text, 0).ok();
        parse(&String::from_utf8_lossy(&bytes), 0).ok();
    }

    #[test]
    fn agrees_with_the_json5_crate(text in soup()) {
        match (parse(&text, 0), second_opinion(&text)) {
            (Ok(ours), Ok(theirs)) => prop_assert!(same(&ours.root.to_json(), &theirs), "{text}"),
            (Err(_), Err(_)) => {}
            (ours, theirs) => prop_assert!(false, "{text:?}: {ours:?} against {theirs:?}"),
        }
    }

    #[test]
    fn reads_what_serde_writes(text in ".*", number in any::<i64>(), float in any::<f64>()) {
        let value = json!({ "k": [text, number, float, { text.clone(): null }] });
        prop_assert!(same(&json_of(&value.to_string()), &value));
    }
}

/// Equal, whole numbers being equal however they are kept.
fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}
