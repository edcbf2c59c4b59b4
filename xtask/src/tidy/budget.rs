//! File sizes: 300 lines as a rule (a note), 600 at the very most (a problem). Functions are clippy's.

use super::{Problem, source::Source};

const USUAL_LINES: usize = 300;
const MOST_LINES: usize = 600;

/// Problems, and notes about files that are longer than usual.
pub(crate) fn check(sources: &[Source]) -> (Vec<Problem>, Vec<String>) {
    let mut problems = Vec::new();
    let mut notes = Vec::new();
    for source in sources {
        let (lines, kind) = if source.all_test {
            (source.text.lines().count(), "lines of tests")
        } else {
            (source.production_lines, "lines without tests")
        };
        if lines > MOST_LINES {
            let message = format!("{lines} {kind}, {MOST_LINES} at the very most: split the file");
            problems.push(Problem::new(source.path.clone(), message));
        } else if lines > USUAL_LINES && !source.all_test {
            notes.push(format!("{}: {lines} {kind}, usual are {USUAL_LINES}", source.path));
        }
    }
    (problems, notes)
}

#[cfg(test)]
mod tests {
    use super::{super::source::parsed, *};

    #[test]
    fn counts_lines_without_tests() {
        let long = "// line\n".repeat(301);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "// line\n".repeat(700));
        let huge = "// line\n".repeat(601);
        let sources = [
            parsed("x", "src/long.rs", &long),
            parsed("x", "src/tested.rs", &tests),
            parsed("x", "src/huge.rs", &huge),
        ];
        let (problems, notes) = check(&sources);
        assert_eq!(notes.len(), 1);
        assert_eq!(problems.len(), 1);
        assert!(problems.iter().all(|problem| problem.place.ends_with("huge.rs")));
    }
}
