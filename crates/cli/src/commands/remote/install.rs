//! `openclaw remote install`: our program on another machine, its Gateway as a service there, and a name
//! for it here. The login is the proof; no token is made, typed or copied.
//!
//! Every step looks first, so that it is safe to repeat. What is not ours is never touched. A program
//! that does not come to health is taken back, and the one before it put in its place.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use openclaw_base::Tasks;
use openclaw_remote::{CopyError, Found, Login, SshOptions, Survey, install};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::add::{self, AddArgs};
use crate::args::OutputArgs;
use crate::commands::Outcome;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::explain::client_failure;
use crate::failure::Failure;
use crate::link::{block_on, ssh_target};
use crate::output::harmless;

/// How long what `ssh` left behind may take to end.
const GOODBYE: Duration = Duration::from_secs(1);

/// Bytes of the program that are read at a time.
const PIECE: usize = 64 * 1024;

/// Where to, and what.
#[derive(Args, Debug)]
pub(crate) struct InstallArgs {
    /// `USER@HOST[:PORT]` to log in to
    #[arg(value_name = "TARGET")]
    target: String,
    /// Name to keep it under [default: the host]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Private key to log in with
    #[arg(long, value_name = "FILE")]
    ssh_identity: Option<PathBuf>,
    /// The program to copy [default: this one]
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Talk to it from now on, as with `gateway use`
    #[arg(long = "use")]
    use_it: bool,
    /// Look, say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// What is done about the program there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Copying {
    /// There is none.
    Install,
    /// There is another one of ours.
    Upgrade,
    /// It is this very one.
    Nothing,
}

/// The program that is copied.
struct Program {
    path: PathBuf,
    size: u64,
    sha256: String,
}

/// One thing that was done, or would be.
#[derive(Debug, Serialize)]
struct Step {
    step: &'static str,
    detail: String,
}

/// Looks, copies, starts, and adds.
pub(crate) fn run(context: &Context, args: &InstallArgs) -> Outcome {
    let program = Program::find(args.binary.as_deref())?;
    let target = ssh_target(&args.target)?;
    let steps = block_on(async {
        let tasks = Tasks::new();
        let mut options = SshOptions::new(tasks.clone());
        options.identity.clone_from(&args.ssh_identity);
        let login = Login::new(target, options);
        let steps = there(context, args, &login, &program).await;
        tasks.shutdown(GOODBYE).await;
        steps
    })?;
    let printer = context.printer;
    if args.dry_run {
        return dry(context, &steps);
    }
    printer.step("keeping it under a name");
    let wanted = AddArgs::of_login(
        &args.target,
        args.name.as_ref(),
        args.ssh_identity.as_ref(),
        args.use_it,
    );
    let (gateway, health) = add::keep(context, &wanted)?;
    if printer.is_json() {
        let report = json!({
            "ok": true, "steps": steps, "gateway": gateway, "inUse": args.use_it, "health": health,
        });
        printer.json(&report)?;
        return Ok(ExitCode::Done);
    }
    add::show(context, &gateway, &health, args.use_it)
}

fn dry(context: &Context, steps: &[Step]) -> Outcome {
    let printer = context.printer;
    if printer.is_json() {
        printer.json(&json!({ "ok": true, "dryRun": true, "steps": steps }))?;
        return Ok(ExitCode::Done);
    }
    let fields: Vec<(&str, String)> =
        steps.iter().map(|step| (step.step, harmless(&step.detail))).collect();
    printer.fields(&fields)?;
    printer.hint("nothing was changed; the same without --dry-run does it");
    Ok(ExitCode::Done)
}

