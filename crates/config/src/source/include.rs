//! `$include`: one path or a list, anywhere in the tree.
//!
//! A list is merged left to right: objects merge, lists are joined, anything else replaces. Keys
//! beside `$include` are merged last and win. Paths belong to the including file, and the file
//! they really name has to lie in the folder of the main file.

use std::path::{Path, PathBuf};

use super::{Source, SourceFile, read_text};
use crate::keypath;
use crate::problem::Problem;
use crate::syntax::{Member, Node, Span, Value};

const KEY: &str = "$include";
/// Deepest chain of files, most files, and most bytes of all of them together.
const MAX_CHAIN: usize = 10;
const MAX_FILES: usize = 200;
const MAX_TOTAL_BYTES: usize = 16 * 1024 * 1024;

/// A file that was included, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IncludeUse {
    pub(crate) at: String,
    pub(crate) path: PathBuf,
}

/// Replaces every `$include` in the tree of the main file.
pub(super) fn resolve(source: &mut Source, root: Node, problems: &mut Vec<Problem>) -> Node {
    let main = source.files.first().map(|file| file.path.clone()).unwrap_or_default();
    let folder = main.parent().unwrap_or(Path::new("/")).to_path_buf();
    let real_folder = folder.canonicalize().unwrap_or(folder);
    let real_main = main.canonicalize().unwrap_or(main);
    let total = source.files.iter().map(|file| file.text.len()).sum();
    let mut includer = Includer {
        source,
        problems,
        real_folder,
        chain: vec![real_main],
        path: String::new(),
        total,
    };
    includer.walk(root)
}

struct Includer<'a> {
    source: &'a mut Source,
    problems: &'a mut Vec<Problem>,
    real_folder: PathBuf,
    /// The files being read right now, outermost first.
    chain: Vec<PathBuf>,
    path: String,
    total: usize,
}

impl Includer<'_> {
    fn walk(&mut self, node: Node) -> Node {
        let span = node.span;
        let value = match node.value {
            Value::Object(members) => return self.object(members, span),
            Value::Array(items) => {
                let before = self.path.len();
                let items = items.into_iter().enumerate();
                let items = items.map(|(index, item)| {
                    keypath::push_index(&mut self.path, index);
                    let item = self.walk(item);
                    self.path.truncate(before);
                    item
                });
                Value::Array(items.collect())
            }
            other => other,
        };
        Node { span, value }
    }

    fn object(&mut self, members: Vec<Member>, span: Span) -> Node {
        let mut included: Option<Node> = None;
        let mut siblings = Vec::new();
        let before = self.path.len();
        for member in members {
            if member.key == KEY {
                for target in self.targets(&member.node) {
                    let found = self.read(&target.0, target.1);
                    included = match (included.take(), found) {
                        (Some(base), Some(over)) => Some(merge(base, over)),
                        (base, found) => found.or(base),
                    };
                }
            } else {
                keypath::push(&mut self.path, &member.key);
                let node = self.walk(member.node);
                self.path.truncate(before);
                siblings.push(Member { node, ..member });
            }
        }
        let own = Node { span, value: Value::Object(siblings) };
        match included {
            None => own,
            Some(base) if own.members().is_empty() => base,
            Some(base) if matches!(base.value, Value::Object(_)) => merge(base, own),
            Some(base) => {
                let message = format!(
                    "what is included here is {}, so no keys may stand beside",
                    base.kind()
                );
                self.fault(message, span);
                own
            }
        }
    }

    /// The paths that are named, with the place of each.
    fn targets(&mut self, node: &Node) -> Vec<(String, Span)> {
        let nodes = match &node.value {
            Value::Array(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut targets = Vec::new();
        for node in nodes {
            match node.as_str() {
                Some(path) if !path.is_empty() => targets.push((path.to_owned(), node.span)),
                _ => self.fault("$include takes a path or a list of paths", node.span),
            }
        }
        targets
    }

    /// The tree of an included file; a fault is noted, and then there is none.
    fn read(&mut self, written: &str, span: Span) -> Option<Node> {
        match self.open(written, span) {
            Ok(real) => {
                let index = u16::try_from(self.source.files.len().checked_sub(1)?).ok()?;
                self.source.includes.push(IncludeUse { at: self.path.clone(), path: real.clone() });
                let document = self.source.parse_file(index, self.problems)?;
                self.chain.push(real);
                let node = self.walk(document.root);
                self.chain.pop();
                Some(node)
            }
            Err(message) => {
                self.fault(message, span);
                None
            }
        }
    }

    /// Checks and reads a file, and gives its real path.
    fn open(&mut self, written: &str, span: Span) -> Result<PathBuf, String> {
        let cannot = |error: std::io::Error| format!("{written} cannot be included: {error}");
        let including = self.source.files.get(usize::from(span.file));
        let folder = including.and_then(|file| file.path.parent()).unwrap_or(Path::new("/"));
        // Without `.` in the middle, because people read this path in messages.
        let path: PathBuf = folder.join(written).components().collect();
        let real = path.canonicalize().map_err(cannot)?;
        if !real.starts_with(&self.real_folder) {
            return Err(format!("{written} lies outside the folder of the configuration"));
        }
        if self.chain.contains(&real) {
            return Err(format!("{written} includes itself"));
        }
        if self.chain.len() > MAX_CHAIN {
            return Err(format!("more than {MAX_CHAIN} files include one another"));
        }
        let text = read_text(&real).map_err(cannot)?;
        self.total = self.total.saturating_add(text.len());
        if self.total > MAX_TOTAL_BYTES || self.source.files.len() >= MAX_FILES {
            return Err("too much is included".to_owned());
        }
        self.source.files.push(SourceFile::new(path, text));
        Ok(real)
    }

    fn fault(&mut self, message: impl Into<String>, span: Span) {
        let problem = Problem::error(self.path.clone(), message);
        self.problems.push(self.source.locate(problem, span));
    }
}

/// `over` on top of `base`.
fn merge(base: Node, over: Node) -> Node {
    let value = match (base.value, over.value) {
        (Value::Object(mut members), Value::Object(more)) => {
            for member in more {
                match members.iter_mut().rev().find(|known| known.key == member.key) {
                    Some(known) => {
                        let old = std::mem::replace(&mut known.node, null());
                        known.node = merge(old, member.node);
                        known.key_span = member.key_span;
                    }
                    None => members.push(member),
                }
            }
            Value::Object(members)
        }
        (Value::Array(mut items), Value::Array(more)) => {
            items.extend(more);
            Value::Array(items)
        }
        (_, value) => value,
    };
    Node { span: over.span, value }
}

fn null() -> Node {
    Node { span: Span::default(), value: Value::Null }
}
