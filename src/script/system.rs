//! What a script knows of its run: arguments, folders, help.

use super::error::{OF_CALLER, USAGE};
use super::help::{self, Entry};
use super::options::{self, number, shown};
use super::{Library, Options, Raw, fail, observer};
use crate::error::Error;
use rhai::plugin::*;
use rhai::{
    Array, Dynamic, EvalAltResult, EvalContext, Expr, FnPtr, FuncRegistration, ImmutableString, Map, Module,
    NativeCallContext, Position, Scope, Token,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

/// Shared by the functions that need to know the run.
#[derive(Clone, Default)]
pub(super) struct State(Arc<Inner>);

/// The command line, read with what the script says of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    /// Values of the options by name.
    pub values: BTreeMap<String, String>,
    /// What is neither an option nor its value.
    pub words: Vec<String>,
}

#[derive(Default)]
struct Inner {
    arguments: Vec<String>,
    /// Changes with the files in the folder of `--stdlib`.
    definitions: String,
    given: Mutex<Given>,
    help: OnceLock<Vec<Entry>>,
}

impl State {
    pub fn new(arguments: Vec<String>, definitions: String) -> State {
        State(Arc::new(Inner { arguments, definitions, given: Mutex::default(), help: OnceLock::new() }))
    }

    pub fn set_help(&self, entries: Vec<Entry>) {
        let _ = self.0.help.set(entries);
    }

    pub fn help(&self) -> &[Entry] {
        self.0.help.get().map(Vec::as_slice).unwrap_or_default()
    }

    /// What followed the name of the script on the command line.
    pub fn arguments(&self) -> &[String] {
        &self.0.arguments
    }

    pub fn set_given(&self, given: Given) {
        if let Ok(mut place) = self.0.given.lock() {
            *place = given;
        }
    }

    fn given(&self) -> Given {
        self.0.given.lock().map(|given| given.clone()).unwrap_or_default()
    }

    fn of(context: &NativeCallContext) -> State {
        context.tag().and_then(|tag| tag.clone().try_cast()).unwrap_or_default()
    }
}

