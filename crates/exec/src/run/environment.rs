//! What a command may know of our environment, and what a caller may add to it.

/// Variables that make a program load or run something else than its name says, by prefix.
const HIJACKING_PREFIXES: &[&str] =
    &["LD_", "DYLD_", "BASH_FUNC_", "GIT_", "NPM_CONFIG_", "PIP_", "CARGO_", "RUSTC", "MALLOC_"];

/// The same, by whole name.
const HIJACKING: &[&str] = &[
    "BASHOPTS",
    "BASH_ENV",
    "BASH_LOADABLES_PATH",
    "BASH_XTRACEFD",
    "BROWSER",
    "CDPATH",
    "CLASSPATH",
    "EDITOR",
    "ENV",
    "GCONV_PATH",
    "GLOBIGNORE",
    "GLIBC_TUNABLES",
    "HISTFILE",
    "HOME",
    "HOSTALIASES",
    "IFS",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "LESSCLOSE",
    "LESSOPEN",
    "LOCPATH",
    "LUA_INIT",
    "LUA_PATH",
    "LUA_CPATH",
    "MAKEFLAGS",
    "MANPAGER",
    "NLSPATH",
    "NODE_EXTRA_CA_CERTS",
    "NODE_OPTIONS",
    "NODE_PATH",
    "OPENSSL_CONF",
    "OPENSSL_MODULES",
    "PAGER",
    "PATH",
    "PERL5DB",
    "PERL5LIB",
    "PERL5OPT",
    "PERLLIB",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "PROMPT_COMMAND",
    "PS4",
    "PYTHONBREAKPOINT",
    "PYTHONHOME",
    "PYTHONINSPECT",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONUSERBASE",
    "PYTHONWARNINGS",
    "RES_OPTIONS",
    "RSYNC_RSH",
    "RUBYLIB",
    "RUBYOPT",
    "SHELL",
    "SHELLOPTS",
    "SSH_ASKPASS",
    "SUDO_ASKPASS",
    "TAR_OPTIONS",
    "TERMINFO",
    "TMPDIR",
    "VISUAL",
    "XDG_CONFIG_HOME",
    "ZDOTDIR",
    "_JAVA_OPTIONS",
];

/// Of these, what our own environment may nevertheless hand on: without it nothing works, and it is the
/// owner's own.
const KEPT: &[&str] = &[
    "HOME",
    "PATH",
    "SHELL",
    "TMPDIR",
    "TERMINFO",
    "XDG_CONFIG_HOME",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "MANPAGER",
];

/// Parts of a name that say that its value is a secret.
const SECRET_PARTS: &[&str] = &[
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "CREDENTIAL",
    "APIKEY",
    "API_KEY",
    "ACCESS_KEY",
    "PRIVATE_KEY",
    "AUTH",
    "COOKIE",
    "SESSION_KEY",
    "DSN",
    "DATABASE_URL",
    "WEBHOOK",
];

/// What a variable's value looks like when it holds a secret though its name does not say so.
const SECRET_VALUES: &[&str] = &[
    "sk-",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "-----BEGIN",
];

/// A variable that a caller may not set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the variable {name} may not be set: {why}")]
pub struct RefusedVariable {
    /// Its name.
    pub name: String,
    /// Why.
    pub why: &'static str,
}

/// Of our own environment, what a command is given: no secrets, nothing of ours, nothing that makes a
/// program load something else.
pub fn base_environment(own: impl IntoIterator<Item = (String, String)>) -> Vec<(String, String)> {
    own.into_iter().filter(|(name, value)| handed_on(name, value)).collect()
}

fn handed_on(name: &str, value: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let ours = upper.starts_with("OPENCLAW_") || upper.starts_with("CLAWDBOT_");
    let hijacks = hijacks(&upper) && !KEPT.contains(&upper.as_str());
    well_formed(name) && !ours && !hijacks && !is_secret(&upper, value)
}

/// Checks what a caller wants to add.
///
/// # Errors
/// The first variable that is malformed, makes programs load something else, or is one of ours.
pub fn checked_variables(
    wanted: impl IntoIterator<Item = (String, String)>,
) -> Result<Vec<(String, String)>, RefusedVariable> {
    let refusal = |name: &str, value: &str| {
        let upper = name.to_ascii_uppercase();
        let ours = upper.starts_with("OPENCLAW_").then_some("it belongs to the Gateway");
        malformed(name, value).or_else(|| hijacks(&upper).then_some(HIJACKS)).or(ours)
    };
    checked(wanted, refusal)
}

/// Checks what the owner wrote into the configuration for a program of their choice: what our own
/// environment may hand on, they may set.
///
/// # Errors
/// The first variable that is malformed or makes programs load something else.
pub fn owners_variables(
    wanted: impl IntoIterator<Item = (String, String)>,
) -> Result<Vec<(String, String)>, RefusedVariable> {
    let refusal = |name: &str, value: &str| {
        let upper = name.to_ascii_uppercase();
        let hijacks = hijacks(&upper) && !KEPT.contains(&upper.as_str());
        malformed(name, value).or_else(|| hijacks.then_some(HIJACKS))
    };
    checked(wanted, refusal)
}

