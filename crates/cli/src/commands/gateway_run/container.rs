//! What is different in a container: loopback there is the container's own.

use std::path::Path;

/// Files that container engines put into every container.
const MARKS: [&str; 2] = ["run/.containerenv", ".dockerenv"];

/// What to tell a person whose Gateway listens on loopback inside a container.
pub(super) fn hint(root: &Path, exposed: bool) -> Option<&'static str> {
    let inside = MARKS.iter().any(|mark| root.join(mark).exists());
    (inside && !exposed).then_some(
        "this is a container, and its loopback is its own: a port published with -p leads nowhere; \
         start it with --network host, or with `gateway run --bind lan` (docs/container.md)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_gateway_on_loopback_in_a_container_is_explained() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(hint(root.path(), false), None);
        std::fs::create_dir(root.path().join("run")).unwrap();
        std::fs::write(root.path().join("run/.containerenv"), "").unwrap();
        assert!(hint(root.path(), false).is_some_and(|hint| hint.contains("--network host")));
        assert_eq!(hint(root.path(), true), None);
    }
}
