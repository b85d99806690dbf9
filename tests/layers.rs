//! A module uses only modules above it in the list of `lib.rs`.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::fs;
use std::path::Path;

/// The order of dependence.
fn order() -> Vec<String> {
    let text = fs::read_to_string("src/lib.rs").unwrap();
    text.lines().filter_map(|l| l.strip_prefix("pub mod ")).map(|l| l.trim_end_matches(';').to_string()).collect()
}

/// Every `.rs` file below a path.
fn sources(path: &Path) -> Vec<std::path::PathBuf> {
    if path.is_file() {
        return vec![path.to_path_buf()];
    }
    let entries = fs::read_dir(path).unwrap();
    entries.flat_map(|e| sources(&e.unwrap().path())).filter(|p| p.extension().is_some_and(|e| e == "rs")).collect()
}

fn files_of(module: &str) -> Vec<std::path::PathBuf> {
    let file = format!("src/{module}.rs");
    if Path::new(&file).is_file() { vec![file.into()] } else { sources(Path::new(&format!("src/{module}"))) }
}

/// Modules of this crate that a source text names.
fn used(text: &str) -> Vec<String> {
    assert!(!text.contains("crate::{"), "modules of the crate are named one by one: `use crate::a; use crate::b;`");
    let word = |s: &str| s.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    text.lines()
        .filter(|l| !l.trim_start().starts_with("//"))
        .flat_map(|l| l.split("crate::").skip(1).map(word).collect::<Vec<_>>())
        .collect()
}

#[test]
fn every_module_uses_only_modules_above_it() {
    let order = order();
    assert!(order.len() > 15, "the list of modules in lib.rs was not read");
    let mut wrong = Vec::new();
    for (place, module) in order.iter().enumerate() {
        let files = files_of(module);
        assert!(!files.is_empty(), "no source for module {module}");
        for file in files {
            for name in used(&fs::read_to_string(&file).unwrap()) {
                if order.iter().position(|m| *m == name).is_some_and(|other| other > place) {
                    wrong.push(format!("{} uses {name}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_script_and_repl_name_the_script_language() {
    let with_rhai: Vec<String> = order()
        .into_iter()
        .filter(|m| m != "script" && m != "repl")
        .filter(|m| files_of(m).iter().any(|f| fs::read_to_string(f).unwrap().contains("rhai::")))
        .collect();
    assert!(with_rhai.is_empty(), "{with_rhai:?}");
}
