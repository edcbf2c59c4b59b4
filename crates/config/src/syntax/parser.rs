//! The grammar of JSON5, by recursive descent.

mod numbers;
mod strings;

use super::text::{comment_length, continues_name, is_white_space, starts_name};
use super::{Document, MAX_DEPTH, Member, Node, Span, SyntaxError, Value};

type Parsed<T> = Result<T, SyntaxError>;

/// Reads a whole text; `file` is put into every span.
pub(crate) fn parse(text: &str, file: u16) -> Parsed<Document> {
    if u32::try_from(text.len()).is_err() {
        return Err(SyntaxError { offset: 0, message: "the text is too long".into() });
    }
    let mut parser = Parser { text, at: 0, file, depth: 0, comments: Vec::new() };
    parser.trivia()?;
    if parser.peek().is_none() {
        return Err(parser.fault("the text holds no value"));
    }
    let root = parser.value()?;
    parser.trivia()?;
    match parser.peek() {
        None => Ok(Document { root, comments: parser.comments }),
        Some(_) => Err(parser.fault("unexpected text after the end of the document")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    file: u16,
    depth: usize,
    comments: Vec<Span>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn fault(&self, message: impl Into<String>) -> SyntaxError {
        fault_at(self.at, message)
    }

    /// "expected … but found …", at the current place.
    fn expected(&self, what: &str) -> SyntaxError {
        match self.peek() {
            Some(found) => self.fault(format!("expected {what}, found {found:?}")),
            None => self.fault(format!("expected {what}, but the text ends here")),
        }
    }

    fn span_from(&self, start: usize) -> Span {
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Span { file: self.file, start: narrow(start), end: narrow(self.at) }
    }

    fn trivia(&mut self) -> Parsed<()> {
        loop {
            match self.peek() {
                Some(c) if is_white_space(c) => self.at += c.len_utf8(),
                Some('/') => {
                    let start = self.at;
                    match comment_length(self.rest()) {
                        Some(Some(length)) => self.at += length,
                        Some(None) => return Err(self.fault("a comment that is never closed")),
                        None => return Err(self.expected("a value, a key or a comment")),
                    }
                    let span = self.span_from(start);
                    self.comments.push(span);
                }
                _ => return Ok(()),
            }
        }
    }

    fn value(&mut self) -> Parsed<Node> {
        let start = self.at;
        let value = match self.peek() {
            Some('{') => self.nested(Self::object)?,
            Some('[') => self.nested(Self::array)?,
            Some(quote @ ('"' | '\'')) => Value::String(self.string(quote)?),
            Some(c) if c.is_ascii_digit() || matches!(c, '+' | '-' | '.') => self.number()?,
            Some(c) if starts_name(c) => self.word()?,
            _ => return Err(self.expected("a value")),
        };
        Ok(Node { span: self.span_from(start), value })
    }

    fn nested(&mut self, read: fn(&mut Self) -> Parsed<Value>) -> Parsed<Value> {
        if self.depth == MAX_DEPTH {
            return Err(self.fault(format!("more than {MAX_DEPTH} levels of nesting")));
        }
        self.depth += 1;
        self.next();
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Parsed<Value> {
        let mut members = Vec::new();
        loop {
            self.trivia()?;
            if self.eat('}') {
                return Ok(Value::Object(members));
            }
            let start = self.at;
            let key = self.key()?;
            let key_span = self.span_from(start);
            self.trivia()?;
            if !self.eat(':') {
                return Err(self.expected("':' after the key"));
            }
            self.trivia()?;
            let node = self.value()?;
            members.push(Member { key, key_span, node });
            self.trivia()?;
            if !self.eat(',') && self.peek() != Some('}') {
                return Err(self.expected("',' or '}'"));
            }
        }
    }

    fn array(&mut self) -> Parsed<Value> {
        let mut items = Vec::new();
        loop {
            self.trivia()?;
            if self.eat(']') {
                return Ok(Value::Array(items));
            }
            items.push(self.value()?);
            self.trivia()?;
            if !self.eat(',') && self.peek() != Some(']') {
                return Err(self.expected("',' or ']'"));
            }
        }
    }

    fn key(&mut self) -> Parsed<String> {
        match self.peek() {
            Some(quote @ ('"' | '\'')) => self.string(quote),
            Some(c) if starts_name(c) || c == '\\' => self.name(),
            _ => Err(self.expected("a key or '}'")),
        }
    }

    fn name(&mut self) -> Parsed<String> {
        let mut name = String::new();
        while let Some(c) = self.peek() {
            let start = self.at;
            let c = if c == '\\' {
                self.next();
                if !self.eat('u') {
                    return Err(fault_at(start, "only \\u escapes may stand in a bare key"));
                }
                self.unicode_escape(start)?
            } else if continues_name(c) {
                self.next();
                c
            } else {
                break;
            };
            let fits = if name.is_empty() { starts_name(c) } else { continues_name(c) };
            if !fits {
                return Err(fault_at(start, "a character that needs quotes around the key"));
            }
            name.push(c);
        }
        Ok(name)
    }

    fn word(&mut self) -> Parsed<Value> {
        let rest = self.rest();
        let end = rest.find(|c| !continues_name(c)).unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or(rest);
        let value = match word {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "Infinity" | "NaN" => Value::NonFinite,
            // The word itself may be a secret whose quotes were forgotten.
            _ => return Err(self.fault("expected a value; text needs quotes")),
        };
        self.at += end;
        Ok(value)
    }
}

fn fault_at(offset: usize, message: impl Into<String>) -> SyntaxError {
    SyntaxError { offset, message: message.into() }
}
