//! Help: one entry for each function, property and constant, made from the doc comment above its definition.

use rhai::{Engine, Module, Shared};
use std::fmt::Write;

/// What is known about one name of the language.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Topic it is listed under.
    pub topic: String,
    /// Name as it is typed.
    pub name: String,
    /// Type it is a method or property of, if any.
    pub of: Option<String>,
    /// Names of the arguments after the subject; none for a property or constant.
    pub arguments: Option<Vec<String>>,
    /// The doc comment without its slashes.
    pub text: String,
    /// Names of the options, from the lines ``- `name`: meaning`` of the doc comment.
    pub options: Vec<String>,
}

impl Entry {
    /// Every documented name of a module, in the order of names.
    pub(super) fn of_module(topic: &str, module: &Shared<Module>) -> Vec<Entry> {
        let mut engine = Engine::new_raw();
        engine.register_global_module(module.clone());
        let mut entries = engine.collect_fn_metadata(None, |info| Entry::of_function(topic, &info), true);
        entries.sort_by(|a, b| {
            (&a.name, &a.of, a.arguments.as_ref().map(Vec::len)).cmp(&(
                &b.name,
                &b.of,
                b.arguments.as_ref().map(Vec::len),
            ))
        });
        entries.dedup();
        entries
    }

    pub(super) fn constant(topic: &str, name: &str, text: &str) -> Entry {
        Entry {
            topic: topic.into(),
            name: name.into(),
            of: None,
            arguments: None,
            text: text.into(),
            options: Vec::new(),
        }
    }

    fn of_function(topic: &str, info: &rhai::FuncInfo) -> Option<Entry> {
        let (raw_name, comments, mut arguments, mut of): (String, Vec<String>, Vec<String>, _) = match &info.script {
            Some(script) => (
                script.name.into(),
                script.comments.iter().map(|c| c.to_string()).collect(),
                script.params.iter().map(|p| p.to_string()).collect(),
                script.this_type.map(str::to_string),
            ),
            None => (
                info.metadata.name.to_string(),
                info.metadata.comments.iter().map(|c| c.to_string()).collect(),
                info.metadata.params_info.iter().map(|p| p.to_string()).collect(),
                None,
            ),
        };
        if raw_name.starts_with("set$") || raw_name.starts_with("anon$") || raw_name.contains("index$") {
            return None;
        }
        let getter = raw_name.strip_prefix("get$");
        let name = getter.unwrap_or(&raw_name).to_string();
        if !name.starts_with(|c: char| c.is_alphabetic()) || ["to_string", "to_debug"].contains(&name.as_str()) {
            return None;
        }
        if info.script.is_none() {
            arguments.retain(|a| !a.contains("NativeCallContext"));
            let typed: Vec<(String, String)> = arguments.iter().map(|a| split(a)).collect();
            if typed.first().is_some_and(|(_, kind)| is_subject(kind)) {
                of = Some(typed[0].1.clone());
                arguments.remove(0);
            }
            arguments = arguments.iter().map(|a| split(a).0).collect();
        }
        let text = plain(&comments.join("\n"));
        let options = options_in(&text);
        let arguments = getter.is_none().then_some(arguments);
        Some(Entry { topic: topic.into(), name, of, arguments, text, options })
    }

    /// How it is written: `glass.minimize(options)`.
    pub fn signature(&self) -> String {
        let subject = self.of.as_ref().map(|of| format!("{}.", of.to_lowercase())).unwrap_or_default();
        let arguments = self.arguments.as_ref().map(|list| format!("({})", list.join(", "))).unwrap_or_default();
        format!("{subject}{}{arguments}", self.name)
    }

    /// The first sentence of the text.
    pub fn summary(&self) -> &str {
        let paragraph = self.text.split("\n\n").next().unwrap_or_default();
        let line = paragraph.lines().next().unwrap_or_default();
        line.split_once(". ").map_or(line, |(first, _)| first)
    }

    /// Signature and text, as `help(name)` shows them.
    pub fn page(&self) -> String {
        let mut page = format!("{}\n", self.signature());
        for line in self.text.lines() {
            let _ = writeln!(page, "    {line}");
        }
        page
    }
}

/// `name: &mut Glass` as name and type.
fn split(parameter: &str) -> (String, String) {
    let (name, kind) = parameter.split_once(':').unwrap_or((parameter, ""));
    let kind = kind.trim().trim_start_matches("&mut ").trim();
    (name.trim().into(), kind.rsplit("::").next().unwrap_or(kind).into())
}

/// True for our own types, which come first in a call.
fn is_subject(kind: &str) -> bool {
    let plain = ["ImmutableString", "Map", "Array", "Dynamic", "FnPtr", "INT", "FLOAT", "String"];
    kind.starts_with(|c: char| c.is_uppercase()) && !plain.contains(&kind)
}

/// A doc comment without its slashes and indentation.
fn plain(comment: &str) -> String {
    let lines: Vec<&str> = comment
        .lines()
        .map(|line| {
            let line = line.trim_start();
            let line = line.strip_prefix("///").unwrap_or(line);
            line.strip_prefix(' ').unwrap_or(line).trim_end()
        })
        .collect();
    lines.join("\n").trim_matches('\n').to_string()
}

/// The names in lines of the form ``- `name`: meaning``.
fn options_in(text: &str) -> Vec<String> {
    let name = |line: &str| {
        let (name, _) = line.trim_start().strip_prefix("- `")?.split_once("`:")?;
        Some(name.to_string())
    };
    text.lines().filter_map(name).collect()
}
