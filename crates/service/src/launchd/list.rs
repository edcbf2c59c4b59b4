//! A service as a property list.

use std::path::Path;

use crate::{
    definition::{Definition, Scope},
    error::ServiceError,
    files::{MARK, ServiceFile},
};

/// Seconds between two starts of a service that ends at once.
const THROTTLE_SECONDS: u32 = 5;

/// The property list of a service, below `folder`. launchd holds no port here: it hands sockets over by
/// a call of its own, not by file descriptors, so the service binds them itself.
///
/// # Errors
/// A definition that no list can hold.
pub fn property_list(definition: &Definition, folder: &Path) -> Result<ServiceFile, ServiceError> {
    definition.check()?;
    let mark = definition.owner.display().to_string();
    // Two hyphens would end the comment, and nothing can stand for them in there.
    if mark.contains("--") || definition.written_by.contains("-->") {
        return Err(ServiceError::Unwritable { what: "two hyphens in a path", text: mark });
    }
    let label = definition.name.label();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- {MARK} {mark} -->\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
         \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n<dict>\n"
    );
    let output = definition.output.display().to_string();
    text.push_str(&pair("Label", &string(&label)));
    let program = definition.program.display().to_string();
    let words = std::iter::once(&program).chain(&definition.arguments);
    let words: String = words.map(|word| format!("    {}\n", string(word))).collect();
    text.push_str(&pair("ProgramArguments", &format!("<array>\n{words}  </array>")));
    let pairs = definition.environment.iter();
    let pairs: String = pairs
        .map(|(key, value)| format!("    <key>{}</key>\n    {}\n", escaped(key), string(value)))
        .collect();
    text.push_str(&pair("EnvironmentVariables", &format!("<dict>\n{pairs}  </dict>")));
    if let Scope::System(account) = &definition.scope {
        text.push_str(&pair("UserName", &string(&account.name)));
    }
    text.push_str(&pair("RunAtLoad", "<true/>"));
    let after_failure = "<dict>\n    <key>SuccessfulExit</key>\n    <false/>\n  </dict>";
    let keep = if definition.always { "<true/>" } else { after_failure };
    text.push_str(&pair("KeepAlive", keep));
    text.push_str(&pair("ThrottleInterval", &format!("<integer>{THROTTLE_SECONDS}</integer>")));
    text.push_str(&pair("ProcessType", &string("Interactive")));
    // 0077 in decimal, as the format has it.
    text.push_str(&pair("Umask", "<integer>63</integer>"));
    text.push_str(&pair("StandardOutPath", &string(&output)));
    text.push_str(&pair("StandardErrorPath", &string(&output)));
    text.push_str("</dict>\n</plist>\n");
    Ok(ServiceFile { path: folder.join(format!("{label}.plist")), text })
}

fn pair(key: &str, value: &str) -> String {
    format!("  <key>{key}</key>\n  {value}\n")
}

fn string(text: &str) -> String {
    format!("<string>{}</string>", escaped(text))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        definition::{Account, tests::gateway},
        files::{Ownership, owner_of},
    };

    #[test]
    fn a_reader_of_lists_gets_back_what_was_put_in() {
        let account = Account { name: "me".into(), home: "/Users/me".into() };
        let arguments: Vec<String> = ["gateway", "run", "<&\"'>"].map(str::to_owned).to_vec();
        let scope = Scope::System(account);
        let definition = Definition { arguments: arguments.clone(), scope, ..gateway() };
        let folder = tempfile::tempdir().unwrap();
        let file = property_list(&definition, folder.path()).unwrap();
        assert!(file.path.ends_with("ai.openclaw.gateway.ops.plist"));
        let value = plist::Value::from_reader_xml(file.text.as_bytes()).unwrap();
        let dict = value.as_dictionary().unwrap();
        let text = |key: &str| dict.get(key).and_then(plist::Value::as_string);
        assert_eq!(text("Label"), Some("ai.openclaw.gateway.ops"));
        assert_eq!(text("UserName"), Some("me"));
        let words = dict.get("ProgramArguments").and_then(plist::Value::as_array).unwrap();
        let words: Vec<&str> = words.iter().filter_map(plist::Value::as_string).collect();
        assert_eq!(words[0], definition.program.to_str().unwrap());
        assert_eq!(words[1..], arguments);
        let variables = dict.get("EnvironmentVariables").and_then(plist::Value::as_dictionary);
        let home = variables.unwrap().get("OPENCLAW_HOME").and_then(plist::Value::as_string);
        assert_eq!(home, Some("/srv/a b%$\"x"));
        assert_eq!(dict.get("KeepAlive").and_then(plist::Value::as_boolean), Some(true));
        assert_eq!(dict.get("Umask").and_then(plist::Value::as_signed_integer), Some(0o077));
        std::fs::write(&file.path, &file.text).unwrap();
        let Ownership::Ours { owner, .. } = owner_of(&file.path).unwrap() else { panic!() };
        assert_eq!(owner, "/home/me/.openclaw-ops");
    }

    #[test]
    fn no_path_ends_the_comment() {
        let definition = Definition { owner: "/x/a-->b".into(), ..gateway() };
        let refused = property_list(&definition, Path::new("/l"));
        assert!(matches!(refused, Err(ServiceError::Unwritable { .. })));
    }
}
