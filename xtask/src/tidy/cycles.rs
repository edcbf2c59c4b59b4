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

/// Reports every knot of modules that reach each other.
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
    knots(&edges).into_iter().map(|knot| describe(package, &knot, &edges)).collect()
}

/// All edges inside a knot, so that one can see which to cut.
fn describe(package: &str, knot: &BTreeSet<String>, edges: &Edges) -> Problem {
    let inside: Vec<(String, &str)> = knot
        .iter()
        .flat_map(|from| edges.get(from).into_iter().flatten().map(move |edge| (from, edge)))
        .filter(|(_, (to, _))| knot.contains(*to))
        .map(|(from, (to, place))| (format!("{from} -> {to} at {place}"), place.as_str()))
        .collect();
    let place = inside.first().map(|(_, place)| (*place).to_owned()).unwrap_or_default();
    let names: Vec<&str> = knot.iter().map(String::as_str).collect();
    let shown: Vec<String> = inside.iter().map(|(edge, _)| format!("\n    {edge}")).collect();
    let names = names.join(", ");
    Problem::new(place, format!("modules of {package} form a cycle: {names}{}", shown.concat()))
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

/// Sets of modules that all reach each other.
fn knots(edges: &Edges) -> Vec<BTreeSet<String>> {
    let reach: BTreeMap<&String, BTreeSet<String>> =
        edges.keys().map(|module| (module, reachable(edges, module))).collect();
    let reaches = |from: &String, to: &String| reach.get(from).is_some_and(|set| set.contains(to));
    let mut knots: Vec<BTreeSet<String>> = Vec::new();
    for module in edges.keys().filter(|module| reaches(module, module)) {
        match knots.iter_mut().find(|knot| {
            knot.first().is_some_and(|other| reaches(module, other) && reaches(other, module))
        }) {
            Some(knot) => drop(knot.insert(module.clone())),
            None => knots.push(BTreeSet::from([module.clone()])),
        }
    }
    knots
}

/// Every module that `start` reaches by one edge or more.
fn reachable(edges: &Edges, start: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![start.to_owned()];
    while let Some(module) = waiting.pop() {
        for next in edges.get(&module).into_iter().flat_map(BTreeMap::keys) {
            if found.insert(next.clone()) {
                waiting.push(next.clone());
            }
        }
    }
    found
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
    fn one_knot_is_one_problem_with_all_its_edges() {
        let problems = check_files(&[
            ("src/lib.rs", "mod a; mod b; mod c; mod d;"),
            ("src/a.rs", "use crate::{b::B, d::D};"),
            ("src/b.rs", "use crate::{a::A, c::C};"),
            ("src/c.rs", "use crate::a::A;"),
            ("src/d.rs", ""),
        ]);
        assert_eq!(
            problems,
            ["modules of x form a cycle: a, b, c\n    a -> b at crates/x/src/a.rs:1\n    \
              b -> a at crates/x/src/b.rs:1\n    b -> c at crates/x/src/b.rs:1\n    \
              c -> a at crates/x/src/c.rs:1"]
        );
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
