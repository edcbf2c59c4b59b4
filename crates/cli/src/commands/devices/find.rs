//! What an abbreviated id means.

use openclaw_protocol::methods::devices::DevicePairListResult;

use crate::exit::ExitCode;
use crate::failure::Failure;

/// The pending request whose id begins like this.
pub(super) fn request<'a>(
    known: &'a DevicePairListResult,
    beginning: &str,
) -> Result<&'a str, Failure> {
    let ids = known.pending.iter().map(|request| request.request_id.as_str());
    one(ids, beginning, "pending request")
}

/// The paired device whose id begins like this.
pub(super) fn device<'a>(
    known: &'a DevicePairListResult,
    beginning: &str,
) -> Result<&'a str, Failure> {
    let ids = known.paired.iter().map(|device| device.device_id.as_str());
    one(ids, beginning, "paired device")
}

/// The request that came last.
pub(super) fn newest_request(known: &DevicePairListResult) -> Result<&str, Failure> {
    let newest = known.pending.iter().max_by_key(|request| request.ts);
    newest.map(|request| request.request_id.as_str()).ok_or_else(|| {
        Failure::new(ExitCode::Failed, "no device waits for approval")
            .hint("a request lives for five minutes; let the device connect again")
    })
}

fn one<'a>(
    ids: impl Iterator<Item = &'a str>,
    beginning: &str,
    what: &str,
) -> Result<&'a str, Failure> {
    let matching: Vec<&str> = ids.filter(|id| id.starts_with(beginning)).collect();
    let exact = matching.iter().find(|id| **id == beginning);
    match (exact, matching.as_slice()) {
        (Some(id), _) => Ok(id),
        (None, [id]) => Ok(id),
        (None, []) => {
            Err(Failure::new(ExitCode::Failed, format!("no {what} begins with {beginning:?}"))
                .hint("openclaw devices list"))
        }
        (None, several) => Err(Failure::usage(format!(
            "{} {what}s begin with {beginning:?}: {}",
            several.len(),
            several.join(", ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_must_name_one() {
        let ids = ["abc", "abcd", "b1"];
        let found = |beginning: &str| one(ids.into_iter(), beginning, "device");
        assert_eq!(found("b").unwrap(), "b1");
        assert_eq!(found("abc").unwrap(), "abc");
        assert_eq!(found("abcd").unwrap(), "abcd");
        assert_eq!(found("a").unwrap_err().exit, ExitCode::Usage);
        assert_eq!(found("x").unwrap_err().exit, ExitCode::Failed);
    }
}
