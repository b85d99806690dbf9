//! What a script knows of its run: arguments, folders, help.

use super::error::{OF_CALLER, USAGE};
use super::help::{self, Entry};
use super::options::{self, number, shown};
use super::{Library, Options, Raw, fail, observer};
use crate::error::Error;
use rhai::plugin::*;
use rhai::{Array, Dynamic, EvalAltResult, EvalContext, ImmutableString, Map, NativeCallContext};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// Shared by the functions that need to know the run.
#[derive(Clone, Default)]
pub(super) struct State(Arc<Inner>);

#[derive(Default)]
struct Inner {
    arguments: Vec<String>,
    help: OnceLock<Vec<Entry>>,
}

impl State {
    pub fn new(arguments: Vec<String>) -> State {
        State(Arc::new(Inner { arguments, help: OnceLock::new() }))
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

    fn of(context: &NativeCallContext) -> State {
        context.tag().and_then(|tag| tag.clone().try_cast()).unwrap_or_default()
    }
}

#[export_module]
mod binding {
    /// The value of `--name` on the command line, or the default; these lines make the script's `--help`.
    ///
    /// The value has the type of the default: a number, a text, true or false. A unit is that of the default:
    /// `--rate 1e12` of the example is in K/s only if the script says so.
    ///
    /// ```rhai
    /// let rate = arg("rate", 1e13, "cooling rate [K/s]") * K/second;
    /// let atoms = arg("atoms", 1000, "number of atoms");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn arg(context: NativeCallContext, name: &str, default: Dynamic, meaning: &str) -> Raw<Dynamic> {
        let _ = meaning;
        match super::given(State::of(&context).arguments(), name, default.is_bool()) {
            Some(text) => super::parsed(name, &text, &default),
            None => Ok(default),
        }
    }

    /// The words on the command line that follow the script and are not options.
    pub fn arguments(context: NativeCallContext) -> Array {
        let state = State::of(&context);
        let words = state.arguments().iter().filter(|w| !w.starts_with("--"));
        words.map(|w| Dynamic::from(w.clone())).collect()
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
    pub fn defaults(options: Map, defaults: Map) -> Raw<Map> {
        super::completed(options, defaults).or_else(|text| fail(format!("{OF_CALLER}{text}")))
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
        let asked = super::given(State::of(&context).arguments(), "overwrite", true).is_some();
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
        Err(Quit(code as i32).into())
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
pub(super) struct Quit(i32);

impl From<Quit> for Box<EvalAltResult> {
    fn from(quit: Quit) -> Self {
        Box::new(EvalAltResult::ErrorTerminated(Dynamic::from(quit), rhai::Position::NONE))
    }
}

impl Quit {
    /// The exit code, when this is why the script ended.
    pub fn in_error(error: &EvalAltResult) -> Option<i32> {
        match error {
            EvalAltResult::ErrorInFunctionCall(_, _, inner, _) | EvalAltResult::ErrorInModule(_, inner, _) => {
                Quit::in_error(inner)
            }
            EvalAltResult::ErrorTerminated(value, _) => value.clone().try_cast::<Quit>().map(|quit| quit.0),
            _ => None,
        }
    }
}

/// The value given for an option of the command line; for a switch, its presence.
fn given(arguments: &[String], name: &str, switch: bool) -> Option<String> {
    let flag = format!("--{name}");
    let mut found = None;
    for (place, word) in arguments.iter().enumerate() {
        if let Some(value) = word.strip_prefix(&format!("{flag}=")) {
            found = Some(value.to_string());
        } else if *word == flag {
            found = if switch { Some("true".into()) } else { arguments.get(place + 1).cloned() };
        }
    }
    found
}

/// A command line value with the type of the default.
fn parsed(name: &str, text: &str, default: &Dynamic) -> Raw<Dynamic> {
    let wrong = |expected: &str| fail(format!("{USAGE}--{name}: expected {expected}, found `{text}`"));
    if default.is_bool() {
        return text.parse::<bool>().map_or_else(|_| wrong("true or false"), |b| Ok(b.into()));
    }
    let real = text.parse::<f64>().ok().filter(|x| !x.is_nan());
    if default.is_int() {
        let whole = text.parse::<i64>().ok().or(real.filter(|x| x.fract() == 0.0).map(|x| x as i64));
        return whole.map_or_else(|| wrong("a whole number"), |n| Ok(n.into()));
    }
    if default.is_float() {
        return real.map_or_else(|| wrong("a number"), |x| Ok(x.into()));
    }
    Ok(text.to_string().into())
}

/// Marks an option without a default.
#[derive(Clone)]
struct Required;

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
        if !same && !default.is_unit() && !is_required(default) && !value.is_unit() {
            return Err(format!("`{name}` must be like {}, found {}", shown(default), shown(&value)));
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
    let text = "Marks an option without a default: `defaults(options, #{ to: required })`";
    library.constant("script", "required", Dynamic::from(Required), text);
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
            3 if symbols[2] != ")" => Some(")".into()),
            _ => None,
        })
    };
    let show = move |context: &mut EvalContext, inputs: &[rhai::Expression], _: &Dynamic| {
        let entries = state.help();
        let name = inputs.first().and_then(|i| i.get_string_value().map(str::to_string));
        let text = match name {
            None => help::overview(entries),
            Some(name) => {
                let variable = context.scope().get(&name).map(|v| v.type_name());
                let kind = variable.map(|t| context.engine().map_type_name(t).to_string());
                let kind = kind.filter(|_| !entries.iter().any(|e| e.name == name));
                match help::pages(entries, kind.as_deref().unwrap_or(&name)) {
                    Ok(text) => text,
                    Err(_) if kind.is_some() => format!("{name} is of type {}", kind.unwrap_or_default()),
                    Err(message) => return fail(message),
                }
            }
        };
        observer().print(text.trim_end());
        Ok(Dynamic::UNIT)
    };
    library.engine().register_custom_syntax_with_state_raw("help", parse, false, show);
}
