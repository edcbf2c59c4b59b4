//! Files that people sent, fetched from the Bot API server.

use std::time::Duration;

use openclaw_channels::{Fetched, Media};
use serde::Deserialize;
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::{api::ApiError, bot::Telegram};

/// Longest that fetching one file may take, with everything that is tried again.
const LIMIT: Duration = Duration::from_secs(60);
/// The pauses before it is tried again.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

#[derive(Deserialize)]
struct Place {
    file_path: Option<String>,
    file_size: Option<u64>,
}

impl Telegram {
    /// All of a file, or why not, in words.
    pub(crate) async fn file(&self, media: &Media) -> Result<Fetched, String> {
        let most = self.settings.media_max;
        let too_long = |size: u64| {
            format!("it has {size} bytes; at most {most} are taken (channels.telegram.mediaMaxMb)")
        };
        if let Some(size) = media.size.filter(|size| *size > most) {
            return Err(too_long(size));
        }
        let fetching = self.persist(media, most);
        match timeout(LIMIT, fetching).await {
            Ok(found) => found,
            Err(_) => Err(format!("it did not come within {} s", LIMIT.as_secs())),
        }
    }

    /// Tries it a few times.
    async fn persist(&self, media: &Media, most: u64) -> Result<Fetched, String> {
        let mut pauses = PAUSES.iter();
        loop {
            let error = match self.once(media, most).await {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            let wanted = match error {
                ApiError::TooMany(after) => after,
                ApiError::Unreachable(_) | ApiError::Lost(_) | ApiError::Fault(_) => Duration::ZERO,
                _ => return Err(error.to_string()),
            };
            let Some(pause) = pauses.next() else { return Err(error.to_string()) };
            sleep(wanted.max(*pause)).await;
        }
    }

    async fn once(&self, media: &Media, most: u64) -> Result<Fetched, ApiError> {
        let refused = |description: String| ApiError::Refused { code: 400, description };
        let place: Place = self.api.call("getFile", &json!({"file_id": media.handle})).await?;
        if let Some(size) = place.file_size.filter(|size| *size > most) {
            return Err(refused(format!("it has {size} bytes; at most {most} are taken")));
        }
        let path = place.file_path.filter(|path| is_plain(path));
        let path = path.ok_or_else(|| refused("the file has no path that can be used".into()))?;
        let bytes = self.api.download(&path, most).await?;
        Ok(Fetched { name: path.rsplit('/').next().map(str::to_owned), bytes })
    }
}

/// Whether a path stays below the place of the bot's files.
fn is_plain(path: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    path.chars().all(plain)
        && path.split('/').all(|step| !step.is_empty() && step != "." && step != "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_bots_files() {
        assert!(is_plain("photos/file_0.jpg"));
        for path in ["", "/etc/passwd", "a/../b", "a//b", "a?b", "http://x/y", "a/%2e%2e/b", "./a"]
        {
            assert!(!is_plain(path), "{path}");
        }
    }
}
