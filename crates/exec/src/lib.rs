//! Other people's commands: how they are run, and who says that they may.
//!
//! [`run`] starts one command with a clean environment, a deadline and a cap on what it prints, and
//! leaves nothing behind. It asks nobody: whoever calls it has asked.

pub mod run;
