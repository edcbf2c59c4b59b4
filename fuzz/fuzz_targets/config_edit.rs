//! Any text as a configuration, with a key set and taken out again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openclaw_config::edit;

fuzz_target!(|input: (&str, &str, &str)| {
    let (text, path, value) = input;
    let _ = edit::get(text, path);
    let _ = edit::unset(text, path);
    let Ok(edited) = edit::set(text, path, value) else { return };
    // What was set is there, and the text can still be read.
    assert!(edit::get(&edited, path).expect("an edited text can be read").is_some());
});