/// Everything that happens on the other machine.
async fn there(
    context: &Context,
    args: &InstallArgs,
    login: &Login,
    program: &Program,
) -> Result<Vec<Step>, Failure> {
    let printer = context.printer;
    printer.step("looking around there");
    let survey = install::survey(login).await.map_err(|error| login_failure(login, error))?;
    let copying = decide(args, &survey, program)?;
    let detail = match (copying, &survey.own) {
        (Copying::Upgrade, Some(own)) => format!("{} in place of {}", program.sha256, own.version),
        (Copying::Nothing, _) => "this very program is there".to_owned(),
        _ => format!("{} to ~/.local/bin/openclaw", program.path.display()),
    };
    let mut steps = vec![
        Step { step: "machine", detail: format!("{} {}", survey.system, survey.machine) },
        Step { step: "program", detail },
    ];
    if args.dry_run {
        let detail = "openclaw gateway install, there".to_owned();
        steps.push(Step { step: "service", detail });
        let name = args.name.clone().map_or_else(|| add::usual_name(&args.target), Ok)?;
        steps.push(Step { step: "name", detail: name });
        return Ok(steps);
    }
    if copying != Copying::Nothing {
        copy(context, login, program).await?;
    }
    printer.step("installing and starting its service there");
    match serve(login, copying).await {
        Ok(detail) => steps.push(Step { step: "service", detail }),
        Err(failure) if copying == Copying::Upgrade => {
            return Err(back(context, login, failure).await);
        }
        Err(failure) => return Err(failure),
    }
    Ok(steps)
}

/// Whether and how the program is copied; a refusal says what to do instead.
fn decide(args: &InstallArgs, survey: &Survey, program: &Program) -> Result<Copying, Failure> {
    let (system, machine) = (survey.system.as_str(), survey.machine.as_str());
    let fits = system == "Linux" && machine == std::env::consts::ARCH;
    if !fits && args.binary.is_none() {
        let here = std::env::consts::ARCH;
        let text =
            format!("this program is for Linux on {here}, and there is {system} on {machine}");
        return Err(Failure::new(ExitCode::Failed, harmless(&text)).hint(
            "build it for that machine (`cargo xtask dist` there) and give it with --binary FILE",
        ));
    }
    let foreign = |found: &Found| {
        let text = format!("{} is not ours ({}); nothing was changed", found.path, found.version);
        Failure::new(ExitCode::Failed, harmless(&text)).code("NOT_OURS").hint(format!(
            "if the original's Gateway runs there, use it as it is: openclaw remote add {} --token TOKEN",
            args.target
        ))
    };
    if let Some(found) = survey.in_path.iter().chain(&survey.own).find(|found| !found.ours) {
        return Err(foreign(found));
    }
    Ok(match &survey.own {
        None => Copying::Install,
        Some(own) if own.sha256.as_ref() == Some(&program.sha256) => Copying::Nothing,
        Some(_) => Copying::Upgrade,
    })
}

async fn copy(context: &Context, login: &Login, program: &Program) -> Result<(), Failure> {
    let printer = context.printer;
    printer.step("copying the program");
    let mut told = 0;
    let sent = |bytes: u64| {
        // Each quarter is worth a word.
        let quarter = bytes.saturating_mul(4) / program.size.max(1);
        if quarter > told && quarter < 4 {
            told = quarter;
            printer.step(&format!("copying the program: {} %", quarter * 25));
        }
    };
    let copied = install::copy(login, &program.path, program.size, &program.sha256, sent).await;
    copied.map_err(|error| copy_failure(login, error))
}

/// Has the program there write and start its service, and wait until that answers.
async fn serve(login: &Login, copying: Copying) -> Result<String, Failure> {
    let report = ask(login, "gateway install --json").await?;
    let unchanged = report.get("result").is_some_and(|result| result == "already-installed");
    if unchanged && copying == Copying::Upgrade {
        // The definition is the same, the program is not.
        ask(login, "gateway restart --json").await?;
    }
    let message = report.get("message").and_then(Value::as_str).unwrap_or("it runs");
    Ok(message.to_owned())
}

