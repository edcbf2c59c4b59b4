//! Tests wait for a condition, never for time: no `sleep(…)` in test code, and nothing is switched off.
//!
//! A test on paused time (`start_paused`) may sleep, for there it takes no time.

use super::{
    Problem,
    source::Source,
    tokens::{Spot, Token},
};

/// Reports `sleep(` and `#[ignore]` in tests.
pub(crate) fn check(sources: &[Source]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for source in sources {
        for (at, spot) in source.test.iter().enumerate() {
            let next = source.test.get(at + 1).map(|next| &next.token);
            if spot.is_ident("sleep")
                && next == Some(&Token::Open('('))
                && !paused(&source.test, at)
            {
                problems.push(Problem::new(
                    source.place(spot.line),
                    "a test sleeps: wait for a condition, or pause time with `start_paused`",
                ));
            }
            let before = at.checked_sub(1).and_then(|before| source.test.get(before));
            let in_attribute = before.is_some_and(|before| before.token == Token::Open('['));
            if in_attribute && (spot.is_ident("ignore") || spot.is_ident("should_panic")) {
                problems.push(Problem::new(
                    source.place(spot.line),
                    "tests are not switched off and do not expect panics",
                ));
            }
        }
    }
    problems
}

/// Whether the function around `at` runs on paused time.
fn paused(spots: &[Spot], at: usize) -> bool {
    let mut attributes_of_function = None;
    for (index, spot) in spots.iter().enumerate().take(at) {
        let name = spots.get(index + 2);
        let is_test = name.is_some_and(|name| name.is_ident("test") || name.is_ident("tokio"));
        if spot.is_punct('#') && is_test {
            attributes_of_function = Some(index);
        }
    }
    let Some(start) = attributes_of_function else { return false };
    spots
        .iter()
        .skip(start)
        .take_while(|spot| !spot.is_ident("fn"))
        .any(|spot| spot.is_ident("start_paused"))
}

#[cfg(test)]
mod tests {
    use super::{super::source::parsed, *};

    fn check_test(body: &str) -> usize {
        let text = format!("#[cfg(test)] mod tests {{ {body} }}");
        check(&[parsed("x", "src/a.rs", &text)]).len()
    }

    #[test]
    fn finds_sleeping_tests() {
        assert_eq!(check_test("#[test] fn t() { std::thread::sleep(x) }"), 1);
        assert_eq!(check_test("#[tokio::test] async fn t() { sleep(x).await }"), 1);
        assert_eq!(
            check_test("#[tokio::test(start_paused = true)] async fn t() { sleep(x).await }"),
            0
        );
        assert_eq!(check_test("#[test] #[ignore] fn t() {}"), 1);
        assert_eq!(check_test("#[test] fn t() { asleep() }"), 0);
        assert_eq!(check(&[parsed("x", "src/a.rs", "fn retry() { sleep(x) }")]).len(), 0);
    }
}
