//! `openclaw node run`: offers commands of this machine to one Gateway, for as long as it runs.
//!
//! Whatever breaks once the Gateway has let this node in is tried again for ever. Before that, what a
//! person has to put right ends the program, but for the approval, which is waited for.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use openclaw_base::{Backoff, Tasks};
use openclaw_client::{
    Client, ClientError, ClientOptions, Endpoint, Fingerprint, LinkState, PairingNotice,
    PairingWait, Reconnecting, Stage,
};
use openclaw_exec::approvals::Approvals;
use openclaw_exec::run::base_environment;
use openclaw_node::{Journal, JournalError, Machine, Registry, Roots, host, registry};
use openclaw_remote::SshOptions;
use sha2::{Digest, Sha256};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::args::ReachArgs;
use crate::commands::Outcome;
use crate::context::{Context, now_ms};
use crate::endpoint;
use crate::exit::ExitCode;
use crate::explain::client_failure;
use crate::failure::Failure;
use crate::link::{block_on, host_name};
use crate::output::{Printer, clock, harmless};
use crate::target::{self, Target};

/// The shortest and the longest delay between two attempts.
const DELAYS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// How long the Gateway keeps the socket of a node that waits for approval.
const PAIRING_WAIT: Duration = Duration::from_secs(300);
/// Between two attempts when trying again at once would change nothing.
const PAUSE: Duration = Duration::from_secs(30);
/// How long commands that run have to end.
const GOODBYE: Duration = Duration::from_secs(5);

/// What a node offers, and to whom.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    reach: ReachArgs,
    /// What the Gateway calls this machine [default: its host name]
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// Open this folder to callers, who may read and write files below it; may be given again
    #[arg(long, value_name = "DIR")]
    root: Vec<PathBuf>,
}

impl RunArgs {
    /// What is offered to whom.
    pub(crate) const fn new(
        reach: ReachArgs,
        display_name: Option<String>,
        root: Vec<PathBuf>,
    ) -> Self {
        Self { reach, display_name, root }
    }
}

/// Runs until somebody says stop, or until a person has to put something right.
pub(crate) fn run(context: &Context, args: &RunArgs) -> Outcome {
    let target = target::choose(context, &args.reach)?;
    let registry = offered(context, args)?;
    block_on(async {
        let tasks = Tasks::new();
        let node = Node::new(context, args, &target, registry, &tasks)?;
        let (mut interrupt, mut terminate) =
            (on(SignalKind::interrupt())?, on(SignalKind::terminate())?);
        let outcome = tokio::select! {
            failure = node.serve(&tasks) => Err(failure),
            _ = interrupt.recv() => Ok(ExitCode::Done),
            _ = terminate.recv() => Ok(ExitCode::Done),
        };
        tasks.shutdown(GOODBYE).await;
        outcome
    })
}

/// Connects once, waiting for a person's decision, and says which certificate has to be named next time.
pub(crate) fn pair(
    context: &Context,
    args: &RunArgs,
    target: &Target,
) -> Result<Option<Fingerprint>, Failure> {
    let registry = offered(context, args)?;
    block_on(async {
        let tasks = Tasks::new();
        let node = Node::new(context, args, target, registry, &tasks)?;
        let certificate = match node.pair().await {
            Ok(client) => {
                let certificate = client.certificate();
                client.close().await;
                Ok(certificate)
            }
            Err(error) => Err(target.explain(context, client_failure(&error))),
        };
        tasks.shutdown(GOODBYE).await;
        certificate
    })
}

/// The commands that this machine offers.
fn offered(context: &Context, args: &RunArgs) -> Result<Registry, Failure> {
    let roots = Roots::open(&args.root).map_err(|error| {
        Failure::usage(error.to_string()).hint("name folders of this machine with --root")
    })?;
    let home = context.paths.home().to_owned();
    let file = context.paths.exec_approvals_file();
    let machine = Machine {
        environment: base_environment(environment(context)),
        home: home.clone(),
        approvals: Arc::new(Approvals::new(file, home)),
        roots,
    };
    Ok(registry(&Arc::new(machine)))
}

/// The environment of this process, `.env` files included.
fn environment(context: &Context) -> Vec<(String, String)> {
    let value = |name: &str| context.env.get(name).map(|value| (name.to_owned(), value.to_owned()));
    context.env.names().into_iter().filter_map(value).collect()
}

fn on(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::local("listening for signals failed", &error))
}

fn waits(printer: Printer) -> PairingWait {
    let notify = move |notice: &PairingNotice| {
        printer.note(format!("{}  this node waits for approval", clock(now_ms())));
        printer.hint(&notice.hint);
    };
    PairingWait::For { at_most: PAIRING_WAIT, notify: Arc::new(notify) }
}

