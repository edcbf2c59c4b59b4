//! Starting the process that holds tunnels, so that it outlives the one that starts it.

use std::{
    ffi::OsString,
    fs::File,
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use super::Places;

/// Starts `program` with nothing on its standard input and output, and its errors in the log.
///
/// # Errors
/// When the folder, the log or the process cannot be made.
pub fn background(program: &Path, arguments: &[OsString], places: &Places) -> io::Result<Child> {
    openclaw_base::fs::create_private_dir(&places.folder)?;
    let mut options = File::options();
    let log = options.create(true).write(true).truncate(true).mode(0o600).open(places.log())?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.spawn()
}
