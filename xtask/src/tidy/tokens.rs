//! Source text as a flat list of tokens with lines, which is all that most rules need.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A name or keyword.
    Ident(String),
    /// One punctuation character.
    Punct(char),
    /// A literal as written, quotes included.
    Literal(String),
    /// `(`, `[` or `{`.
    Open(char),
    /// `)`, `]` or `}`.
    Close(char),
}

/// A token and the line it stands on.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    pub(crate) token: Token,
    pub(crate) line: usize,
}

impl Spot {
    /// The name, if the token is one.
    pub(crate) fn ident(&self) -> Option<&str> {
        match &self.token {
            Token::Ident(name) => Some(name),
            _ => None,
        }
    }

    pub(crate) fn is_ident(&self, name: &str) -> bool {
        self.ident() == Some(name)
    }

    pub(crate) fn is_punct(&self, wanted: char) -> bool {
        self.token == Token::Punct(wanted)
    }
}

/// Flattens a stream; groups become an opening and a closing token.
pub(crate) fn flatten(stream: TokenStream) -> Vec<Spot> {
    let mut spots = Vec::new();
    push(stream, &mut spots);
    spots
}

fn push(stream: TokenStream, spots: &mut Vec<Spot>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Ident(name) => {
                spots.push(Spot { token: Token::Ident(name.to_string()), line });
            }
            TokenTree::Punct(punct) => {
                spots.push(Spot { token: Token::Punct(punct.as_char()), line });
            }
            TokenTree::Literal(literal) => {
                spots.push(Spot { token: Token::Literal(literal.to_string()), line });
            }
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ('(', ')'),
                    Delimiter::Bracket => ('[', ']'),
                    Delimiter::Brace => ('{', '}'),
                    Delimiter::None => {
                        push(group.stream(), spots);
                        continue;
                    }
                };
                spots.push(Spot { token: Token::Open(open), line });
                push(group.stream(), spots);
                let line = group.span_close().end().line;
                spots.push(Spot { token: Token::Close(close), line });
            }
        }
    }
}

/// The names that may follow `::` at `at`: one, or the first of each branch of a `{…}`.
pub(crate) fn after_colons(spots: &[Spot], at: usize) -> Vec<&Spot> {
    if !(at_punct(spots, at, ':') && at_punct(spots, at + 1, ':')) {
        return Vec::new();
    }
    match spots.get(at + 2) {
        Some(spot) if spot.ident().is_some() => vec![spot],
        Some(spot) if spot.token == Token::Open('{') => branches(spots, at + 3),
        _ => Vec::new(),
    }
}

fn branches(spots: &[Spot], from: usize) -> Vec<&Spot> {
    let mut found = Vec::new();
    let (mut depth, mut first) = (1_usize, true);
    for spot in spots.iter().skip(from) {
        match &spot.token {
            Token::Open(_) => depth += 1,
            Token::Close(_) => depth -= 1,
            Token::Punct(',') if depth == 1 => first = true,
            Token::Ident(_) if depth == 1 && first => {
                found.push(spot);
                first = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    found
}

fn at_punct(spots: &[Spot], at: usize, wanted: char) -> bool {
    spots.get(at).is_some_and(|spot| spot.is_punct(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_names_after_colons() {
        let spots = flatten("crate::{a::x, b, c::{d, e}, self}".parse().unwrap());
        let names: Vec<_> =
            after_colons(&spots, 1).iter().filter_map(|spot| spot.ident()).collect();
        assert_eq!(names, ["a", "b", "c", "self"]);
        let spots = flatten("crate::store::open()".parse().unwrap());
        let names: Vec<_> =
            after_colons(&spots, 1).iter().filter_map(|spot| spot.ident()).collect();
        assert_eq!(names, ["store"]);
        assert!(after_colons(&flatten("super)".parse().unwrap_or_default()), 1).is_empty());
    }
}
