//! What a binding file adds to the language: functions, types and constants, under a topic of the help.

use super::help::Entry;
use super::terminal;
use rhai::{Dynamic, Engine, FuncRegistration, Module, Scope, Shared};

/// The language while it is being put together.
pub struct Library {
    engine: Engine,
    entries: Vec<Entry>,
    names: Scope<'static>,
}

impl Library {
    /// An engine with the settings of the language and nothing of ours in it.
    #[allow(deprecated)]
    pub(super) fn new() -> Library {
        let mut engine = Engine::new();
        engine.set_strict_variables(true);
        engine.set_fail_on_invalid_map_property(true);
        engine.set_max_expr_depths(256, 128);
        engine.set_max_strings_interned(1024);
        engine.on_progress(|_| terminal::stop_script().then(|| Dynamic::from("interrupted")));
        // Marked as volatile in Rhai: a new version may need a change here.
        engine.on_missing_function(super::engine::without_options);
        Library { engine, entries: Vec::new(), names: Scope::new() }
    }

    /// Adds the functions of a module (`exported_module!(binding)`); their doc comments are the help under `topic`.
    pub fn add(&mut self, topic: &str, module: Module) {
        let module = Shared::new(module);
        self.entries.extend(Entry::of_module(topic, &module));
        self.engine.register_global_module(module);
    }

    /// Names a type and says how its value prints, in one line or as a table.
    pub fn value<T: Clone + Send + Sync + 'static>(&mut self, name: &str, line: fn(&T) -> String) {
        self.engine.register_type_with_name::<T>(name);
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
        let mut module = Module::new();
        module.set_var(name, value.into());
        self.engine.register_global_module(module.into());
        self.entries.push(Entry::constant(topic, name, text));
        // The compiler asks this scope which names exist; the value is found in the module.
        self.names.push(name, ());
    }

    /// The names of the constants, for the compiler.
    pub(super) fn names(&self) -> &Scope<'static> {
        &self.names
    }

    /// Adds a module of the standard library.
    pub(super) fn add_script(&mut self, topic: &str, module: Shared<Module>) {
        self.entries.extend(Entry::of_module(topic, &module));
        self.engine.register_global_module(module);
    }

    /// The engine, for what the other methods do not offer.
    pub fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    pub(super) fn finish(self) -> (Engine, Vec<Entry>, Scope<'static>) {
        (self.engine, self.entries, self.names)
    }
}
