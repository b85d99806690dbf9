//! The standard library: Rhai files embedded in the program, replaced one by one by those of a directory.

use super::engine::{OPTIONS, Sources};
use super::error::{Context, Report};
use super::library::Library;
use crate::file::{STANDARD_LIBRARY, checksum};
use rhai::{Module, Scope};
use std::collections::BTreeMap;
use std::path::Path;

/// Prefix of the names of embedded files in errors.
const PREFIX: &str = "stdlib/";

/// Name of the functions that call those of the library without options.
pub(super) const WITHOUT_OPTIONS: &str = "stdlib/without options";

/// True for a file that is part of the program.
pub(super) fn is_built_in(source: &str) -> bool {
    source.starts_with(PREFIX)
}

/// Name and text of each embedded file, in the order of names.
pub(super) fn embedded() -> BTreeMap<String, String> {
    let scripts = STANDARD_LIBRARY.files().filter(|f| f.path().extension().is_some_and(|e| e == "rhai"));
    scripts.filter_map(|f| Some((format!("{PREFIX}{}", f.path().display()), f.contents_utf8()?.to_string()))).collect()
}

/// The embedded files, with those of `directory` in place of files of the same name and beside the others.
pub(super) fn files(directory: Option<&Path>) -> Result<BTreeMap<String, String>, Report> {
    let mut files = embedded();
    let Some(directory) = directory else { return Ok(files) };
    let unreadable =
        |e: std::io::Error| Report::plain(format!("--stdlib (or $VITRIC_STDLIB) {}: {e}", directory.display()));
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|e| e == "rhai") {
            let text = super::engine::read_script(&path)?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.remove(&format!("{PREFIX}{name}"));
            files.insert(path.display().to_string(), text);
        }
    }
    Ok(files)
}

/// Changes with the files that are not part of the program; empty when there is none.
pub(super) fn fingerprint(files: &BTreeMap<String, String>) -> String {
    let own: Vec<&str> = files.iter().filter(|(name, _)| !is_built_in(name)).map(|(_, text)| text.as_str()).collect();
    if own.is_empty() { String::new() } else { format!("{:016x}", checksum(own.join("\n").as_bytes())) }
}

/// Compiles each file into a global module, so that its functions and closures work everywhere.
pub(super) fn load(library: &mut Library, files: &BTreeMap<String, String>) -> Result<(), Report> {
    let sources = Sources::of(files);
    let defined = BTreeMap::new();
    let context =
        Context { sources: &sources, entries: &[], names: Vec::new(), functions: Vec::new(), defined: &defined };
    // A function of the user comes later, and so is found first, wherever it is called.
    let (built_in, own): (Vec<_>, Vec<_>) = files.iter().partition(|(name, _)| is_built_in(name));
    for (name, text) in built_in.into_iter().chain(own) {
        let names = library.names();
        let mut ast =
            library.engine().compile_with_scope(&names, text).map_err(|e| Report::of_parse(&e, name, &context))?;
        ast.set_source(name.as_str());
        let shorter = without_options(&ast);
        let module = Module::eval_ast_as_new(Scope::new(), &ast, library.engine())
            .map_err(|e| Report::of_run(&e, name, &context))?;
        let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        library.add_shared(&stem, module.into());
        let mut ast =
            library.engine().compile(&shorter).map_err(|e| Report::of_parse(&e, WITHOUT_OPTIONS, &context))?;
        ast.set_source(WITHOUT_OPTIONS);
        let module = Module::eval_ast_as_new(Scope::new(), &ast, library.engine())
            .map_err(|e| Report::of_run(&e, name, &context))?;
        library.engine().register_global_module(module.into());
    }
    Ok(())
}

/// For each function whose last parameter is called `options`, one that leaves it out.
fn without_options(ast: &rhai::AST) -> String {
    let shape = |f: &rhai::ScriptFnMetadata| (f.name.to_string(), f.this_type.map(str::to_string), f.params.len());
    let known: Vec<_> = ast.iter_functions().map(|f| shape(&f)).collect();
    let mut text = String::new();
    for function in ast.iter_functions().filter(|f| f.params.last() == Some(&OPTIONS)) {
        let (name, kind, count) = shape(&function);
        if known.contains(&(name.clone(), kind.clone(), count - 1)) {
            continue;
        }
        let shorter = function.params[..count - 1].join(", ");
        let longer = [&function.params[..count - 1], &["#{}"]].concat().join(", ");
        text += &match kind {
            Some(kind) => format!("fn {kind}.{name}({shorter}) {{ this.{name}({longer}) }}\n"),
            None => format!("fn {name}({shorter}) {{ {name}({longer}) }}\n"),
        };
    }
    text
}
