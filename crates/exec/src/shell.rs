//! What a line of shell would run, as far as that can be said with certainty.
//!
//! The grammar is tree-sitter's for bash. Only simple commands made of literal words are understood,
//! joined by `;`, `&&`, `||` and `|`, with the few redirections that touch no file. Everything else is
//! unclear, and what is unclear is never allowed without asking. What was understood is not run as it
//! was written but as [`Line::render`] writes it anew, each word quoted, so that nothing depends on the
//! grammar and the shell agreeing.

use tree_sitter::{Node, Parser};

/// Longest text that is looked at, in bytes.
const MAX_TEXT: usize = 16 * 1024;

/// Deepest nesting that is looked at.
const MAX_DEPTH: usize = 64;

/// Words that may mean something to the shell where a name stands, and that the grammar takes for names.
const RESERVED: &[&str] = &["!", "[[", "]]", "coproc", "function", "select", "time", "{", "}"];

/// Why a text is not understood, in a few words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unclear(pub String);

impl Unclear {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// How a command is joined to the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// It is the first.
    First,
    /// `;` or a new line.
    Then,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `|`
    Pipe,
}

/// A command without anything to expand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simple {
    /// How it is joined to the one before it.
    pub join: Join,
    /// Its words, as the program gets them.
    pub argv: Vec<String>,
    /// Redirections that touch no file.
    pub redirects: Vec<&'static str>,
}

/// A line of commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// In the order they are written.
    pub commands: Vec<Simple>,
}

impl Line {
    /// The line for a shell, each word quoted.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        for command in &self.commands {
            text.push_str(match command.join {
                Join::First => "",
                Join::Then => "; ",
                Join::And => " && ",
                Join::Or => " || ",
                Join::Pipe => " | ",
            });
            let words: Vec<String> = command
                .argv
                .iter()
                .map(|word| quoted(word))
                .chain(command.redirects.iter().map(|redirect| (*redirect).to_owned()))
                .collect();
            text.push_str(&words.join(" "));
        }
        text
    }
}

/// A word in single quotes.
#[must_use]
pub fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Reads a text.
///
/// # Errors
/// If it is anything but simple commands of literal words.
pub fn parse(text: &str) -> Result<Line, Unclear> {
    if text.len() > MAX_TEXT {
        return Err(Unclear::new("it is too long to be looked at"));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(Unclear::new("it holds control characters"));
    }
    if text.contains("\\\n") {
        return Err(Unclear::new("it continues a line"));
    }
    let mut parser = Parser::new();
    parser
        .set_language(&tree_sitter_bash::LANGUAGE.into())
        .map_err(|_| Unclear::new("the shell grammar cannot be loaded"))?;
    let tree = parser.parse(text, None).ok_or_else(|| Unclear::new("it cannot be parsed"))?;
    let root = tree.root_node();
    if root.has_error() || root.kind() != "program" {
        return Err(Unclear::new("it is no complete shell text"));
    }
    let mut reader = Reader { text, commands: Vec::new(), join: Join::First };
    reader.sequence(root, 0)?;
    if reader.commands.is_empty() {
        return Err(Unclear::new("there is no command in it"));
    }
    Ok(Line { commands: reader.commands })
}

struct Reader<'t> {
    text: &'t str,
    commands: Vec<Simple>,
    join: Join,
}

impl Reader<'_> {
    /// The statements of the program, or what `&&`, `||` and `|` join.
    fn sequence(&mut self, node: Node<'_>, depth: usize) -> Result<(), Unclear> {
        if depth > MAX_DEPTH {
            return Err(Unclear::new("it is nested too deeply"));
        }
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            if child.is_missing() || child.is_error() {
                return Err(Unclear::new("it is no complete shell text"));
            }
            match child.kind() {
                ";" | "\n" => self.then(),
                "&&" => self.join = Join::And,
                "||" => self.join = Join::Or,
                "|" => self.join = Join::Pipe,
                "comment" => {}
                "command" => self.command(child)?,
                "list" | "pipeline" => self.sequence(child, depth + 1)?,
                "redirected_statement" => self.redirected(child, depth + 1)?,
                kind => return Err(Unclear::new(describe(kind))),
            }
            // Two statements are apart even where only a line ends between them.
            if node.kind() == "program" && child.is_named() && child.kind() != "comment" {
                self.then();
            }
        }
        Ok(())
    }

    fn then(&mut self) {
        if !self.commands.is_empty() {
            self.join = Join::Then;
        }
    }

    fn redirected(&mut self, node: Node<'_>, depth: usize) -> Result<(), Unclear> {
        let mut cursor = node.walk();
        let mut redirects = Vec::new();
        for child in node.children(&mut cursor) {
            match child.kind() {
                "command" if redirects.is_empty() => self.command(child)?,
                "list" | "pipeline" if redirects.is_empty() => self.sequence(child, depth + 1)?,
                "redirected_statement" if redirects.is_empty() => {
                    self.redirected(child, depth + 1)?
                }
                "file_redirect" => redirects.push(harmless_redirect(self.slice(child)?)?),
                kind => return Err(Unclear::new(describe(kind))),
            }
        }
        // Without groups a redirection belongs to the last command before it.
        match self.commands.last_mut() {
            Some(last) => last.redirects.extend(redirects),
            None => return Err(Unclear::new("it redirects nothing")),
        }
        Ok(())
    }

    fn command(&mut self, node: Node<'_>) -> Result<(), Unclear> {
        let mut argv = Vec::new();
        let mut redirects = Vec::new();
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            match child.kind() {
                "command_name" if argv.is_empty() => {
                    let inner = child.child(0).filter(|_| child.child_count() == 1);
                    let inner = inner.ok_or_else(|| Unclear::new("its name is put together"))?;
                    let name = self.word(inner)?;
                    if name.is_empty() || name.contains('=') || RESERVED.contains(&name.as_str()) {
                        return Err(Unclear::new("its name is no plain word"));
                    }
                    argv.push(name);
                }
                "file_redirect" => redirects.push(harmless_redirect(self.slice(child)?)?),
                _ if !argv.is_empty() => argv.push(self.word(child)?),
                kind => return Err(Unclear::new(describe(kind))),
            }
        }
        if argv.is_empty() {
            return Err(Unclear::new("a command has no name"));
        }
        let join = std::mem::replace(&mut self.join, Join::Then);
        self.commands.push(Simple { join, argv, redirects });
        Ok(())
    }

    fn word(&self, node: Node<'_>) -> Result<String, Unclear> {
        let text = self.slice(node)?;
        match node.kind() {
            "word" | "number" => unquoted_word(text),
            "raw_string" => raw_string(text),
            "string" => double_quoted(text),
            "concatenation" => {
                let mut cursor = node.walk();
                let mut whole = String::new();
                let mut end = node.start_byte();
                for child in node.children(&mut cursor) {
                    if child.start_byte() != end || child.kind() == "concatenation" {
                        return Err(Unclear::new("a word is put together unusually"));
                    }
                    end = child.end_byte();
                    whole.push_str(&self.word(child)?);
                }
                Ok(whole)
            }
            kind => Err(Unclear::new(describe(kind))),
        }
    }

    fn slice(&self, node: Node<'_>) -> Result<&str, Unclear> {
        self.text.get(node.byte_range()).ok_or_else(|| Unclear::new("it cannot be cut into words"))
    }
}

