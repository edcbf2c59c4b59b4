//! From a request frame to a response frame: row, role, scope, params, idempotency, order, deadline.
//!
//! Everything that is the same for all methods happens here, so a handler gets decoded params from a
//! caller who may call it, and gives back a typed result.

use std::{future::Future, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use openclaw_protocol::{
    DetailCode, MethodRow, Rpc, RpcError, frame::encode_response, params, row::Idempotency,
};
use openclaw_store::{
    ParamsDigest,
    ledger::{Begin, LedgerKey, Outcome as Kept},
};
use parking_lot::Mutex;
use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};

use crate::{connections::Connection, keyed_queue::Turn, state::State};

/// A request that takes longer is answered with `UNAVAILABLE`, unless its row says otherwise.
const DEADLINE: Duration = Duration::from_secs(60);

/// What a handler knows about the call.
#[derive(Clone, Debug)]
pub struct Cx {
    /// The Gateway.
    pub state: Arc<State>,
    /// The caller.
    pub conn: Arc<Connection>,
    request_id: Arc<str>,
    /// The request's place among those on the same key, while it has one.
    turn: Arc<Mutex<Option<Turn>>>,
}

impl Cx {
    /// The context of one request.
    #[must_use]
    pub fn new(state: Arc<State>, conn: Arc<Connection>, request_id: &str) -> Self {
        Self { state, conn, request_id: Arc::from(request_id), turn: Arc::default() }
    }

    /// Now, in milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.state.clock.now_ms()
    }

    /// Whether an administrator asks.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.conn.principal.scopes.allows(openclaw_protocol::Scope::Admin)
    }

    /// Answers with an interim response; the final one follows with the same id. The next request on
    /// the same key may go on: it may be the one that stops what this one waits for.
    pub fn interim(&self, payload: &impl serde::Serialize) {
        match to_raw_value(payload) {
            Ok(payload) => self.conn.push_text(encode_response(&self.request_id, Ok(&payload))),
            Err(error) => tracing::error!(%error, "interim response does not serialise"),
        }
        self.give_way();
    }

    async fn take_turn(&self, key: String) {
        let turn = self.state.lanes.turn(key).await;
        *self.turn.lock() = Some(turn);
    }

    /// Lets the next request on the same key go, when the place of this one is settled.
    pub(crate) fn give_way(&self) {
        let turn = self.turn.lock().take();
        drop(turn);
    }
}

/// A failed request: the error and, for a few methods, a payload beside it.
#[derive(Debug)]
pub struct Failure {
    /// What the peer is told.
    pub error: RpcError,
    /// Sent beside the error.
    pub payload: Option<Box<RawValue>>,
}

impl From<RpcError> for Failure {
    fn from(error: RpcError) -> Self {
        Self { error, payload: None }
    }
}

/// Serves one method. A row without an implementation does not compile.
pub trait Handle<M: Rpc> {
    /// Handles one call.
    fn handle(
        cx: Cx,
        params: M::Params,
    ) -> impl Future<Output = Result<M::Result, Failure>> + Send + 'static;
}

/// The type that implements [`Handle`] once per row.
#[derive(Clone, Copy, Debug)]
pub struct Methods;

/// The outcome of a request, ready for its frame.
pub type Outcome = Result<Box<RawValue>, Failure>;

/// A row together with the code that serves it.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The row.
    pub row: &'static MethodRow,
    run: fn(Cx, Option<Box<RawValue>>) -> BoxFuture<'static, Outcome>,
}

struct StaticRow<M>(std::marker::PhantomData<M>);

impl<M: Rpc> StaticRow<M> {
    const ROW: &'static MethodRow = &M::ROW;
}

macro_rules! routes {
    ($($row:path),+ $(,)?) => {
        /// Finds the route of a method.
        #[must_use]
        pub fn find(method: &str) -> Option<Route> {
            match method {
                $(<$row as Rpc>::NAME => {
                    Some(Route { row: StaticRow::<$row>::ROW, run: run::<$row> })
                })+
                _ => None,
            }
        }
    };
}
openclaw_protocol::with_methods!(routes);

impl Route {
    /// Starts the call. Rights by role and base scope are checked before anything is decoded.
    ///
    /// # Errors
    /// When the caller may not call this method.
    pub fn call(
        self,
        cx: Cx,
        params: Option<Box<RawValue>>,
    ) -> Result<BoxFuture<'static, Outcome>, RpcError> {
        let principal = &cx.conn.principal;
        if principal.role != self.row.role {
            return Err(RpcError::wrong_role(principal.role));
        }
        let needed = self.row.scope.least();
        if self.row.role == openclaw_protocol::Role::Operator && !principal.scopes.allows(needed) {
            return Err(RpcError::missing_scope(needed, cx.conn.protocol));
        }
        Ok((self.run)(cx, params))
    }

    /// Whether a dropped connection may drop the call as well: it only reads.
    #[must_use]
    pub const fn only_reads(&self) -> bool {
        self.row.only_reads()
    }
}

