//! Markdown tables.

/// A table with a heading; cells may hold anything but line breaks, which become spaces.
pub(crate) fn table(heading: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = line(heading.iter().map(|cell| (*cell).to_owned()));
    text.push_str(&line(heading.iter().map(|_| "---".to_owned())));
    for row in rows {
        text.push_str(&line(row.into_iter().map(|cell| escaped(&cell))));
    }
    text
}

fn line(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

fn escaped(cell: &str) -> String {
    let words: Vec<&str> = cell.split_whitespace().collect();
    words.join(" ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_does_not_end_a_cell() {
        let text = table(&["a", "b"], [vec!["x|y".to_owned(), "one\ntwo".to_owned()]]);
        assert_eq!(text, "| a | b |\n| --- | --- |\n| x\\|y | one two |\n");
    }
}