#[export_module]
mod binding {
    /// The value of `--name` on the command line, or the default; these lines make the script's `--help`.
    ///
    /// The value has the type of the default: a number, a text, true or false, or a list, written `--list 3,4`. A number may
    /// be calculated and have units, as in `--time 0.5*ns`. A unit is that of the default: `--rate 1e12` of the example is in
    /// K/s only if the script says so. With `required` as its default the option must be given.
    ///
    /// ```rhai
    /// let rate = arg("rate", 1e13, "cooling rate [K/s]") * K/second;
    /// let atoms = arg("atoms", 1000, "number of atoms");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn arg(context: NativeCallContext, name: &str, default: Dynamic, meaning: &str) -> Raw<Dynamic> {
        let given = State::of(&context).given();
        match given.values.get(name) {
            Some(text) => super::parsed(&context, name, text, &default),
            None if super::is_required(&default) => fail(format!("{USAGE}--{name} is needed: {meaning}")),
            None => Ok(default),
        }
    }

    /// The same for a text that must be one of these words.
    ///
    /// ```rhai
    /// let scale = arg("scale", "small", "small, or paper for the sizes of the paper", ["small", "paper"]);
    /// ```
    #[rhai_fn(name = "arg", return_raw)]
    pub fn arg_among(
        context: NativeCallContext,
        name: &str,
        default: Dynamic,
        meaning: &str,
        choices: Array,
    ) -> Raw<Dynamic> {
        let value = arg(context, name, default, meaning)?;
        let choices: Vec<String> = choices.iter().map(|c| c.to_string()).collect();
        match options::not_among(&value.to_string(), &choices) {
            Some(text) => fail(format!("{USAGE}--{name}: {text}")),
            None => Ok(value),
        }
    }

    /// The words on the command line that follow the script and are neither options nor their values.
    pub fn arguments(context: NativeCallContext) -> Array {
        State::of(&context).given().words.into_iter().map(Dynamic::from).collect()
    }

    /// Chooses, says and gives a seed for a function that several random steps make up.
    ///
    /// ```rhai
    /// fn two_packings(options) {
    ///     let o = defaults(options, #{ seed: () });
    ///     let seed = if o.seed == () { chosen_seed("two_packings") } else { o.seed };
    ///     [pack("Cu50Zr50", #{ atoms: 600, seed: seed }), pack("Cu50Zr50", #{ atoms: 600, seed: seed + 1 })]
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn chosen_seed(call: &str) -> Raw<i64> {
        Ok(Options::new(call, Map::new(), &["seed"])?.seed("seed")? as i64)
    }

    /// Options with their defaults: unknown names are errors, `required` ones must be given, `()` means not given.
    ///
    /// ```rhai
    /// fn probe(options) {
    ///     let o = defaults(options, #{ cutoff: 3.9*angstrom, species: () });
    ///     o.cutoff
    /// }
    /// probe(#{ cutoff: 4 })
    /// ```
    #[rhai_fn(return_raw)]
    pub fn defaults(options: Dynamic, defaults: Map) -> Raw<Map> {
        let found = super::shown(&options);
        let completed = match options.try_cast::<Map>() {
            Some(options) => super::completed(options, defaults),
            None => Err(format!("options go in #{{ }}, such as #{{ name: value }}, found {found}")),
        };
        completed.or_else(|text| fail(format!("{OF_CALLER}{text}")))
    }

    /// A text that changes with the files in the folder of `--stdlib`, to be kept beside what was computed with them; empty without one.
    pub fn own_definitions(context: NativeCallContext) -> String {
        State::of(&context).0.definitions.clone()
    }

    /// Ends the script when Ctrl-C ended one of its steps early: for use before something is kept that must be whole.
    ///
    /// ```rhai
    /// let relaxed = glass.minimize();
    /// end_if_interrupted();
    /// relaxed.save("relaxed.extxyz");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn end_if_interrupted() -> Raw<()> {
        if super::super::terminal::was_interrupted() { Err(Error::interrupted().into()) } else { Ok(()) }
    }

    /// Makes a folder for results and gives its path. A folder that holds files already is an error, unless the
    /// script was called with `--overwrite`.
    ///
    /// - `overwrite`: true to write into a folder that is not empty, false
    ///
    /// ```rhai
    /// let folder = output_folder("results");
    /// write_text(folder + "/summary.txt", "seed 1");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn output_folder(context: NativeCallContext, path: &str, options: Map) -> Raw<ImmutableString> {
        let options = Options::new("output_folder", options, &["overwrite"])?;
        let asked = State::of(&context).given().values.get("overwrite").is_some_and(|v| v == "true");
        let overwrite = options.boolean("overwrite")?.or(false) || asked;
        let failed = |e: std::io::Error| Error::file(path, format!("output_folder: {e}"));
        let folder = Path::new(path);
        if folder.exists() && !folder.is_dir() {
            return fail(format!("output_folder: {path} is a file"));
        }
        std::fs::create_dir_all(folder).map_err(failed)?;
        let used = std::fs::read_dir(folder).map_err(failed)?.next().is_some();
        if used && !overwrite {
            return fail(format!(
                "output_folder: {path} exists and is not empty; choose another name, or give --overwrite"
            ));
        }
        Ok(path.into())
    }

    /// Writes a text file; it appears whole or not at all.
    ///
    /// ```rhai
    /// write_text("note.txt", "melted at 2000 K\n");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn write_text(path: &str, text: &str) -> Raw<()> {
        let write = |out: &mut dyn std::io::Write| out.write_all(text.as_bytes());
        Ok(crate::file::write_atomic(Path::new(path), write).map_err(|e| e.within("write_text"))?)
    }

    /// The content of a text file; `.gz` too.
    #[rhai_fn(return_raw)]
    pub fn read_text(path: &str) -> Raw<String> {
        Ok(crate::file::read_text(Path::new(path)).map_err(|e| e.within("read_text"))?)
    }

    /// Ends the script with an exit code.
    #[rhai_fn(name = "exit", return_raw)]
    pub fn exit_with(code: i64) -> Raw<()> {
        match u8::try_from(code) {
            Ok(code) => Err(Quit(code).into()),
            Err(_) => fail(format!("exit: a code is from 0 to 255, found {code}")),
        }
    }

    /// Ends the script.
    #[rhai_fn(return_raw)]
    pub fn exit() -> Raw<()> {
        Err(Quit(0).into())
    }

    /// True when there is a file or folder of this name.
    pub fn exists(path: &str) -> bool {
        Path::new(path).exists()
    }

    /// A note for the person at the terminal, on standard error.
    pub fn note(text: &str) {
        observer().say(text);
    }

    /// A number as text with this many decimals; very large and small ones with an exponent.
    ///
    /// ```rhai
    /// print(format(3.14159, 2));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn format(value: Dynamic, decimals: i64) -> Raw<String> {
        let Some(x) = number(&value) else {
            return fail(format!("format: expected a number, found {}", shown(&value)));
        };
        let decimals = decimals.clamp(0, 17) as usize;
        let size = x.abs();
        let plain = x == 0.0 || !x.is_finite() || (1e-4..1e7).contains(&size);
        Ok(if plain { format!("{x:.decimals$}") } else { format!("{x:.decimals$e}") })
    }
}

