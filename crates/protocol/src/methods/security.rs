//! What happened about access, and what is amiss about it: the audit trail and the security audit. Ours, no
//! part of the published contract.

use crate::{
    macros::{names, params, record},
    methods::system::NoParams,
    row::{Since, methods},
    text::{Int, Int0, NonEmpty},
};

params! {
    /// Params of `security.trail`.
    #[derive(Default)]
    SecurityTrailParams {
        /// Only entries of this kind.
        kind?: TrailKindName,
        /// Only entries older than this id.
        before?: Int0,
        /// Most entries; 100 if absent.
        limit?: Int<1, 1_000>,
    }
}

params! {
    /// Params of `security.fix`.
    SecurityFixParams {
        /// The check whose findings are set right.
        check_id: NonEmpty,
    }
}

names! {
    /// What an entry is about.
    TrailKindName = Connect {
        /// Somebody connected.
        Connect = "connect",
        /// Somebody was refused.
        Refusal = "refusal",
        /// An address has to wait.
        Lockout = "lockout",
        /// A device asked, was let in, turned away, or removed.
        Pairing = "pairing",
        /// The shared secret was replaced.
        Secret = "secret",
        /// Somebody decided on a command, or the list did.
        Approval = "approval",
        /// The configuration was changed.
        Config = "config",
        /// The Gateway started or stopped.
        Gateway = "gateway",
    }
}

record! {
    /// Result of `security.trail`: the newest entries, newest first.
    SecurityTrailResult {
        /// The entries.
        entries: Vec<TrailRecord>,
    }

    /// One entry.
    TrailRecord {
        /// Grows with every entry.
        id: u64,
        /// When it happened first, in milliseconds since 1970.
        at_ms: u64,
        /// When it happened last; what repeats within a minute is one entry.
        last_ms: u64,
        /// How often.
        count: u64,
        /// What it is about.
        kind: String,
        /// What came of it: how somebody was admitted, an error code, `approved`, …
        outcome: String,
        /// Who: a device id, `owner`, or a program.
        who: String,
        /// From where: an address, or the owner's door.
        origin: String,
        /// The rest.
        detail: String,
    }
}

record! {
    /// Result of `security.audit`.
    SecurityAuditResult {
        /// When, in milliseconds since 1970.
        ts: u64,
        /// How many findings there are of each kind.
        summary: SecuritySummary,
        /// The findings, the worst first.
        findings: Vec<SecurityFinding>,
    }

    /// How many findings there are of each kind.
    SecuritySummary {
        /// Critical ones.
        critical: u64,
        /// Warnings.
        warn: u64,
        /// The rest.
        info: u64,
    }

    /// Something that was found.
    SecurityFinding {
        /// Which check.
        check_id: String,
        /// `critical`, `warn` or `info`.
        severity: String,
        /// What is wrong.
        title: String,
        /// What exactly, and where.
        detail: String,
        /// What to do.
        remediation?: String,
        /// What `security.fix` does about it, as a command; nothing stops working by it.
        fix?: String,
    }

    /// Result of `security.fix`.
    SecurityFixResult {
        /// What was done.
        steps: Vec<SecurityStep>,
    }

    /// One step.
    SecurityStep {
        /// What is done, as a command.
        action: String,
        /// Whether it was done.
        ok: bool,
        /// Why not.
        error?: String,
    }
}

methods! {
    /// Looks for what is unsafe about this Gateway's machine, files and configuration.
    SecurityAudit = "security.audit", Admin, NoParams => SecurityAuditResult { since: Since::Ours };
    /// Sets right what one check found, where that is safe.
    SecurityFix = "security.fix", Admin, SecurityFixParams => SecurityFixResult
        { since: Since::Ours };
    /// Lists who connected, who was refused, and what was changed about rights.
    SecurityTrail = "security.trail", Admin, SecurityTrailParams => SecurityTrailResult
        { since: Since::Ours };
}
