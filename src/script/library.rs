//! What a binding file adds to the language: functions, types and constants, under a topic of the help.

use super::help::Entry;
use super::terminal;
use rhai::{Dynamic, Engine, FuncRegistration, Module, Scope, Shared};
use std::any::TypeId;
use std::collections::BTreeMap;

/// The language while it is being put together.
pub struct Library {
    engine: Engine,
    topics: Vec<(String, Shared<Module>)>,
    constants: Vec<Entry>,
    values: BTreeMap<String, Dynamic>,
    types: BTreeMap<TypeId, String>,
    names: Scope<'static>,
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
        Library {
            engine,
            topics: Vec::new(),
            constants: Vec::new(),
            values: BTreeMap::new(),
            types: BTreeMap::new(),
            names: Scope::new(),
        }
    }

    /// Adds the functions of a module (`exported_module!(binding)`); their doc comments are the help under `topic`.
    pub fn add(&mut self, topic: &str, module: Module) {
        self.add_shared(topic, module.into());
    }

    /// Names a type and says how its value prints, in one line or as a table.
    pub fn value<T: Clone + Send + Sync + 'static>(&mut self, name: &str, line: fn(&T) -> String) {
        self.engine.register_type_with_name::<T>(name);
        self.types.insert(TypeId::of::<T>(), name.into());
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
        let value = value.into();
        self.values.insert(name.into(), value.clone());
        let mut module = Module::new();
        module.set_var(name, value);
        self.engine.register_global_module(module.into());
        self.constants.push(Entry::constant(topic, name, text));
        // The compiler asks this scope which names exist; the value is found in the module.
        self.names.push(name, ());
    }

    /// The names of the constants, for the compiler.
    pub(super) fn names(&self) -> &Scope<'static> {
        &self.names
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
        let values = self.values;
        // Closures take the variables around them from the scope, where constants are not.
        // Marked as volatile in Rhai: a new version may need a change here.
        #[allow(deprecated)]
        self.engine.on_var(move |name, index, context| {
            // What the script declares has an index, and goes first.
            let constant = if index == 0 { values.get(name) } else { None };
            Ok(constant.filter(|_| !context.scope().contains(name)).cloned())
        });
        let mut entries = self.constants;
        for (topic, module) in &self.topics {
            entries.extend(Entry::of_module(topic, module, &self.types));
        }
        Finished { engine: self.engine, entries, names: self.names }
    }
}