/// Ends a script from within any number of calls.
#[derive(Clone)]
pub(super) struct Quit(u8);

impl From<Quit> for Box<EvalAltResult> {
    fn from(quit: Quit) -> Self {
        Box::new(EvalAltResult::ErrorTerminated(Dynamic::from(quit), rhai::Position::NONE))
    }
}

impl Quit {
    /// The exit code, when this is why the script ended.
    pub fn in_error(error: &EvalAltResult) -> Option<u8> {
        match error {
            EvalAltResult::ErrorInFunctionCall(_, _, inner, _) | EvalAltResult::ErrorInModule(_, inner, _) => {
                Quit::in_error(inner)
            }
            EvalAltResult::ErrorTerminated(value, _) => value.clone().try_cast::<Quit>().map(|quit| quit.0),
            _ => None,
        }
    }
}

/// A command line value with the type of the default.
fn parsed(context: &NativeCallContext, name: &str, text: &str, default: &Dynamic) -> Raw<Dynamic> {
    let wrong = |expected: &str| fail(format!("{USAGE}--{name}: expected {expected}, found `{text}`"));
    if let Some(list) = default.read_lock::<Array>() {
        let first = list.first().cloned().unwrap_or(Dynamic::from(Required::VALUE));
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        return items.map(|item| parsed(context, name, item, &first)).collect::<Raw<Array>>().map(Dynamic::from);
    }
    if default.is_bool() {
        return text.parse::<bool>().map_or_else(|_| wrong("true or false"), |b| Ok(b.into()));
    }
    let is_number = default.is_int() || default.is_float();
    if !is_number && !is_required(default) {
        return Ok(text.to_string().into());
    }
    if let Ok(n) = text.parse::<i64>()
        && !default.is_float()
    {
        return Ok(n.into());
    }
    let real = text.parse::<f64>().ok().or_else(|| calculated(context, text)).filter(|x| !x.is_nan());
    match real {
        Some(x) if default.is_int() && x.fract() == 0.0 && x.abs() < 9e15 => Ok((x as i64).into()),
        _ if default.is_int() => wrong("a whole number"),
        Some(x) => Ok(x.into()),
        None if default.is_float() => wrong("a number"),
        // What is required without a default is a number when it looks like one.
        None => Ok(text.to_string().into()),
    }
}

/// The value of numbers and units joined by `+ - * / **`; nothing for anything else.
fn calculated(context: &NativeCallContext, text: &str) -> Option<f64> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.(".contains(c)) {
        return None;
    }
    let engine = context.engine();
    let (mut code, mut names) = (String::new(), Scope::new());
    for (token, _) in engine.lex(&[text]).0.take_while(|(token, _)| *token != Token::EOF) {
        code += &match token {
            // 1/2 is a half for a person at the command line.
            Token::IntegerConstant(n) => format!("{n}.0 "),
            Token::FloatConstant(x) => format!("{} ", x.1),
            Token::Identifier(name) => {
                names.push(name.to_string(), ());
                format!("{name} ")
            }
            Token::Plus | Token::UnaryPlus => "+ ".into(),
            Token::Minus | Token::UnaryMinus => "- ".into(),
            Token::Multiply => "* ".into(),
            Token::Divide => "/ ".into(),
            Token::PowerOf => "** ".into(),
            Token::LeftParen => "( ".into(),
            Token::RightParen => ") ".into(),
            _ => return None,
        };
    }
    let program = engine.compile_expression_with_scope(&names, &code).ok()?;
    engine.eval_ast::<Dynamic>(&program).ok().and_then(|v| number(&v))
}

/// Marks an option without a default.
#[derive(Clone)]
struct Required {
    /// What its value must be.
    number: bool,
}

impl Required {
    const VALUE: Required = Required { number: false };
}

