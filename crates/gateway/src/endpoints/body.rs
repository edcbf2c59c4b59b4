//! The body of a request: bounded, in time, JSON.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header},
};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::reply::Fault;
use crate::state::State;

/// How long a body may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads it. What is being read counts as bytes in flight, with those of every socket.
pub(super) async fn read<T: DeserializeOwned>(
    state: &State,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<T, Fault> {
    let said =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if said.is_some_and(|said: usize| said > limit) {
        return Err(Fault::too_large(limit));
    }
    let weight = u32::try_from(said.unwrap_or(limit)).unwrap_or(u32::MAX);
    let permit = Arc::clone(&state.in_flight).try_acquire_many_owned(weight);
    let permit = permit.map_err(|_| Fault::busy())?;
    let bytes: Bytes = match timeout(PATIENCE, axum::body::to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => return Err(Fault::too_large(limit)),
        Err(_) => return Err(Fault::slow()),
    };
    let read = serde_json::from_slice(&bytes);
    drop(permit);
    read.map_err(|error| Fault::invalid(format!("invalid JSON body: {error}")))
}
