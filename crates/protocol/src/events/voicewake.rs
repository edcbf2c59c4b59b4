//! Wake words and their routes changed.

use crate::{
    methods::voicewake::{VoicewakeRouting, VoicewakeTriggers},
    row::{Gate, Since, events},
};

events! {
    /// Wake words changed; a node is told the present ones when it connects, too.
    VoicewakeChanged = "voicewake.changed", Gate::Everyone, VoicewakeTriggers;
    /// Routes of wake words changed; a node is told the present ones when it connects, too.
    VoicewakeRoutingChanged = "voicewake.routing.changed", Gate::Everyone, VoicewakeRouting
        { since: Since::V4 };
}
