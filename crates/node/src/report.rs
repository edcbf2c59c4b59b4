//! What commands about files have in common.

use std::{io, path::Path};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::command::{Call, CommandError};

/// Does something that may block, beside everything else.
pub(crate) async fn in_background<P, F>(call: Call, work: F) -> Result<Value, CommandError>
where
    P: DeserializeOwned + Send + 'static,
    F: FnOnce(P) -> Result<Value, CommandError> + Send + 'static,
{
    let params: P = call.params()?;
    let done = tokio::task::spawn_blocking(move || work(params)).await;
    done.unwrap_or_else(|error| Err(CommandError::unavailable(format!("it broke off: {error}"))))
}

/// What the system said about a file.
pub(crate) fn file_error(path: &Path, error: &io::Error) -> CommandError {
    let shown = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            CommandError { code: "NOT_FOUND".into(), message: format!("{shown} is not there") }
        }
        io::ErrorKind::PermissionDenied => CommandError::refused(format!(
            "{shown} may not be used: it leads out of what this node opened, or belongs to others"
        )),
        _ => CommandError::unavailable(format!("{shown}: {error}")),
    }
}
