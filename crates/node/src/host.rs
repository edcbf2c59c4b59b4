//! Answering the calls of one Gateway, over a link that comes back.

mod deliver;

use std::{io, sync::Arc, time::Duration};

use openclaw_base::{CancellationToken, Tasks};
use openclaw_client::{ClientError, ClientOptions, Delivery, Events, LinkState, Reconnecting};
use openclaw_protocol::{
    Role,
    client_info::{ClientId, ClientMode},
    events::nodes::{NodeInvokeCancel, NodeInvokeRequest, NodeInvokeRequestPayload},
    resume::ResyncReason,
};
use serde_json::Value;

use crate::{
    command::{Call, CommandError, Registry},
    desk::{Begin, Desk, Outcome, fingerprint},
    journal::Journal,
    output::Output,
};

/// Largest result that is sent, in bytes; a Gateway takes more, but not much more.
const MAX_RESULT: usize = 8 * 1024 * 1024;

/// Says who connects: a node host that offers the commands of this registry.
#[must_use]
pub fn as_node(options: ClientOptions, registry: &Registry) -> ClientOptions {
    let commands = registry.names();
    let files = commands.iter().any(|name| name.starts_with("file."));
    let caps = ["system"].into_iter().chain(files.then_some("files"));
    ClientOptions {
        role: Role::Node,
        scopes: Vec::new(),
        client_id: ClientId::NodeHost,
        client_mode: ClientMode::Node,
        caps: caps.map(str::to_owned).collect(),
        commands,
        ..options
    }
}

/// Answers calls until the link stops for good, and says why it did. Commands that run then are stopped.
pub async fn run(
    link: Arc<Reconnecting>,
    node_id: String,
    registry: Registry,
    journal: Arc<Journal>,
    tasks: Tasks,
) -> ClientError {
    let stop = tasks.token();
    let host =
        Arc::new(Host { node_id, registry, desk: Desk::default(), journal, link, tasks, stop });
    let mut events = host.link.events();
    let stopped = host.stopped();
    let mut stopped = std::pin::pin!(stopped);
    let error = loop {
        tokio::select! {
            error = &mut stopped => break error,
            heard = host.hear(&mut events) => if !heard { break host.stopped().await },
        }
    };
    host.desk.cancel_all();
    error
}

struct Host {
    node_id: String,
    registry: Registry,
    desk: Desk,
    journal: Arc<Journal>,
    link: Arc<Reconnecting>,
    tasks: Tasks,
    stop: CancellationToken,
}

impl Host {
    /// Waits until the link stops for good.
    async fn stopped(&self) -> ClientError {
        let mut state = self.link.state();
        loop {
            if let LinkState::Stopped(error) = &*state.borrow_and_update() {
                return error.clone();
            }
            if state.changed().await.is_err() {
                return ClientError::LinkLost(openclaw_client::CloseReason::Local);
            }
        }
    }

    /// Takes the next event; false when none comes any more.
    async fn hear(self: &Arc<Self>, events: &mut Events) -> bool {
        let Some(delivery) = events.next().await else { return false };
        match delivery {
            Delivery::Event(event) => {
                if let Some(call) = event.decode::<NodeInvokeRequest>() {
                    self.take(call);
                } else if let Some(gone) = event.decode::<NodeInvokeCancel>() {
                    self.desk.cancel(&gone.id);
                }
            }
            // The Gateway started anew, or knows no resuming: nobody waits for what runs.
            Delivery::Resync { reason, .. } if reason != Some(ResyncReason::RingOverrun) => {
                self.desk.cancel_all();
            }
            Delivery::Resync { .. } | Delivery::Gap { .. } | Delivery::Overflow { .. } => {
                tracing::warn!("calls may have been lost on the way");
            }
        }
        true
    }

