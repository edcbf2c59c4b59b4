//! Who is connected, as `hello-ok`, `system-presence` and the `presence` event list it.

use crate::macros::record;

record! {
    /// One line of the presence list.
    PresenceEntry {
        /// Host name.
        host?: String,
        /// Address.
        ip?: String,
        /// Program version.
        version?: String,
        /// Operating system.
        platform?: String,
        /// Kind of device.
        device_family?: String,
        /// Model of the device.
        model_identifier?: String,
        /// IANA time zone.
        time_zone?: String,
        /// Coarse kind of client, or `gateway`.
        mode?: String,
        /// Seconds since somebody last touched the machine.
        last_input_seconds?: u64,
        /// Why the entry is there: `self`, `connect`, `disconnect`.
        reason?: String,
        /// Free labels.
        tags?: Vec<String>,
        /// One line for people.
        text?: String,
        /// Last change, in milliseconds since 1970.
        ts: u64,
        /// Since when it is connected, in milliseconds since 1970.
        online_since?: u64,
        /// When it last did something, in milliseconds since 1970.
        last_activity_at?: u64,
        /// Device.
        device_id?: String,
        /// Roles.
        roles?: Vec<String>,
        /// Scopes.
        scopes?: Vec<String>,
        /// Installation.
        instance_id?: String,
        /// Sessions it looks at.
        watched_sessions?: Vec<String>,
    }
}
