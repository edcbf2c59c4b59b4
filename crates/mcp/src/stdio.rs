//! A server that is a program of this machine.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use openclaw_base::Tasks;
use openclaw_exec::run::{Hidden, Pipes, Spec, Talking, can_hide, owners_variables};
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{ChildStderr, ChildStdin, ChildStdout},
};

use crate::secrets::Hiding;

/// Bytes of one line of complaint that are kept.
const MAX_LINE: u64 = 2048;
/// Lines of complaint that one life of a server may put into the log.
const MAX_LINES: usize = 200;

/// What programs are started in.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    /// The variables all of them get.
    pub(crate) environment: Vec<(String, String)>,
    /// What none of them sees.
    pub(crate) hidden: Hidden,
    /// Where they run unless their setting says otherwise.
    pub(crate) folder: PathBuf,
    /// Who owns what is started.
    pub(crate) tasks: Tasks,
}

/// The last thing that a program complained of.
pub(crate) type LastWords = Arc<Mutex<Option<String>>>;

/// A program that runs.
pub(crate) struct Program {
    pub(crate) talking: Talking,
    pub(crate) input: ChildStdin,
    pub(crate) output: ChildStdout,
    pub(crate) last_words: LastWords,
}

/// Starts it.
pub(crate) fn start(
    name: &str,
    argv: &[String],
    variables: &BTreeMap<String, SecretString>,
    cwd: Option<&PathBuf>,
    hiding: Hiding,
    surroundings: &Surroundings,
) -> Result<Program, String> {
    let wanted =
        variables.iter().map(|(name, value)| (name.clone(), value.expose_secret().to_owned()));
    let own = owners_variables(wanted).map_err(|error| error.to_string())?;
    let mut environment = surroundings.environment.clone();
    environment.retain(|(name, _)| !own.iter().any(|(given, _)| given == name));
    environment.extend(own);
    let spec = Spec {
        argv: argv.to_vec(),
        cwd: cwd.unwrap_or(&surroundings.folder).clone(),
        environment,
        deadline: None,
    };
    let nothing = Hidden::default();
    let hidden = if can_hide() { &surroundings.hidden } else { &nothing };
    let (talking, Pipes { input, output, errors }) =
        Talking::start(&spec, hidden).map_err(|error| error.to_string())?;
    let last_words = LastWords::default();
    let listener = listen(name.to_owned(), errors, hiding, Arc::clone(&last_words));
    drop(surroundings.tasks.spawn("complaints of a tool server", listener));
    Ok(Program { talking, input, output, last_words })
}

/// Puts what it complains of into the log, until it has ended: then its end of the pipe is closed.
async fn listen(server: String, errors: ChildStderr, hiding: Hiding, last_words: LastWords) {
    let mut errors = BufReader::new(errors);
    let mut lines = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut errors).take(MAX_LINE).read_until(b'\n', &mut line).await {
            Ok(length) if length > 0 => {}
            Ok(_) | Err(_) => return,
        }
        let text = hiding.hide(String::from_utf8_lossy(&line).trim());
        if text.is_empty() {
            continue;
        }
        lines += 1;
        if lines <= MAX_LINES {
            tracing::info!(server, text, "tool server");
        } else if lines == MAX_LINES + 1 {
            tracing::warn!(server, "tool server says more than is logged");
        }
        *last_words.lock() = Some(text);
    }
}
