//! What a script knows of its run: arguments, files, help.

use super::help::Entry;
use super::options::{number, shown};
use super::{Library, Raw, fail};
use rhai::plugin::*;
use rhai::{Dynamic, Map, NativeCallContext};
use std::sync::{Arc, Mutex};

/// One `arg(...)` line of a script.
#[derive(Clone, Debug)]
pub struct Argument {
    /// Name, given as `--name`.
    pub name: String,
    /// Value when it is not given.
    pub default: Dynamic,
    /// Meaning, for `--help`.
    pub meaning: String,
}

/// Facts about the run of a script.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// What followed the name of the script.
    pub arguments: Vec<String>,
    /// The `arg(...)` lines so far.
    pub declared: Vec<Argument>,
}

/// Shared by the functions that need to know the run.
#[derive(Clone, Default)]
pub(super) struct State(Arc<Mutex<(Environment, Vec<Entry>)>>);

impl State {
    pub fn new(environment: Environment) -> State {
        State(Arc::new(Mutex::new((environment, Vec::new()))))
    }

    pub fn set_help(&self, entries: Vec<Entry>) {
        if let Ok(mut state) = self.0.lock() {
            state.1 = entries;
        }
    }

    pub fn help(&self) -> Vec<Entry> {
        self.0.lock().map(|s| s.1.clone()).unwrap_or_default()
    }

    pub fn environment(&self) -> Environment {
        self.0.lock().map(|s| s.0.clone()).unwrap_or_default()
    }

    pub fn of(context: &NativeCallContext) -> State {
        context.tag().and_then(|tag| tag.clone().try_cast()).unwrap_or_default()
    }

    fn declare(&self, argument: Argument) {
        if let Ok(mut state) = self.0.lock() {
            state.0.declared.retain(|a| a.name != argument.name);
            state.0.declared.push(argument);
        }
    }
}

#[export_module]
mod binding {
    /// The value of `--name` on the command line, or the default; the line also makes the script's `--help`.
    ///
    /// The value has the type of the default: a number, a text, true or false.
    ///
    /// ```rhai
    /// let rate = arg("rate", 1e13*K/second, "cooling rate");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn arg(context: NativeCallContext, name: &str, default: Dynamic, meaning: &str) -> Raw<Dynamic> {
        let state = State::of(&context);
        state.declare(Argument { name: name.into(), default: default.clone(), meaning: meaning.into() });
        let given = state.environment().arguments;
        let flag = format!("--{name}");
        let mut found = None;
        for (place, word) in given.iter().enumerate() {
            if let Some(value) = word.strip_prefix(&format!("{flag}=")) {
                found = Some(value.to_string());
            } else if *word == flag {
                found = Some(given.get(place + 1).cloned().unwrap_or_default());
            }
        }
        match found {
            None => Ok(default),
            Some(text) => super::parsed(name, &text, &default),
        }
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
        let complain = |text: String| fail(format!("{}{text}", super::super::options::OF_CALLER));
        let mut result = defaults.clone();
        for (name, value) in options {
            let Some(default) = defaults.get(&name) else {
                return complain(super::super::options::unknown(&name, defaults.keys().map(|k| k.as_str())));
            };
            // A whole number is welcome where a real one is the default.
            let value = match number(&value) {
                Some(x) if default.is_float() => x.into(),
                _ => value,
            };
            let number_like = |v: &Dynamic| v.is_int() || v.is_float();
            let same = value.type_id() == default.type_id() || (number_like(&value) && number_like(default));
            let free = default.is_unit() || super::is_required(default) || value.is_unit();
            if !same && !free {
                return complain(format!("`{name}` must be like {}, found {}", shown(default), shown(&value)));
            }
            result.insert(name, value);
        }
        match result.iter().find(|(_, value)| super::is_required(value)) {
            Some((name, _)) => complain(format!("the option `{name}` is needed")),
            None => Ok(result),
        }
    }
}

/// Marks an option without a default.
#[derive(Clone)]
struct Required;

fn is_required(value: &Dynamic) -> bool {
    value.is::<Required>()
}

/// A command line value with the type of the default.
fn parsed(name: &str, text: &str, default: &Dynamic) -> Raw<Dynamic> {
    let wrong = |expected: &str| fail(format!("--{name}: expected {expected}, found `{text}`"));
    if default.is_bool() {
        return text.parse::<bool>().map_or_else(|_| wrong("true or false"), |b| Ok(b.into()));
    }
    if default.is_int() || default.is_float() {
        return match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(n), _) if default.is_int() => Ok(n.into()),
            (_, Ok(x)) if default.is_float() => Ok(x.into()),
            (_, Ok(x)) if x.fract() == 0.0 => Ok((x as i64).into()),
            _ if default.is_int() => wrong("a whole number"),
            _ => wrong("a number"),
        };
    }
    Ok(text.to_string().into())
}

pub(super) fn register(library: &mut Library) {
    library.add("script", exported_module!(binding));
    let text = "marks an option without a default: defaults(options, #{ to: required })";
    library.constant("script", "required", Dynamic::from(Required), text);
}
