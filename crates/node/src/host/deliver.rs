//! Getting answers, and what comes before them, to the Gateway, over as many connections as it takes.

use std::{collections::VecDeque, time::Duration};

use openclaw_base::CancellationToken;
use openclaw_client::{Answers, CallOptions, Client, ClientError};
use openclaw_protocol::{
    Rpc,
    methods::nodes::{
        NodeError, NodeInvokeProgress, NodeInvokeProgressParams, NodeInvokeResult,
        NodeInvokeResultParams,
    },
    patch::Patch,
    text::{Int, NonEmpty, Text},
};
use tokio::{sync::mpsc, time::timeout};

use super::Host;
use crate::desk::Outcome;

/// How long an answer is offered; no caller waits longer.
const PATIENCE: Duration = Duration::from_mins(11);
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(30);
/// Pieces on their way at a time.
const WINDOW: usize = 16;

/// A piece that was sent, and the answer that has not come yet.
struct Sent {
    params: NodeInvokeProgressParams,
    answers: Option<Answers>,
}

impl Host {
    /// Delivers an answer. One that nobody wants any more is given up.
    pub(super) async fn deliver(&self, id: &str, outcome: &Outcome) {
        let Some(params) = self.result(id, outcome) else { return };
        let delivering = async {
            loop {
                let Ok(client) = self.link.client().await else { return };
                let options = CallOptions::within(ATTEMPT);
                match client.call::<NodeInvokeResult>(&params, options).await {
                    Ok(_) => return,
                    Err(ClientError::LinkLost(_) | ClientError::Timeout { .. }) => {}
                    Err(error) => {
                        tracing::warn!(id, %error, "the Gateway does not take an answer");
                        return;
                    }
                }
                // The link knows by itself that it ended; until then nothing is gained by asking.
                if client.close_reason().is_none() {
                    tokio::task::yield_now().await;
                }
            }
        };
        if timeout(PATIENCE, delivering).await.is_err() {
            tracing::warn!(id, "an answer found no Gateway in time");
        }
    }

    fn result(&self, id: &str, outcome: &Outcome) -> Option<NodeInvokeResultParams> {
        let mut params = NodeInvokeResultParams {
            id: NonEmpty::new(id).ok()?,
            node_id: NonEmpty::new(self.node_id.as_str()).ok()?,
            ok: outcome.is_ok(),
            payload: None,
            payload_json: Patch::Keep,
            error: Patch::Keep,
        };
        match outcome {
            Ok(value) => params.payload_json = Patch::Set(value.to_string()),
            Err(error) => {
                params.error = Patch::Set(NodeError {
                    code: NonEmpty::new(error.code.as_ref()).ok(),
                    message: NonEmpty::new(error.message.as_str()).ok(),
                });
            }
        }
        Some(params)
    }

    /// Passes on what a command says. After a lost connection what was not taken is sent again; its
    /// number says that it is a repeat.
    pub(super) async fn pass_on(
        &self,
        id: &str,
        mut pieces: mpsc::Receiver<String>,
        cancel: &CancellationToken,
    ) {
        let (Ok(id), Ok(node)) = (NonEmpty::new(id), NonEmpty::new(self.node_id.as_str())) else {
            return;
        };
        let mut way: VecDeque<Sent> = VecDeque::new();
        let mut next = 0u64;
        loop {
            let full = way.len() >= WINDOW;
            tokio::select! {
                () = cancel.cancelled() => return,
                piece = pieces.recv(), if !full => match piece {
                    Some(chunk) => {
                        let Ok(seq) = Int::new(next) else { return };
                        next += 1;
                        let (invoke_id, node_id) = (id.clone(), node.clone());
                        let Ok(chunk) = Text::new(chunk) else { continue };
                        let params = NodeInvokeProgressParams { invoke_id, node_id, seq, chunk };
                        way.push_back(Sent { params, answers: None });
                        if !self.send(&mut way).await { return }
                    }
                    None => break,
                },
                taken = first(&mut way), if !way.is_empty() => {
                    if !self.settle(&mut way, taken).await { return }
                }
            }
        }
        while !way.is_empty() {
            tokio::select! {
                () = cancel.cancelled() => return,
                taken = first(&mut way) => if !self.settle(&mut way, taken).await { return },
            }
        }
    }

    /// Takes note of what became of the oldest piece. False when the Gateway wants no more.
    async fn settle(&self, way: &mut VecDeque<Sent>, taken: Result<(), ClientError>) -> bool {
        match taken {
            Ok(()) => {
                way.pop_front();
                true
            }
            Err(ClientError::LinkLost(_) | ClientError::Timeout { .. }) => {
                way.iter_mut().for_each(|sent| sent.answers = None);
                self.send(way).await
            }
            Err(error) => {
                tracing::debug!(%error, "the Gateway takes no more of what a command says");
                false
            }
        }
    }

    /// Sends what was not sent over the present connection. False when there is no Gateway any more.
    async fn send(&self, way: &mut VecDeque<Sent>) -> bool {
        loop {
            let Ok(client) = self.link.client().await else { return false };
            if send_over(&client, way).await.is_ok() {
                return true;
            }
            way.iter_mut().for_each(|sent| sent.answers = None);
        }
    }
}

async fn send_over(client: &Client, way: &mut VecDeque<Sent>) -> Result<(), ClientError> {
    for sent in way.iter_mut().filter(|sent| sent.answers.is_none()) {
        let options = CallOptions::within(ATTEMPT);
        let sending = client.call_streaming(NodeInvokeProgress::NAME, &sent.params, options);
        sent.answers = Some(sending.await?);
    }
    Ok(())
}

/// What becomes of the oldest piece. Nothing is lost if the future is dropped.
async fn first(way: &mut VecDeque<Sent>) -> Result<(), ClientError> {
    let lost = ClientError::LinkLost(openclaw_client::CloseReason::Ended);
    let answers = way.front_mut().and_then(|sent| sent.answers.as_mut()).ok_or(lost)?;
    match answers.next().await {
        Some(Ok(_)) | None => Ok(()),
        Some(Err(error)) => Err(error),
    }
}
