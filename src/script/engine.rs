//! A session: the engine, what was defined so far, and the ways to run a script.

use super::check::{self, CommandLine};
use super::error::{Context, Report};
use super::help::{self, Entry};
use super::library::Library;
use super::scan::Scan;
use super::system::{self, Quit, State};
use super::{
    column, deformation, dynamics, glass, io, minimize, neighbor_sum, plot, potential, saddle, stdlib, structure,
    table, terminal, units, vibration,
};
use rhai::{
    AST, Dynamic, Engine, EvalAltResult, EvalContext, LexError, Map, Module, OptimizationLevel, ParseErrorType,
    Position, Scope, Token,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The binding files, in the order of the help. Each has `pub(super) fn register(library: &mut Library)`.
const BINDINGS: &[fn(&mut Library)] = &[
    units::register,
    system::register,
    io::register,
    potential::register,
    glass::register,
    column::register,
    table::register,
    minimize::register,
    dynamics::register,
    plot::register,
    vibration::register,
    deformation::register,
    saddle::register,
    structure::register,
    neighbor_sum::register,
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
pub(super) struct Sources(BTreeMap<String, String>);

impl Sources {
    pub fn of(files: &BTreeMap<String, String>) -> Sources {
        Sources(files.clone())
    }

    pub fn line(&self, source: &str, line: usize) -> Option<String> {
        self.0.get(source)?.lines().nth(line.checked_sub(1)?).map(str::to_string)
    }

    /// A whole text, empty when there is none of this name.
    pub fn text(&self, source: &str) -> &str {
        self.0.get(source).map(String::as_str).unwrap_or_default()
    }

    /// Where the option that a message names in backticks is given, in the statement that begins at a place.
    pub fn option_place(&self, source: &str, line: usize, column: usize, message: &str) -> Option<(usize, usize)> {
        let name = message.split('`').nth(1).filter(|n| !n.is_empty())?;
        let text = self.0.get(source)?;
        for (offset, content) in text.lines().skip(line.checked_sub(1)?).take(30).enumerate() {
            let characters: Vec<char> = content.chars().collect();
            let start = if offset == 0 { column.saturating_sub(1) } else { 0 };
            for at in start..characters.len() {
                let is_word = |c: char| c.is_alphanumeric() || c == '_';
                let rest: String = characters[at..].iter().collect();
                let begins = at == 0 || !is_word(characters[at - 1]);
                if begins && rest.starts_with(name) && rest[name.len()..].trim_start().starts_with(':') {
                    return Some((line + offset, at + 1));
                }
                if characters[at] == ';' {
                    return None;
                }
            }
        }
        None
    }
}

/// What became of an evaluation.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The value of the last expression.
    Value(Dynamic),
    /// The script asked to end with this exit code.
    Exit(u8),
}

/// An engine with everything defined in it so far.
pub struct Session {
    engine: Engine,
    entries: Vec<Entry>,
    sources: Sources,
    state: State,
    scope: Scope<'static>,
    names: Scope<'static>,
    functions: AST,
    /// Where the input being read has `_`, the last value.
    last_value: Arc<Mutex<Vec<Position>>>,
    lines: usize,
    /// The input in which each function was defined last, closures among them.
    defined: BTreeMap<String, String>,
}

impl Session {
    /// A session with the whole language; an error when a file of the standard library is wrong.
    pub fn new(settings: Settings) -> Result<Session, Report> {
        let mut library = Library::new();
        let files = stdlib::files(settings.stdlib.as_deref())?;
        let state = State::new(settings.arguments, stdlib::fingerprint(&files));
        for register in BINDINGS {
            register(&mut library);
        }
        system::register_help(&mut library, &state);
        stdlib::load(&mut library, &files)?;
        let finished = library.finish();
        let mut entries = finished.entries;
        entries.extend(Entry::of_rhai());
        state.set_help(entries.clone());
        let mut engine = finished.engine;
        // Marked as volatile in Rhai: a new version may need a change here.
        #[allow(deprecated)]
        engine.on_missing_function(without_options);
        engine.set_default_tag(Dynamic::from(state.clone()));
        let last_value = Arc::new(Mutex::new(Vec::<Position>::new()));
        listen(&mut engine, last_value.clone());
        Ok(Session {
            engine,
            entries,
            sources: Sources(files),
            state,
            scope: Scope::new(),
            names: finished.names,
            functions: AST::empty(),
            last_value,
            lines: 0,
            defined: BTreeMap::new(),
        })
    }

    /// The engine, for its tokenizer and to redirect what scripts print.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Everything that has help.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Names, types and printed values of the variables.
    pub fn variables(&self) -> Vec<(String, Dynamic)> {
        let mut list: Vec<(String, Dynamic)> =
            self.scope.iter_raw().map(|(name, _, value)| (name.to_string(), value.flatten_clone())).collect();
        list.reverse();
        let mut seen = std::collections::BTreeSet::new();
        list.retain(|(name, _)| seen.insert(name.clone()));
        list.reverse();
        list
    }

    /// Sets a variable at the top of the session.
    pub fn set_variable(&mut self, name: &str, value: Dynamic) {
        self.scope.set_or_push(name, value);
    }

    /// The definition of a function of the standard library with its comment.
    pub fn source_of(&self, name: &str) -> Result<String, String> {
        let mut found = Vec::new();
        for (file, text) in &self.sources.0 {
            found.extend(help::definition(text, name).map(|definition| format!("// {file}\n{definition}")));
        }
        match (found.is_empty(), help::pages(&self.entries, name)) {
            (false, _) => Ok(found.join("\n")),
            (true, Ok(_)) => {
                Err(format!("doc: `{name}` is not written in Rhai, so that there is no definition to show"))
            }
            (true, Err(message)) => Err(message),
        }
    }

    /// Help of the functions defined in this session.
    pub fn own_entries(&self) -> Vec<Entry> {
        let module = Module::eval_ast_as_new(Scope::new(), &self.functions, &self.engine);
        module.map_or_else(|_| Vec::new(), |module| Entry::of_module(help::OWN, &module.into(), &help::Types::new()))
    }

    /// Functions defined in this session, with their parameters.
    pub fn functions(&self) -> Vec<(String, Vec<String>)> {
        let own = |f: &rhai::ScriptFnMetadata| !f.name.contains('$');
        let pair = |f: rhai::ScriptFnMetadata| (f.name.to_string(), f.params.iter().map(|p| p.to_string()).collect());
        self.functions.iter_functions().filter(own).map(pair).collect()
    }

    /// The name of the type of a value.
    pub fn type_of(&self, value: &Dynamic) -> String {
        self.engine.map_type_name(value.type_name()).to_string()
    }

    /// A value as it prints.
    pub fn show(&self, value: &Dynamic) -> String {
        if let Ok(x) = value.as_float() {
            return format!("{x:?}");
        }
        if let (Some(table), Some(columns)) = (value.read_lock::<crate::table::Table>(), help::columns()) {
            return format!("{:columns$}", *table);
        }
        let mut scope = Scope::new();
        scope.push_dynamic("value", value.clone());
        let text = self.engine.eval_with_scope::<String>(&mut scope, "value.to_debug()");
        text.unwrap_or_else(|_| value.to_string())
    }

    /// Runs a script file; its first line may be `#!...`.
    pub fn run_file(&mut self, path: &Path) -> Result<Outcome, Report> {
        let text = read_script(path)?;
        self.run(&text, &path.display().to_string())
    }

    /// Runs a text as a whole program; `name` is what errors call it.
    pub fn run(&mut self, text: &str, name: &str) -> Result<Outcome, Report> {
        self.sources.0.insert(name.into(), text.into());
        let plain = self.compile_as_written(text, name)?;
        let command_line = CommandLine::of(&plain, text);
        if let Some((twice, position)) = &command_line.twice {
            let message = format!("arg: `{twice}` is an option of this script already");
            return Err(Report::at(name, *position, message, &self.context(&plain)));
        }
        if self.state.arguments().iter().any(|w| w == "--help" || w == "-h") {
            let asks = |w: &&String| *w == "--help" || *w == "-h";
            let words: Vec<String> = self.state.arguments().iter().filter(|w| !asks(w)).cloned().collect();
            self.state.set_given(command_line.read(name, &words, false)?);
            let shown = self.defaults_shown(&plain, text, &command_line);
            terminal::observer().print(&command_line.page(name, &shown));
            return Ok(Outcome::Exit(0));
        }
        self.state.set_given(command_line.read(name, self.state.arguments(), true)?);
        let mut ast = self.compile(text, name)?;
        ast.set_source(name);
        self.finish(&ast, name)
    }

    /// The defaults of the options as a person reads them: what is written, or its value where that depends on other
    /// options; empty when neither can be said.
    fn defaults_shown(&self, ast: &AST, text: &str, command_line: &CommandLine) -> Vec<String> {
        let mut scope = Scope::new();
        let value = |code: &str, scope: &mut Scope| {
            let mut names = self.all_names();
            for (name, _, _) in scope.iter_raw() {
                names.push(name.to_string(), ());
            }
            let ast = self.engine.compile_with_scope(&names, code).ok()?;
            self.engine.eval_ast_with_scope::<Dynamic>(scope, &ast).ok()
        };
        for definition in check::definitions(ast, text) {
            let _ = value(&definition, &mut scope);
        }
        let show = |code: &str| {
            let word = |c: char| !(c.is_alphanumeric() || c == '_');
            let own = code.split(word).any(|w| w == "if" || scope.contains(w));
            if !own && !code.contains(['(', '{']) {
                return code.trim_matches('"').to_string();
            }
            let found = value(code, &mut scope.clone_visible()).filter(|v| v.is_int() || v.is_float() || v.is_string());
            found.map(|v| brief(&v)).unwrap_or_default()
        };
        command_line.defaults().map(show).collect()
    }

    /// Evaluates one input of an interactive session: functions and variables stay for the next.
    pub fn evaluate(&mut self, text: &str) -> Result<Outcome, Report> {
        self.lines += 1;
        let name = format!("input {}", self.lines);
        self.sources.0.insert(name.clone(), text.into());
        self.find_last_value(text);
        let ast = self.compile(text, &name)?;
        let mut merged = self.functions.merge(&ast);
        self.functions = merged.clone_functions_only();
        self.defined.extend(ast.iter_functions().map(|f| (f.name.to_string(), name.clone())));
        merged.set_source(name.as_str());
        self.finish(&merged, &name)
    }

    /// The tokens of a text; the tokenizer itself never stops.
    pub fn tokens(&self, text: &str) -> Vec<(Token, Position)> {
        self.engine.lex(&[text]).0.take_while(|(token, _)| *token != Token::EOF).collect()
    }

    /// The statements of an input, each from its first token to behind its `;`; the first with what stands before it.
    pub fn statements(&self, text: &str) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        let (mut depth, mut begins) = (0, true);
        for (token, position) in self.tokens(text) {
            let at = || check::offset(text, position).unwrap_or_default();
            if std::mem::take(&mut begins) {
                found.push(if found.is_empty() { 0 } else { at() }..text.len());
            }
            match token {
                Token::LeftBrace | Token::LeftParen | Token::LeftBracket | Token::MapStart => depth += 1,
                Token::RightBrace | Token::RightParen | Token::RightBracket => depth -= 1,
                Token::SemiColon if depth == 0 => {
                    if let Some(statement) = found.last_mut() {
                        statement.end = at() + 1;
                    }
                    begins = true;
                }
                _ => {}
            }
        }
        found
    }

    /// The statements of an input that were done when it failed at a place.
    pub fn done_before<'t>(&self, text: &'t str, place: Position) -> &'t str {
        let at = check::offset(text, place).unwrap_or_default();
        let done = self.statements(text).into_iter().take_while(|statement| statement.end <= at);
        &text[..done.last().map_or(0, |statement| statement.end)]
    }

    /// Tells the parser where an input has the last value.
    fn find_last_value(&self, text: &str) {
        let found = self.last_value_places(text);
        if let Ok(mut places) = self.last_value.lock() {
            *places = found;
        }
    }

    /// Each `_` that is not the rest of a `switch`.
    pub fn last_value_places(&self, text: &str) -> Vec<Position> {
        // The places of the input before must not hide those of this one.
        if let Ok(mut places) = self.last_value.lock() {
            places.clear();
        }
        let tokens = self.tokens(text);
        let is_value = |pair: &&[(Token, Position)]| pair[0].0 == Token::Underscore && pair[1].0 != Token::DoubleArrow;
        let ends = tokens.last().filter(|t| t.0 == Token::Underscore).map(|t| t.1);
        tokens.windows(2).filter(is_value).map(|pair| pair[0].1).chain(ends).collect()
    }

    /// The seeds that were chosen in the last evaluation, as `call: chose seed: 1`.
    pub fn chosen_seeds(&self) -> Vec<String> {
        terminal::chosen()
    }

    /// What is wrong with a script, found without running it.
    pub fn check_file(&mut self, path: &Path) -> Result<Vec<Report>, Report> {
        let text = read_script(path)?;
        self.check(&text, &path.display().to_string())
    }

    /// What is wrong with a text, found without running it.
    pub fn check(&mut self, text: &str, name: &str) -> Result<Vec<Report>, Report> {
        self.sources.0.insert(name.into(), text.into());
        let (ast, mut reports) = self.compile_with_faults(text, name)?;
        let mut keys: BTreeSet<String> = self.sources.0.values().flat_map(|text| check::map_keys(text)).collect();
        keys.extend(self.entries.iter().flat_map(Entry::quoted));
        if let Some((twice, position)) = CommandLine::of(&ast, text).twice {
            let message = format!("arg: `{twice}` is an option of this script already");
            reports.push(Report::at(name, position, message, &self.context(&ast)));
        }
        let mut faults = check::faults(&ast, &self.entries);
        faults.extend(check::used_twice(&ast));
        faults.extend(check::unknown_properties(&ast, &self.entries, &keys));
        faults.sort_by_key(|fault| fault.position);
        let context = self.context(&ast);
        let report = |fault: check::Fault| Report::at(name, fault.position, fault.message(&context, name), &context);
        reports.extend(faults.into_iter().map(report));
        Ok(reports)
    }

    /// True when the input can be evaluated as a whole.
    pub fn is_program(&self, text: &str) -> bool {
        self.engine.compile_with_scope(&self.all_names(), text).is_ok()
    }

    /// True when the input is the beginning of something longer.
    pub fn is_incomplete(&self, text: &str) -> bool {
        if Scan::of(text).open {
            return true;
        }
        let Err(error) = self.engine.compile_with_scope(&self.all_names(), text) else { return false };
        match error.err_type() {
            ParseErrorType::UnexpectedEOF => true,
            ParseErrorType::MissingToken(..)
            | ParseErrorType::ExprExpected(..)
            | ParseErrorType::FnMissingBody(..)
            | ParseErrorType::FnMissingParams(..)
            | ParseErrorType::PropertyExpected
            | ParseErrorType::VariableExpected
            | ParseErrorType::BadInput(LexError::UnterminatedString) => at_end(text, error.position()),
            _ => false,
        }
    }

    /// Reports every unknown variable of a text, then compiles it as if they were known.
    fn compile_with_faults(&mut self, text: &str, name: &str) -> Result<(AST, Vec<Report>), Report> {
        let level = self.engine.optimization_level();
        self.engine.set_optimization_level(OptimizationLevel::None);
        let mut names = self.all_names();
        let mut faults = Vec::new();
        let result = loop {
            match self.engine.compile_with_scope(&names, text) {
                Ok(ast) => break Ok((ast, faults)),
                Err(error) => {
                    let report = Report::of_parse(&error, name, &self.context(&AST::empty()));
                    match error.err_type() {
                        ParseErrorType::VariableUndefined(unknown) if !names.contains(unknown) => {
                            names.push(unknown.clone(), ());
                            faults.push(report);
                        }
                        _ => break Err(report),
                    }
                }
            }
        };
        self.engine.set_optimization_level(level);
        result
    }

    fn compile(&self, text: &str, name: &str) -> Result<AST, Report> {
        let compiled = self.engine.compile_with_scope(&self.all_names(), text);
        let context = self.context(&AST::empty());
        let ast = compiled.map_err(|e| Report::of_parse(&e, name, &context))?;
        match check::used_twice(&ast).first() {
            Some(fault) => Err(Report::at(name, fault.position, fault.message(&context, name), &context)),
            None => Ok(ast),
        }
    }

    /// The program before constants are folded, so that everything in it can be found.
    fn compile_as_written(&mut self, text: &str, name: &str) -> Result<AST, Report> {
        let level = self.engine.optimization_level();
        self.engine.set_optimization_level(OptimizationLevel::None);
        let result = self.compile(text, name);
        self.engine.set_optimization_level(level);
        result
    }

    /// Every name a compiled script may use.
    fn all_names(&self) -> Scope<'static> {
        let mut names = self.names.clone();
        for (name, _, _) in self.scope.iter_raw() {
            names.push(name, ());
        }
        names
    }

    fn context(&self, ast: &AST) -> Context<'_> {
        let names = self.scope.iter_raw().map(|(name, _, _)| name.to_string()).collect();
        let functions = self.functions.iter_functions().chain(ast.iter_functions()).map(|f| f.name.to_string());
        let functions = functions.filter(|n| !n.contains('$')).collect();
        Context { sources: &self.sources, entries: &self.entries, names, functions, defined: &self.defined }
    }

    fn finish(&mut self, ast: &AST, name: &str) -> Result<Outcome, Report> {
        terminal::begin_evaluation();
        let (engine, scope) = (&self.engine, &mut self.scope);
        // A fault of the program must not take the variables of the session with it.
        let result = catch_unwind(AssertUnwindSafe(|| engine.eval_ast_with_scope::<Dynamic>(scope, ast)));
        terminal::end_evaluation();
        match result {
            Ok(Ok(value)) => {
                terminal::say_if_ended_early();
                Ok(Outcome::Value(value))
            }
            Ok(Err(error)) => match Quit::in_error(&error) {
                Some(code) => Ok(Outcome::Exit(code)),
                None => Err(Report::of_run(&error, name, &self.context(ast))),
            },
            Err(_) => Err(Report::plain("vitric itself failed here; please report the message above")),
        }
    }

    /// True when Ctrl-C was pressed during the last evaluation.
    pub fn was_interrupted(&self) -> bool {
        terminal::was_interrupted()
    }
}

