//! Telling those who watch the list what a request changed.

use openclaw_protocol::{
    events::sessions::{SessionsChanged, SessionsChangedPayload},
    ids::SessionKey,
};

use crate::{
    shape::session::{changed, row_of},
    state::State,
};

/// Says that a session changed, and why. The change itself is done, so nothing here can fail it.
pub(super) async fn changed_by_request(state: &State, key: &SessionKey, reason: &str) {
    let row = row_of(state, key, None).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "a session cannot be read for its event");
        None
    });
    let payload = SessionsChangedPayload {
        reason: Some(reason.to_owned()),
        ..changed(key, state.clock.now_ms(), row)
    };
    state.events.publish::<SessionsChanged>(&payload);
}
