//! Files that go out: from an agent's workspace or from the public web, and from nowhere else.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use openclaw_protocol::ids::AgentId;
use openclaw_store::{
    outbox::{OutFile, ShownAs},
    transcripts::NewMessage,
};
use openclaw_web::{Fetcher, Limits};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    settings::AgentSettings,
    workspace::{MAX_FILE, Workspaces, blocking},
};

/// Files of one message.
pub const MAX_FILES: usize = 10;
/// Bytes of pictures that one answer keeps in its transcript.
const MAX_SHOWN: usize = 10 * 1024 * 1024;
/// Pictures that everything that shows conversations can show.
const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
/// How long fetching one may take.
const FETCH_LIMIT: Duration = Duration::from_secs(30);
/// What a line that names a file begins with.
pub(crate) const LINE: &str = "MEDIA:";
/// The tool that sends files: where it is not allowed, lines send none either.
pub(crate) const MESSAGE_TOOL: &str = "message";
/// Turns sound into a voice message.
const AS_VOICE: &str = "[[audio_as_voice]]";

/// Opens what a word names: an address of the web, or a path in the agent's workspace.
///
/// # Errors
/// Why it cannot be sent, in words.
pub(crate) async fn open_file(
    settings: &watch::Receiver<Arc<AgentSettings>>,
    agent: &AgentId,
    named: &str,
) -> Result<OutFile, String> {
    let named = named.trim();
    if is_address(named) {
        return fetched(named).await;
    }
    let workspace = Workspaces(settings.clone()).of(agent);
    let path = named.to_owned();
    let bytes = blocking(move || workspace?.place(&path, false)?.read()).await?;
    Ok(of_bytes(named, None, bytes))
}

/// A file of these bytes. Its type, where nobody says it, is told by its name.
#[must_use]
pub fn of_bytes(name: &str, mime: Option<&str>, bytes: Vec<u8>) -> OutFile {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control() && *c != '"').take(100).collect();
    let name = if clean.is_empty() { "file".to_owned() } else { clean };
    let said = mime.and_then(|said| said.parse::<mime_guess::Mime>().ok());
    let mime = said.unwrap_or_else(|| mime_guess::from_path(&name).first_or_octet_stream());
    OutFile { mime: mime.essence_str().to_owned(), name, shown_as: ShownAs::Itself, bytes }
}

fn is_address(named: &str) -> bool {
    named.starts_with("http://") || named.starts_with("https://")
}

async fn fetched(url: &str) -> Result<OutFile, String> {
    let bytes = usize::try_from(MAX_FILE).unwrap_or(usize::MAX);
    let limits = Limits { bytes, time: FETCH_LIMIT, ..Limits::default() };
    let agent = concat!("openclaw/", env!("CARGO_PKG_VERSION"));
    let fetcher = Fetcher::new(agent, limits, Vec::new()).map_err(|error| error.to_string())?;
    let page = fetcher.get(url).await.map_err(|error| error.to_string())?;
    if page.status >= 400 {
        return Err(format!("{} answers {}", page.url, page.status));
    }
    if page.cut {
        return Err(format!("{} is longer than the {MAX_FILE} bytes that are sent", page.url));
    }
    let path = page.url.split(['?', '#']).next().unwrap_or_default();
    let name = path.splitn(4, '/').nth(3).unwrap_or_default();
    let said = Some(page.content_type.as_str()).filter(|kind| !kind.is_empty());
    Ok(of_bytes(name, said, page.body))
}

/// An answer, and the files that lines of it name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) text: String,
    pub(crate) files: Vec<String>,
    as_voice: bool,
    /// The message that it is shown as a reply to.
    pub(crate) reply: Option<ReplyTag>,
}

/// Which message an answer replies to, as a tag in it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReplyTag {
    /// `[[reply_to_current]]`: the one that it answers.
    Current,
    /// `[[reply_to:ID]]`: this one.
    Message(String),
}

impl ReplyTag {
    const CURRENT: &str = "[[reply_to_current]]";
    const MESSAGE: &str = "[[reply_to:";
    /// Longest id that is taken.
    const MAX_ID: usize = 64;

