//! From files to one tree: read, `$include`, the `env` block, `${NAME}`.
//!
//! Nothing here stops at the first fault; every problem is noted with its place, and what can be
//! read is read. Sizes, depths and numbers of files are bounded.

mod include;
mod substitute;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub(crate) use self::include::IncludeUse;
use crate::env::Environment;
use crate::paths::Paths;
use crate::problem::{Place, Problem};
use crate::syntax::{self, Document, Lines, MAX_BYTES, Node, Span};

/// One file that was read.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    lines: Lines,
}

/// Everything that was read for one load.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The main file first, then includes in the order they were met.
    pub(crate) files: Vec<SourceFile>,
    /// Whether there is a main file.
    pub(crate) exists: bool,
    /// The main file alone, comments and all.
    pub(crate) document: Option<Document>,
    /// With includes, before substitution.
    pub(crate) merged: Option<Node>,
    /// After substitution.
    pub(crate) resolved: Option<Node>,
    pub(crate) includes: Vec<IncludeUse>,
    /// The environment with the configuration's own block.
    pub(crate) env: Environment,
}

impl Source {
    /// Reads the configuration file of these paths.
    pub(crate) fn read(paths: &Paths, env: &Environment, problems: &mut Vec<Problem>) -> Self {
        let path = paths.config_file();
        match read_text(path) {
            Ok(text) => Self::of_text(text, paths, env, problems),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::empty(env),
            Err(error) => {
                let problem = Problem::error("", format!("cannot be read: {error}"));
                problems.push(problem.in_file(path.display().to_string()));
                Self { exists: true, ..Self::empty(env) }
            }
        }
    }

    /// The same for a text that stands, or is about to stand, in that file.
    pub(crate) fn of_text(
        text: String,
        paths: &Paths,
        env: &Environment,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut source = Self { exists: true, ..Self::empty(env) };
        source.files.push(SourceFile::new(paths.config_file().to_path_buf(), text));
        let Some(document) = source.parse_file(0, problems) else { return source };
        let merged = include::resolve(&mut source, document.root.clone(), problems);
        source.document = Some(document);
        source.env = env.with_config_block(env_block(&merged, env));
        source.resolved = Some(substitute::apply(&merged, &source, problems));
        source.merged = Some(merged);
        source
    }

    fn empty(env: &Environment) -> Self {
        Self {
            files: Vec::new(),
            exists: false,
            document: None,
            merged: None,
            resolved: None,
            includes: Vec::new(),
            env: env.clone(),
        }
    }

    fn parse_file(&self, index: u16, problems: &mut Vec<Problem>) -> Option<Document> {
        let file = self.files.get(usize::from(index))?;
        match syntax::parse(&file.text, index) {
            Ok(document) => {
                warn_of_repeated_keys(self, &document.root, &mut String::new(), problems);
                Some(document)
            }
            Err(error) => {
                let problem = Problem::error("", error.message);
                problems.push(problem.at(file.place(error.offset)));
                None
            }
        }
    }

    /// Where a span begins.
    pub(crate) fn place(&self, span: Span) -> Option<Place> {
        self.files.get(usize::from(span.file)).map(|file| file.place(span.start as usize))
    }

    /// Puts the place of a span into a problem.
    pub(crate) fn locate(&self, problem: Problem, span: Span) -> Problem {
        match self.place(span) {
            Some(place) => problem.at(place),
            None => problem,
        }
    }

    /// The text of the main file.
    pub(crate) fn text(&self) -> Option<&str> {
        self.files.first().map(|file| file.text.as_str())
    }

    /// SHA-256 of the main file's text, in hex; of nothing when there is no file.
    pub(crate) fn hash(&self) -> String {
        hash_text(self.text().unwrap_or(""))
    }

    /// SHA-256 over the main file and everything it includes.
    pub(crate) fn revision(&self) -> String {
        if self.files.len() < 2 {
            return self.hash();
        }
        let mut hash = Sha256::new();
        for file in &self.files {
            hash.update(Sha256::digest(file.text.as_bytes()));
        }
        hex::encode(hash.finalize())
    }
}

impl SourceFile {
    fn new(path: PathBuf, text: String) -> Self {
        let lines = Lines::of(&text);
        Self { path, text, lines }
    }

    fn place(&self, offset: usize) -> Place {
        let (line, column) = self.lines.position(&self.text, offset);
        Place { file: self.path.display().to_string(), line, column }
    }
}

/// SHA-256 of a text, in hex.
pub(crate) fn hash_text(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// Reads a text file of bounded size.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "larger than 4 MiB"));
    }
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8 text"))
}

/// The variables of the configuration's `env` block.
fn env_block(merged: &Node, env: &Environment) -> BTreeMap<String, String> {
    let Some(block) = merged.get("env") else { return BTreeMap::new() };
    let vars = block.node.get("vars").map(|vars| vars.node.members()).unwrap_or_default();
    let direct = block.node.members().iter().filter(|m| m.key != "vars" && m.key != "shellEnv");
    direct
        .chain(vars)
        .filter_map(|member| {
            let text = member.node.as_str()?;
            Some((member.key.clone(), substitute::text(text, env).0))
        })
        .collect()
}

/// The last of two equal keys counts, in the original as well; a person should know.
fn warn_of_repeated_keys(
    source: &Source,
    node: &Node,
    path: &mut String,
    problems: &mut Vec<Problem>,
) {
    let mut seen = BTreeSet::new();
    let before = path.len();
    for member in node.members() {
        crate::keypath::push(path, &member.key);
        if !seen.insert(member.key.as_str()) {
            let problem = Problem::warning(path.clone(), "stands twice; the last one counts");
            problems.push(source.locate(problem, member.key_span));
        }
        warn_of_repeated_keys(source, &member.node, path, problems);
        path.truncate(before);
    }
    for (index, item) in node.items().iter().enumerate() {
        crate::keypath::push_index(path, index);
        warn_of_repeated_keys(source, item, path, problems);
        path.truncate(before);
    }
}

#[cfg(test)]
mod tests;
