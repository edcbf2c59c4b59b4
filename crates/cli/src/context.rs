//! What every command starts from.

use crate::args::GlobalArgs;
use crate::failure::Failure;
use crate::output::{OutputOptions, Printer};

/// Environment, paths and printer.
#[derive(Debug)]
pub(crate) struct Context {
    /// Where data and messages go.
    pub(crate) printer: Printer,
}

impl Context {
    /// Captures the surroundings once.
    pub(crate) fn new(_global: &GlobalArgs, options: OutputOptions) -> Result<Self, Failure> {
        Ok(Self { printer: Printer::new(options) })
    }
}
