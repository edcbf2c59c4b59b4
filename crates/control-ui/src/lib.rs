//! The browser interface as bytes: what `ui/` was built to, compressed at build time.
//!
//! `cargo xtask ui` builds it; a build without that embeds nothing, and [`PLACEHOLDER`] is what is served
//! then. Knows nothing of HTTP but the names of types and encodings.

use std::io::{self, Read as _};

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The page of a build without the interface.
pub const PLACEHOLDER: &str = include_str!("placeholder.html");

/// The page itself; every other file is named by it.
pub const INDEX: &str = "index.html";

/// A file of the interface.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Its path below the base path.
    pub path: &'static str,
    /// Its bytes, gzip.
    pub gzip: &'static [u8],
    /// Its bytes, brotli.
    pub brotli: &'static [u8],
}

impl Asset {
    /// Its bytes for a client that knows no compression.
    ///
    /// # Errors
    /// Never, unless the build was damaged.
    pub fn plain(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(self.gzip).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Whether its name changes with its bytes, so that it can be kept for ever.
    #[must_use]
    pub fn is_hashed(&self) -> bool {
        self.path.starts_with("assets/")
    }
}

/// Whether the interface is part of this build.
#[must_use]
pub const fn is_built() -> bool {
    !ASSETS.is_empty()
}

/// Every file of the interface.
#[must_use]
pub const fn assets() -> &'static [Asset] {
    ASSETS
}

/// The file of this path.
#[must_use]
pub fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// The media type of a file by its name.
#[must_use]
pub fn media_type(path: &str) -> &'static str {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending.to_ascii_lowercase().as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "ttf" => "font/ttf",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_has_a_page_and_stays_small() {
        assert_eq!(find(INDEX).is_some(), is_built());
        let all: usize = assets().iter().map(|asset| asset.brotli.len()).sum();
        assert!(all <= 200 * 1024, "{all} bytes compressed");
        for asset in assets() {
            assert!(!asset.plain().unwrap().is_empty(), "{}", asset.path);
        }
    }

    #[test]
    fn types_go_by_the_name() {
        for (path, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("assets/a.B1.js", "text/javascript; charset=utf-8"),
            ("a.JS", "text/javascript; charset=utf-8"),
            ("LICENSE", "application/octet-stream"),
        ] {
            assert_eq!(media_type(path), expected, "{path}");
        }
    }

    #[test]
    fn the_placeholder_says_what_to_do() {
        assert!(PLACEHOLDER.contains("cargo xtask ui"));
    }
}
