//! Wake words: what makes a node listen, and which session hears what was said then.
//!
//! Shapes of the routes are those of the original's state, which has no `voicewake.routing.set` of its own.

use crate::{
    ids::{AgentId, SessionKey},
    macros::{names, params, record},
    methods::system::NoParams,
    row::{Since, methods},
    text::NonEmpty,
};

/// The wake words of a Gateway on which nobody chose others.
pub const DEFAULT_TRIGGERS: [&str; 3] = ["openclaw", "claude", "computer"];
/// Most wake words, and most routes.
pub const MAX_TRIGGERS: usize = 32;
/// Longest wake word, in characters.
pub const MAX_TRIGGER_CHARS: usize = 64;

names! {
    /// Where what was said goes, if nowhere in particular.
    WakeMode = Current {
        /// To the main session of the default agent.
        Current = "current",
    }
}

params! {
    /// Where what was said goes: one of the three.
    #[derive(Default)]
    WakeTarget {
        /// To the main session of the default agent.
        mode?: WakeMode,
        /// To the main session of this agent.
        agent_id?: NonEmpty,
        /// To this session.
        session_key?: NonEmpty,
    }

    /// One wake word with a place of its own.
    WakeRoute {
        /// The wake word.
        trigger: NonEmpty,
        /// Where what was said goes.
        target: WakeTarget,
    }

    /// What is to be routed from now on.
    WakeRouting {
        /// Where what was said goes that no route names; left out: `{mode: "current"}`.
        default_target?: WakeTarget,
        /// Wake words with a place of their own; the first that fits counts.
        routes?: Vec<WakeRoute>,
    }

    /// Params of `voicewake.set`.
    VoicewakeSetParams {
        /// The wake words, at most 32 of 64 characters; none: the usual ones.
        triggers: Vec<String>,
    }

    /// Params of `voicewake.routing.set`.
    VoicewakeRoutingSetParams {
        /// The routes.
        config: WakeRouting,
    }
}

record! {
    /// Result of `voicewake.get` and `voicewake.set`; payload of `voicewake.changed`.
    VoicewakeTriggers {
        /// The wake words.
        triggers: Vec<String>,
    }

    /// A place, as it is kept.
    WakeTargetRow {
        /// To the main session of the default agent.
        mode?: WakeMode,
        /// To the main session of this agent.
        agent_id?: AgentId,
        /// To this session.
        session_key?: SessionKey,
    }

    /// A route, as it is kept.
    WakeRouteRow {
        /// The wake word, in lower case and without marks around its words.
        trigger: String,
        /// Where what was said goes.
        target: WakeTargetRow,
    }

    /// The routes, as they are kept.
    WakeRoutingRow {
        /// Always 1.
        version: u32,
        /// Where what was said goes that no route names.
        default_target: WakeTargetRow,
        /// Wake words with a place of their own.
        routes: Vec<WakeRouteRow>,
        /// When they were changed, in milliseconds since 1970; 0: never.
        updated_at_ms: u64,
    }

    /// Result of `voicewake.routing.get` and `.set`; payload of `voicewake.routing.changed`.
    VoicewakeRouting {
        /// The routes.
        config: WakeRoutingRow,
    }
}

methods! {
    /// The wake words.
    VoicewakeGet = "voicewake.get", Read, NoParams => VoicewakeTriggers;
    /// Chooses wake words; every node and operator is told.
    VoicewakeSet = "voicewake.set", Write, VoicewakeSetParams => VoicewakeTriggers;
    /// Where what was said goes.
    VoicewakeRoutingGet = "voicewake.routing.get", Read, NoParams => VoicewakeRouting;
    /// Chooses where what was said goes; every node and operator is told.
    VoicewakeRoutingSet = "voicewake.routing.set", Write, VoicewakeRoutingSetParams
        => VoicewakeRouting
        { since: Since::Ours };
}
