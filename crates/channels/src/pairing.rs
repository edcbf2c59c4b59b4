//! Codes for people who are not known.

use openclaw_store::{StoreError, channels::Request};

/// How long a code works, in milliseconds.
pub const TTL_MS: u64 = 3_600_000;
/// How many people of one account may wait.
pub const MAX_WAITING: usize = 3;
/// Characters of a code: none that is taken for another.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const LENGTH: usize = 8;

/// A code that nobody can guess.
///
/// # Errors
/// When the system has no randomness.
pub fn code() -> Result<String, StoreError> {
    let mut bytes = [0_u8; LENGTH];
    getrandom::fill(&mut bytes).map_err(|_| StoreError::Busy)?;
    let letter = |byte: &u8| ALPHABET.get(usize::from(byte % 32)).copied().unwrap_or(b'A');
    Ok(bytes.iter().map(|byte| char::from(letter(byte))).collect())
}

/// What a person who is not known is told, and nothing else.
#[must_use]
pub fn answer(request: &Request) -> String {
    let Request { channel, sender, code, .. } = request;
    format!(
        "This assistant does not know you yet.\n\n\
         Your {channel} id: `{sender}`\nPairing code: `{code}`\n\n\
         Its owner lets you in with:\n\n```\nopenclaw pairing approve {channel} {code}\n```"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_long_plain_and_different() {
        let codes: Vec<String> = (0..100).map(|_| code().expect("randomness")).collect();
        for code in &codes {
            assert_eq!(code.len(), LENGTH);
            assert!(code.bytes().all(|byte| ALPHABET.contains(&byte)), "{code}");
        }
        let distinct: std::collections::HashSet<&String> = codes.iter().collect();
        assert_eq!(distinct.len(), codes.len());
    }
}
