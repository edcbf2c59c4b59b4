//! Strings and their escapes.

use super::{Parsed, Parser, fault_at};
use crate::syntax::text::is_line_end;

impl Parser<'_> {
    pub(super) fn string(&mut self, quote: char) -> Parsed<String> {
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
    pub(super) fn unicode_escape(&mut self, start: usize) -> Parsed<char> {
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
