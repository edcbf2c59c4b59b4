//! No module of a crate reaches itself through others.
//!
//! An edge is a path in the production part of a file that starts with `crate::` (or with as many
//! `super::` as lead to the root) and names another top-level module, or something the root file
//! re-exports from one.

use std::collections::{BTreeMap, BTreeSet};

use syn::UseTree;

use super::{
    Problem,
    source::Source,
    tokens::{Spot, after_colons},
};

type Edges = BTreeMap<String, BTreeMap<String, String>>;

/// Reports one cycle per knot of modules.
pub(crate) fn check(sources: &[Source]) -> Vec<Problem> {
    let packages: BTreeSet<&str> = sources.iter().map(|source| source.package.as_str()).collect();
    packages.into_iter().flat_map(|package| check_package(package, sources)).collect()
}

fn check_package(package: &str, sources: &[Source]) -> Vec<Problem> {
    let files: Vec<&Source> =
        sources.iter().filter(|file| file.package == package && file.ships()).collect();
    let modules: BTreeSet<String> =
        files.iter().filter_map(|file| file.module.first().cloned()).collect();
    let exports = reexports(&files, &modules);
    let mut edges = Edges::new();
    for file in files.iter().filter(|file| !file.module.is_empty()) {
        let Some(from) = file.module.first() else { continue };
        for spot in references(&file.production, file.module.len()) {
            let name = spot.ident().unwrap_or_default();
            let to = modules.get(name).or_else(|| exports.get(name));
            if let Some(to) = to.filter(|to| *to != from) {
                let place = file.place(spot.line);
                edges.entry(from.clone()).or_default().entry(to.clone()).or_insert(place);
            }
        }
    }
    knots(&edges)
        .into_iter()
        .map(|cycle| {
            let place = cycle.first().map(|(_, place)| place.clone()).unwrap_or_default();
            let steps: Vec<String> =
                cycle.iter().map(|(module, place)| format!("{module} ({place})")).collect();
            let first = cycle.first().map(|(module, _)| module.clone()).unwrap_or_default();
            let shown = steps.join(" -> ");
            Problem::new(place, format!("modules of {package} form a cycle: {shown} -> {first}"))
        })
        .collect()
}

/// The names that stand directly under the crate root, wherever a path reaches them.
fn references(spots: &[Spot], depth: usize) -> Vec<&Spot> {
    let mut found = Vec::new();
    for (at, spot) in spots.iter().enumerate() {
        if spot.is_ident("crate") {
            found.extend(after_colons(spots, at + 1));
        }
        if spot.is_ident("super") && !follows_super(spots, at) {
            let mut end = at;
            let mut climbs = 1;
            while spots.get(end + 3).is_some_and(|next| next.is_ident("super"))
                && spots.get(end + 1).is_some_and(|colon| colon.is_punct(':'))
            {
                end += 3;
                climbs += 1;
            }
            if climbs == depth {
                found.extend(after_colons(spots, end + 1));
            }
        }
    }
    found
}

fn follows_super(spots: &[Spot], at: usize) -> bool {
    at >= 3
        && spots.get(at - 1).is_some_and(|colon| colon.is_punct(':'))
        && spots.get(at - 3).is_some_and(|spot| spot.is_ident("super"))
}

/// What the root file re-exports, and from which module.
fn reexports(files: &[&Source], modules: &BTreeSet<String>) -> BTreeMap<String, String> {
    let mut exports = BTreeMap::new();
    for file in files.iter().filter(|file| file.module.is_empty()) {
        for item in &file.uses {
            let mut path = Vec::new();
            leaves(&item.tree, &mut path, &mut |path, name| {
                let origin = path.iter().find(|part| !["crate", "self"].contains(&part.as_str()));
                if let Some(origin) = origin.filter(|origin| modules.contains(*origin)) {
                    exports.insert(name.to_owned(), origin.clone());
                }
            });
        }
    }
    exports
}

fn leaves(tree: &UseTree, path: &mut Vec<String>, found: &mut impl FnMut(&[String], &str)) {
    match tree {
        UseTree::Path(step) => {
            path.push(step.ident.to_string());
            leaves(&step.tree, path, found);
            path.pop();
        }
        UseTree::Name(leaf) => found(path, &leaf.ident.to_string()),
        UseTree::Rename(leaf) => found(path, &leaf.rename.to_string()),
        UseTree::Group(group) => {
            for tree in &group.items {
                leaves(tree, path, found);
            }
        }
        UseTree::Glob(_) => {}
    }
}

/// One shortest cycle for each module that reaches itself and is in no cycle reported before.
fn knots(edges: &Edges) -> Vec<Vec<(String, String)>> {
    let mut reported = BTreeSet::new();
    let mut cycles = Vec::new();
    for start in edges.keys() {
        if reported.contains(start) {
            continue;
        }
        if let Some(cycle) = shortest_cycle(edges, start) {
            reported.extend(cycle.iter().map(|(module, _)| module.clone()));
            cycles.push(cycle);
        }
    }
    cycles
}

/// Breadth first from `start` back to `start`; each step names the place of the edge that leaves it.
fn shortest_cycle(edges: &Edges, start: &str) -> Option<Vec<(String, String)>> {
    let mut queue = std::collections::VecDeque::from([(start.to_owned(), Vec::new())]);
    let mut seen = BTreeSet::new();
    while let Some((module, path)) = queue.pop_front() {
        for (next, place) in edges.get(&module).into_iter().flatten() {
            let mut path: Vec<(String, String)> = path.clone();
            path.push((module.clone(), place.clone()));
            if next == start {
                return Some(path);
            }
            if seen.insert(next.clone()) {
                queue.push_back((next.clone(), path));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{super::source::parsed, *};

    fn check_files(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> =
            files.iter().map(|(inner, text)| parsed("x", inner, text)).collect();
        check(&sources).into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn finds_cycles_however_they_are_written() {
        for back in [
            "use crate::a::A;",
            "use crate::{c::C, a::A};",
            "use super::a;",
            "fn f() -> crate::a::A { todo() }",
            "use crate::A;",
        ] {
            let problems = check_files(&[
                ("src/lib.rs", "mod a; mod b; pub use a::A;"),
                ("src/a.rs", "use crate::b::B;"),
                ("src/b.rs", back),
            ]);
            assert_eq!(problems.len(), 1, "{back}: {problems:?}");
        }
    }

    #[test]
    fn a_folder_is_part_of_its_module() {
        let problems = check_files(&[
            ("src/lib.rs", "mod a; mod b;"),
            ("src/a.rs", "mod inner; use self::inner::X;"),
            ("src/a/inner.rs", "use super::Y; use super::super::b::B; use crate::a::Z;"),
            ("src/b.rs", "pub struct B;"),
        ]);
        assert_eq!(problems, Vec::<String>::new());
        let problems = check_files(&[
            ("src/lib.rs", "mod a; mod b;"),
            ("src/a/inner.rs", "use super::super::b::B;"),
            ("src/b.rs", "use crate::a;"),
        ]);
        assert_eq!(problems.len(), 1, "{problems:?}");
    }

    #[test]
    fn tests_may_use_what_they_like() {
        let problems = check_files(&[
            ("src/lib.rs", "mod a; mod b;"),
            ("src/a.rs", "use crate::b::B;"),
            ("src/b.rs", "#[cfg(test)] mod tests { use crate::a::A; }"),
        ]);
        assert_eq!(problems, Vec::<String>::new());
    }
}
