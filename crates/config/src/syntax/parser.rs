//! The grammar of JSON5, by recursive descent.

use serde_json::Number;

use super::text::{comment_length, continues_name, is_line_end, is_white_space, starts_name};
use super::{Document, MAX_DEPTH, Member, Node, Span, SyntaxError, Value};

type Parsed<T> = Result<T, SyntaxError>;

/// Largest whole number that every reader of JSON agrees on.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

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

    fn number(&mut self) -> Parsed<Value> {
        let start = self.at;
        let negative = self.eat('-');
        if !negative {
            self.eat('+');
        }
        let rest = self.rest();
        for word in ["Infinity", "NaN"] {
            if rest.starts_with(word) {
                self.at += word.len();
                return self.end_of_number(start, Value::NonFinite);
            }
        }
        if let Some(digits) = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")) {
            let length = run(digits, |c| c.is_ascii_hexdigit());
            let digits = digits.get(..length).unwrap_or("");
            let value = u64::from_str_radix(digits, 16)
                .map_err(|_| fault_at(start, "not a hexadecimal number of at most 64 bits"))?;
            self.at += 2 + length;
            let number = match (negative, i64::try_from(value)) {
                (false, _) => Number::from(value),
                (true, Ok(value)) => Number::from(-value),
                (true, Err(_)) => return Err(fault_at(start, "a number out of range")),
            };
            return self.end_of_number(start, Value::Number(number));
        }
        let length = decimal_length(rest).ok_or_else(|| fault_at(start, "not a number"))?;
        let digits = rest.get(..length).unwrap_or("");
        self.at += length;
        let number =
            decimal(digits, negative).ok_or_else(|| fault_at(start, "a number out of range"))?;
        self.end_of_number(start, Value::Number(number))
    }

    fn end_of_number(&self, start: usize, value: Value) -> Parsed<Value> {
        match self.peek() {
            Some(c) if continues_name(c) || c == '.' => Err(fault_at(start, "not a number")),
            _ => Ok(value),
        }
    }

    fn string(&mut self, quote: char) -> Parsed<String> {
        let open = self.at;
        self.next();
        let mut text = String::new();
        loop {
            let start = self.at;
            match self.next() {
                None => return Err(fault_at(open, "a string that is never closed")),
                Some(c) if c == quote => return Ok(text),
                Some('\\') => {
                    if let Some(c) = self.escape(start)? {
                        text.push(c);
                    }
                }
                Some('\n' | '\r') => {
                    return Err(fault_at(
                        start,
                        "a line end inside a string; close it, or end the line with '\\'",
                    ));
                }
                Some(c) => text.push(c),
            }
        }
    }

    /// The character that an escape stands for, or none for a continued line.
    fn escape(&mut self, start: usize) -> Parsed<Option<char>> {
        let Some(c) = self.next() else {
            return Err(fault_at(start, "a string that is never closed"));
        };
        Ok(Some(match c {
            '\r' => {
                self.eat('\n');
                return Ok(None);
            }
            c if is_line_end(c) => return Ok(None),
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            '0' if !self.peek().is_some_and(|c| c.is_ascii_digit()) => '\0',
            '0'..='9' => return Err(fault_at(start, "digits cannot be escaped")),
            'x' => {
                let code = self.hex(2, start)?;
                char::from_u32(code).ok_or_else(|| fault_at(start, "not a character"))?
            }
            'u' => self.unicode_escape(start)?,
            other => other,
        }))
    }

    /// Four digits after `\u`, or two such escapes that make one character.
    fn unicode_escape(&mut self, start: usize) -> Parsed<char> {
        let high = self.hex(4, start)?;
        if let Some(c) = char::from_u32(high) {
            return Ok(c);
        }
        let not_a_character = || fault_at(start, "half of a surrogate pair");
        if !(self.eat('\\') && self.eat('u')) {
            return Err(not_a_character());
        }
        let low = self.hex(4, start)?;
        let units = [high, low].map(|unit| u16::try_from(unit).unwrap_or_default());
        match char::decode_utf16(units).next() {
            Some(Ok(c)) => Ok(c),
            _ => Err(not_a_character()),
        }
    }

    fn hex(&mut self, count: usize, start: usize) -> Parsed<u32> {
        let digits = self.rest().get(..count).filter(|d| d.chars().all(|c| c.is_ascii_hexdigit()));
        let value = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at += count;
        value.ok_or_else(|| fault_at(start, format!("expected {count} hexadecimal digits")))
    }
}

fn fault_at(offset: usize, message: impl Into<String>) -> SyntaxError {
    SyntaxError { offset, message: message.into() }
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// How long the decimal number at the start of `text` is; none if there is no digit in it.
fn decimal_length(text: &str) -> Option<usize> {
    let digit = |c: char| c.is_ascii_digit();
    let whole = run(text, digit);
    if whole > 1 && text.starts_with('0') {
        return None;
    }
    let mut length = whole;
    let mut fraction = 0;
    if let Some(after) = text.get(whole..).and_then(|rest| rest.strip_prefix('.')) {
        fraction = run(after, digit);
        length += 1 + fraction;
    }
    if whole + fraction == 0 {
        return None;
    }
    if let Some(after) = text.get(length..).and_then(|rest| rest.strip_prefix(['e', 'E'])) {
        let signed = after.strip_prefix(['+', '-']).unwrap_or(after);
        let exponent = run(signed, digit);
        if exponent == 0 {
            return None;
        }
        length += 1 + (after.len() - signed.len()) + exponent;
    }
    Some(length)
}

/// Whole numbers stay whole, also when they are written like `1e3` or `5.0`.
fn decimal(digits: &str, negative: bool) -> Option<Number> {
    if !negative && let Ok(number) = digits.parse::<u64>() {
        return Some(Number::from(number));
    }
    let signed = if negative { format!("-{digits}") } else { digits.to_owned() };
    if let Ok(number) = signed.parse::<i64>() {
        return Some(Number::from(number));
    }
    let number: f64 = signed.parse().ok()?;
    if number.fract() == 0.0 && number.abs() <= MAX_SAFE_INTEGER {
        let text = format!("{number:.0}");
        return text.parse::<i64>().ok().map(Number::from);
    }
    Number::from_f64(number)
}