    fn take(self: &Arc<Self>, call: NodeInvokeRequestPayload) {
        let fingerprint = fingerprint(&call);
        match self.desk.begin(&fingerprint, &call.id, &self.stop) {
            Begin::Running => {}
            Begin::Fresh(cancel) => {
                let host = Arc::clone(self);
                drop(self.tasks.spawn("node call", async move {
                    host.answer(call, &fingerprint, cancel).await;
                }));
            }
            Begin::Busy => {
                let error = CommandError {
                    code: "BUSY".into(),
                    message: "the node is busy with other calls; try again later".to_owned(),
                };
                self.tell(call.id, Arc::new(Err(error)));
            }
        }
    }

    /// Answers without doing anything.
    fn tell(self: &Arc<Self>, id: String, outcome: Arc<Outcome>) {
        let host = Arc::clone(self);
        drop(self.tasks.spawn("node answer", async move {
            host.deliver(&id, &outcome).await;
        }));
    }

    async fn answer(
        self: &Arc<Self>,
        call: NodeInvokeRequestPayload,
        fingerprint: &str,
        cancel: CancellationToken,
    ) {
        tracing::info!(command = %call.command, id = %call.id, "call");
        let (output, pieces) = Output::new();
        let (outcome, ()) = tokio::join!(
            self.once(&call, fingerprint, cancel.clone(), output),
            self.pass_on(&call.id, pieces, &cancel),
        );
        if let Err(error) = outcome.as_ref() {
            tracing::info!(command = %call.command, id = %call.id, %error, "call failed");
        }
        for id in self.desk.finish(fingerprint) {
            self.deliver(&id, &outcome).await;
        }
    }

    /// Does what was asked, unless it was done before, or begun: then says what became of it. What only
    /// looks is done anew.
    async fn once(
        &self,
        call: &NodeInvokeRequestPayload,
        fingerprint: &str,
        cancel: CancellationToken,
        output: Output,
    ) -> Arc<Outcome> {
        if self.registry.get(&call.command).is_none_or(|command| command.is_repeatable()) {
            return Arc::new(self.execute(call, cancel, output).await);
        }
        if let Some(outcome) = self.journal.outcome(fingerprint, &call.id) {
            return outcome;
        }
        let (journal, key, id) =
            (Arc::clone(&self.journal), fingerprint.to_owned(), call.id.clone());
        if let Err(error) = blocking(move || journal.begins(&key, &id)).await {
            let text = format!("the node cannot write down that this begins: {error}");
            return Arc::new(Err(CommandError::unavailable(text)));
        }
        let outcome = Arc::new(self.execute(call, cancel, output).await);
        let (journal, key, ended) =
            (Arc::clone(&self.journal), fingerprint.to_owned(), Arc::clone(&outcome));
        if let Err(error) = blocking(move || journal.ended(&key, &ended)).await {
            tracing::warn!(%error, "how a call ended could not be written down");
        }
        outcome
    }

    async fn execute(
        &self,
        call: &NodeInvokeRequestPayload,
        cancel: CancellationToken,
        output: Output,
    ) -> Outcome {
        let command = self.registry.get(&call.command).ok_or_else(|| {
            CommandError::invalid(format!("this node has no command {:?}", call.command))
        })?;
        let params = match call.params_json.as_deref() {
            None => Value::Null,
            Some(text) => serde_json::from_str(text).map_err(|error| {
                CommandError::invalid(format!("paramsJSON is no JSON: {error}"))
            })?,
        };
        let params = if params.is_null() { Value::Object(serde_json::Map::new()) } else { params };
        let timeout = call.timeout_ms.map(Duration::from_millis);
        let value = command.run(Call { params, timeout, cancel, output }).await?;
        if value.to_string().len() > MAX_RESULT {
            let text = format!("the result is larger than {MAX_RESULT} bytes; ask for less");
            return Err(CommandError { code: "TOO_LARGE".into(), message: text });
        }
        Ok(value)
    }
}

/// Waits for the disk beside everything else.
async fn blocking(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
