//! Commands that wait for a person's word.

pub use crate::methods::approvals::ExecApprovalRequested as ExecApprovalRequestedPayload;
use crate::{
    macros::record,
    methods::approvals::ApprovalDecision,
    row::{Gate, events},
    scope::Scope,
};

record! {
    /// Payload of `exec.approval.resolved`.
    ExecApprovalResolvedPayload {
        /// The approval.
        id: String,
        /// What was decided.
        decision: ApprovalDecision,
        /// Who decided.
        resolved_by?: String,
        /// When, in milliseconds since 1970.
        ts: u64,
    }
}

events! {
    /// A command waits for a person's word.
    ExecApprovalRequested = "exec.approval.requested", Gate::Scope(Scope::Approvals),
        ExecApprovalRequestedPayload;
    /// Somebody decided, or nobody waits any more.
    ExecApprovalResolved = "exec.approval.resolved", Gate::Scope(Scope::Approvals),
        ExecApprovalResolvedPayload;
}
