//! A connection that is up: typed calls, raw calls, events.

use std::{fmt, sync::Arc, time::Duration};

use openclaw_protocol::{Rpc, RpcError, frame::OutgoingRequest};
use parking_lot::Mutex;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};
use tokio::{
    sync::{broadcast, mpsc, oneshot},
    time::Instant,
};

use crate::{
    dial::Fingerprint,
    endpoint::{Endpoint, Proof},
    error::{ClientError, CloseReason, Stage},
    events::{Delivery, Events},
    handshake,
    hello::Hello,
    link::{Link, Partial, Shared, Waiter},
    options::ClientOptions,
    resume::{ResumePoint, Watched},
};

/// Answers of one call that may wait to be read; interim ones that find no place are lost.
const ANSWERS: usize = 2048;

/// A connection to a Gateway. Clones share it; it ends when the last one is dropped.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    link: Link,
    hello: Hello,
    proof: Proof,
    certificate: Option<Fingerprint>,
    call_timeout: Duration,
    /// The reader that saw every event from the first on, until somebody takes it.
    first: Mutex<Option<broadcast::Receiver<Delivery>>>,
    watched: Mutex<Watched>,
}

/// How one call is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallOptions {
    /// How long the answer may take; the client's own limit if absent.
    pub timeout: Option<Duration>,
    /// Raw calls: pass over an interim answer and wait for the final one. Typed calls know by themselves.
    pub expect_final: bool,
}

impl CallOptions {
    /// A call that may take this long.
    #[must_use]
    pub const fn within(timeout: Duration) -> Self {
        Self { timeout: Some(timeout), expect_final: false }
    }
}

impl Client {
    /// Connects, after the Gateway has proven itself as far as the endpoint demands.
    ///
    /// # Errors
    /// [`ClientError`], told apart by what a person does next.
    pub async fn connect(
        endpoint: &Endpoint,
        options: &ClientOptions,
    ) -> Result<Self, ClientError> {
        let established = handshake::establish(endpoint, options).await?;
        let hello = established.hello;
        let (opening, watched) = match &options.resume {
            None => (None, Watched::default()),
            Some(_) if hello.resume.is_none() => (Delivery::resync(None), Watched::default()),
            Some(point) => (Delivery::resync(hello.resume.as_ref()), point.watched.clone()),
        };
        let (socket, failure) = (established.socket, established.failure);
        let (link, first) = Link::start(socket, failure, &hello, opening, &options.tasks);
        let inner = Inner {
            link,
            hello,
            proof: established.proof,
            certificate: established.certificate,
            call_timeout: options.call_timeout,
            first: Mutex::new(Some(first)),
            watched: Mutex::new(watched),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What the Gateway said when it accepted.
    #[must_use]
    pub fn hello(&self) -> &Hello {
        &self.inner.hello
    }

    /// What the Gateway proved of itself.
    #[must_use]
    pub fn proof(&self) -> &Proof {
        &self.inner.proof
    }

    /// The certificate that had to be named for this, and has to be next time: none where the Gateway's
    /// proof is tied to the connection, or an authority vouches for the certificate.
    #[must_use]
    pub fn certificate(&self) -> Option<Fingerprint> {
        self.inner.certificate
    }

    /// Calls a method and waits for its final answer.
    ///
    /// # Errors
    /// [`ClientError::Rpc`] with what the Gateway said, or how the connection failed.
    pub async fn call<M: Rpc>(
        &self,
        params: &M::Params,
        options: CallOptions,
    ) -> Result<M::Result, ClientError> {
        let expect_final = M::ROW.interim;
        let payload =
            self.request(M::NAME, params, CallOptions { expect_final, ..options }).await?;
        decode(M::NAME, &payload)
    }

    /// Calls a method by name.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn call_raw(
        &self,
        method: &str,
        params: &Value,
        options: CallOptions,
    ) -> Result<Value, ClientError> {
        decode(method, &self.request(method, params, options).await?)
    }

    /// Calls a method by name and hands out its interim answer as well.
    ///
    /// # Errors
    /// When the request cannot be sent.
    pub async fn call_streaming<P: Serialize + ?Sized + Sync>(
        &self,
        method: &str,
        params: &P,
        options: CallOptions,
    ) -> Result<Answers, ClientError> {
        let (sender, receiver) = mpsc::channel(ANSWERS);
        let (ticket, deadline) = self.send(method, params, Waiter::Each(sender), options).await?;
        Ok(Answers { ticket, receiver, method: method.to_owned(), deadline, done: false })
    }

    /// A reader of events. The first one handed out holds every event since the connection was
    /// accepted, later ones what comes from now on.
    #[must_use]
    pub fn events(&self) -> Events {
        let first = self.inner.first.lock().take();
        Events::new(first.unwrap_or_else(|| self.inner.link.shared.subscribe()))
    }

    /// Where this connection stands, for [`ClientOptions::resume`] of the next one: every event up to
    /// here is in the hands of this connection's readers. Nothing if the Gateway knows no resuming.
    #[must_use]
    pub fn resume_point(&self) -> Option<ResumePoint> {
        let Proof::Proven(gateway) = &self.inner.proof else { return None };
        let hello = self.hello();
        Some(ResumePoint {
            gateway: *gateway,
            boot_id: hello.server.boot_id.clone().filter(|_| hello.can_resume())?,
            conn_id: hello.server.conn_id.clone(),
            last_seq: self.inner.link.shared.last_seq(),
            watched: self.inner.watched.lock().clone(),
        })
    }

    /// Waits for the end of the connection.
    pub async fn closed(&self) -> CloseReason {
        self.inner.link.shared.closed().await
    }

    /// Why the connection ended, if it did.
    #[must_use]
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.inner.link.shared.ended()
    }

