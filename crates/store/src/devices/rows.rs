//! Devices and grants as rows.

use std::collections::HashMap;

use openclaw_protocol::ids::DeviceId;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::{Device, DeviceInfo, Grant, Paired};
use crate::{
    error::StoreError,
    row::{Json, RowExt as _},
};

pub(super) fn info(row: &Row<'_>) -> rusqlite::Result<DeviceInfo> {
    Ok(DeviceInfo {
        device_id: row.id("device_id")?,
        public_key: row.get("public_key")?,
        display_name: row.get("display_name")?,
        platform: row.get("platform")?,
        device_family: row.get("device_family")?,
        client_id: row.get("client_id")?,
        client_mode: row.get("client_mode")?,
        remote_ip: row.get("remote_ip")?,
    })
}

fn device(row: &Row<'_>) -> rusqlite::Result<Device> {
    Ok(Device {
        info: info(row)?,
        label: row.get("label")?,
        created_at_ms: row.get("created_at_ms")?,
        approved_at_ms: row.get("approved_at_ms")?,
        approved_via: row.get("approved_via")?,
        last_seen_at_ms: row.get("last_seen_at_ms")?,
        last_seen_reason: row.get("last_seen_reason")?,
    })
}

fn grant(row: &Row<'_>) -> rusqlite::Result<Grant> {
    Ok(Grant {
        device_id: row.id("device_id")?,
        role: row.word("role")?,
        scopes: row.json("scopes")?,
        commands: row.json("commands")?,
        generation: row.get("generation")?,
        created_at_ms: row.get("created_at_ms")?,
        rotated_at_ms: row.get("rotated_at_ms")?,
        revoked_at_ms: row.get("revoked_at_ms")?,
        last_used_at_ms: row.get("last_used_at_ms")?,
    })
}

pub(super) fn paired(conn: &Connection, id: &DeviceId) -> Result<Option<Paired>, StoreError> {
    let found = conn
        .prepare_cached("SELECT * FROM devices WHERE device_id = ?1")?
        .query_row([id.as_str()], device)
        .optional()?;
    let Some(device) = found else { return Ok(None) };
    let grants = conn
        .prepare_cached("SELECT * FROM grants WHERE device_id = ?1 ORDER BY role DESC")?
        .query_map([id.as_str()], grant)?
        .collect::<Result<_, _>>()?;
    Ok(Some(Paired { device, grants }))
}

pub(super) fn all_paired(conn: &Connection) -> Result<Vec<Paired>, StoreError> {
    let mut grants: HashMap<DeviceId, Vec<Grant>> = HashMap::new();
    let mut select = conn.prepare_cached("SELECT * FROM grants ORDER BY role DESC")?;
    for row in select.query_map([], grant)? {
        let row = row?;
        grants.entry(row.device_id.clone()).or_default().push(row);
    }
    let mut select =
        conn.prepare_cached("SELECT * FROM devices ORDER BY approved_at_ms DESC, device_id")?;
    let devices = select.query_map([], device)?;
    devices
        .map(|device| {
            let device = device?;
            let grants = grants.remove(&device.info.device_id).unwrap_or_default();
            Ok(Paired { device, grants })
        })
        .collect()
}

pub(super) fn save_device(
    conn: &Connection,
    info: &DeviceInfo,
    via: &str,
    now_ms: u64,
) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO devices (device_id, public_key, display_name, platform, device_family,
             client_id, client_mode, remote_ip, created_at_ms, approved_at_ms, approved_via)
         VALUES (:device, :key, :name, :platform, :family, :client, :mode, :ip, :now, :now, :via)
         ON CONFLICT (device_id) DO UPDATE SET
             display_name = coalesce(excluded.display_name, display_name),
             platform = coalesce(excluded.platform, platform),
             device_family = coalesce(excluded.device_family, device_family),
             client_id = coalesce(excluded.client_id, client_id),
             client_mode = coalesce(excluded.client_mode, client_mode),
             remote_ip = coalesce(excluded.remote_ip, remote_ip),
             approved_at_ms = excluded.approved_at_ms,
             approved_via = excluded.approved_via",
    )?
    .execute(named_params! {
        ":device": info.device_id.as_str(), ":key": info.public_key,
        ":name": info.display_name, ":platform": info.platform, ":family": info.device_family,
        ":client": info.client_id, ":mode": info.client_mode, ":ip": info.remote_ip,
        ":now": now_ms, ":via": via,
    })?;
    Ok(())
}

pub(super) fn save_grant(conn: &Connection, grant: &Grant) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO grants (device_id, role, scopes, commands, generation, created_at_ms,
             rotated_at_ms, revoked_at_ms, last_used_at_ms)
         VALUES (:device, :role, :scopes, :commands, :generation, :created, :rotated, :revoked,
             :used)
         ON CONFLICT (device_id, role) DO UPDATE SET
             scopes = excluded.scopes,
             commands = excluded.commands,
             generation = excluded.generation,
             rotated_at_ms = excluded.rotated_at_ms,
             revoked_at_ms = excluded.revoked_at_ms",
    )?
    .execute(named_params! {
        ":device": grant.device_id.as_str(), ":role": grant.role.as_str(),
        ":scopes": Json(grant.scopes), ":commands": Json(&grant.commands),
        ":generation": grant.generation, ":created": grant.created_at_ms,
        ":rotated": grant.rotated_at_ms, ":revoked": grant.revoked_at_ms,
        ":used": grant.last_used_at_ms,
    })?;
    Ok(())
}
