//! Embeds what `cargo xtask ui` put into `ui/dist`. Never builds it and never touches the network: without
//! it the crate embeds nothing, and says so.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let dist = here.join("../../ui/dist");
    // A folder that is missing would make cargo run this every time; the one above it is always there.
    let watched = if dist.is_dir() { dist.clone() } else { here.join("../../ui") };
    println!("cargo::rerun-if-changed={}", watched.display());
    let mut files = Vec::new();
    if dist.join("index.html.gz").is_file() {
        collect(&dist, &dist, &mut files)?;
    }
    files.sort();
    let root = if files.is_empty() { dist } else { fs::canonicalize(&dist)? };
    let mut code = String::from("pub(crate) const ASSETS: &[Asset] = &[\n");
    for path in &files {
        let file = root.join(path);
        let file = file.display();
        writeln!(
            code,
            "Asset {{ path: {path:?}, gzip: include_bytes!(\"{file}.gz\"), brotli: include_bytes!(\"{file}.br\") }},",
        )
        .map_err(io::Error::other)?;
    }
    code.push_str("];\n");
    fs::write(Path::new(&variable("OUT_DIR")?).join("assets.rs"), code)
}

/// Every file that has both compressed forms, by its path below `dist`.
fn collect(dist: &Path, folder: &Path, files: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(dist, &path, files)?;
            continue;
        }
        let text = path.to_string_lossy();
        let Some(plain) = text.strip_suffix(".gz") else { continue };
        if PathBuf::from(format!("{plain}.br")).is_file() {
            let below = Path::new(plain).strip_prefix(dist).map_err(io::Error::other)?;
            files.push(below.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "cargo hands build scripts their folders this way")]
fn variable(name: &str) -> io::Result<String> {
    std::env::var(name).map_err(io::Error::other)
}
