//! How much of the contract is served and proven; the committed figure only goes up.

use openclaw_protocol::{methods::METHODS, row::Since};
use serde::Deserialize;

use crate::{
    contract::{CONTRACT, repository},
    results::{Proof, check_all},
};

/// What was reached before.
#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Floor {
    methods: usize,
    results: usize,
}

#[test]
fn the_figure_only_goes_up() {
    let methods = METHODS.iter().filter(|row| row.since != Since::Ours).count();
    let (proofs, _) = check_all();
    let count = |wanted: Proof| proofs.iter().filter(|(_, proof)| *proof == wanted).count();
    let (by_contract, by_peer) = (count(Proof::Contract), count(Proof::Peer));
    let reached = Floor { methods, results: by_contract + by_peer };
    let unproven: Vec<_> =
        proofs.iter().filter(|(_, proof)| *proof == Proof::None).map(|(name, _)| *name).collect();
    println!(
        "contract: {methods} of {} methods, {} results validated ({by_contract} by the contract, \
         {by_peer} by recorded shape; neither defined nor recorded: {})",
        CONTRACT.scopes.len(),
        reached.results,
        if unproven.is_empty() { "none".to_owned() } else { unproven.join(", ") },
    );
    let path = repository().join("fixtures/contract-floor.json");
    let floor = std::fs::read_to_string(path).expect("fixtures/contract-floor.json");
    let floor: Floor = serde_json::from_str(&floor).expect("a floor");
    assert!(
        reached == floor,
        "reached {reached:?}, committed {floor:?}: more is welcome, then raise the figures in \
         fixtures/contract-floor.json; less is not"
    );
}
