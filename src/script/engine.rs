//! A session: the engine, what was defined so far, and the ways to run a script.

use super::error::Report;
use super::help::Entry;
use super::library::Library;
use super::system::{Environment, State};
use super::{column, dynamics, glass, io, minimize, saddle, stdlib, system, table, terminal, units};
use rhai::{AST, Dynamic, Engine, EvalAltResult, EvalContext, Map, Scope};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The binding files, in the order of the help. Each has `pub(super) fn register(library: &mut Library)`.
const BINDINGS: &[fn(&mut Library)] = &[
    units::register,
    system::register,
    glass::register,
    io::register,
    column::register,
    table::register,
    minimize::register,
    dynamics::register,
    saddle::register,
];

/// How a session is set up.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Directory whose `.rhai` files replace or extend the embedded standard library.
    pub stdlib: Option<PathBuf>,
    /// What follows the name of the script on the command line.
    pub arguments: Vec<String>,
}

/// The texts that errors quote.
#[derive(Clone, Debug, Default)]
pub struct Sources(BTreeMap<String, String>);

impl Sources {
    pub(super) fn of(files: &BTreeMap<String, String>) -> Sources {
        Sources(files.clone())
    }

    pub(super) fn line(&self, source: &str, line: usize) -> Option<String> {
        self.0.get(source)?.lines().nth(line - 1).map(str::to_string)
    }
}

/// What became of an evaluation.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The value of the last expression.
    Value(Dynamic),
    /// The script asked to end with this exit code.
    Exit(i32),
}

/// An engine with everything defined in it so far.
pub struct Session {
    engine: Engine,
    entries: Vec<Entry>,
    sources: Sources,
    state: State,
    /// Variables at the top of the session.
    pub scope: Scope<'static>,
    names: Scope<'static>,
    functions: AST,
    lines: usize,
}

impl Session {
    /// A session with the whole language; an error when a file of the standard library is wrong.
    pub fn new(settings: Settings) -> Result<Session, Report> {
        let mut library = Library::new();
        for register in BINDINGS {
            register(&mut library);
        }
        let files = stdlib::files(settings.stdlib.as_deref())?;
        stdlib::load(&mut library, &files)?;
        let (mut engine, entries, names) = library.finish();
        let state = State::new(Environment { arguments: settings.arguments, ..Environment::default() });
        state.set_help(entries.clone());
        engine.set_default_tag(Dynamic::from(state.clone()));
        engine.on_print(|text| terminal::observer().print(text));
        engine.on_debug(|text, source, position| {
            let place = source.map(|s| format!("{s}:{position:?} ")).unwrap_or_default();
            terminal::observer().say(&format!("{place}{text}"));
        });
        Ok(Session {
            engine,
            entries,
            sources: Sources(files),
            state,
            scope: Scope::new(),
            names,
            functions: AST::empty(),
            lines: 0,
        })
    }

    /// The engine, for its tokenizer and for tests.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The engine, to redirect what scripts print.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Everything that has help.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Runs a script file; its first line may be `#!...`.
    pub fn run_file(&mut self, path: &Path) -> Result<Outcome, Report> {
        let text = read_script(path)?;
        self.run(&text, &path.display().to_string())
    }

    /// Runs a text as a whole program; `name` is what errors call it.
    pub fn run(&mut self, text: &str, name: &str) -> Result<Outcome, Report> {
        self.sources.0.insert(name.into(), text.into());
        let mut ast = self.compile(text, name)?;
        ast.set_source(name);
        self.finish(|engine, scope| engine.eval_ast_with_scope::<Dynamic>(scope, &ast), name)
    }

    /// Evaluates one input of an interactive session: functions and variables stay for the next.
    pub fn evaluate(&mut self, text: &str) -> Result<Outcome, Report> {
        self.lines += 1;
        let name = format!("input {}", self.lines);
        self.sources.0.insert(name.clone(), text.into());
        let ast = self.compile(text, &name)?;
        let mut merged = self.functions.merge(&ast);
        self.functions = merged.clone_functions_only();
        merged.set_source(name.as_str());
        self.finish(|engine, scope| engine.eval_ast_with_scope::<Dynamic>(scope, &merged), &name)
    }

    fn compile(&self, text: &str, name: &str) -> Result<AST, Report> {
        let mut names = self.names.clone();
        for (name, _, _) in self.scope.iter_raw() {
            names.push(name, ());
        }
        self.engine.compile_with_scope(&names, text).map_err(|e| Report::of_parse(&e, name, &self.sources))
    }

    fn finish(
        &mut self,
        evaluate: impl FnOnce(&Engine, &mut Scope<'static>) -> Result<Dynamic, Box<EvalAltResult>>,
        name: &str,
    ) -> Result<Outcome, Report> {
        terminal::begin_evaluation();
        let result = evaluate(&self.engine, &mut self.scope);
        match result {
            Ok(value) => Ok(Outcome::Value(value)),
            Err(error) => match *error {
                EvalAltResult::Exit(value, _) => Ok(Outcome::Exit(value.as_int().unwrap_or(0) as i32)),
                error => Err(Report::of_run(&error, name, &self.sources)),
            },
        }
    }

    /// True when Ctrl-C was pressed during the last evaluation.
    pub fn was_interrupted(&self) -> bool {
        terminal::was_interrupted()
    }

    /// What `arg(...)` lines declared, and the other facts about this run.
    pub fn environment(&self) -> Environment {
        self.state.environment()
    }
}

/// A script as text, without `#!`; errors name the file and what is wrong with it.
pub(super) fn read_script(path: &Path) -> Result<String, Report> {
    let wrong = |what: String| Report::plain(format!("{}: {what}", path.display()));
    let bytes = std::fs::read(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => wrong("no such file".into()),
        _ => wrong(e.to_string()),
    })?;
    let text = String::from_utf8(bytes).map_err(|e| {
        let good = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let line = good.iter().filter(|b| **b == b'\n').count() + 1;
        wrong(format!("line {line} is not UTF-8 text; is this a script?"))
    })?;
    // The line stays, empty, so that positions are those of the file.
    Ok(match text.strip_prefix("#!") {
        Some(rest) => rest.find('\n').map_or(String::new(), |end| rest[end..].to_string()),
        None => text,
    })
}

/// Calls that leave out the options: `f(x)` is `f(x, #{})` where only that exists.
pub(super) fn without_options(
    name: &str,
    arguments: &mut [&mut Dynamic],
    method: bool,
    mut context: EvalContext,
) -> Result<Option<Dynamic>, Box<EvalAltResult>> {
    let word = name.starts_with(|c: char| c.is_alphabetic()) && !name.contains('$');
    if !word || arguments.last().is_some_and(|a| a.is_map()) {
        return Ok(None);
    }
    let mut values: Vec<Dynamic> = arguments.iter().map(|a| (**a).clone()).collect();
    values.push(Map::new().into());
    let mut list: Vec<&mut Dynamic> = values.iter_mut().collect();
    match context.call_fn_raw(name, method, method, &mut list) {
        Ok(value) => Ok(Some(value)),
        Err(error) => match *error {
            EvalAltResult::ErrorFunctionNotFound(ref signature, _) if signature.split(" (").next() == Some(name) => {
                Ok(None)
            }
            _ => Err(error),
        },
    }
}
