//! When a conversation starts anew by itself: at an hour of the day, or after a pause.

use std::{collections::BTreeMap, time::Duration};

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use openclaw_protocol::ids::SessionKey;

/// When one conversation starts anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResetRule {
    /// Every day at this hour, in local time.
    pub at_hour: Option<u8>,
    /// After a pause of this length.
    pub idle: Option<Duration>,
}

/// When conversations start anew. The channel's rule wins over the kind's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResetRules {
    /// Direct messages, and what is no chat.
    pub direct: ResetRule,
    /// Groups.
    pub group: ResetRule,
    /// Threads and topics.
    pub thread: ResetRule,
    /// Channels by name.
    pub channels: BTreeMap<String, ResetRule>,
}

impl ResetRules {
    /// The rule for a conversation, and for the channel a message came by; the one in the
    /// conversation's key where it came by none.
    #[must_use]
    pub fn of(&self, key: &SessionKey, channel: Option<&str>) -> ResetRule {
        let channel = channel.or_else(|| key.as_str().split(':').nth(2));
        if let Some(rule) = channel.and_then(|channel| self.channels.get(channel)) {
            return *rule;
        }
        let has = |step: &str| key.as_str().split(':').any(|part| part == step);
        if has("thread") || has("topic") {
            self.thread
        } else if has("group") || has("channel") {
            self.group
        } else {
            self.direct
        }
    }
}

impl ResetRule {
    /// Why a conversation that was used last at `last_ms` starts anew now, if it does.
    #[must_use]
    pub fn due(self, last_ms: u64, now_ms: u64, zone: &TimeZone) -> Option<&'static str> {
        let pause = Duration::from_millis(now_ms.saturating_sub(last_ms));
        if self.idle.is_some_and(|idle| pause >= idle) {
            return Some("idle");
        }
        let boundary = self.at_hour.and_then(|hour| boundary(hour, now_ms, zone))?;
        (last_ms < boundary).then_some("daily")
    }
}

/// The last time it was this hour, in milliseconds since 1970.
fn boundary(hour: u8, now_ms: u64, zone: &TimeZone) -> Option<u64> {
    let now = Timestamp::from_millisecond(i64::try_from(now_ms).ok()?).ok()?;
    let today = now.to_zoned(zone.clone()).date();
    let at = |date: jiff::civil::Date| {
        let at = date.at(i8::try_from(hour).ok()?, 0, 0, 0).to_zoned(zone.clone()).ok()?;
        Some(at.timestamp())
    };
    let passed = match at(today)? {
        at_today if at_today <= now => at_today,
        _ => at(today.checked_sub(1.day()).ok()?)?,
    };
    u64::try_from(passed.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;
    const DAY: u64 = 24 * HOUR;

    #[test]
    fn a_day_begins_at_its_hour() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        // Local 04:00 is 02:00 of the world.
        let rule = ResetRule { at_hour: Some(4), idle: None };
        for (last, now, due) in [
            (10 * DAY + HOUR, 10 * DAY + 2 * HOUR - 1, None),
            (10 * DAY + HOUR, 10 * DAY + 2 * HOUR, Some("daily")),
            (10 * DAY + 2 * HOUR, 10 * DAY + 20 * HOUR, None),
            (10 * DAY + 2 * HOUR, 11 * DAY + HOUR, None),
            (10 * DAY + 2 * HOUR, 11 * DAY + 2 * HOUR, Some("daily")),
            (10 * DAY, 10 * DAY, Some("idle")),
        ] {
            let idle = (last == now).then_some(Duration::ZERO);
            assert_eq!(ResetRule { idle, ..rule }.due(last, now, &zone), due, "{last} {now}");
        }
        assert_eq!(ResetRule::default().due(0, 100 * DAY, &zone), None);
        let pause = ResetRule { at_hour: None, idle: Some(Duration::from_secs(60)) };
        assert_eq!(pause.due(1_000, 60_999, &zone), None);
        assert_eq!(pause.due(1_000, 61_000, &zone), Some("idle"));
    }

    #[test]
    fn the_channel_wins_over_the_kind() {
        let rule = |hour| ResetRule { at_hour: Some(hour), idle: None };
        let rules = ResetRules {
            direct: rule(1),
            group: rule(2),
            thread: rule(3),
            channels: BTreeMap::from([("webhook".to_owned(), rule(4))]),
        };
        for (key, channel, hour) in [
            ("agent:main:main", None, 1),
            ("agent:main:telegram:direct:42", Some("telegram"), 1),
            ("agent:main:telegram:group:-100", Some("telegram"), 2),
            ("agent:main:telegram:group:-100:topic:7", Some("telegram"), 3),
            ("agent:main:webhook:group:x", Some("webhook"), 4),
            ("agent:main:webhook:group:x", None, 4),
            ("agent:main:main", Some("webhook"), 4),
            ("main", None, 1),
        ] {
            assert_eq!(rules.of(&SessionKey::new(key), channel), rule(hour), "{key}");
        }
    }
}
