//! The connection of one command: opened, asked, closed.

mod answer;
mod reach;

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use openclaw_base::Tasks;
use openclaw_client::credentials::Way;
use openclaw_client::{
    Answers, CallOptions, Client, ClientError, Events, Fingerprint, Hello, PairingNotice,
    PairingWait, Proof, ResumePoint,
};
use openclaw_protocol::Rpc;
use serde_json::Value;

pub(crate) use self::answer::{Answer, params};
use self::reach::Reach;
pub(crate) use self::reach::{Wrap, host_name, ssh_target};
use crate::args::TargetArgs;
use crate::context::Context;
use crate::explain::client_failure;
use crate::failure::{Failure, TargetNote};
use crate::output::Printer;
use crate::target::{self, Target};

/// How long a waiting device keeps its socket; the Gateway's own limit.
const PAIRING_WAIT: Duration = Duration::from_secs(300);
/// How long what carried the connection (an `ssh`) has to end.
const GOODBYE: Duration = Duration::from_secs(1);

/// Runs a command that talks to a Gateway. One thread is enough for one connection.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::local("starting the runtime failed", &error))?;
    let outcome = runtime.block_on(future);
    // A name lookup that still hangs must not hold up the end.
    runtime.shutdown_background();
    outcome
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Link {
    client: Client,
    way: Way,
    note: TargetNote,
    tasks: Tasks,
}

impl Link {
    /// Connects to the Gateway that flags, environment and configuration name. On a terminal a device
    /// that is not paired yet waits for a person's decision.
    pub(crate) async fn open(context: &Context, args: &TargetArgs) -> Result<Self, Failure> {
        let target = target::choose(context, &args.reach)?;
        Self::patiently(context, args, &target).await
    }

    /// Connects anew and takes up where an earlier connection ended; waits for nobody. What it missed
    /// comes first among its events.
    pub(crate) async fn again(
        context: &Context,
        args: &TargetArgs,
        ended: Option<ResumePoint>,
    ) -> Result<Self, Failure> {
        let target = target::choose(context, &args.reach)?;
        Self::connect(context, args, &target, PairingWait::No, None, ended).await
    }

    /// Where this connection stands, for [`Self::again`].
    pub(crate) fn resume_point(&self) -> Option<ResumePoint> {
        self.client.resume_point()
    }

    /// Whether exactly the events that were missed come first.
    pub(crate) fn has_resumed(&self) -> bool {
        self.hello().resume.as_ref().is_some_and(|outcome| outcome.resumed)
    }

    /// Connects to a target that is chosen already; on a terminal a person's decision is waited for.
    pub(crate) async fn patiently(
        context: &Context,
        args: &TargetArgs,
        target: &Target,
    ) -> Result<Self, Failure> {
        let patient = io::stderr().is_terminal() && !context.printer.is_json();
        let pairing = if patient { wait(context.printer) } else { PairingWait::No };
        Self::connect(context, args, target, pairing, None, None).await
    }

    /// Connects to a target that is chosen already, and waits for nobody. `wrap` may put something
    /// around the way it is dialled.
    pub(crate) async fn to(
        context: &Context,
        args: &TargetArgs,
        target: &Target,
        wrap: Option<Wrap<'_>>,
    ) -> Result<Self, Failure> {
        Self::connect(context, args, target, PairingWait::No, wrap, None).await
    }

    async fn connect(
        context: &Context,
        args: &TargetArgs,
        target: &Target,
        pairing: PairingWait,
        wrap: Option<Wrap<'_>>,
        resume: Option<ResumePoint>,
    ) -> Result<Self, Failure> {
        let tasks = Tasks::new();
        let reach = Reach { context, args, target, pairing, wrap, tasks: &tasks, resume };
        let (client, way) = match reach.connect().await {
            Ok(reached) => reached,
            Err(failure) => {
                tasks.shutdown(GOODBYE).await;
                return Err(target.explain(context, failure));
            }
        };
        let link = Self { client, way, note: target.note(), tasks };
        link.warn_of_unproven(context.printer);
        Ok(link)
    }