    /// Takes the first tag out of a line; what only looks like one stays.
    fn take(line: &str) -> Option<(String, Self)> {
        if let Some((before, after)) = line.split_once(Self::CURRENT) {
            return Some((joined(before, after), Self::Current));
        }
        let (before, rest) = line.split_once(Self::MESSAGE)?;
        let (id, after) = rest.split_once("]]")?;
        let id = id.trim();
        let is_id = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.');
        let good = !id.is_empty() && id.len() <= Self::MAX_ID && id.chars().all(is_id);
        good.then(|| (joined(before, after), Self::Message(id.to_owned())))
    }
}

fn joined(before: &str, after: &str) -> String {
    format!("{} {}", before.trim_end(), after.trim_start()).trim().to_owned()
}

/// Takes the lines that name files out of an answer. What stands in a block of code is text.
pub(crate) fn named(answer: &str) -> Named {
    let mut found = Named::default();
    let (mut lines, mut in_code) = (Vec::new(), false);
    for line in answer.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with("```") {
            in_code = !in_code;
        }
        let tagged = if in_code { None } else { ReplyTag::take(line) };
        let (line, trimmed) = match &tagged {
            Some((rest, tag)) => {
                found.reply.get_or_insert_with(|| tag.clone());
                if rest.is_empty() {
                    continue;
                }
                (rest.as_str(), rest.trim())
            }
            None => (line, trimmed),
        };
        let file = trimmed.strip_prefix(LINE).filter(|_| !in_code);
        let file = file.map(|file| file.trim().trim_matches('`').trim());
        match file.filter(|file| !file.is_empty()) {
            Some(file) => found.files.push(file.to_owned()),
            None if !in_code && trimmed.contains(AS_VOICE) => {
                found.as_voice = true;
                lines.push(line.replace(AS_VOICE, ""));
            }
            None => lines.push(line.to_owned()),
        }
    }
    found.text = lines.join("\n").trim().to_owned();
    found
}

/// An answer that grows, as a chat is shown it: without the lines that name files, of which the last may
/// only have begun.
#[must_use]
pub fn shown(answer: &str) -> String {
    let all = named(answer);
    // One that replies is shown when it is whole: a message cannot become a reply later.
    if all.reply.is_some() {
        return String::new();
    }
    let (whole, last) = answer.rsplit_once('\n').unwrap_or(("", answer));
    let begun = last.trim_start();
    if !begun.is_empty() && LINE.starts_with(begun) {
        return named(whole).text;
    }
    all.text
}

impl Named {
    /// Whether the answer is more than its text.
    pub(crate) const fn has_more(&self) -> bool {
        !self.files.is_empty() || self.reply.is_some()
    }

    /// The text when no file may go out, with a word about it.
    pub(crate) fn refused(self) -> String {
        format!("{}\n\n⚠️ No file is sent: the tool {MESSAGE_TOOL} is not allowed here", self.text)
            .trim()
            .to_owned()
    }

    /// Opens the files; what cannot be sent is said below the text. Where nothing is sent, addresses
    /// of the web stay what they are.
    pub(crate) async fn open(
        self,
        settings: &watch::Receiver<Arc<AgentSettings>>,
        agent: &AgentId,
        goes_out: bool,
    ) -> Opened {
        let mut opened = Opened { text: self.text, files: Vec::new() };
        for named in self.files.iter().take(MAX_FILES) {
            if !goes_out && is_address(named) {
                opened.add(named);
                continue;
            }
            match open_file(settings, agent, named).await {
                Ok(mut file) => {
                    if self.as_voice {
                        file.shown_as = ShownAs::Voice;
                    }
                    opened.files.push((named.clone(), file));
                }
                Err(why) => opened.add(&format!("⚠️ A file is not sent: {why}")),
            }
        }
        if self.files.len() > MAX_FILES {
            let left = self.files.len() - MAX_FILES;
            opened.add(&format!("⚠️ {left} more files are not sent"));
        }
        opened
    }
}

/// An answer, and the files of it with the names that it gave them.
#[derive(Debug)]
pub(crate) struct Opened {
    text: String,
    files: Vec<(String, OutFile)>,
}