/// Why a variable is refused.
const HIJACKS: &str = "it changes what programs load or run";

fn malformed(name: &str, value: &str) -> Option<&'static str> {
    let wrong = !well_formed(name) || value.contains('\0');
    wrong.then_some("it is not a well-formed name or value")
}

fn checked(
    wanted: impl IntoIterator<Item = (String, String)>,
    refusal: impl Fn(&str, &str) -> Option<&'static str>,
) -> Result<Vec<(String, String)>, RefusedVariable> {
    let check = |(name, value): (String, String)| match refusal(&name, &value) {
        Some(why) => Err(RefusedVariable { name, why }),
        None => Ok((name, value)),
    };
    wanted.into_iter().map(check).collect()
}

fn well_formed(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn hijacks(upper: &str) -> bool {
    HIJACKING.contains(&upper) || HIJACKING_PREFIXES.iter().any(|prefix| upper.starts_with(prefix))
}

fn is_secret(upper: &str, value: &str) -> bool {
    upper.ends_with("_KEY")
        || upper.ends_with("_PASS")
        || upper.ends_with("_PAT")
        || SECRET_PARTS.iter().any(|part| upper.contains(part))
        || SECRET_VALUES.iter().any(|start| value.starts_with(start))
        || has_userinfo(value)
}

/// Whether a value is a URL with a password in it.
fn has_userinfo(value: &str) -> bool {
    value.split_once("://").is_some_and(|(_, rest)| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn only_harmless_variables_are_handed_on() {
        for (name, value, kept) in [
            ("PATH", "/usr/bin", true),
            ("HOME", "/home/me", true),
            ("LANG", "C.UTF-8", true),
            ("TERM", "xterm", true),
            ("HTTP_PROXY", "http://proxy:3128", true),
            ("HTTP_PROXY", "http://me:pw@proxy:3128", false),
            ("OPENAI_API_KEY", "x", false),
            ("ANTHROPIC_AUTH_TOKEN", "x", false),
            ("AWS_SECRET_ACCESS_KEY", "x", false),
            ("DB_PASS", "x", false),
            ("STRIPE_KEY", "x", false),
            ("GITHUB_PAT", "x", false),
            ("HARMLESS", "ghp_abcdef", false),
            ("SSH_AUTH_SOCK", "/run/agent", false),
            ("OPENCLAW_GATEWAY_TOKEN", "x", false),
            ("OPENCLAW_STATE_DIR", "/x", false),
            ("LD_PRELOAD", "/x.so", false),
            ("ld_preload", "/x.so", false),
            ("DYLD_INSERT_LIBRARIES", "x", false),
            ("NODE_OPTIONS", "--require x", false),
            ("BASH_ENV", "/x", false),
            ("BASH_FUNC_ls%%", "() { evil; }", false),
            ("PYTHONPATH", "/x", false),
            ("GIT_SSH_COMMAND", "evil", false),
        ] {
            let handed = base_environment([pair(name, value)]);
            assert_eq!(handed.len() == 1, kept, "{name}={value}");
        }
    }

    #[test]
    fn a_caller_may_not_redirect_programs() {
        for name in [
            "LD_PRELOAD",
            "LD_AUDIT",
            "DYLD_LIBRARY_PATH",
            "NODE_OPTIONS",
            "PATH",
            "path",
            "BASH_ENV",
            "ENV",
            "IFS",
            "PS4",
            "PROMPT_COMMAND",
            "PYTHONSTARTUP",
            "PERL5OPT",
            "RUBYOPT",
            "GIT_EXTERNAL_DIFF",
            "PAGER",
            "EDITOR",
            "HOME",
            "SHELLOPTS",
            "OPENCLAW_STATE_DIR",
            "a=b",
            "",
            "BASH_FUNC_x%%",
            "1A",
            "LESSOPEN",
            "TAR_OPTIONS",
            "RSYNC_RSH",
            "MAKEFLAGS",
        ] {
            assert!(checked_variables([pair(name, "x")]).is_err(), "{name}");
        }
        for (name, fine) in [
            ("PATH", true),
            ("HOME", true),
            ("GITHUB_TOKEN", true),
            ("OPENCLAW_GATEWAY_TOKEN", true),
            ("NODE_OPTIONS", false),
            ("LD_PRELOAD", false),
            ("PYTHONPATH", false),
            ("PS4", false),
            ("a=b", false),
        ] {
            assert_eq!(owners_variables([pair(name, "x")]).is_ok(), fine, "{name}");
        }
        let fine = [pair("LANG", "C"), pair("MY_FLAG", "1"), pair("TZ", "UTC")];
        assert_eq!(checked_variables(fine.clone()), Ok(fine.to_vec()));
        assert!(checked_variables([pair("A", "a\0b")]).is_err());
    }
}
