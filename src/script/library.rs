//! What a binding file adds to the language: functions, types and constants, under a topic of the help.

use super::help::{Entry, Types};
use super::options::set_public_name;
use super::{engine, terminal};
use rhai::{Dynamic, Engine, FuncRegistration, Map, Module, NativeCallContext, RhaiFunc, Scope, Shared};
use std::any::TypeId;
use std::collections::BTreeMap;

/// The language while it is being put together.
pub struct Library {
    engine: Engine,
    topics: Vec<(String, Shared<Module>)>,
    constants: Vec<Entry>,
    types: Types,
    values: BTreeMap<String, Dynamic>,
}

/// The language put together.
pub(super) struct Finished {
    pub engine: Engine,
    pub entries: Vec<Entry>,
    /// Names of the constants, for the compiler.
    pub names: Scope<'static>,
}

impl Library {
    /// An engine with the settings of the language and nothing of ours in it.
    pub(super) fn new() -> Library {
        let mut engine = Engine::new();
        engine.set_strict_variables(true);
        engine.set_fail_on_invalid_map_property(true);
        engine.set_max_expr_depths(256, 128);
        engine.on_progress(|_| terminal::stop_script().then(|| Dynamic::from("interrupted")));
        Library { engine, topics: Vec::new(), constants: Vec::new(), types: BTreeMap::new(), values: BTreeMap::new() }
    }

    /// Adds the functions of a module (`exported_module!(binding)`); their doc comments are the help under `topic`.
    ///
    /// A function whose last parameter is called `options` may also be called without it.
    pub fn add(&mut self, topic: &str, module: Module) {
        let module: Shared<Module> = module.into();
        let shorter = without_options(&module);
        self.add_shared(topic, module);
        self.engine.register_global_module(shorter.into());
    }

    /// Names a type and says how its value prints, in one line or as a table.
    pub fn value<T: Clone + Send + Sync + 'static>(&mut self, name: &str, line: fn(&T) -> String) {
        self.engine.register_type_with_name::<T>(name);
        self.types.insert(TypeId::of::<T>(), (std::any::type_name::<T>(), name.into()));
        set_public_name(std::any::type_name::<T>(), name);
        let mut module = Module::new();
        for function in ["to_string", "to_debug"] {
            FuncRegistration::new(function)
                .with_purity(true)
                .set_into_module(&mut module, move |value: &mut T| line(value));
        }
        self.engine.register_global_module(module.into());
    }

    /// Adds a constant that every function sees.
    pub fn constant(&mut self, topic: &str, name: &str, value: impl Into<Dynamic>, text: &str) {
        self.values.insert(name.into(), value.into());
        self.constants.push(Entry::constant(topic, name, text));
    }

    /// The names of the constants, for the compiler, which asks a scope which names exist.
    pub(super) fn names(&self) -> Scope<'static> {
        let mut names = Scope::new();
        for name in self.values.keys() {
            names.push(name.as_str(), ());
        }
        names
    }

    /// Adds a module of the standard library.
    pub(super) fn add_shared(&mut self, topic: &str, module: Shared<Module>) {
        self.topics.push((topic.into(), module.clone()));
        self.engine.register_global_module(module);
    }

    /// The engine, for what the other methods do not offer.
    pub fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    pub(super) fn finish(mut self) -> Finished {
        let names = self.names();
        let values = self.values;
        // A variable of the script hides a constant of the same name. A constant in a module would not do: closures look
        // for what they capture in the variables alone.
        #[allow(deprecated)] // volatile in Rhai, not deprecated
        self.engine.on_var(move |name, place, context| {
            let hidden = place > 0 || context.scope().contains(name);
            Ok(if hidden { None } else { values.get(name).cloned() })
        });
        let mut entries = self.constants;
        for (topic, module) in &self.topics {
            entries.extend(Entry::of_module(topic, module, &self.types));
        }
        Finished { engine: self.engine, entries, names }
    }
}

/// For each function whose last parameter is called `options`, one that leaves it out. It passes its own place in the
/// script on, so that errors show it.
fn without_options(module: &Shared<Module>) -> Module {
    let mut engine = Engine::new_raw();
    engine.register_global_module(module.clone());
    let shapes = engine.collect_fn_metadata(
        None,
        |info| {
            let last = info.metadata.params_info.last()?.split(':').next()?.trim();
            let types = info.metadata.param_types.to_vec();
            (last == engine::OPTIONS && info.script.is_none()).then(|| (info.metadata.name.to_string(), types))
        },
        true,
    );
    let mut shorter = Module::new();
    for (name, mut types) in shapes {
        types.pop();
        let called = name.clone();
        let call = move |context: Option<NativeCallContext>, arguments: &mut [&mut Dynamic]| {
            let context = context.expect("Rhai gives a context to functions that ask for one");
            let mut values: Vec<Dynamic> = arguments.iter().map(|a| (**a).clone()).collect();
            values.push(Map::new().into());
            let mut list: Vec<&mut Dynamic> = values.iter_mut().collect();
            context.call_native_fn_raw(&called, false, &mut list)
        };
        let function = RhaiFunc::Pure { func: Shared::new(call), has_context: true, is_pure: true, is_volatile: true };
        FuncRegistration::new(name).set_into_module_raw(&mut shorter, types, function);
    }
    shorter
}
