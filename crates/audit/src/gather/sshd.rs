//! What matters of an SSH server's configuration file.
//!
//! The first value of a keyword counts, in included files too. What stands under `Match` holds for some
//! logins only and is left out, so a server that takes passwords by such a block is not found.

use std::path::{Path, PathBuf};

use openclaw_base::fs;

use super::files::inside;
use crate::facts::SshServer;

const MAX_BYTES: u64 = 256 * 1024;
/// As deep as the server itself follows.
const MAX_DEPTH: usize = 16;
const USUAL_PORT: u16 = 22;

/// What was met first.
#[derive(Default)]
struct Met {
    ports: Vec<u16>,
    passwords: Option<bool>,
    root: Option<String>,
}

/// Reads the file, if there is one.
pub(super) fn read(path: &Path) -> Option<SshServer> {
    let mut met = Met::default();
    follow(path, &mut met, 0)?;
    // These are the server's own defaults.
    let passwords = met.passwords.unwrap_or(true);
    let ports = if met.ports.is_empty() { vec![USUAL_PORT] } else { met.ports };
    Some(SshServer {
        ports,
        passwords,
        root_password: passwords && met.root.as_deref() == Some("yes"),
        source: path.display().to_string(),
    })
}

fn follow(path: &Path, met: &mut Met, depth: usize) -> Option<()> {
    let bytes = fs::read_limited(path, MAX_BYTES).ok()?;
    for line in String::from_utf8_lossy(&bytes).lines() {
        let line = line.trim();
        let split = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
        let (keyword, value) = line.split_at(split);
        let value = value.trim_start_matches(|c: char| c.is_whitespace() || c == '=');
        let value = value.trim_matches('"');
        match keyword.to_ascii_lowercase().as_str() {
            "match" => break,
            "port" => met.ports.extend(value.parse::<u16>()),
            "passwordauthentication" => {
                met.passwords.get_or_insert(value.eq_ignore_ascii_case("yes"));
            }
            "permitrootlogin" => {
                met.root.get_or_insert_with(|| value.to_ascii_lowercase());
            }
            "include" if depth < MAX_DEPTH => {
                for file in included(path, value) {
                    follow(&file, met, depth + 1);
                }
            }
            _ => {}
        }
    }
    Some(())
}

/// The files that a line includes: paths, with one `*` in the file's name at most.
fn included(main: &Path, value: &str) -> Vec<PathBuf> {
    let folder = main.parent().unwrap_or(Path::new("/"));
    // An absolute path is meant below the same root as the file that names it.
    let root = main.ancestors().nth(3).unwrap_or(Path::new("/"));
    let files = value.split_whitespace().flat_map(|pattern| {
        let path = match pattern.strip_prefix('/') {
            Some(below) => root.join(below),
            None => folder.join(pattern),
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match name.split_once('*') {
            None => vec![path],
            Some((start, end)) => inside(path.parent().unwrap_or(folder))
                .filter(|file| {
                    let name = file.file_name().unwrap_or_default().to_string_lossy();
                    name.len() >= start.len() + end.len()
                        && name.starts_with(start)
                        && name.ends_with(end)
                })
                .collect(),
        }
    });
    files.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_counts_also_in_included_files() {
        let root = tempfile::tempdir().expect("a folder");
        let etc = root.path().join("etc/ssh");
        std::fs::create_dir_all(etc.join("sshd_config.d")).expect("made");
        let main = etc.join("sshd_config");
        assert_eq!(read(&main), None);
        let check = |text: &str, ports: &[u16], passwords: bool, root_password: bool| {
            std::fs::write(&main, text).expect("written");
            let server = read(&main).expect("there");
            let found = (server.ports.as_slice(), server.passwords, server.root_password);
            assert_eq!(found, (ports, passwords, root_password), "{text}");
        };
        check("", &[22], true, false);
        check("Port 2222\nport=22\n", &[2222, 22], true, false);
        check("PasswordAuthentication no\nPasswordAuthentication yes\n", &[22], false, false);
        check("# PasswordAuthentication no\nPermitRootLogin yes\n", &[22], true, true);
        check("Match User x\nPasswordAuthentication no\n", &[22], true, false);
        let drop_in = etc.join("sshd_config.d/10-keys.conf");
        std::fs::write(drop_in, "PasswordAuthentication no\n").expect("written");
        check(
            "Include /etc/ssh/sshd_config.d/*.conf\nPasswordAuthentication yes\n",
            &[22],
            false,
            false,
        );
    }
}
