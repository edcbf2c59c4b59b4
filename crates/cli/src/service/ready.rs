//! Whether a service that was started really answers, and what it said if it does not.

use std::time::Duration;

use openclaw_config::Paths;
use openclaw_service::{Manager, ServiceName};
use tokio::time::{Instant, interval, timeout_at};

use crate::args::{ReachArgs, TargetArgs};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::holder::Holder;
use crate::link::Link;
use crate::target::{Place, Source, Target};

/// How long a service has to answer once its manager says that it runs.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(50);
/// How many lines of its log are shown.
const TAIL: u32 = 12;
/// Largest log that is looked into for its end.
const MAX_LOG: u64 = 64 * 1024;

/// Waits until the Gateway of a state folder publishes itself and answers at its door. `not` is the
/// process that it takes the place of.
pub(crate) async fn wait_until_ready(
    context: &Context,
    paths: &Paths,
    not: Option<u32>,
) -> Result<Holder, Failure> {
    let deadline = Instant::now() + PATIENCE;
    let mut look = interval(LOOK);
    let mut last = None;
    loop {
        look.tick().await;
        match Holder::read(&paths.lock_file()) {
            Some(holder) if holder.port.is_some() && Some(holder.pid) != not => {
                let asked = timeout_at(deadline, ask(context, paths, &holder)).await;
                match asked {
                    Ok(Ok(())) => return Ok(holder),
                    Ok(Err(failure)) => last = Some(failure),
                    Err(_) => {}
                }
            }
            _ => {}
        }
        if Instant::now() >= deadline {
            return Err(last.unwrap_or_else(|| {
                let text = format!("it did not answer within {} s", PATIENCE.as_secs());
                Failure::new(ExitCode::LinkLost, text)
            }));
        }
    }
}

async fn ask(context: &Context, paths: &Paths, holder: &Holder) -> Result<(), Failure> {
    let door = holder.socket.clone().unwrap_or_else(|| paths.socket().to_owned());
    // What is another account's is not touched: a key made here for it would be root's.
    if paths.state_dir() != context.paths.state_dir() {
        let answers = openclaw_daemon::answers(&door).await;
        let answers =
            answers.map_err(|error| Failure::local("its door cannot be opened", &error))?;
        let failure = || Failure::new(ExitCode::LinkLost, "it does not answer at its door");
        return if answers { Ok(()) } else { Err(failure()) };
    }
    let target = Target { place: Place::Door(door), source: Source::Local, loaded: None };
    let args = TargetArgs { reach: ReachArgs::default(), timeout: Some(Duration::from_secs(10)) };
    let link = Link::to(context, &args, &target, None).await?;
    link.close().await;
    Ok(())
}

/// The last words of a service: its manager's, else those in the Gateway's own log.
pub(crate) async fn log_tail(manager: &Manager, name: &ServiceName, paths: &Paths) -> Vec<String> {
    let journal = manager.journal(name, TAIL).await;
    let text = journal.unwrap_or_else(|| {
        let files = [paths.logs_dir().join("service.log"), paths.log_file()];
        let texts =
            files.iter().filter_map(|file| openclaw_base::fs::read_limited(file, MAX_LOG).ok());
        let last = texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
        String::from_utf8_lossy(&last).into_owned()
    });
    let lines: Vec<String> =
        text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
    let skip = lines.len().saturating_sub(usize::try_from(TAIL).unwrap_or_default());
    lines.into_iter().skip(skip).collect()
}