    /// Says goodbye and ends the connection; calls that still wait fail.
    pub async fn close(&self) {
        self.inner.link.stop.cancel();
        self.closed().await;
    }

    async fn request<P: Serialize + ?Sized>(
        &self,
        method: &str,
        params: &P,
        options: CallOptions,
    ) -> Result<Box<RawValue>, ClientError> {
        let (sender, receiver) = oneshot::channel();
        let waiter =
            if options.expect_final { Waiter::Final(sender) } else { Waiter::Only(sender) };
        let (ticket, deadline) = self.send(method, params, waiter, options).await?;
        match deadline.within(method, receiver).await? {
            Ok(outcome) => {
                let payload = outcome.map_err(ClientError::from_call)?;
                self.inner.watched.lock().note(method, &payload);
                Ok(payload)
            }
            Err(_) => Err(ticket.lost()),
        }
    }

    async fn send<P: Serialize + ?Sized>(
        &self,
        method: &str,
        params: &P,
        waiter: Waiter,
        options: CallOptions,
    ) -> Result<(Ticket, Deadline), ClientError> {
        let deadline = Deadline::new(options.timeout.unwrap_or(self.inner.call_timeout));
        let shared = &self.inner.link.shared;
        let id = shared.next_id();
        let frame = serde_json::to_string(&OutgoingRequest::new(&id, method, params))
            .map_err(|error| ClientError::local("the request cannot be written", error.into()))?;
        let limit = self.inner.hello.policy.max_payload;
        if u64::try_from(frame.len()).is_ok_and(|length| length > limit) {
            let text = format!("the request has {} bytes, the Gateway takes {limit}", frame.len());
            return Err(ClientError::Rpc(Box::new(RpcError::invalid(text))));
        }
        shared.expect(&id, waiter).map_err(ClientError::LinkLost)?;
        let ticket = Ticket { shared: Arc::clone(shared), id };
        let sent = self.inner.link.outbox.send(frame.into());
        match deadline.within(method, sent).await? {
            Ok(()) => Ok((ticket, deadline)),
            Err(_) => Err(ticket.lost()),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.inner.hello.server)
            .field("proof", &self.inner.proof)
            .finish_non_exhaustive()
    }
}

/// The answers of one call, as they come.
pub struct Answers {
    ticket: Ticket,
    receiver: mpsc::Receiver<Partial>,
    method: String,
    deadline: Deadline,
    done: bool,
}

/// One answer.
#[derive(Debug)]
pub struct Step {
    /// Whether no other follows.
    pub last: bool,
    /// What it holds.
    pub payload: Box<RawValue>,
}

impl Step {
    /// The payload as a type.
    ///
    /// # Errors
    /// [`ClientError::ProtocolMismatch`] when it is something else.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        decode("the call", &self.payload)
    }
}

impl Answers {
    /// The next answer; `None` after the last one.
    pub async fn next(&mut self) -> Option<Result<Step, ClientError>> {
        if self.done {
            return None;
        }
        let step = match self.deadline.within(&self.method, self.receiver.recv()).await {
            Ok(Some(Partial { last, outcome })) => {
                outcome.map(|payload| Step { last, payload }).map_err(ClientError::from_call)
            }
            Ok(None) => Err(self.ticket.lost()),
            Err(error) => Err(error),
        };
        self.done = step.as_ref().map_or(true, |step| step.last);
        Some(step)
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("method", &self.method).finish_non_exhaustive()
    }
}

/// The place of a call among those that wait; given up when dropped.
struct Ticket {
    shared: Arc<Shared>,
    id: String,
}

impl Ticket {
    fn lost(&self) -> ClientError {
        ClientError::LinkLost(self.shared.ended().unwrap_or(CloseReason::Ended))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.shared.forget(&self.id);
    }
}

#[derive(Clone, Copy)]
struct Deadline {
    at: Instant,
    after: Duration,
}

impl Deadline {
    fn new(after: Duration) -> Self {
        Self { at: Instant::now() + after, after }
    }

    async fn within<T>(
        self,
        method: &str,
        future: impl Future<Output = T>,
    ) -> Result<T, ClientError> {
        tokio::time::timeout_at(self.at, future).await.map_err(|_| ClientError::Timeout {
            stage: Stage::Call(method.to_owned()),
            after: self.after,
        })
    }
}

fn decode<T: DeserializeOwned>(method: &str, payload: &RawValue) -> Result<T, ClientError> {
    serde_json::from_str(payload.get()).map_err(|error| {
        ClientError::ProtocolMismatch(format!("the answer to {method} cannot be read: {error}"))
    })
}
