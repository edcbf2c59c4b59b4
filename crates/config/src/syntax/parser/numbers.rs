//! Numbers: decimal, hexadecimal, and the words for what is no number.

use serde_json::Number;

use super::{Parsed, Parser, fault_at};
use crate::syntax::Value;
use crate::syntax::text::continues_name;

/// Largest whole number that every reader of JSON agrees on.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

impl Parser<'_> {
    pub(super) fn number(&mut self) -> Parsed<Value> {
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