struct Node<'a> {
    context: &'a Context,
    target: &'a Target,
    endpoint: Endpoint,
    options: ClientOptions,
    registry: Registry,
    node_id: String,
}

impl<'a> Node<'a> {
    fn new(
        context: &'a Context,
        args: &RunArgs,
        target: &'a Target,
        registry: Registry,
        tasks: &Tasks,
    ) -> Result<Self, Failure> {
        let device = endpoint::device(context)?;
        let node_id = device.device_id();
        let base = ClientOptions::cli(tasks.clone(), env!("CARGO_PKG_VERSION"));
        let mut options = host::as_node(base, &registry);
        options.display_name = args.display_name.clone().or_else(host_name);
        options.device = Some(device);
        options.pairing = waits(context.printer);
        let ssh = SshOptions::new(tasks.clone());
        let endpoint = endpoint::for_node(context, &args.reach, target, &ssh)?;
        Ok(Self { context, target, endpoint, options, registry, node_id })
    }

    /// Connects, and while a person has not decided yet, again: the Gateway may go away meanwhile, and the
    /// original's does not keep the connection of a machine that asks.
    async fn pair(&self) -> Result<Client, ClientError> {
        let deadline = Instant::now() + PAIRING_WAIT;
        let mut backoff = Backoff::new(DELAYS.0, DELAYS.1);
        let mut asked = false;
        loop {
            let error = match Client::connect(&self.endpoint, &self.options).await {
                Ok(client) => return Ok(client),
                Err(error) => error,
            };
            let undecided = matches!(error, ClientError::PairingRequired(_));
            if undecided && !asked {
                self.say(&error.to_string());
                self.context.printer.hint(error.hint());
            }
            asked |= undecided;
            let may_pass = undecided || (asked && error.is_passing());
            if !may_pass || Instant::now() >= deadline {
                return Err(error);
            }
            tokio::time::sleep(backoff.next_delay()).await;
        }
    }

    /// What became of the calls of this Gateway, kept across the end of this program.
    fn journal(&self) -> Result<Journal, Failure> {
        let gateway = Sha256::digest(self.target.url());
        let name: String = gateway.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let path = self.context.paths.node_calls_dir().join(format!("{name}.jsonl"));
        Journal::open(&path).map_err(|error| match error {
            JournalError::Held => Failure::usage(error.to_string())
                .hint("openclaw node status shows the one that is installed as a service"),
            JournalError::File { .. } => {
                Failure::local("opening the journal of calls failed", &error)
            }
        })
    }

    /// Serves one link after the other until one fails for good.
    async fn serve(&self, tasks: &Tasks) -> Failure {
        let journal = match self.journal() {
            Ok(journal) => Arc::new(journal),
            Err(failure) => return failure,
        };
        let mut was_up = false;
        loop {
            let backoff = Backoff::new(DELAYS.0, DELAYS.1);
            let own = tasks.child();
            let options = ClientOptions { tasks: own.clone(), ..self.options.clone() };
            let link = Reconnecting::with_backoff(self.endpoint.clone(), options, backoff);
            let told = self.tell(link.state());
            let (link, id) = (Arc::new(link), self.node_id.clone());
            let journal = Arc::clone(&journal);
            let serving = host::run(link, id, self.registry.clone(), journal, own.clone());
            let (error, up) = tokio::join!(serving, told);
            own.shutdown(GOODBYE).await;
            was_up |= up;
            if !was_up && !is_undecided(&error) {
                return self.target.explain(self.context, client_failure(&error));
            }
            self.say(&format!("{}; trying again in {} s", error, PAUSE.as_secs()));
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Says how the link is doing, each thing once; whether it was ever up.
    async fn tell(&self, mut state: watch::Receiver<LinkState>) -> bool {
        let mut was_up = false;
        let mut last = String::new();
        loop {
            let text = match &*state.borrow_and_update() {
                LinkState::Up(_) => {
                    was_up = true;
                    format!("connected to {}", self.target.url())
                }
                LinkState::Waiting { error, .. } => format!("{error}; trying again"),
                LinkState::Stopped(_) => return was_up,
                LinkState::Connecting => last.clone(),
            };
            if text != last {
                self.say(&text);
                last = text;
            }
            if state.changed().await.is_err() {
                return was_up;
            }
        }
    }

    fn say(&self, text: &str) {
        self.context.printer.note(format!("{}  {}", clock(now_ms()), harmless(text)));
    }
}

/// Whether only a person's decision is missing.
fn is_undecided(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::PairingRequired(_) | ClientError::Timeout { stage: Stage::Pairing, .. }
    )
}
