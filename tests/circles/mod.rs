//! Which file of `src/` names which, read from the text, and the circles among them.
//!
//! A file names another by a path through `crate`, `super` or `self`, or through a module it
//! declares. What a `mod.rs` only hands on (`pub use child::Name`) counts as its child's: who names
//! it names the child, and the `mod.rs` itself names nothing by it. Calls of methods are not seen.

use std::collections::{BTreeMap, BTreeSet};

/// A module as its path below `src/`, such as `["store", "apply"]`.
pub(crate) type Module = Vec<String>;

/// How the tests at the end of a file begin.
const TESTS: &str = "#[cfg(test)]\nmod tests {";

/// The modules and what each of them names.
pub(crate) struct Names {
    edges: BTreeMap<Module, BTreeSet<Module>>,
}

impl Names {
    /// Reads modules with their code, which has no comments any more. Tests are left out.
    pub(crate) fn read(files: &[(Module, String)]) -> Names {
        let files: BTreeMap<&Module, &str> = files
            .iter()
            .filter(|(module, _)| !module.iter().any(|p| p == "tests" || p.ends_with("_tests")))
            .map(|(module, code)| (module, code.split(TESTS).next()))
            .filter_map(|(module, code)| Some((module, code?)))
            .collect();
        let handed_on: BTreeMap<&Module, BTreeMap<String, Module>> =
            files.iter().map(|(module, code)| (*module, handed_on(module, code, &files))).collect();
        let names = |module: &Module, code: &str| -> BTreeSet<Module> {
            let found = paths(code).into_iter().filter_map(|path| absolute(module, path));
            let found = found.map(|path| resolve(path, &handed_on));
            found.filter(|other| other != module && !other.is_empty()).collect()
        };
        let edges = files.iter().map(|(module, code)| ((*module).clone(), names(module, code)));
        Names { edges: edges.collect() }
    }

    /// Every circle, once: the modules on it, in an order in which each names the next.
    pub(crate) fn circles(&self) -> Vec<Vec<&Module>> {
        let reach = |from: &Module| {
            let (mut seen, mut next) = (BTreeSet::new(), vec![from.clone()]);
            while let Some(module) = next.pop() {
                for other in self.edges.get(&module).into_iter().flatten() {
                    if seen.insert(other.clone()) {
                        next.push(other.clone());
                    }
                }
            }
            seen
        };
        let reached: BTreeMap<&Module, BTreeSet<Module>> =
            self.edges.keys().map(|module| (module, reach(module))).collect();
        let mut circles: Vec<Vec<&Module>> = Vec::new();
        for (module, reaches) in &reached {
            let known = circles.iter().any(|circle| circle.contains(module));
            if reaches.contains(*module) && !known {
                let back = |other: &&&Module| {
                    reaches.contains(**other) && reached[**other].contains(*module)
                };
                circles.push(reached.keys().filter(back).copied().collect());
            }
        }
        circles
    }

    /// Whether a file of a folder names one of another folder.
    pub(crate) fn names(&self, from: &[&str], to: &[&str]) -> bool {
        let is_in = |module: &Module, folder: &[&str]| {
            module.len() >= folder.len() && module.iter().zip(folder).all(|(a, b)| a == b)
        };
        self.edges
            .iter()
            .filter(|(module, _)| is_in(module, from) && !is_in(module, to))
            .any(|(_, others)| others.iter().any(|other| is_in(other, to)))
    }
}

/// Where the paths of a module that climb by `super` arrive below `src/`. The tests at the end of a
/// file are a module below it.
pub(crate) fn rooms_through_super(module: &Module, code: &str) -> Vec<String> {
    let (code, tests) = code.split_once(TESTS).unwrap_or((code, ""));
    let below = [module.clone(), vec!["tests".into()]].concat();
    let climbing = |path: &Module| path.iter().any(|part| part == "super");
    let mut rooms = Vec::new();
    for (module, code) in [(module, code), (&below, tests)] {
        let climbing = paths(code).into_iter().filter(climbing);
        let arrived = climbing.filter_map(|path| absolute(module, path));
        rooms.extend(arrived.filter_map(|path| path.first().cloned()));
    }
    rooms
}

/// The items of its children that a module hands on: by name, the path it really has.
fn handed_on(
    module: &Module,
    code: &str,
    files: &BTreeMap<&Module, &str>,
) -> BTreeMap<String, Module> {
    let uses = statements(code, "use ").into_iter().filter(|(public, _)| *public);
    let paths = uses.flat_map(|(_, tree)| opened(tree));
    paths
        .filter_map(|path| {
            let path: Module = [module.clone(), segments(&path)].concat();
            let child = path[..=module.len().min(path.len() - 1)].to_vec();
            let name = path.last()?.clone();
            files.contains_key(&child).then_some((name, path))
        })
        .collect()
}

