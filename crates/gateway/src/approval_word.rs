//! Requests for approval that are decided in a chat, by those whom its account lets decide.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use openclaw_channels::{Decide, Decided, Decision};
use openclaw_protocol::methods::approvals::ApprovalDecision;
use openclaw_store::outbox::Route;

use crate::{
    approval_chat::outcome,
    approval_flow::{self, AgentApprover},
    approvals::Item,
    state::State,
};

/// The decision that a word of a chat means.
fn meant(word: &str) -> Option<ApprovalDecision> {
    match word.to_lowercase().as_str() {
        "allow-once" | "once" | "allow" => Some(ApprovalDecision::AllowOnce),
        "allow-always" | "always" => Some(ApprovalDecision::AllowAlways),
        "deny" | "no" => Some(ApprovalDecision::Deny),
        _ => None,
    }
}

impl Decide for AgentApprover {
    fn decide(&self, decision: Decision) -> BoxFuture<'_, Decided> {
        Box::pin(async move {
            match self.state() {
                Some(state) => decide(&state, &decision),
                None => Decided::refused("The Gateway is starting or stopping; try again."),
            }
        })
    }
}

fn decide(state: &Arc<State>, given: &Decision) -> Decided {
    let Some(decision) = meant(&given.word) else {
        return Decided::refused("Say: /approve ID allow-once, allow-always or deny");
    };
    let item = state.approvals.called(&given.id);
    let Some(item) = item.filter(|item| given.anywhere || is_from(item, &given.route)) else {
        let said = "This request has expired, or there is none with this id here.".to_owned();
        return Decided { said, counts: false, over: true };
    };
    let origin = format!("{} {}", given.route.channel, given.route.chat);
    match approval_flow::resolve(state, &item, decision, (&given.by, &origin)) {
        Ok(true) => {
            let said = item.settled().as_ref().map_or("Decided", outcome).to_owned();
            Decided { said, counts: true, over: false }
        }
        Ok(false) => {
            let before = item.settled();
            let before = before.as_ref().map_or("decided", outcome);
            Decided::refused(&format!("Too late. {before}"))
        }
        Err(error) => Decided::refused(&error.message),
    }
}

/// Whether a request came from this chat.
fn is_from(item: &Item, route: &Route) -> bool {
    let request = &item.requested.request;
    request.turn_source_channel.as_ref() == Some(&route.channel)
        && request.turn_source_account_id.as_ref() == Some(&route.account)
        && request.turn_source_to.as_ref() == Some(&route.chat)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_chat_are_decisions() {
        assert_eq!(meant("Once"), Some(ApprovalDecision::AllowOnce));
        assert_eq!(meant("allow-always"), Some(ApprovalDecision::AllowAlways));
        assert_eq!(meant("deny"), Some(ApprovalDecision::Deny));
        assert_eq!(meant("maybe"), None);
    }
}
