//! Patterns over paths and arguments.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};
use regex::{Regex, RegexBuilder};

/// Largest compiled expression, in bytes.
const MAX_REGEX: usize = 1024 * 1024;

/// A glob over a whole real path: `*` and `?` stay within a folder, `**` does not.
pub(crate) fn path(pattern: &str, home: &Path) -> Result<GlobMatcher, String> {
    let whole = match pattern.strip_prefix("~/") {
        Some(rest) => format!("{}/{rest}", literal(&home.display().to_string())),
        None => pattern.to_owned(),
    };
    GlobBuilder::new(&whole)
        .literal_separator(true)
        .backslash_escape(true)
        .case_insensitive(cfg!(target_os = "macos"))
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| error.to_string())
}

/// Whether a pattern matches a real path. One that is malformed matches nothing.
pub(crate) fn path_matches(pattern: &str, home: &Path, real: &Path) -> bool {
    if !pattern.contains(['*', '?', '[', '{', '\\', '~']) && !cfg!(target_os = "macos") {
        return Path::new(pattern) == real;
    }
    path(pattern, home).is_ok_and(|glob| glob.is_match(real))
}

/// A pattern that matches exactly this path.
pub(crate) fn literal(path: &str) -> String {
    globset::escape(path).replace('\\', "\\\\")
}

/// An expression over all of the arguments.
pub(crate) fn arguments(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(&format!("^(?:{pattern})$"))
        .size_limit(MAX_REGEX)
        .dot_matches_new_line(true)
        .build()
        .map_err(|error| error.to_string())
}

/// Whether an expression matches the arguments. One that is malformed matches nothing.
pub(crate) fn arguments_match(pattern: &str, given: &[String]) -> bool {
    let joined = if pattern.contains('\0') || pattern.contains("\\x00") {
        given.iter().map(|argument| format!("{argument}\0")).collect()
    } else {
        given.join(" ")
    };
    arguments(pattern).is_ok_and(|regex| regex.is_match(&joined))
}

/// An expression that matches exactly these arguments.
pub(crate) fn exactly(given: &[String]) -> String {
    if given.is_empty() {
        // Without a zero character it would be taken for arguments joined by spaces, of which one may be "".
        return "\\x00{0}".to_owned();
    }
    given.iter().map(|argument| format!("{}\\x00", regex::escape(argument))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_pattern_is_compared_with_the_whole_path() {
        for (pattern, real, expected) in [
            ("/usr/bin/git", "/usr/bin/git", true),
            ("/usr/bin/git", "/usr/bin/git-evil", false),
            ("/usr/bin/git", "/tmp/usr/bin/git", false),
            ("/usr/bin/*", "/usr/bin/git", true),
            ("/usr/*/git", "/usr/local/bin/git", false),
            ("/usr/**/git", "/usr/local/bin/git", true),
            ("**/git", "/opt/x/git", true),
            ("git", "/usr/bin/git", false),
            ("~/bin/*", "/home/me/bin/x", true),
            ("~/bin/*", "/home/you/bin/x", false),
            ("/usr/bin/gi?", "/usr/bin/git", true),
        ] {
            let matcher = path(pattern, Path::new("/home/me")).expect("a pattern");
            assert_eq!(matcher.is_match(real), expected, "{pattern} {real}");
        }
        let odd = "/tmp/a[b]{c}*?\\d";
        assert!(path(&literal(odd), Path::new("/")).expect("a pattern").is_match(odd));
        assert!(!path(&literal("/tmp/*"), Path::new("/")).expect("a pattern").is_match("/tmp/x"));
    }

    #[test]
    fn arguments_match_as_a_whole() {
        for given in [&[] as &[&str], &["a"], &["a b"], &["a", "b"], &["", ""], &["(x|y)*", "\n"]] {
            let pattern = exactly(&strings(given));
            assert!(arguments_match(&pattern, &strings(given)), "{given:?}");
            for other in [&[] as &[&str], &["a"], &["a b"], &["a", "b"], &[""], &["a", "b", "c"]] {
                let same = given == other;
                assert_eq!(arguments_match(&pattern, &strings(other)), same, "{given:?} {other:?}");
            }
        }
        assert!(arguments_match("status|log .*", &strings(&["log", "-1"])));
        assert!(!arguments_match("status|log .*", &strings(&["push", "status"])));
        assert!(!arguments_match("status|log", &strings(&["status", "--x"])));
        assert!(!arguments_match("(", &strings(&["("])));
    }
}