    /// What the Gateway said when it accepted.
    pub(crate) fn hello(&self) -> &Hello {
        self.client.hello()
    }

    /// How the Gateway says it knows us.
    pub(crate) fn auth_method(&self) -> Option<&str> {
        self.client.hello().auth.as_ref()?.method.as_deref()
    }

    /// By which way the Gateway was reached.
    pub(crate) const fn way(&self) -> Way {
        self.way
    }

    /// What a person calls the Gateway.
    pub(crate) fn place(&self) -> &str {
        &self.note.url
    }

    /// What the Gateway proved of itself.
    pub(crate) fn proof(&self) -> &Proof {
        self.client.proof()
    }

    /// The certificate that has to be named for this Gateway each time.
    pub(crate) fn certificate(&self) -> Option<Fingerprint> {
        self.client.certificate()
    }

    /// Events from now on.
    pub(crate) fn events(&self) -> Events {
        self.client.events()
    }

    /// Calls a method of the table.
    pub(crate) async fn ask<M: Rpc>(&self, params: &M::Params) -> Result<Answer<M>, Failure> {
        let answer = self.raw::<M>(params, CallOptions::default()).await;
        answer.map(Answer::new).map_err(|error| self.failure(&error))
    }

    /// The same with a limit of its own.
    pub(crate) async fn ask_within<M: Rpc>(
        &self,
        params: &M::Params,
        within: Duration,
    ) -> Result<Answer<M>, Failure> {
        let answer = self.try_ask::<M>(params, within).await;
        answer.map(Answer::new).map_err(|error| self.failure(&error))
    }

    /// The same with a limit of its own, and with the client's error.
    pub(crate) async fn try_ask<M: Rpc>(
        &self,
        params: &M::Params,
        within: Duration,
    ) -> Result<Value, ClientError> {
        self.raw::<M>(params, CallOptions::within(within)).await
    }

    async fn raw<M: Rpc>(
        &self,
        params: &M::Params,
        options: CallOptions,
    ) -> Result<Value, ClientError> {
        let params = serde_json::to_value(params).unwrap_or(Value::Null);
        let options = CallOptions { expect_final: M::ROW.interim, ..options };
        self.client.call_raw(M::NAME, &params, options).await
    }

    /// Calls a method that answers twice, and hands out both answers.
    pub(crate) async fn start<M: Rpc>(
        &self,
        params: &M::Params,
        within: Duration,
    ) -> Result<Answers, ClientError> {
        self.client.call_streaming(M::NAME, params, CallOptions::within(within)).await
    }

    /// Calls any method by name.
    pub(crate) async fn call(
        &self,
        method: &str,
        params: &Value,
        expect_final: bool,
    ) -> Result<Value, Failure> {
        let options = CallOptions { timeout: None, expect_final };
        self.client.call_raw(method, params, options).await.map_err(|error| self.failure(&error))
    }

    /// Says goodbye, and leaves nothing behind.
    pub(crate) async fn close(&self) {
        self.client.close().await;
        self.tasks.shutdown(GOODBYE).await;
    }

    fn failure(&self, error: &ClientError) -> Failure {
        client_failure(error).about(self.note.clone())
    }

    /// Whoever reaches a Gateway that is not one of ours hears once that it cannot prove itself.
    fn warn_of_unproven(&self, printer: Printer) {
        if matches!(self.proof(), Proof::Unproven) && !printer.is_json() {
            printer.warning("this Gateway cannot prove who it is");
        }
    }
}

/// Waits for a decision, and says so.
fn wait(printer: Printer) -> PairingWait {
    let notify = move |notice: &PairingNotice| {
        printer.note("this device waits for approval; Ctrl-C gives up");
        printer.hint(&notice.hint);
    };
    PairingWait::For { at_most: PAIRING_WAIT, notify: Arc::new(notify) }
}