/// Asks the program there, which says by itself whether it worked.
pub(super) async fn ask(login: &Login, words: &str) -> Result<Value, Failure> {
    let said = install::ask(login, words).await.map_err(|error| login_failure(login, error))?;
    let report: Value = serde_json::from_str(said.stdout.trim()).unwrap_or_default();
    if report.get("ok") == Some(&Value::Bool(true)) {
        return Ok(report);
    }
    let word = |name: &str| report.get(name).and_then(Value::as_str).map(str::to_owned);
    let nested = report.get("error").and_then(|error| error.get("message")).and_then(Value::as_str);
    let why = nested.map(str::to_owned).or_else(|| word("message")).or_else(|| word("error"));
    let why =
        why.unwrap_or_else(|| said.stderr.lines().last().unwrap_or("it said nothing").to_owned());
    let hints = report.get("hints").and_then(Value::as_array);
    let hint = hints.and_then(|hints| hints.first()).and_then(Value::as_str);
    let line = login.target().command_line();
    let hint =
        hint.map_or_else(|| format!("see there: ssh {line} openclaw {words}"), str::to_owned);
    let text = format!("`openclaw {words}` failed there: {why}");
    Err(Failure::new(ExitCode::Failed, harmless(&text)).code("REMOTE_FAILED").hint(harmless(&hint)))
}

/// Puts back what was there, and says so.
async fn back(context: &Context, login: &Login, failure: Failure) -> Failure {
    context.printer.step("putting the program back that was there before");
    let restored = install::roll_back(login).await.map_err(|error| copy_failure(login, error));
    let restarted = match restored {
        Ok(()) => ask(login, "gateway restart --json").await.map(drop),
        Err(failure) => Err(failure),
    };
    let why = failure.message().to_owned();
    match restarted {
        Ok(()) => Failure::new(
            ExitCode::Failed,
            format!("the new program did not come to health and was taken back: {why}"),
        )
        .code("ROLLED_BACK")
        .hint("the one before runs again; see what the new one logged: openclaw logs"),
        Err(second) => Failure::new(
            ExitCode::Failed,
            format!("{why}; putting the program back failed too: {}", second.message()),
        )
        .code("ROLLBACK_FAILED")
        .hint(format!(
            "there: mv ~/.local/bin/openclaw.previous ~/.local/bin/openclaw, over ssh {}",
            login.target().command_line()
        )),
    }
}

pub(super) fn login_failure(login: &Login, error: openclaw_client::DialError) -> Failure {
    let host = login.target().to_string();
    let target = openclaw_client::Target::Ssh { host, remote_port: None };
    client_failure(&openclaw_client::ClientError::from_dial(error, target))
}

pub(super) fn copy_failure(login: &Login, error: CopyError) -> Failure {
    match error {
        CopyError::Login(error) => login_failure(login, error),
        CopyError::DoesNotRun(_) => Failure::new(ExitCode::Failed, harmless(&error.to_string()))
            .code("DOES_NOT_RUN")
            .hint("build a static one with `cargo xtask dist`, and give it with --binary FILE"),
        CopyError::Differs => {
            Failure::new(ExitCode::LinkLost, error.to_string()).hint("run the same command again")
        }
        CopyError::Refused(_) => Failure::new(ExitCode::Failed, harmless(&error.to_string()))
            .hint(format!("see there: ssh {} df -h .local/bin", login.target().command_line())),
    }
}

impl Program {
    fn find(given: Option<&Path>) -> Result<Self, Failure> {
        let local = |error: &std::io::Error| Failure::local("the program cannot be read", error);
        let path = match given {
            Some(path) => path.to_owned(),
            None => std::env::current_exe().map_err(|error| local(&error))?,
        };
        let mut file = std::fs::File::open(&path).map_err(|error| local(&error))?;
        let (mut digest, mut size, mut piece) = (Sha256::new(), 0_u64, vec![0; PIECE]);
        loop {
            let read = file.read(&mut piece).map_err(|error| local(&error))?;
            let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            digest.update(bytes);
            size = size.saturating_add(u64::try_from(read).unwrap_or_default());
        }
        Ok(Self { path, size, sha256: hex::encode(digest.finalize()) })
    }
}
