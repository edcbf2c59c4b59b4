//! The store as the rest of the project uses it, where it hurts: killed, and on a bad disk.

// The attribute tells clippy that these are tests, helpers included.
#[cfg(test)]
mod disk;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod support;