fn unquoted_word(text: &str) -> Result<String, Unclear> {
    let mut word = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(next) if next != '\n' => word.push(next),
                _ => return Err(Unclear::new("it ends in a backslash")),
            },
            '*' | '?' | '[' | ']' => return Err(Unclear::new("it expands file names")),
            '~' => return Err(Unclear::new("it expands a home folder")),
            '{' | '}' => return Err(Unclear::new("it expands braces")),
            '$' | '`' => return Err(Unclear::new("it expands a variable or command")),
            '\'' | '"' | '(' | ')' | '<' | '>' | '|' | '&' | ';' | '#' | '!' | '^' => {
                return Err(Unclear::new("a word holds a character with a meaning to the shell"));
            }
            c if c.is_whitespace() => return Err(Unclear::new("a word holds white space")),
            c => word.push(c),
        }
    }
    Ok(word)
}

fn raw_string(text: &str) -> Result<String, Unclear> {
    let inner = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    inner
        .filter(|inner| !inner.contains('\''))
        .map(str::to_owned)
        .ok_or_else(|| Unclear::new("a quote is not closed"))
}

fn double_quoted(text: &str) -> Result<String, Unclear> {
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let inner = inner.ok_or_else(|| Unclear::new("a quote is not closed"))?;
    let mut word = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(next @ ('$' | '`' | '"' | '\\')) => word.push(next),
                Some(next) => {
                    word.push('\\');
                    word.push(next);
                }
                None => return Err(Unclear::new("it ends in a backslash")),
            },
            '$' | '`' => return Err(Unclear::new("it expands a variable or command")),
            '"' => return Err(Unclear::new("a quote is not closed")),
            c => word.push(c),
        }
    }
    Ok(word)
}

/// The redirections that touch no file but the one that holds nothing.
fn harmless_redirect(text: &str) -> Result<&'static str, Unclear> {
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    Ok(match compact.as_str() {
        "2>&1" => "2>&1",
        ">&2" | "1>&2" => ">&2",
        ">/dev/null" | "1>/dev/null" => ">/dev/null",
        "2>/dev/null" => "2>/dev/null",
        "&>/dev/null" => ">/dev/null 2>&1",
        "</dev/null" => "</dev/null",
        _ => return Err(Unclear::new("it redirects to or from a file")),
    })
}

fn describe(kind: &str) -> String {
    let what = match kind {
        "&" => "it starts something in the background",
        "variable_assignment" | "variable_assignments" | "declaration_command" => {
            "it sets a variable"
        }
        "command_substitution" => "it runs a command to make a word",
        "process_substitution" => "it runs a command behind a file name",
        "simple_expansion" | "expansion" => "it expands a variable",
        "arithmetic_expansion" => "it computes a word",
        "brace_expression" => "it expands braces",
        "ansi_c_string" | "translated_string" | "ansii_c_string" => "a word is written in code",
        "heredoc_redirect" | "herestring_redirect" => "it feeds a text to a command",
        "subshell" | "compound_statement" => "it groups commands",
        "function_definition" => "it defines a function",
        "if_statement"
        | "while_statement"
        | "for_statement"
        | "case_statement"
        | "c_style_for_statement" => "it has branches or loops",
        "negated_command" => "it negates a command",
        "test_command" => "it tests with brackets",
        "|&" => "it pipes errors",
        other => return format!("it holds a construct ({other}) that is not looked into"),
    };
    what.to_owned()
}

#[cfg(test)]
mod tests;
