//! Other people's commands: how they are run, and who says that they may.
//!
//! [`run`] starts one command with a clean environment, a deadline and a cap on what it prints, and
//! leaves nothing behind. It asks nobody: whoever calls it has asked.
//!
//! Who asks makes a [`plan::Plan`] of the request, has it judged by the agent's rules in
//! [`approvals::Approvals`], puts the question to a person if that is the verdict, and runs
//! [`plan::Plan::spec`], which refuses when something is not what it was.

pub mod approvals;
mod matching;
pub mod plan;
pub mod policy;
mod programs;
pub mod run;
pub mod shell;