fn run<M: Rpc>(cx: Cx, params: Option<Box<RawValue>>) -> BoxFuture<'static, Outcome>
where
    Methods: Handle<M>,
{
    Box::pin(async move {
        let decoded: M::Params = params::decode(M::NAME, params.as_deref())?;
        let needed = M::scope_for(&decoded);
        let is_operator = M::ROW.role == openclaw_protocol::Role::Operator;
        if is_operator && !cx.conn.principal.scopes.allows(needed) {
            return Err(RpcError::missing_scope(needed, cx.conn.protocol).into());
        }
        if let Some(key) = M::queue_key(&decoded).filter(|_| M::ROW.queued) {
            cx.take_turn(key).await;
        }
        let outcome = match ledger_key::<M>(&decoded) {
            Some(key) => once::<M>(cx.clone(), decoded, key, params.as_deref()).await,
            None => finish::<M>(cx.clone(), decoded).await,
        };
        cx.give_way();
        outcome
    })
}

/// The key under which the ledger remembers the call. Runs have their own memory, the run table.
fn ledger_key<M: Rpc>(params: &M::Params) -> Option<String> {
    match M::ROW.idempotency {
        Idempotency::None | Idempotency::Run => None,
        Idempotency::Optional | Idempotency::Required => {
            M::idempotency_key(params).map(str::to_owned)
        }
    }
}

async fn finish<M: Rpc>(cx: Cx, params: M::Params) -> Outcome
where
    Methods: Handle<M>,
{
    let limit = if M::ROW.unbounded { None } else { Some(DEADLINE) };
    let handled = <Methods as Handle<M>>::handle(cx, params);
    let result = match limit {
        None => handled.await,
        Some(limit) => tokio::time::timeout(limit, handled).await.unwrap_or_else(|_| {
            let message = format!("{} took longer than {} s", M::NAME, limit.as_secs());
            Err(RpcError::unavailable(message).retry_after(1_000).into())
        }),
    };
    to_raw_value(&result?).map_err(|error| {
        tracing::error!(method = M::NAME, %error, "result does not serialise");
        RpcError::unavailable("internal error: the result does not serialise").into()
    })
}

/// Runs a call whose key was not seen before, or answers as the ledger remembers.
async fn once<M: Rpc>(cx: Cx, params: M::Params, key: String, raw: Option<&RawValue>) -> Outcome
where
    Methods: Handle<M>,
{
    let key = LedgerKey::new(cx.conn.principal.id.as_str(), M::NAME, key);
    let raw = raw.map_or("{}", RawValue::get);
    let digest = ParamsDigest::of(&serde_json::from_str(raw).unwrap_or_default());
    let state = Arc::clone(&cx.state);
    let ledger = state.store.ledger();
    let begin = ledger.begin(&key, &digest, cx.now_ms()).await;
    match begin.map_err(|error| state.storage_error(&error))? {
        Begin::Fresh => {}
        other => return replay(M::NAME, other),
    }
    let outcome = finish::<M>(cx, params).await;
    let kept = match &outcome {
        // Nothing happened that a repeat must not do again.
        Err(failure) if failure.error.retryable == Some(true) => None,
        Err(failure) => Some(Kept::Keep(json!({"error": failure.error}))),
        Ok(_) if M::ROW.secret_result => Some(Kept::Withhold),
        Ok(payload) => Some(Kept::Keep(json!({"ok": payload}))),
    };
    let written = match kept {
        Some(kept) => ledger.finish(&key, kept, state.clock.now_ms()).await.map(drop),
        None => ledger.release(&key).await,
    };
    if let Err(error) = written {
        tracing::error!(method = M::NAME, %error, "result could not be kept in the ledger");
    }
    outcome
}

fn replay(method: &str, begin: Begin) -> Outcome {
    let refuse = |message: String, code| -> Outcome {
        Err(RpcError::invalid(message).with_code(code).into())
    };
    match begin {
        Begin::Fresh | Begin::Running => {
            let error = RpcError::unavailable(format!(
                "{method} with this idempotency key is still running"
            ));
            Err(error.retry_after(1_000).into())
        }
        Begin::Done(kept) => stored(kept),
        Begin::Withheld => refuse(
            format!(
                "{method} was done already; its result holds a secret and is not given out again"
            ),
            DetailCode::ResultWithheld,
        ),
        Begin::Conflict => refuse(
            format!("{method}: this idempotency key was used with other params"),
            DetailCode::IdempotencyConflict,
        ),
        Begin::Interrupted => refuse(
            format!("{method} was running when the Gateway stopped; it is not run again"),
            DetailCode::RequestInterrupted,
        ),
    }
}

/// The first result, as the ledger kept it.
fn stored(mut kept: Value) -> Outcome {
    let unreadable = || Failure::from(RpcError::unavailable("the stored result cannot be read"));
    if let Some(payload) = kept.get("ok") {
        return to_raw_value(payload).map_err(|_| unreadable());
    }
    let error = kept.get_mut("error").map(Value::take).ok_or_else(unreadable)?;
    let error: RpcError = serde_json::from_value(error).map_err(|_| unreadable())?;
    Err(error.into())
}