/// A number or text in few characters.
fn brief(value: &Dynamic) -> String {
    match value.as_float() {
        Ok(x) if x != 0.0 && !(1e-3..1e6).contains(&x.abs()) => format!("{x:e}"),
        Ok(x) => x.to_string(),
        Err(_) => value.to_string(),
    }
}

/// True when nothing but white space follows a position.
fn at_end(text: &str, position: rhai::Position) -> bool {
    let Some(line) = position.line() else { return true };
    let rest = text.lines().skip(line - 1);
    let column = position.position().unwrap_or(1).saturating_sub(1);
    rest.enumerate().all(|(k, l)| {
        let l: String = l.chars().skip(if k == 0 { column } else { 0 }).collect();
        l.trim().is_empty()
    })
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

/// What scripts print goes to the terminal, and `_` is read as a name where the session says so.
fn listen(engine: &mut Engine, last_value: Arc<Mutex<Vec<Position>>>) {
    engine.on_print(|text| terminal::observer().print(text));
    engine.on_debug(|text, source, position| {
        let place = source.map(|s| format!("{s}:{position:?} ")).unwrap_or_default();
        terminal::observer().say(&format!("{place}{text}"));
    });
    let before = Mutex::new((Position::NONE, Vec::new()));
    let explained = |text: &str| Token::LexError(Box::new(LexError::Runtime(text.into())));
    let read = move |token, position| match token {
        Token::Underscore if last_value.lock().is_ok_and(|p| p.contains(&position)) => {
            Token::Identifier(Box::new("_".into()))
        }
        // Exclusive or of the bits, where a reader sees a power.
        Token::XOr | Token::XOrAssign => explained("`^` is not an operator here: a power is x ** 2"),
        Token::PowerOf if before.lock().is_ok_and(|before| super::scan::ends_in_negative(&before.1)) => {
            explained("-x**2 would be (-x)**2 here; write -(x**2), or (-x)**2 where that is meant")
        }
        token => {
            if let Ok(mut before) = before.lock() {
                let (last, tokens) = &mut *before;
                // Another text begins.
                if position <= *last {
                    tokens.clear();
                }
                if tokens.len() >= LONGEST_OPERAND {
                    tokens.drain(..LONGEST_OPERAND / 2);
                }
                tokens.push(token.clone());
                *last = position;
            }
            token
        }
    };
    // Marked as volatile in Rhai: a new version may need a change here.
    #[allow(deprecated)]
    engine.on_parse_token(move |token, position, _| read(token, position));
}

/// How many tokens before a power are looked at.
const LONGEST_OPERAND: usize = 4096;

/// The name of the parameter that may be left out.
pub(super) const OPTIONS: &str = "options";

/// Calls of functions of the script that leave out the options: `f(x)` is `f(x, #{})` where the last parameter of `f` is
/// called `options`.
fn without_options(
    name: &str,
    arguments: &mut [&mut Dynamic],
    method: bool,
    mut context: EvalContext,
) -> Result<Option<Dynamic>, Box<EvalAltResult>> {
    if arguments.last().is_some_and(|a| a.is_map()) {
        return Ok(None);
    }
    let count = arguments.len() + usize::from(!method);
    let own = |module: &rhai::Shared<rhai::Module>| {
        let function = module.get_script_fn(name, count);
        function.is_some_and(|f| f.params.last().is_some_and(|last| last == OPTIONS))
    };
    if !context.namespaces().iter().any(own) {
        return Ok(None);
    }
    let mut values: Vec<Dynamic> = arguments.iter().map(|a| (**a).clone()).collect();
    values.push(Map::new().into());
    let mut list: Vec<&mut Dynamic> = values.iter_mut().collect();
    context.call_fn_raw(name, method, method, &mut list).map(Some)
}
