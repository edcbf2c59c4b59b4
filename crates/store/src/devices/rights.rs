//! Giving and taking rights. Each function runs inside the caller's transaction.

use openclaw_protocol::{
    ids::DeviceId,
    scope::{Role, ScopeSet},
};
use rusqlite::Connection;

use super::{Approval, Ask, Grant, Paired, invites, requests, require_same_key, rows};
use crate::{error::StoreError, node_work};

/// Adds what is asked to what the device may do already; a revoked grant starts from nothing.
pub(super) fn grant(
    conn: &Connection,
    ask: &Ask,
    via: &str,
    now_ms: u64,
) -> Result<Approval, StoreError> {
    let id = &ask.info.device_id;
    let before = rows::paired(conn, id)?;
    if let Some(known) = &before {
        require_same_key(&known.device.info, &ask.info)?;
    }
    let grant = match before.as_ref().and_then(|paired| paired.grant(ask.role)) {
        Some(held) => Grant {
            scopes: held.scopes.union(ask.scopes),
            commands: union(&held.commands, &ask.commands),
            ..held.clone()
        },
        None => Grant {
            device_id: id.clone(),
            role: ask.role,
            scopes: ask.scopes,
            commands: union(&[], &ask.commands),
            generation: next_generation(conn)?,
            created_at_ms: now_ms,
            rotated_at_ms: None,
            revoked_at_ms: None,
            last_used_at_ms: None,
        },
    };
    rows::save_device(conn, &ask.info, via, now_ms)?;
    rows::save_grant(conn, &grant)?;
    let settled = requests::settle(conn, &grant)?;
    let paired = rows::paired(conn, id)?.ok_or(StoreError::NotFound("device"))?;
    Ok(Approval { paired, role: ask.role, settled })
}

pub(super) fn rotate(
    conn: &Connection,
    id: &DeviceId,
    role: Role,
    scopes: Option<ScopeSet>,
    now_ms: u64,
) -> Result<Option<Grant>, StoreError> {
    let Some(held) = active(conn, id, role)? else { return Ok(None) };
    let grant = Grant {
        scopes: scopes.unwrap_or(held.scopes),
        generation: next_generation(conn)?,
        rotated_at_ms: Some(now_ms),
        ..held
    };
    rows::save_grant(conn, &grant)?;
    Ok(Some(grant))
}

pub(super) fn revoke(
    conn: &Connection,
    id: &DeviceId,
    role: Role,
    now_ms: u64,
) -> Result<Option<Grant>, StoreError> {
    let Some(held) = active(conn, id, role)? else { return Ok(None) };
    let grant = Grant { generation: next_generation(conn)?, revoked_at_ms: Some(now_ms), ..held };
    rows::save_grant(conn, &grant)?;
    match role {
        Role::Operator => invites::forget_of(conn, id.as_str())?,
        Role::Node => node_work::forget_of(conn, id)?,
    }
    Ok(Some(grant))
}

fn active(conn: &Connection, id: &DeviceId, role: Role) -> Result<Option<Grant>, StoreError> {
    let paired: Option<Paired> = rows::paired(conn, id)?;
    Ok(paired.and_then(|paired| paired.grant(role).cloned()))
}

fn next_generation(conn: &Connection) -> Result<u64, StoreError> {
    let next = conn
        .prepare_cached(
            "UPDATE counters SET value = value + 1 WHERE name = 'grant-generation'
             RETURNING value",
        )?
        .query_row([], |row| row.get(0))?;
    Ok(next)
}

fn union(held: &[String], asked: &[String]) -> Vec<String> {
    let mut all: Vec<_> = held.iter().chain(asked).cloned().collect();
    all.sort();
    all.dedup();
    all
}
