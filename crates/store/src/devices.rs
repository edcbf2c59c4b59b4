//! Paired devices, what each may do, and who asks to be let in.
//!
//! * A device has one grant per role; an operator grant says nothing about the node role.
//! * A grant's generation comes from one counter of the whole file and is never given out twice, so
//!   that a token made for an earlier one stays worthless even if the device is removed and paired
//!   again.
//! * The id of a pairing request is derived by the caller from what is asked; the same ask renews
//!   the request it already has.
//! * Everything that changes rights is on disk, safe from a power cut, before it is answered.

pub mod invites;
mod model;
mod requests;
mod rights;
mod rows;

use openclaw_protocol::{
    ids::{DeviceId, PairingRequestId},
    scope::{Role, ScopeSet},
};
use rusqlite::{Connection, named_params};

pub use self::{
    model::{Approval, Ask, Device, DeviceInfo, Grant, Paired, PairingRequest, Requested},
    requests::{MAX_PENDING, MAX_PENDING_OF_DEVICE},
};
use crate::{
    engine::{Durability, Engine},
    error::{Conflict, StoreError},
};

/// Operations on devices.
#[derive(Clone, Copy)]
pub struct Devices<'a> {
    engine: &'a Engine,
}

impl<'a> Devices<'a> {
    pub(crate) const fn new(engine: &'a Engine) -> Self {
        Self { engine }
    }

    async fn change<T, F>(self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.engine.write(Durability::Power, work).await
    }

