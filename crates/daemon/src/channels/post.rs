//! What the agent sends beside its answers.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use openclaw_agent::tools::Postman;
use openclaw_channels::Hub;
use openclaw_store::outbox::{DeliveryState, NewDelivery};
use tokio::sync::OnceCell;

/// How long the agent waits for a message to arrive.
const LIMIT: Duration = Duration::from_secs(20);

/// Sends through the hub, once there is one.
pub(crate) struct Post(pub(crate) Arc<OnceCell<Hub>>);

impl Postman for Post {
    fn post(&self, delivery: NewDelivery) -> BoxFuture<'_, Result<String, String>> {
        Box::pin(async move {
            let hub = self.0.get().ok_or("the channels are not started yet")?;
            let sent = hub.send(delivery, LIMIT).await.map_err(|error| error.to_string())?;
            let Some(sent) = sent else { return Err("it is gone from the outbox".to_owned()) };
            let why = sent.error.unwrap_or_else(|| "the channel does not answer".to_owned());
            match sent.state {
                DeliveryState::Sent => Ok(sent.message_ids.last().cloned().unwrap_or_default()),
                DeliveryState::Failed => Err(format!("it was not sent: {why}")),
                DeliveryState::Waiting | DeliveryState::Sending => Err(format!(
                    "it is not sent yet: {why}; it stays in the outbox and is tried again, so do not \
                     send it once more"
                )),
            }
        })
    }
}
