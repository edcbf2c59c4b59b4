use super::*;

fn argvs(text: &str) -> Vec<(Join, Vec<String>)> {
    let line = parse(text).unwrap_or_else(|why| panic!("{text:?}: {why}"));
    line.commands.into_iter().map(|command| (command.join, command.argv)).collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn literal_words_are_understood() {
    for (text, expected) in [
        ("ls", &["ls"] as &[&str]),
        ("ls -la /tmp", &["ls", "-la", "/tmp"]),
        ("echo 'a b' \"c d\" e\\ f", &["echo", "a b", "c d", "e f"]),
        ("echo a'b'\"c\"d", &["echo", "abcd"]),
        ("echo '$HOME' \"\\$HOME\" \"a\\nb\"", &["echo", "$HOME", "$HOME", "a\\nb"]),
        ("echo ''", &["echo", ""]),
        ("'ls' -l", &["ls", "-l"]),
        ("l\\s", &["ls"]),
        ("head -n 5", &["head", "-n", "5"]),
        ("git log --since=yesterday", &["git", "log", "--since=yesterday"]),
        ("ls # a comment", &["ls"]),
        ("echo 'it'\\''s'", &["echo", "it's"]),
        ("echo é", &["echo", "é"]),
        ("echo \"a; rm -rf b\"", &["echo", "a; rm -rf b"]),
    ] {
        assert_eq!(argvs(text), [(Join::First, words(expected))], "{text}");
    }
}

#[test]
fn chains_keep_their_order_and_their_joins() {
    let found = argvs("a 1 && b || c; d | e\nf");
    let joins: Vec<Join> = found.iter().map(|(join, _)| *join).collect();
    assert_eq!(joins, [Join::First, Join::And, Join::Or, Join::Then, Join::Pipe, Join::Then]);
    let names: Vec<&str> = found.iter().map(|(_, argv)| argv[0].as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e", "f"]);
    let line = parse("a 'x y' | b 2>&1 && c >/dev/null").expect("understood");
    assert_eq!(line.render(), "'a' 'x y' | 'b' 2>&1 && 'c' >/dev/null");
    assert_eq!(parse(&line.render()), Ok(line));
}

#[test]
fn everything_else_is_unclear() {
    for text in [
        "",
        " ",
        "# only a comment",
        "ls &",
        "ls & rm x",
        "ls `id`",
        "ls $(id)",
        "ls \"$(id)\"",
        "ls \"`id`\"",
        "ls $HOME",
        "ls ${HOME}",
        "ls \"$HOME\"",
        "ls $'\\x41'",
        "ls $\"x\"",
        "ls $((1+1))",
        "ls <(id)",
        "ls > out",
        "ls >> out",
        "ls 2> out",
        "cat < in",
        "cat <<< x",
        "cat <<EOF\nx\nEOF",
        "ls *.txt",
        "ls ?",
        "ls [a]",
        "ls {a,b}",
        "ls ~",
        "ls ~root",
        "A=1 ls",
        "A=1",
        "PATH=/x ls",
        "(ls)",
        "{ ls; }",
        "! ls",
        "if ls; then rm x; fi",
        "while ls; do rm x; done",
        "for a in b; do rm x; done",
        "f() { ls; }",
        "ls |& cat",
        "[[ a ]]",
        "ls 'open",
        "ls \"open",
        "ls \\",
        "ls \\\n-l",
        "ls\r\nrm x",
        "ls \u{1b}[1m",
        "export A=1",
        "ls >&out",
        "ls >| out",
        "ls <> x",
        "case a in a) ls;; esac",
        "$cmd",
        "\"$cmd\"",
        "ls && ",
        "&& ls",
        "ls ;; rm",
        "ls | ",
        "function f { ls; }",
        "coproc ls",
        "ls 3>&1",
        "ls 2>/dev/null/x",
        "ls >/dev/nullx",
        "ls > /dev/null2",
        "unset PATH",
        "declare -x A=1",
        "((a=1))",
        "ls a=~",
    ] {
        assert!(parse(text).is_err(), "{text:?} became {:?}", parse(text));
    }
    assert!(parse(&format!("echo {}", "x".repeat(MAX_TEXT))).is_err());
    assert!(parse(&"(".repeat(5000)).is_err());
}

#[test]
fn words_survive_quoting() {
    for word in ["", "a", "it's", "$(id)", "a\nb", "''", "\\", "a'b'c", "`x`", "é"] {
        let text = format!("echo {}", quoted(word));
        assert_eq!(argvs(&text), [(Join::First, words(&["echo", word]))]);
    }
}