    /// A device with its grants.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn get(self, device_id: &DeviceId) -> Result<Option<Paired>, StoreError> {
        let id = device_id.clone();
        self.engine.read(move |conn| rows::paired(conn, &id)).await
    }

    /// Every device with its grants, the last approved first.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn list(self) -> Result<Vec<Paired>, StoreError> {
        self.engine.read(rows::all_paired).await
    }

    /// Makes or renews the request with this id. It lives for
    /// [`PAIRING_TTL_MS`](openclaw_protocol::limits::PAIRING_TTL_MS) from now; with
    /// [`MAX_PENDING`] others waiting the one closest to its end makes room, with
    /// [`MAX_PENDING_OF_DEVICE`] of this device that one of its own.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn request(
        self,
        request_id: &PairingRequestId,
        ask: Ask,
        now_ms: u64,
    ) -> Result<Requested, StoreError> {
        let id = request_id.clone();
        self.change(move |conn| requests::upsert(conn, &id, ask, now_ms)).await
    }

    /// The requests that wait, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn list_requests(self, now_ms: u64) -> Result<Vec<PairingRequest>, StoreError> {
        self.engine.read(move |conn| requests::waiting(conn, now_ms)).await
    }

    /// A request that waits.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn get_request(
        self,
        request_id: &PairingRequestId,
        now_ms: u64,
    ) -> Result<Option<PairingRequest>, StoreError> {
        let id = request_id.clone();
        self.engine.read(move |conn| requests::find(conn, &id, now_ms)).await
    }

    /// Grants what a request asks, on top of what the device may do already. `None`: no such
    /// request waits.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn approve(
        self,
        request_id: &PairingRequestId,
        via: &str,
        now_ms: u64,
    ) -> Result<Option<Approval>, StoreError> {
        let (id, via) = (request_id.clone(), via.to_owned());
        self.change(move |conn| {
            let Some(request) = requests::find(conn, &id, now_ms)? else { return Ok(None) };
            rights::grant(conn, &request.ask, &via, now_ms).map(Some)
        })
        .await
    }

    /// Grants at once what is asked, without a person. Whether that may be is the caller's
    /// decision.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn pair_silently(
        self,
        ask: Ask,
        via: &str,
        now_ms: u64,
    ) -> Result<Approval, StoreError> {
        let via = via.to_owned();
        self.change(move |conn| rights::grant(conn, &ask, &via, now_ms)).await
    }

    /// Ends a request and returns it. `None`: no such request waits.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn reject(
        self,
        request_id: &PairingRequestId,
        now_ms: u64,
    ) -> Result<Option<PairingRequest>, StoreError> {
        let id = request_id.clone();
        self.change(move |conn| {
            let request = requests::find(conn, &id, now_ms)?;
            requests::delete(conn, &id)?;
            Ok(request)
        })
        .await
    }

    /// Deletes the requests whose time is over and returns them.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn expire_requests(self, now_ms: u64) -> Result<Vec<PairingRequest>, StoreError> {
        self.change(move |conn| requests::expire(conn, now_ms)).await
    }

    /// Forgets a device, its grants and its requests, and returns what it was.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn remove(self, device_id: &DeviceId) -> Result<Option<Paired>, StoreError> {
        let id = device_id.clone();
        self.change(move |conn| {
            let Some(paired) = rows::paired(conn, &id)? else { return Ok(None) };
            requests::delete_of(conn, &id)?;
            conn.prepare_cached("DELETE FROM devices WHERE device_id = ?1")?
                .execute([id.as_str()])?;
            invites::forget_of(conn, id.as_str())?;
            Ok(Some(paired))
        })
        .await
    }

    /// Gives a device an operator's name, or takes it away. `None`: no such device.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn rename(
        self,
        device_id: &DeviceId,
        label: Option<&str>,
    ) -> Result<Option<Paired>, StoreError> {
        let (id, label) = (device_id.clone(), label.map(str::to_owned));
        self.change(move |conn| {
            conn.prepare_cached("UPDATE devices SET label = ?2 WHERE device_id = ?1")?
                .execute((id.as_str(), label))?;
            rows::paired(conn, &id)
        })
        .await
    }

    /// Makes all tokens of a grant worthless and starts a new generation, with other scopes if
    /// some are given: whether those are within what the caller may hand out is the caller's to
    /// check. `None`: no active grant.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn rotate(
        self,
        device_id: &DeviceId,
        role: Role,
        scopes: Option<ScopeSet>,
        now_ms: u64,
    ) -> Result<Option<Grant>, StoreError> {
        let id = device_id.clone();
        self.change(move |conn| rights::rotate(conn, &id, role, scopes, now_ms)).await
    }

    /// Takes a grant away; all tokens of it are worthless. `None`: no active grant.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn revoke(
        self,
        device_id: &DeviceId,
        role: Role,
        now_ms: u64,
    ) -> Result<Option<Grant>, StoreError> {
        let id = device_id.clone();
        self.change(move |conn| rights::revoke(conn, &id, role, now_ms)).await
    }

    /// Notes a successful connect. `false`: no such device.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn touch(
        self,
        device_id: &DeviceId,
        role: Role,
        now_ms: u64,
        reason: &str,
    ) -> Result<bool, StoreError> {
        let (id, reason) = (device_id.clone(), reason.to_owned());
        self.engine
            .write(Durability::Process, move |conn| {
                let seen = conn
                    .prepare_cached(
                        "UPDATE devices SET last_seen_at_ms = :now, last_seen_reason = :reason
                         WHERE device_id = :device",
                    )?
                    .execute(named_params! {
                        ":device": id.as_str(), ":now": now_ms, ":reason": reason,
                    })?;
                conn.prepare_cached(
                    "UPDATE grants SET last_used_at_ms = :now
                     WHERE device_id = :device AND role = :role",
                )?
                .execute(named_params! {
                    ":device": id.as_str(), ":role": role.as_str(), ":now": now_ms,
                })?;
                Ok(seen > 0)
            })
            .await
    }
}

/// A device id is derived from the key, so another key under it is a forgery or damage.
fn require_same_key(known: &DeviceInfo, asked: &DeviceInfo) -> Result<(), StoreError> {
    if known.public_key == asked.public_key {
        Ok(())
    } else {
        Err(Conflict::DeviceKeyChanged.into())
    }
}

#[cfg(test)]
mod tests;
