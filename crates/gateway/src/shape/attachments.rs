//! Files sent with a message: pictures that models can read, checked by what they are rather than by
//! what they are called.
//!
//! A picture that is too large or cannot be decoded is refused, so that nobody believes the model saw
//! it. A file that is no picture is left out, as the contract has it.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_STANDARD,
};
use openclaw_agent::Attachment as Picture;
use openclaw_protocol::{RpcError, methods::chat::Attachment};
use serde_json::Value;

/// Reads base64 with and without its closing signs.
const BASE64_LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Largest picture, in bytes.
pub const MAX_PICTURE_BYTES: usize = 5_000_000;

/// The pictures among the files of a request.
///
/// # Errors
/// `INVALID_REQUEST` for one that is too large or not base64.
pub fn pictures(files: Option<Vec<Attachment>>) -> Result<Vec<Picture>, RpcError> {
    let mut pictures = Vec::new();
    for (index, file) in files.unwrap_or_default().into_iter().enumerate() {
        let label = file.file_name.clone().unwrap_or_else(|| format!("attachment-{}", index + 1));
        match picture(&label, file)? {
            Some(picture) => pictures.push(picture),
            None => tracing::warn!(file = label, "file is no picture and was left out"),
        }
    }
    Ok(pictures)
}

/// The same for methods whose contract leaves files open.
///
/// # Errors
/// As [`pictures`]; and for a file that is not described like one.
pub fn open_pictures(files: Option<Vec<Value>>) -> Result<Vec<Picture>, RpcError> {
    let mut read = Vec::new();
    for (index, file) in files.unwrap_or_default().into_iter().enumerate() {
        let not_a_file = |_| RpcError::invalid(format!("attachment-{}: is not a file", index + 1));
        read.push(serde_json::from_value::<Attachment>(file).map_err(not_a_file)?);
    }
    pictures(Some(read))
}

fn picture(label: &str, file: Attachment) -> Result<Option<Picture>, RpcError> {
    let Some(Value::String(content)) = file.content else { return Ok(None) };
    let encoded = strip_address(&content);
    let encoded: String = encoded.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    // Four characters carry three bytes; what cannot fit need not be decoded.
    if encoded.len() / 4 > MAX_PICTURE_BYTES / 3 + 1 {
        return Err(too_large(label, encoded.len() / 4 * 3));
    }
    let bytes = BASE64_LENIENT
        .decode(&encoded)
        .map_err(|_| RpcError::invalid(format!("attachment {label}: invalid base64 content")))?;
    if bytes.len() > MAX_PICTURE_BYTES {
        return Err(too_large(label, bytes.len()));
    }
    Ok(sniff(&bytes).map(|mime_type| Picture {
        mime_type: mime_type.to_owned(),
        data: BASE64_STANDARD.encode(&bytes),
        file_name: file.file_name,
    }))
}

fn too_large(label: &str, bytes: usize) -> RpcError {
    RpcError::invalid(format!(
        "attachment {label}: exceeds size limit ({bytes} > {MAX_PICTURE_BYTES} bytes)"
    ))
}

/// The part of a data address after its comma; anything else as it is.
fn strip_address(content: &str) -> &str {
    let content = content.trim();
    match content.strip_prefix("data:").and_then(|address| address.split_once(',')) {
        Some((_, encoded)) => encoded,
        None => content,
    }
}

/// The type of a picture by its first bytes; only types that models read.
#[must_use]
pub fn sniff(bytes: &[u8]) -> Option<&'static str> {
    let begins = |magic: &[u8]| bytes.starts_with(magic);
    if begins(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if begins(b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else if begins(b"GIF87a") || begins(b"GIF89a") {
        Some("image/gif")
    } else if begins(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some("image/webp")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

    fn file(content: String) -> Attachment {
        Attachment {
            file_name: Some("a.bin".to_owned()),
            mime_type: Some("text/plain".to_owned()),
            content: Some(Value::from(content)),
            ..Attachment::default()
        }
    }

    fn sent(content: String) -> Result<Vec<Picture>, String> {
        pictures(Some(vec![file(content)])).map_err(|error| error.message)
    }

    #[test]
    fn pictures_are_known_by_their_bytes() {
        let jpeg = b"\xff\xd8\xff\xe0".as_slice();
        let webp = b"RIFF0000WEBPVP8 ".as_slice();
        let kinds = [
            (PNG, "image/png"),
            (jpeg, "image/jpeg"),
            (b"GIF89a", "image/gif"),
            (webp, "image/webp"),
        ];
        for (bytes, mime_type) in kinds {
            let data = BASE64_STANDARD.encode(bytes);
            let expected = Picture {
                mime_type: mime_type.to_owned(),
                data: data.clone(),
                file_name: Some("a.bin".to_owned()),
            };
            assert_eq!(sent(data.clone()), Ok(vec![expected.clone()]));
            assert_eq!(sent(data.trim_end_matches('=').to_owned()), Ok(vec![expected.clone()]));
            assert_eq!(sent(format!("data:image/jpeg;base64,{data}")), Ok(vec![expected]));
        }
    }

    #[test]
    fn what_is_no_picture_is_left_out() {
        assert_eq!(sent(BASE64_STANDARD.encode("just words")), Ok(Vec::new()));
        assert_eq!(sent(BASE64_STANDARD.encode("RIFF0000WAVE")), Ok(Vec::new()));
        let empty = Attachment::default();
        assert_eq!(pictures(Some(vec![empty])), Ok(Vec::new()));
        assert_eq!(pictures(None), Ok(Vec::new()));
    }

    #[test]
    fn what_cannot_be_shown_to_the_model_is_refused() {
        assert_eq!(
            sent("not base64!".to_owned()),
            Err("attachment a.bin: invalid base64 content".to_owned())
        );
        let mut large = PNG.to_vec();
        large.resize(MAX_PICTURE_BYTES, 0);
        assert_eq!(sent(BASE64_STANDARD.encode(&large)).map(|sent| sent.len()), Ok(1));
        large.push(0);
        assert_eq!(
            sent(BASE64_STANDARD.encode(&large)),
            Err("attachment a.bin: exceeds size limit (5000001 > 5000000 bytes)".to_owned())
        );
        large.resize(MAX_PICTURE_BYTES * 2, 0);
        assert!(sent(BASE64_STANDARD.encode(&large)).is_err());
    }

    #[test]
    fn open_files_are_read_alike() {
        let file = serde_json::json!({"content": BASE64_STANDARD.encode(PNG)});
        assert_eq!(open_pictures(Some(vec![file])).map(|pictures| pictures.len()), Ok(1));
        let odd = open_pictures(Some(vec![Value::from(1)]));
        assert_eq!(odd.expect_err("no object").message, "attachment-1: is not a file");
    }
}
