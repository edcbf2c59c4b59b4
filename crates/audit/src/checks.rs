//! The table of checks, by what they look at.

mod auth;
mod files;
mod machine;
mod proxy;
mod remote;
mod running;
mod secrets;
mod summary;
mod surfaces;
mod tls;
mod web;

pub(crate) use self::summary::SUPPRESSIONS;
use crate::check::Check;

const FAMILIES: &[&[Check]] = &[
    auth::CHECKS,
    proxy::CHECKS,
    web::CHECKS,
    tls::CHECKS,
    surfaces::CHECKS,
    secrets::CHECKS,
    files::CHECKS,
    machine::CHECKS,
    remote::CHECKS,
    running::CHECKS,
    summary::CHECKS,
];

/// Every check.
pub fn all() -> impl Iterator<Item = &'static Check> {
    FAMILIES.iter().copied().flatten()
}
