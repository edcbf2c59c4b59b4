//! All Rust files of the workspace, parsed, with what is production and what is test kept apart.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use cargo_metadata::Metadata;
use quote::ToTokens as _;
use syn::{Attribute, Item, spanned::Spanned as _};

use super::tokens::{Spot, flatten};
use crate::shell;

/// One file.
pub(crate) struct Source {
    /// Package it belongs to.
    pub(crate) package: String,
    /// Path from the root of the workspace.
    pub(crate) path: String,
    /// Module path inside the crate, empty for the root file.
    pub(crate) module: Vec<String>,
    /// The text as it stands.
    pub(crate) text: String,
    /// Whether the whole file is tests (the `tests` folder, or a `tests.rs`).
    pub(crate) all_test: bool,
    /// Lines of the text that are production.
    pub(crate) production_lines: usize,
    /// Tokens that ship.
    pub(crate) production: Vec<Spot>,
    /// Tokens that are compiled for tests only.
    pub(crate) test: Vec<Spot>,
    /// Top-level `use` items of the production part.
    pub(crate) uses: Vec<syn::ItemUse>,
}

impl Source {
    /// `path:line`.
    pub(crate) fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.path)
    }

    /// Whether the file is compiled into the library or binary, as opposed to tests and benches.
    pub(crate) fn ships(&self) -> bool {
        !self.all_test
    }
}

/// Reads and parses every Rust file below the packages' folders.
pub(crate) fn load(metadata: &Metadata) -> anyhow::Result<Vec<Source>> {
    let root = shell::root();
    let mut sources = Vec::new();
    for package in metadata.workspace_packages() {
        let folder = package.manifest_path.parent().context("a manifest has no folder")?;
        let mut files = Vec::new();
        for part in ["src", "tests", "benches", "examples", "build.rs"] {
            collect(folder.join(part).as_std_path(), &mut files)?;
        }
        files.sort();
        for file in files {
            let inner = file.strip_prefix(folder).unwrap_or(&file).to_owned();
            let path = file.strip_prefix(&root).unwrap_or(&file).display().to_string();
            let text =
                fs::read_to_string(&file).with_context(|| format!("failed to read {path}"))?;
            let source = parse(package.name.as_str(), path.clone(), &inner, text)
                .with_context(|| format!("failed to parse {path}"))?;
            sources.push(source);
        }
    }
    Ok(sources)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if path.is_file() && path.extension().is_some_and(|extension| extension == "rs") {
        files.push(path.to_owned());
    } else if path.is_dir() {
        for entry in
            fs::read_dir(path).with_context(|| format!("failed to list {}", path.display()))?
        {
            collect(&entry?.path(), files)?;
        }
    }
    Ok(())
}

/// Parses one file; `inner` is its path inside the package.
pub(crate) fn parse(
    package: &str,
    path: String,
    inner: &Path,
    text: String,
) -> anyhow::Result<Source> {
    let mut file = syn::parse_file(&text)?;
    let in_src = inner.starts_with("src");
    let all_test = inner.starts_with("tests")
        || inner.starts_with("benches")
        || inner.file_name().is_some_and(|name| name == "tests.rs")
        || inner.components().any(|part| part.as_os_str() == "tests");
    let mut removed = Vec::new();
    take_tests(&mut file.items, &mut removed);
    let test_lines: usize = removed.iter().map(lines_of).sum();
    let production = flatten(file.to_token_stream());
    let mut test: Vec<Spot> =
        removed.into_iter().flat_map(|item| flatten(item.to_token_stream())).collect();
    let uses = file
        .items
        .into_iter()
        .filter_map(|item| if let Item::Use(item) = item { Some(item) } else { None })
        .collect();
    let (production, production_lines) = if all_test {
        test.extend(production);
        (Vec::new(), 0)
    } else {
        (production, text.lines().count().saturating_sub(test_lines))
    };
    Ok(Source {
        package: package.to_owned(),
        path,
        module: if in_src { module_of(inner) } else { Vec::new() },
        text,
        all_test,
        production_lines,
        production,
        test,
        uses,
    })
}

/// Moves what is compiled for tests only out of `items`, in inline modules too.
fn take_tests(items: &mut Vec<Item>, removed: &mut Vec<Item>) {
    for item in std::mem::take(items) {
        if attributes(&item).iter().any(is_test_only) {
            removed.push(item);
            continue;
        }
        let mut item = item;
        if let Item::Mod(module) = &mut item
            && let Some((_, inner)) = &mut module.content
        {
            take_tests(inner, removed);
        }
        items.push(item);
    }
}

fn is_test_only(attribute: &Attribute) -> bool {
    let text = attribute.meta.to_token_stream().to_string().replace(' ', "");
    text == "cfg(test)" || text.starts_with("cfg(all(test,") || text == "test"
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn lines_of(item: &Item) -> usize {
    let first = attributes(item).first().map_or_else(|| item.span(), |attribute| attribute.span());
    item.span().end().line.saturating_sub(first.start().line) + 1
}

fn module_of(inner: &Path) -> Vec<String> {
    let mut parts: Vec<String> = inner
        .with_extension("")
        .components()
        .skip(1)
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    if parts.last().is_some_and(|last| ["lib", "main", "mod"].contains(&last.as_str())) {
        parts.pop();
    }
    parts
}

#[cfg(test)]
pub(crate) fn parsed(package: &str, inner: &str, text: &str) -> Source {
    parse(package, format!("crates/x/{inner}"), Path::new(inner), text.to_owned()).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_tests_and_production_apart() {
        let text = "fn ships() {}\n\n#[cfg(test)]\nmod tests {\n    fn tried() {}\n}\n";
        let source = parsed("x", "src/a/b.rs", text);
        assert_eq!(source.production_lines, 2);
        assert_eq!(source.module, ["a", "b"]);
        assert!(source.production.iter().any(|spot| spot.is_ident("ships")));
        assert!(source.test.iter().any(|spot| spot.is_ident("tried")));
        assert!(!source.production.iter().any(|spot| spot.is_ident("tried")));
    }

    #[test]
    fn a_tests_file_is_all_test() {
        for inner in ["tests/it/main.rs", "src/a/tests.rs", "src/a/tests/more.rs"] {
            let source = parsed("x", inner, "fn tried() {}");
            assert!(source.all_test && source.production.is_empty(), "{inner}");
        }
    }
}
