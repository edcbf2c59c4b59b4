//! Commands that wait for a person's word.
//!
//! Whoever wants to run something opens a request and waits for the decision; any operator with the
//! approvals scope may give it, the first one counts, and every one is in the audit trail. What is
//! waiting is kept in memory: whoever waits for it is gone as well when the Gateway ends.

use std::{collections::HashMap, sync::Arc};

use openclaw_exec::approvals::Approvals;
use openclaw_protocol::{
    DetailCode, RpcError,
    methods::approvals::{
        ApprovalDecision, ApprovalReason, ApprovalStatus, ExecApprovalRequested as Requested,
    },
};
use parking_lot::Mutex;
use tokio::sync::watch;

/// Requests that are known at once.
const MAX_OPEN: usize = 256;
/// Letters of an id that may stand for it.
const MIN_NAME: usize = 8;

/// One request.
#[derive(Debug)]
pub struct Item {
    /// What is shown of it.
    pub requested: Requested,
    settled: watch::Sender<Option<Settled>>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The decision; none if nobody made one.
    pub decision: Option<ApprovalDecision>,
    /// Why.
    pub reason: ApprovalReason,
    /// Who decided.
    pub by: Option<String>,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
}

impl Settled {
    /// In one word.
    #[must_use]
    pub const fn status(&self) -> ApprovalStatus {
        match (self.decision, self.reason) {
            (Some(ApprovalDecision::AllowOnce | ApprovalDecision::AllowAlways), _) => {
                ApprovalStatus::Allowed
            }
            (Some(ApprovalDecision::Deny), _) => ApprovalStatus::Denied,
            (None, ApprovalReason::RunAborted) => ApprovalStatus::Cancelled,
            (None, ApprovalReason::User | ApprovalReason::Timeout) => ApprovalStatus::Expired,
        }
    }
}

impl Item {
    /// Settles it, unless it is already. True if this did it.
    pub fn settle(&self, settled: &Settled) -> bool {
        self.settled.send_if_modified(|slot| {
            let first = slot.is_none();
            if first {
                *slot = Some(settled.clone());
            }
            first
        })
    }

    /// What became of it, if anything did.
    #[must_use]
    pub fn settled(&self) -> Option<Settled> {
        self.settled.borrow().clone()
    }

    /// Waits until something does.
    pub async fn wait(&self) -> Settled {
        let mut changes = self.settled.subscribe();
        loop {
            let settled = changes.borrow_and_update().clone();
            if let Some(settled) = settled {
                return settled;
            }
            // The sender is in `self`, so there is a change to wait for.
            changes.changed().await.ok();
        }
    }
}

/// All requests, and the file of what needs none.
#[derive(Debug)]
pub struct Desk {
    file: Arc<Approvals>,
    items: Mutex<HashMap<String, Arc<Item>>>,
}

impl Desk {
    /// A desk over this file.
    #[must_use]
    pub fn new(file: Arc<Approvals>) -> Self {
        Self { file, items: Mutex::default() }
    }

    /// The file.
    #[must_use]
    pub const fn file(&self) -> &Arc<Approvals> {
        &self.file
    }

    /// Takes a request up.
    ///
    /// # Errors
    /// If the id is taken, or too many are known.
    pub fn insert(&self, requested: Requested) -> Result<Arc<Item>, RpcError> {
        let mut items = self.items.lock();
        if items.contains_key(&requested.id) {
            return Err(RpcError::invalid("approval id already pending"));
        }
        if items.len() >= MAX_OPEN {
            let message = "too many commands wait for approval; decide some of them first";
            return Err(RpcError::unavailable(message).retry_after(5_000));
        }
        let item = Arc::new(Item { requested, settled: watch::Sender::new(None) });
        items.insert(item.requested.id.clone(), Arc::clone(&item));
        Ok(item)
    }

    /// A request, waiting or decided a moment ago.
    ///
    /// # Errors
    /// If there is none of this id.
    pub fn find(&self, id: &str) -> Result<Arc<Item>, RpcError> {
        self.items.lock().get(id).cloned().ok_or_else(|| {
            RpcError::invalid("unknown or expired approval id")
                .with_details([("reason", serde_json::json!(DetailCode::ApprovalNotFound))])
        })
    }

    /// The request that is called like this, or whose id begins like this.
    #[must_use]
    pub fn called(&self, name: &str) -> Option<Arc<Item>> {
        let items = self.items.lock();
        if let Some(item) = items.get(name) {
            return Some(Arc::clone(item));
        }
        let mut alike =
            items.iter().filter(|(id, _)| name.len() >= MIN_NAME && id.starts_with(name));
        let (_, item) = alike.next()?;
        alike.next().is_none().then(|| Arc::clone(item))
    }

    /// Forgets a request.
    pub fn remove(&self, id: &str) {
        self.items.lock().remove(id);
    }

    /// Those that wait, oldest first.
    #[must_use]
    pub fn waiting(&self) -> Vec<Requested> {
        let items = self.items.lock();
        let waiting = items.values().filter(|item| item.settled.borrow().is_none());
        let mut waiting: Vec<Requested> = waiting.map(|item| item.requested.clone()).collect();
        waiting.sort_by(|a, b| (a.created_at_ms, &a.id).cmp(&(b.created_at_ms, &b.id)));
        waiting
    }
}
