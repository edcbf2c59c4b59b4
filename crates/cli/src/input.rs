//! Secrets on their way in: from a prompt, from standard input, or from a file; never echoed.

use std::io::{self, IsTerminal, Read};
use std::path::Path;

use secrecy::SecretString;

use crate::failure::Failure;
use crate::output::Printer;

/// Largest secret that is read.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// Asks on a terminal, or takes the first line of standard input.
pub(crate) fn secret(prompt: &str) -> Result<SecretString, Failure> {
    if io::stdin().is_terminal() {
        let answer = dialoguer::Password::new().with_prompt(prompt).interact();
        let answer = answer.map_err(|error| Failure::local("reading the answer failed", &error))?;
        return first_line(&answer, "the answer");
    }
    let mut text = String::new();
    let read = io::stdin().lock().take(MAX_SECRET_BYTES).read_to_string(&mut text);
    read.map_err(|error| Failure::local("reading standard input failed", &error))?;
    first_line(&text, "standard input")
}

/// Reads the first line of a file; `-` asks, or reads standard input.
pub(crate) fn secret_file(
    printer: Printer,
    path: &Path,
    prompt: &str,
) -> Result<SecretString, Failure> {
    if path == Path::new("-") {
        return secret(prompt);
    }
    let name = path.display();
    let bytes = openclaw_base::fs::read_limited(path, MAX_SECRET_BYTES)
        .map_err(|error| Failure::local(format!("reading {name} failed"), &error))?;
    if openclaw_base::fs::is_private(path).is_ok_and(|private| !private) {
        printer.warning(format!("{name} can be read by others; `chmod 600 {name}` repairs that"));
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| Failure::local(format!("{name} is not text"), &error.utf8_error()))?;
    first_line(&text, &name.to_string())
}

fn first_line(text: &str, origin: &str) -> Result<SecretString, Failure> {
    let line = text.lines().next().unwrap_or_default().trim();
    if line.is_empty() {
        return Err(Failure::usage(format!("{origin} holds no secret")));
    }
    Ok(SecretString::from(line))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn the_first_line_counts() {
        let secret = first_line("  s3cret \nrest\n", "x").expect("a secret");
        assert_eq!(secret.expose_secret(), "s3cret");
        let failure = first_line("\n", "standard input").expect_err("nothing there");
        assert_eq!(failure.message(), "standard input holds no secret");
    }
}
