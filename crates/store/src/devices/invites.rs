//! Tokens that let in once: for a browser that a person opens, and for a machine that joins.
//!
//! * The token itself is never here, only its digest.
//! * An operator's invite pairs the first device that shows it, in the same transaction that uses it up.
//! * A node's invite lets the first device that shows it ask. It stays that device's until its time is
//!   over, because whoever waits for a decision asks again.
//! * With the right of whoever made it, an unused invite is gone.

use openclaw_protocol::{
    ids::DeviceId,
    scope::{Role, ScopeSet},
};
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::{Approval, Ask, Devices, rights};
use crate::{
    error::StoreError,
    row::{Json, RowExt as _},
};

/// Invites that are kept; the one closest to its end makes room.
pub const MAX_INVITES: usize = 256;

/// What a token is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// Names it without being it.
    pub invite_id: String,
    /// The role it is for.
    pub role: Role,
    /// The scopes it gives at most.
    pub scopes: ScopeSet,
    /// Who made it.
    pub made_by: String,
    /// When, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// Until when it may be shown, in milliseconds since 1970.
    pub expires_at_ms: u64,
    /// The device that showed it.
    pub used_by: Option<DeviceId>,
    /// When, in milliseconds since 1970.
    pub used_at_ms: Option<u64>,
}

impl Invite {
    /// Whether this device may show it now.
    #[must_use]
    pub fn is_open_to(&self, device: &DeviceId, now_ms: u64) -> bool {
        now_ms < self.expires_at_ms
            && match &self.used_by {
                None => true,
                Some(first) => self.role == Role::Node && first == device,
            }
    }
}

impl Devices<'_> {
    /// Keeps the digest of a new token.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn invite(self, digest: &str, invite: Invite) -> Result<(), StoreError> {
        let digest = digest.to_owned();
        self.change(move |conn| add(conn, &digest, &invite)).await
    }

    /// What a token is good for, whether or not it is used or too old.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn find_invite(self, digest: &str) -> Result<Option<Invite>, StoreError> {
        let digest = digest.to_owned();
        self.engine.read(move |conn| find(conn, "digest", &digest)).await
    }

    /// The same by its name.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn invite_by_id(self, invite_id: &str) -> Result<Option<Invite>, StoreError> {
        let id = invite_id.to_owned();
        self.engine.read(move |conn| find(conn, "invite_id", &id)).await
    }

    /// Uses a token up and grants what is asked, both or neither. `None`: it is not open to this
    /// device, or not for what it asks.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn redeem(
        self,
        digest: &str,
        ask: Ask,
        via: &str,
        now_ms: u64,
    ) -> Result<Option<Approval>, StoreError> {
        let (digest, via) = (digest.to_owned(), via.to_owned());
        self.change(move |conn| {
            if !claim(conn, &digest, &ask, now_ms)? {
                return Ok(None);
            }
            rights::grant(conn, &ask, &via, now_ms).map(Some)
        })
        .await
    }

    /// Makes a token this device's, and grants nothing. `false`: it is not open to this device, or not
    /// for what it asks.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn claim_invite(
        self,
        digest: &str,
        ask: &Ask,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        let (digest, ask) = (digest.to_owned(), ask.clone());
        self.change(move |conn| claim(conn, &digest, &ask, now_ms)).await
    }
}

fn invite(row: &Row<'_>) -> rusqlite::Result<Invite> {
    Ok(Invite {
        invite_id: row.get("invite_id")?,
        role: row.word("role")?,
        scopes: row.json("scopes")?,
        made_by: row.get("made_by")?,
        created_at_ms: row.get("created_at_ms")?,
        expires_at_ms: row.get("expires_at_ms")?,
        used_by: row.maybe_id("used_by")?,
        used_at_ms: row.get("used_at_ms")?,
    })
}

fn find(conn: &Connection, column: &str, value: &str) -> Result<Option<Invite>, StoreError> {
    let sql = format!("SELECT * FROM invites WHERE {column} = ?1");
    Ok(conn.prepare_cached(&sql)?.query_row([value], invite).optional()?)
}

fn add(conn: &Connection, digest: &str, new: &Invite) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM invites WHERE expires_at_ms <= ?1")?
        .execute([new.created_at_ms])?;
    conn.prepare_cached(
        "DELETE FROM invites WHERE digest IN
             (SELECT digest FROM invites ORDER BY expires_at_ms DESC LIMIT -1 OFFSET ?1)",
    )?
    .execute([MAX_INVITES - 1])?;
    conn.prepare_cached(
        "INSERT INTO invites (digest, invite_id, role, scopes, made_by, created_at_ms, expires_at_ms)
         VALUES (:digest, :id, :role, :scopes, :by, :created, :expires)",
    )?
    .execute(named_params! {
        ":digest": digest,
        ":id": new.invite_id,
        ":role": new.role.as_str(),
        ":scopes": Json(new.scopes),
        ":by": new.made_by,
        ":created": new.created_at_ms,
        ":expires": new.expires_at_ms,
    })?;
    Ok(())
}

fn claim(conn: &Connection, digest: &str, ask: &Ask, now_ms: u64) -> Result<bool, StoreError> {
    let device = &ask.info.device_id;
    let Some(found) = find(conn, "digest", digest)? else { return Ok(false) };
    let fits = found.role == ask.role && found.scopes.covers(ask.scopes);
    if !fits || !found.is_open_to(device, now_ms) {
        return Ok(false);
    }
    conn.prepare_cached(
        "UPDATE invites SET used_by = :device, used_at_ms = coalesce(used_at_ms, :now)
         WHERE digest = :digest",
    )?
    .execute(named_params! { ":device": device.as_str(), ":now": now_ms, ":digest": digest })?;
    Ok(true)
}

/// Drops what somebody made and nobody used.
pub(super) fn forget_of(conn: &Connection, made_by: &str) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM invites WHERE made_by = ?1 AND used_by IS NULL")?
        .execute([made_by])?;
    Ok(())
}
