//! How often one caller may change the configuration: so many calls of a method in a minute, as the published
//! Gateway bounds them, so that a program gone wild cannot keep it reloading.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use openclaw_protocol::RpcError;
use parking_lot::Mutex;
use serde_json::Value;

/// Calls of one method by one caller in a window.
pub const WRITES: usize = 30;
/// The window, in milliseconds.
pub const WINDOW_MS: u64 = 60_000;
/// At most so many callers are remembered; the one that was heard of longest ago goes first.
const MAX_CALLERS: usize = 1_024;

type Caller = (&'static str, Arc<str>);

/// Counts the calls that change the configuration.
#[derive(Debug, Default)]
pub struct WriteLimit {
    calls: Mutex<HashMap<Caller, VecDeque<u64>>>,
}

impl WriteLimit {
    /// Counts a call.
    ///
    /// # Errors
    /// When there were too many; the error says when to try again.
    pub fn admit(&self, method: &'static str, who: &str, now_ms: u64) -> Result<(), RpcError> {
        let mut calls = self.calls.lock();
        let caller = (method, Arc::from(who));
        if calls.len() >= MAX_CALLERS && !calls.contains_key(&caller) {
            let oldest = calls.iter().min_by_key(|(_, times)| times.back().copied());
            let oldest = oldest.map(|(caller, _)| caller.clone());
            oldest.map(|caller| calls.remove(&caller));
        }
        let times = calls.entry(caller).or_default();
        while times.front().is_some_and(|time| now_ms.saturating_sub(*time) >= WINDOW_MS) {
            times.pop_front();
        }
        if let Some(first) = times.front().filter(|_| times.len() >= WRITES) {
            let wait = WINDOW_MS - now_ms.saturating_sub(*first);
            let seconds = wait.div_ceil(1_000);
            let message = format!("rate limit exceeded for {method}; retry after {seconds}s");
            let limit = format!("{WRITES} per {}s", WINDOW_MS / 1_000);
            let details = [("method", Value::from(method)), ("limit", Value::from(limit))];
            return Err(RpcError::unavailable(message).with_details(details).retry_after(wait));
        }
        times.push_back(now_ms);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_caller_has_so_many_calls_of_each_method_in_a_window() {
        let limit = WriteLimit::default();
        let start = 1_000_000;
        for call in 0..WRITES as u64 {
            limit.admit("config.set", "one", start + call).unwrap();
        }
        let error = limit.admit("config.set", "one", start + 30_000).unwrap_err();
        assert_eq!(error.message, "rate limit exceeded for config.set; retry after 30s");
        assert_eq!(error.details, Some(json!({"method": "config.set", "limit": "30 per 60s"})));
        assert_eq!((error.retryable, error.retry_after_ms), (Some(true), Some(30_000)));
        limit.admit("config.patch", "one", start + 30_000).unwrap();
        limit.admit("config.set", "two", start + 30_000).unwrap();
        // What was refused does not count.
        limit.admit("config.set", "one", start + WINDOW_MS).unwrap();
        limit.admit("config.set", "one", start + WINDOW_MS).unwrap_err();
    }

    #[test]
    fn the_caller_that_was_heard_of_longest_ago_is_forgotten() {
        let limit = WriteLimit::default();
        for caller in 0..2 * MAX_CALLERS as u64 {
            limit.admit("config.set", &caller.to_string(), caller).unwrap();
        }
        let calls = limit.calls.lock();
        assert_eq!(calls.len(), MAX_CALLERS);
        assert!(!calls.contains_key(&("config.set", Arc::from("0"))));
    }
}