/// The module that a path ends in, through what modules hand on.
fn resolve(path: Module, handed_on: &BTreeMap<&Module, BTreeMap<String, Module>>) -> Module {
    let mut module = Module::new();
    for (i, part) in path.iter().enumerate() {
        let deeper = [module.clone(), vec![part.clone()]].concat();
        if handed_on.contains_key(&deeper) {
            module = deeper;
        } else {
            return match handed_on.get(&module).and_then(|names| names.get(part)) {
                Some(real) => resolve([real.clone(), path[i + 1..].to_vec()].concat(), handed_on),
                None => module,
            };
        }
    }
    module
}

/// A path from the top of `src/`, for one that begins at a module.
fn absolute(module: &Module, mut path: Module) -> Option<Module> {
    if path[0] == "self" && path.get(1).is_some_and(|part| part == "super") {
        path.remove(0);
    }
    let up = path.iter().take_while(|part| *part == "super").count();
    match path[0].as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([module.clone(), path[1..].to_vec()].concat()),
        "super" => Some([&module[..module.len().checked_sub(up)?], &path[up..]].concat()),
        _ => None,
    }
}

/// Every path in the code that may be to a module; those through a declared child begin with
/// `self`.
fn paths(code: &str) -> Vec<Module> {
    let children: Vec<String> =
        statements(code, "mod ").into_iter().map(|(_, name)| name.to_string()).collect();
    let mut found: Vec<Module> = Vec::new();
    let mut rest = code.to_string();
    for (public, tree) in statements(code, "use ") {
        let paths = opened(tree).into_iter().map(|path| segments(&path));
        let own = |path: &Module| children.contains(&path[0]);
        found.extend(paths.filter(|path| !(public && own(path))));
        rest = rest.replace(&format!("use {tree};"), "");
    }
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    found.extend(rest.split(|c| !part(c)).filter(|text| text.contains("::")).map(segments));
    for path in found.iter_mut().filter(|path| children.contains(&path[0])) {
        path.insert(0, "self".into());
    }
    found
}

/// The texts between a keyword and the semicolon, and whether `pub` stands before it.
fn statements<'c>(code: &'c str, keyword: &str) -> Vec<(bool, &'c str)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(keyword) {
        let line = code[..at].rsplit('\n').next().unwrap_or("").trim();
        let rest = &code[at + keyword.len()..];
        if let (true, Some(end)) = (line.is_empty() || line.starts_with("pub"), rest.find(';'))
            && (keyword == "use " || !rest[..end].contains('{'))
        {
            found.push((line.starts_with("pub"), &rest[..end]));
        }
    }
    found
}

/// The paths of a `use` tree, its groups opened.
fn opened(tree: &str) -> Vec<String> {
    let Some((before, group)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap_or(tree).trim().to_string()];
    };
    let (mut depth, mut entry, mut entries) = (1, String::new(), Vec::new());
    for c in group.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        match c {
            _ if depth == 0 => break,
            ',' if depth == 1 => entries.push(std::mem::take(&mut entry)),
            c => entry.push(c),
        }
    }
    entries.push(entry);
    let entries = entries.iter().filter(|entry| !entry.trim().is_empty());
    entries.flat_map(|entry| opened(&format!("{}{}", before.trim(), entry.trim()))).collect()
}

fn segments(path: &str) -> Module {
    path.split("::").map(|part| part.trim().to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<(Module, String)> = files
            .iter()
            .map(|(path, code)| (path.split('/').map(String::from).collect(), code.to_string()))
            .collect();
        let names = Names::read(&files);
        let list = |circle: &Vec<&Module>| {
            circle.iter().map(|module| module.join("/")).collect::<Vec<_>>().join(" ")
        };
        names.circles().iter().map(list).collect()
    }

    #[test]
    fn a_circle_is_found_through_uses_and_through_paths() {
        let two = [("a", "use crate::b::B;"), ("b", "fn f() { crate::a::g() }")];
        assert_eq!(circles(&two), ["a b"]);
        let three = [
            ("a", "mod x;\nmod y;"),
            ("a/x", "use super::{y::{self, Y}, q};"),
            ("a/y", "use super::super::b::f;"),
            ("b", "fn f() { let a = crate::a::x::A; }"),
            ("c", "use crate::b;"),
        ];
        assert_eq!(circles(&three), ["a/x a/y b"]);
    }

    #[test]
    fn a_name_that_is_handed_on_is_its_childs() {
        let door = "mod x;\nmod y;\npub use x::X;\npub(crate) use y::Y;";
        assert!(circles(&[("a", door), ("a/x", "use super::Y;"), ("a/y", "")]).is_empty());
        let both = [("a", door), ("a/x", "use super::Y;"), ("a/y", "use crate::a::X;")];
        assert_eq!(circles(&both), ["a/x a/y"]);
        let used = [("a", "mod x;\nfn f() { x::g() }\nstruct A;"), ("a/x", "use super::A;")];
        assert_eq!(circles(&used), ["a a/x"]);
    }

    #[test]
    fn tests_do_not_count() {
        let tested = "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}";
        assert!(circles(&[("a", tested), ("b", "use crate::a;")]).is_empty());
        assert!(
            circles(&[("a", ""), ("a/tests", "use crate::b;"), ("b", "use crate::a;")]).is_empty()
        );
    }
}
