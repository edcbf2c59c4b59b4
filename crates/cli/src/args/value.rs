//! Values of flags.

use std::convert::Infallible;
use std::time::Duration;

use secrecy::SecretString;

/// Takes a secret out of the command line into a type that cannot be printed.
#[expect(clippy::unnecessary_wraps, reason = "clap asks for a Result")]
pub(crate) fn secret(raw: &str) -> Result<SecretString, Infallible> {
    Ok(SecretString::from(raw))
}

/// Longest time that may be asked for.
const MAX_TIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// `500ms`, `10s`, `2m`, `1h`; a bare number is milliseconds, as with the original.
pub(crate) fn parse_duration(raw: &str) -> Result<Duration, String> {
    with_default_unit(raw, "ms")
}

/// The same, but a bare number is seconds.
pub(crate) fn parse_seconds(raw: &str) -> Result<Duration, String> {
    with_default_unit(raw, "s")
}

fn with_default_unit(raw: &str, default: &str) -> Result<Duration, String> {
    let digits = raw.find(|c: char| !c.is_ascii_digit()).unwrap_or(raw.len());
    let (number, unit) = raw.split_at(digits);
    let number: u64 = number.parse().map_err(|_| "expected a number like 10s".to_owned())?;
    let unit = if unit.is_empty() { default } else { unit };
    let milliseconds = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1000),
        "m" | "min" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => return Err("the unit is one of ms, s, m, h".to_owned()),
    };
    milliseconds
        .map(Duration::from_millis)
        .filter(|time| !time.is_zero() && *time <= MAX_TIME)
        .ok_or_else(|| "expected between 1ms and a week".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_their_unit() {
        let cases = [("500ms", 500), ("10s", 10_000), ("2m", 120_000), ("1h", 3_600_000)];
        for (raw, ms) in cases {
            assert_eq!(parse_duration(raw), Ok(Duration::from_millis(ms)), "{raw}");
        }
        assert_eq!(parse_duration("3000"), Ok(Duration::from_secs(3)));
        assert_eq!(parse_seconds("3"), Ok(Duration::from_secs(3)));
        for bad in ["", "s", "0", "10 s", "-1", "1d", "99999999999999999999", "9999h"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