fn is_required(value: &Dynamic) -> bool {
    value.is::<Required>()
}

/// The defaults with what is given in their place; a message when that cannot be.
fn completed(given: Map, defaults: Map) -> Result<Map, String> {
    let mut result = defaults.clone();
    for (name, value) in given {
        let Some(default) = defaults.get(&name) else {
            return Err(options::unknown(&name, defaults.keys().map(|k| k.as_str())));
        };
        // A whole number is welcome where a real one is the default.
        let value = match number(&value) {
            Some(x) if default.is_float() => x.into(),
            _ => value,
        };
        let is_number = |v: &Dynamic| v.is_int() || v.is_float();
        let same = value.type_id() == default.type_id() || (is_number(&value) && is_number(default));
        let needs_number = default.read_lock::<Required>().is_some_and(|r| r.number);
        if needs_number && !is_number(&value) {
            return Err(format!("`{name}` must be a number, found {}", shown(&value)));
        }
        if !same && !default.is_unit() && !is_required(default) && !value.is_unit() {
            let expected = if is_number(default) { "a number".into() } else { format!("like {}", shown(default)) };
            return Err(format!("`{name}` must be {expected}, found {}", shown(&value)));
        }
        result.insert(name, value);
    }
    match result.iter().find(|(_, value)| is_required(value)) {
        Some((name, _)) => Err(format!("the option `{name}` is needed")),
        None => Ok(result),
    }
}

pub(super) fn register(library: &mut Library) {
    library.add("script", exported_module!(binding));
    // Rhai would print the name it gave the closure.
    let mut printed = Module::new();
    for name in ["to_string", "to_debug"] {
        let text = |f: &mut FnPtr| if f.is_anonymous() { "a closure".into() } else { format!("Fn({})", f.fn_name()) };
        FuncRegistration::new(name).with_purity(true).set_into_module(&mut printed, text);
    }
    library.engine().register_global_module(printed.into());
    let text = "Marks an option without a default: `defaults(options, #{ to: required })`";
    library.constant("script", "required", Dynamic::from(Required::VALUE), text);
    let text = "Marks a number without a default: `defaults(options, #{ rate: required_number })`";
    library.constant("script", "required_number", Dynamic::from(Required { number: true }), text);
}

/// `help()`, `help(name)` and `help("name")`: syntax of its own, since a name need not be a variable.
pub(super) fn register_help(library: &mut Library, state: &State) {
    let state = state.clone();
    let parse = |symbols: &[ImmutableString], next: &str, _: &mut Dynamic| {
        Ok(match symbols.len() {
            1 if next == "()" => Some("()".into()),
            1 => Some("(".into()),
            2 if symbols[1] == "()" => None,
            2 if next == ")" => Some(")".into()),
            2 if next.starts_with('"') => Some("$string$".into()),
            2 => Some("$ident$".into()),
            3 if symbols[2] != ")" && next == "." => Some(".".into()),
            3 if symbols[2] != ")" => Some(")".into()),
            4 if symbols[3] == "." => Some("$ident$".into()),
            5 => Some(")".into()),
            _ => None,
        })
    };
    let show = move |context: &mut EvalContext, inputs: &[rhai::Expression], _: &Dynamic| {
        let modules = context.global_runtime_state_mut().lib.iter();
        let mut entries: Vec<Entry> =
            modules.flat_map(|m| Entry::of_module(help::OWN, m, &help::Types::new())).collect();
        entries.extend_from_slice(state.help());
        let entries = entries.as_slice();
        let place = inputs.first().map_or(Position::NONE, |input| input.position());
        let words: Vec<&str> = inputs.iter().filter_map(|i| i.get_string_value()).collect();
        let variable = match inputs.first().map(|i| &**i) {
            Some(Expr::Variable(..)) if inputs.len() == 1 => context.scope().get(words[0]),
            _ => None,
        };
        let kind = variable.map(|v| context.engine().map_type_name(v.type_name()).to_string());
        let text = match words.as_slice() {
            [] => help::overview(entries),
            words => help::explain(entries, &words.join("."), kind.as_deref()).or_else(fail).map_err(
                |mut error: Box<EvalAltResult>| {
                    error.set_position(place);
                    error
                },
            )?,
        };
        observer().print(&help::fitted(text.trim_end()));
        Ok(Dynamic::UNIT)
    };
    library.engine().register_custom_syntax_with_state_raw("help", parse, false, show);
}
