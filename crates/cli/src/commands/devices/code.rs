//! Codes that let a device in once, as they are written.

use openclaw_identity::from_base64;
use openclaw_protocol::methods::setup::SetupCode;

use crate::exit::ExitCode;
use crate::failure::Failure;

/// Longest code that is read.
const MAX_CODE: usize = 4096;

/// What a text says, if it is a code.
pub(crate) fn read(text: &str) -> Option<SetupCode> {
    let bytes = from_base64(text.trim()).filter(|_| text.len() <= MAX_CODE)?;
    serde_json::from_slice(&bytes).ok()
}

/// What a code of the Gateway's says.
pub(crate) fn decoded(text: &str) -> Result<SetupCode, Failure> {
    let strange = || {
        let text = "the Gateway made a code that this program cannot read";
        Failure::new(ExitCode::Protocol, text)
    };
    read(text).ok_or_else(strange)
}
