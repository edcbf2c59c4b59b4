//! Files that are sent: each by the method that shows it best, as a plain file where Telegram refuses that.

use std::time::Duration;

use openclaw_channels::OutgoingFile;
use openclaw_store::outbox::{OutFile, ShownAs};
use serde_json::{Map, Value};

use crate::{
    api::{ApiError, Upload},
    bot::Telegram,
    format::{self, html},
    types::Sent,
};

/// Telegram's limit for what is said below a file, in UTF-16 units.
pub(crate) const MAX_CAPTION: usize = 1024;
/// Telegram's limit for a picture that is shown as one.
const MAX_PHOTO: usize = 10 * 1024 * 1024;
/// Telegram's limit for any file of a bot.
const MAX_FILE: usize = 50 * 1024 * 1024;
/// Deadline of an upload: slow lines need minutes for large files.
const LIMIT: Duration = Duration::from_secs(180);

/// A method and the field its file stands in.
type Way = (&'static str, &'static str);

/// What takes any file.
const DOCUMENT: Way = ("sendDocument", "document");

/// The method that shows a file best.
fn way(file: &OutFile) -> Way {
    let kind = file.mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match (file.shown_as, kind.as_str()) {
        (ShownAs::Document, _) => DOCUMENT,
        (ShownAs::Voice, "audio/ogg" | "audio/opus" | "audio/mpeg" | "audio/mp4") => {
            ("sendVoice", "voice")
        }
        (_, "image/jpeg" | "image/png" | "image/webp") if file.bytes.len() <= MAX_PHOTO => {
            ("sendPhoto", "photo")
        }
        (_, "image/gif") => ("sendAnimation", "animation"),
        (_, "video/mp4") => ("sendVideo", "video"),
        (_, "audio/mpeg" | "audio/mp4" | "audio/x-m4a") => ("sendAudio", "audio"),
        _ => DOCUMENT,
    }
}

impl Telegram {
    /// Sends a file.
    pub(crate) async fn upload(&self, out: OutgoingFile<'_>) -> Result<String, ApiError> {
        if out.file.bytes.len() > MAX_FILE {
            let description = format!("files of bots have at most {MAX_FILE} bytes");
            return Err(ApiError::Refused { code: 413, description });
        }
        let params = self.place(out.route, out.first);
        let way = way(out.file);
        match self.captioned(way, params.clone(), out).await {
            // What it is said to be and what it is are two things: as a file it goes all the same.
            Err(ApiError::Refused { code: 400, description })
                if way != DOCUMENT && is_about_file(&description) =>
            {
                self.captioned(DOCUMENT, params, out).await
            }
            other => other,
        }
    }

    /// With what is said below it as HTML, and as it is where Telegram does not take that.
    async fn captioned(
        &self,
        way: Way,
        mut params: Map<String, Value>,
        out: OutgoingFile<'_>,
    ) -> Result<String, ApiError> {
        params.remove("link_preview_options");
        let marked = html(out.text);
        if !marked.is_empty() {
            params.insert("caption".into(), marked.into());
            params.insert("parse_mode".into(), "HTML".into());
        }
        match self.uploaded(way, &params, out.file).await {
            Err(ApiError::Refused { code: 400, description })
                if params.contains_key("caption") && is_about_caption(&description) =>
            {
                params.remove("parse_mode");
                params.insert("caption".into(), format::head(out.text, MAX_CAPTION).into());
                self.uploaded(way, &params, out.file).await
            }
            other => other,
        }
    }

    async fn uploaded(
        &self,
        (method, field): Way,
        params: &Map<String, Value>,
        file: &OutFile,
    ) -> Result<String, ApiError> {
        let upload = Upload { field, name: &file.name, mime: &file.mime, bytes: &file.bytes };
        let sent: Sent = self.api.upload(method, params, upload, LIMIT).await?;
        Ok(sent.message_id.to_string())
    }
}

fn is_about_caption(description: &str) -> bool {
    let lower = description.to_lowercase();
    ["can't parse entities", "caption is too long", "unsupported start tag"]
        .iter()
        .any(|words| lower.contains(words))
}

/// Whether another way of sending the file may go well: not where the chat or the text is at fault.
fn is_about_file(description: &str) -> bool {
    let lower = description.to_lowercase();
    !["chat not found", "thread not found", "not enough rights to send", "caption", "entities"]
        .iter()
        .any(|words| lower.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_file_has_its_way() {
        let file = |mime: &str, shown_as, bytes: usize| {
            let (name, mime) = ("x".to_owned(), mime.to_owned());
            way(&OutFile { name, mime, shown_as, bytes: vec![0; bytes] }).0
        };
        for (mime, shown_as, bytes, method) in [
            ("image/png", ShownAs::Itself, 1, "sendPhoto"),
            ("IMAGE/JPEG; q=1", ShownAs::Itself, 1, "sendPhoto"),
            ("image/png", ShownAs::Itself, MAX_PHOTO + 1, "sendDocument"),
            ("image/png", ShownAs::Document, 1, "sendDocument"),
            ("image/svg+xml", ShownAs::Itself, 1, "sendDocument"),
            ("image/gif", ShownAs::Itself, 1, "sendAnimation"),
            ("video/mp4", ShownAs::Itself, 1, "sendVideo"),
            ("audio/mpeg", ShownAs::Itself, 1, "sendAudio"),
            ("audio/ogg", ShownAs::Voice, 1, "sendVoice"),
            ("audio/ogg", ShownAs::Itself, 1, "sendDocument"),
            ("image/png", ShownAs::Voice, 1, "sendPhoto"),
            ("application/pdf", ShownAs::Itself, 1, "sendDocument"),
            ("", ShownAs::Itself, 1, "sendDocument"),
        ] {
            assert_eq!(file(mime, shown_as, bytes), method, "{mime} {shown_as:?}");
        }
    }
}