impl Opened {
    fn add(&mut self, paragraph: &str) {
        self.text = format!("{}\n\n{paragraph}", self.text).trim().to_owned();
    }

    /// What is sent.
    pub(crate) fn into_parts(self) -> (String, Vec<OutFile>) {
        (self.text, self.files.into_iter().map(|(_, file)| file).collect())
    }

    /// What people see in the conversation itself: pictures as pictures, other files by name.
    pub(crate) fn show_in(&self, row: &mut NewMessage) {
        let (mut text, mut pictures, mut bytes) = (self.text.clone(), Vec::new(), 0);
        for (named, file) in &self.files {
            if PICTURES.contains(&file.mime.as_str()) && bytes + file.bytes.len() <= MAX_SHOWN {
                bytes += file.bytes.len();
                let data = STANDARD.encode(&file.bytes);
                pictures.push(
                    json!({"type": "image", "mimeType": file.mime, "data": data, "named": named}),
                );
            } else {
                text.push_str(&format!("\n\n📎 {named}"));
            }
        }
        let is_text = |block: &Value| block.get("type").and_then(Value::as_str) == Some("text");
        row.content.retain(|block| !is_text(block));
        if !text.trim().is_empty() {
            row.content.push(json!({"type": "text", "text": text.trim()}));
        }
        row.content.extend(pictures);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_says_which_message_is_replied_to_and_is_no_text() {
        let current = named("[[reply_to_current]] Yes.\nNo.");
        assert_eq!((current.text.as_str(), current.reply), ("Yes.\nNo.", Some(ReplyTag::Current)));
        let other = named("[[reply_to: 42 ]]\nYes [[reply_to_current]].");
        assert_eq!(
            (other.text.as_str(), other.reply),
            ("Yes .", Some(ReplyTag::Message("42".into())))
        );
        for text in [
            "[[reply_to:]] x",
            "[[reply_to:a b]] x",
            "[[reply_to_me]]",
            "```\n[[reply_to_current]]\n```",
        ] {
            assert_eq!((named(text).text.as_str(), named(text).reply), (text, None));
        }
        assert_eq!(shown("[[reply_to_current]] A long answer that grows"), "");
    }

    #[test]
    fn lines_that_name_files_are_no_text() {
        let found = named("Here it is.\n\nMEDIA: out/plot.png\nMEDIA:`https://x.org/a.pdf`\nBye");
        assert_eq!(found.text, "Here it is.\n\nBye");
        assert_eq!(found.files, ["out/plot.png", "https://x.org/a.pdf"]);
        for text in ["say MEDIA:x", "MEDIA:", "```\nMEDIA:x\n```", "media:x"] {
            assert_eq!(named(text), Named { text: text.into(), ..Named::default() }, "{text}");
        }
        let voice = named("[[audio_as_voice]]\nMEDIA:a.ogg");
        assert!(voice.as_voice && voice.text.is_empty() && voice.files == ["a.ogg"]);
    }

    #[test]
    fn what_names_a_file_is_not_shown_while_it_is_written() {
        let answer = "Here.\nMEDIA:plot.png\nBye";
        let prefixes: Vec<String> =
            answer.char_indices().map(|(at, _)| shown(answer.get(..at).unwrap())).collect();
        assert!(prefixes.iter().all(|text| !text.contains("MEDIA") && !text.contains("\nM")));
        assert_eq!(prefixes.last().map(String::as_str), Some("Here.\nBy"));
        assert_eq!(shown("Mean"), "Mean");
        assert_eq!(shown("MED"), "");
    }

    #[test]
    fn files_have_a_type_and_a_plain_name() {
        for (name, said, shown, mime) in [
            ("out/plot.png", None, "plot.png", "image/png"),
            ("a\"b\n.txt", None, "ab.txt", "text/plain"),
            ("x", None, "x", "application/octet-stream"),
            ("dir/", Some("image/jpeg; q=1"), "file", "image/jpeg"),
            ("a.pdf", Some("no type"), "a.pdf", "application/pdf"),
        ] {
            let file = of_bytes(name, said, Vec::new());
            assert_eq!((file.name.as_str(), file.mime.as_str()), (shown, mime), "{name}");
        }
    }
}
