//! Measures a Gateway from outside: as a process, and over the wire with a client that knows nothing of
//! the Gateway's code. Started by `cargo xtask bench start`.
//!
//! One binary, several roles, so that what measures never shares a process with what is measured:
//! `start`, `remote`, `nodes`, `turns` and `ui` run the suites; `echo` is the bare WebSocket server to compare with; `clients` holds idle
//! connections and `fleet` nodes; `rusage` runs one command and prints its time and peak memory.

use anyhow::{Context as _, bail};

mod clients;
mod echo;
mod fleet;
mod gateway;
mod memory;
mod nodes;
mod provider;
mod remote;
mod report;
mod rusage;
mod start;
mod stats;
mod turns;
mod ui;
mod wire;

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let role = words.next().context(
        "a role is missing: start, remote, nodes, turns, ui, echo, clients, fleet or rusage",
    )?;
    let rest: Vec<String> = words.collect();
    match role.as_str() {
        "start" => start::run(&start::Options::parse(&rest)?),
        "remote" => {
            let options = start::Options::parse(&rest)?;
            remote::run(&options.openclaw, options.runs, options.original.as_ref())
        }
        "nodes" => nodes::run(&start::Options::parse(&rest)?),
        "turns" => {
            let options = start::Options::parse(&rest)?;
            turns::run(&options.openclaw, options.runs)
        }
        "ui" => ui::run(&start::Options::parse(&rest)?),
        "echo" => echo::run(rest.first().context("the answer is missing")?),
        "clients" => clients::run(&rest),
        "fleet" => fleet::run(&rest),
        "rusage" => rusage::run(&rest),
        other => bail!("unknown role `{other}`"),
    }
}
