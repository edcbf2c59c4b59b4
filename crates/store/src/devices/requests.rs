//! Asks that wait for a person.

use openclaw_protocol::{
    ids::{DeviceId, PairingRequestId},
    limits::PAIRING_TTL_MS,
};
use rusqlite::{Connection, OptionalExtension as _, Params, Row, named_params};

use super::{Ask, Grant, PairingRequest, Requested, require_same_key, rows};
use crate::{
    error::StoreError,
    row::{Json, RowExt as _},
};

/// Requests that may wait at once, of all devices together.
pub const MAX_PENDING: usize = 64;
/// Requests of one device that may wait at once, so that none can push out those of others.
pub const MAX_PENDING_OF_DEVICE: usize = 8;

fn request(row: &Row<'_>) -> rusqlite::Result<PairingRequest> {
    Ok(PairingRequest {
        request_id: row.id("request_id")?,
        ask: Ask {
            info: rows::info(row)?,
            role: row.word("role")?,
            scopes: row.json("scopes")?,
            commands: row.json("commands")?,
            reason: row.get("reason")?,
        },
        created_at_ms: row.get("created_at_ms")?,
        expires_at_ms: row.get("expires_at_ms")?,
    })
}

fn select<P: Params>(
    conn: &Connection,
    sql: &str,
    params: P,
) -> Result<Vec<PairingRequest>, StoreError> {
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map(params, request)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn find(
    conn: &Connection,
    id: &PairingRequestId,
    now_ms: u64,
) -> Result<Option<PairingRequest>, StoreError> {
    let found = conn
        .prepare_cached(
            "SELECT * FROM pairing_requests WHERE request_id = ?1 AND expires_at_ms > ?2",
        )?
        .query_row((id.as_str(), now_ms), request)
        .optional()?;
    Ok(found)
}

pub(super) fn waiting(conn: &Connection, now_ms: u64) -> Result<Vec<PairingRequest>, StoreError> {
    select(
        conn,
        "SELECT * FROM pairing_requests WHERE expires_at_ms > ?1
         ORDER BY created_at_ms, request_id",
        [now_ms],
    )
}

pub(super) fn upsert(
    conn: &Connection,
    id: &PairingRequestId,
    ask: Ask,
    now_ms: u64,
) -> Result<Requested, StoreError> {
    if let Some(known) = rows::paired(conn, &ask.info.device_id)? {
        require_same_key(&known.device.info, &ask.info)?;
    }
    let mut dropped = expire(conn, now_ms)?;
    let before = find(conn, id, now_ms)?;
    if before.is_none() {
        dropped.extend(make_room_of(conn, &ask.info.device_id)?);
        dropped.extend(make_room(conn)?);
    }
    let request = PairingRequest {
        request_id: id.clone(),
        ask,
        created_at_ms: before.as_ref().map_or(now_ms, |before| before.created_at_ms),
        expires_at_ms: now_ms.saturating_add(PAIRING_TTL_MS),
    };
    save(conn, &request)?;
    Ok(Requested { request, created: before.is_none(), dropped })
}

fn save(conn: &Connection, request: &PairingRequest) -> Result<(), StoreError> {
    let Ask { info, role, scopes, commands, reason } = &request.ask;
    conn.prepare_cached(
        "INSERT OR REPLACE INTO pairing_requests (request_id, device_id, public_key, display_name,
             platform, device_family, client_id, client_mode, remote_ip, role, scopes, commands,
             reason, created_at_ms, expires_at_ms)
         VALUES (:id, :device, :key, :name, :platform, :family, :client, :mode, :ip, :role,
             :scopes, :commands, :reason, :created, :expires)",
    )?
    .execute(named_params! {
        ":id": request.request_id.as_str(),
        ":device": info.device_id.as_str(), ":key": info.public_key,
        ":name": info.display_name, ":platform": info.platform, ":family": info.device_family,
        ":client": info.client_id, ":mode": info.client_mode, ":ip": info.remote_ip,
        ":role": role.as_str(), ":scopes": Json(*scopes), ":commands": Json(commands),
        ":reason": reason,
        ":created": request.created_at_ms, ":expires": request.expires_at_ms,
    })?;
    Ok(())
}

pub(super) fn expire(conn: &Connection, now_ms: u64) -> Result<Vec<PairingRequest>, StoreError> {
    select(conn, "DELETE FROM pairing_requests WHERE expires_at_ms <= ?1 RETURNING *", [now_ms])
}

/// Drops those closest to their end until one more fits.
fn make_room(conn: &Connection) -> Result<Vec<PairingRequest>, StoreError> {
    select(
        conn,
        "DELETE FROM pairing_requests WHERE request_id IN (
             SELECT request_id FROM pairing_requests
             ORDER BY expires_at_ms DESC, request_id LIMIT -1 OFFSET ?1)
         RETURNING *",
        [MAX_PENDING - 1],
    )
}

/// The same among the requests of one device.
fn make_room_of(conn: &Connection, device: &DeviceId) -> Result<Vec<PairingRequest>, StoreError> {
    select(
        conn,
        "DELETE FROM pairing_requests WHERE request_id IN (
             SELECT request_id FROM pairing_requests WHERE device_id = ?1
             ORDER BY expires_at_ms DESC, request_id LIMIT -1 OFFSET ?2)
         RETURNING *",
        (device.as_str(), MAX_PENDING_OF_DEVICE - 1),
    )
}

pub(super) fn delete(conn: &Connection, id: &PairingRequestId) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM pairing_requests WHERE request_id = ?1")?
        .execute([id.as_str()])?;
    Ok(())
}

pub(super) fn delete_of(conn: &Connection, device: &DeviceId) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM pairing_requests WHERE device_id = ?1")?
        .execute([device.as_str()])?;
    Ok(())
}

/// Ends the requests of a device that a grant now covers.
pub(super) fn settle(conn: &Connection, grant: &Grant) -> Result<Vec<PairingRequest>, StoreError> {
    let mut settled = select(
        conn,
        "SELECT * FROM pairing_requests WHERE device_id = ?1 AND role = ?2 ORDER BY request_id",
        (grant.device_id.as_str(), grant.role.as_str()),
    )?;
    settled.retain(|request| {
        grant.scopes.union(request.ask.scopes) == grant.scopes
            && request.ask.commands.iter().all(|command| grant.commands.contains(command))
    });
    for request in &settled {
        delete(conn, &request.request_id)?;
    }
    Ok(settled)
}
