//! Help: one entry for each function, property and constant, made from the doc comment above its definition.

use crate::error::suggestion;
use rhai::{Engine, Module, Shared};
use std::any::TypeId;
use std::collections::BTreeMap;
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
    /// Type of the value it gives, if that is known.
    pub gives: Option<String>,
    /// The doc comment without its slashes.
    pub text: String,
    /// Names of the options, from the lines ``- `name`: meaning`` of the doc comment.
    pub options: Vec<String>,
}

/// Words whose full stop ends no sentence.
const ABBREVIATIONS: &[&str] = &["Eq", "Eqs", "Fig", "et al", "e.g", "i.e", "vs", "Phys", "Rev", "Lett"];

/// For each type of the library its name in Rust and in scripts.
pub(super) type Types = BTreeMap<TypeId, (&'static str, String)>;

/// Topic of what the user defined.
pub(super) const OWN: &str = "own";

/// Topic of what Rhai itself brings.
const RHAI: &str = "language";

impl Entry {
    /// Every documented name of a module, in the order of names.
    pub(super) fn of_module(topic: &str, module: &Shared<Module>, types: &Types) -> Vec<Entry> {
        let mut engine = Engine::new_raw();
        engine.register_global_module(module.clone());
        Entry::of_engine(topic, &engine, types)
    }

    /// Every name of the packages of Rhai.
    pub(super) fn of_rhai() -> Vec<Entry> {
        Entry::of_engine(RHAI, &Engine::new(), &Types::new())
    }

    fn of_engine(topic: &str, engine: &Engine, types: &Types) -> Vec<Entry> {
        let mut entries = engine.collect_fn_metadata(None, |info| Entry::of_function(topic, &info, types), true);
        let key = |e: &Entry| (e.name.clone(), e.of.clone(), e.arguments.as_ref().map(Vec::len));
        // The functions of a module come in no fixed order.
        entries.sort_by_key(|e| (key(e), e.arguments.clone(), e.text.clone()));
        // The same name for other types of numbers is one entry.
        entries.dedup_by(|a, b| key(a) == key(b) && (a.text == b.text || topic == RHAI));
        entries
    }

    pub(super) fn constant(topic: &str, name: &str, text: &str) -> Entry {
        let (topic, name, text) = (topic.into(), name.into(), text.into());
        Entry { topic, name, of: None, arguments: None, gives: None, text, options: Vec::new() }
    }

    fn of_function(topic: &str, info: &rhai::FuncInfo, types: &Types) -> Option<Entry> {
        let (raw_name, comments, mut arguments, mut of): (String, Vec<String>, Vec<String>, _) = match &info.script {
            Some(script) => (
                script.name.into(),
                script.comments.iter().map(|c| c.to_string()).collect(),
                script.params.iter().map(|p| p.to_string()).collect(),
                script.this_type.map(str::to_string),
            ),
            None => {
                let name = |p: &rhai::Identifier| p.split(':').next().unwrap_or_default().trim().to_string();
                let of = info.metadata.param_types.first().and_then(|t| types.get(t)).map(|kind| kind.1.clone());
                let all = info.metadata.params_info.iter();
                let arguments = all.filter(|p| !p.contains("NativeCallContext")).map(name).collect();
                let comments = info.metadata.comments.iter().map(|c| c.to_string()).collect();
                (info.metadata.name.to_string(), comments, arguments, of)
            }
        };
        let getter = raw_name.strip_prefix("get$");
        let name = getter.unwrap_or(&raw_name).to_string();
        let plain_name = name.starts_with(char::is_alphabetic) && !name.contains('$');
        if !plain_name || ["to_string", "to_debug"].contains(&name.as_str()) {
            return None;
        }
        if info.script.is_none() && of.is_some() && !arguments.is_empty() {
            arguments.remove(0);
        }
        let text = plain(&comments.join("\n"));
        let options = options_in(&text);
        let arguments = getter.is_none().then_some(arguments);
        if topic == RHAI {
            of = None;
        }
        let gives = given_type(&info.metadata.return_type, types);
        Some(Entry { topic: topic.into(), name, of, arguments, gives, text, options })
    }

    /// True for a property of a type.
    pub(super) fn is_property(&self) -> bool {
        self.arguments.is_none() && (self.of.is_some() || self.topic == RHAI)
    }

    /// The words in backticks in the text: names of arguments and options, and of what is in the maps that it gives.
    pub(super) fn quoted(&self) -> impl Iterator<Item = String> {
        self.text.split('`').skip(1).step_by(2).map(str::to_string)
    }

    /// How it is written: `glass.minimize(options)`.
    pub fn signature(&self) -> String {
        let subject = self.of.as_ref().map(|of| format!("{}.", snake(of))).unwrap_or_default();
        let arguments = self.arguments.as_ref().map(|list| format!("({})", list.join(", "))).unwrap_or_default();
        format!("{subject}{}{arguments}", self.name)
    }

    /// The first sentence of the text.
    pub fn summary(&self) -> String {
        let paragraph = self.text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
        let ends = |(at, _): &(usize, &str)| {
            let before = &paragraph[..*at];
            let closed = before.matches('(').count() <= before.matches(')').count();
            closed && !ABBREVIATIONS.iter().any(|word| before.ends_with(word))
        };
        let end = paragraph.match_indices(". ").find(ends).map_or(paragraph.len(), |(at, _)| at);
        paragraph[..end].trim_end_matches('.').into()
    }

    /// The examples of the text, with whether they are fast.
    pub fn examples(&self) -> Vec<(String, bool)> {
        let mut found = Vec::new();
        let mut lines = self.text.lines();
        while let Some(line) = lines.next() {
            let Some(kind) = line.trim().strip_prefix("```rhai") else { continue };
            let code: Vec<&str> = lines.by_ref().take_while(|l| l.trim() != "```").collect();
            found.push((code.join("\n"), !kind.contains("slow")));
        }
        found
    }

    /// Signature and text, as `help(name)` shows them.
    pub fn page(&self) -> String {
        let mut page = format!("{}\n", self.signature());
        let mut block = false;
        for line in self.text.lines() {
            if line.trim_start().starts_with("```") {
                block = !block;
                continue;
            }
            let indent = " ".repeat(if block { BLOCK } else { PROSE });
            let _ = writeln!(page, "{}", format!("{indent}{line}").trim_end());
        }
        page
    }
}

/// The help of a name, or of the type of the variable that has the name.
pub fn explain(entries: &[Entry], name: &str, kind: Option<&str>) -> Result<String, String> {
    match kind.map(|kind| (kind, pages(entries, kind))) {
        None => pages(entries, name),
        Some((kind, Ok(text))) => Ok(format!("{name} is a {kind}\n\n{text}")),
        Some((kind, Err(_))) => Ok(format!("{name} is of type {kind}")),
    }
}

/// The type in scripts of a result that Rust writes as `Raw<Glass>` or `Glass`.
fn given_type(written: &str, types: &Types) -> Option<String> {
    let inner = written.trim().strip_prefix("Raw<").and_then(|w| w.strip_suffix('>')).unwrap_or(written.trim());
    let last = |path: &str| {
        let name = path.trim_end_matches('>').rsplit([':', '<']).next().unwrap_or_default().trim();
        name.strip_prefix("Shared").unwrap_or(name).to_string()
    };
    types.values().find(|(rust, _)| last(rust) == last(inner)).map(|(_, name)| name.clone())
}

/// The pages of every entry with a name, such as `minimize`, `glass.minimize` or `.minimize`, or the list of a topic or a
/// type; a suggestion when there is none.
pub fn pages(entries: &[Entry], name: &str) -> Result<String, String> {
    let (subject, word) = name.rsplit_once('.').unwrap_or(("", name));
    let of = |e: &&Entry| {
        let kind = e.of.as_deref().map(snake);
        e.name == word
            && e.topic != RHAI
            && (!name.contains('.') || kind.is_some_and(|k| subject.is_empty() || k == subject.to_lowercase()))
    };
    let found: Vec<&Entry> = entries.iter().filter(of).collect();
    let topic: Vec<&Entry> = entries.iter().filter(|e| e.topic == name && name != RHAI).collect();
    // A function is meant before a topic, and a topic before a property.
    if !topic.is_empty() && found.iter().all(|e| e.of.is_some()) {
        let mut text = list(&topic);
        for entry in found {
            text += &format!("\n\n{}", entry.page().trim_end());
        }
        return Ok(text);
    }
    if !found.is_empty() {
        return Ok(found.iter().map(|e| e.page()).collect::<Vec<_>>().join("\n"));
    }
    let members: Vec<&Entry> = entries.iter().filter(|e| e.of.as_deref() == Some(name)).collect();
    if !members.is_empty() {
        return Ok(list(&members));
    }
    let found: Vec<String> = entries.iter().filter(|e| e.name == name).map(Entry::page).collect();
    if !found.is_empty() {
        return Ok(found.join("\n"));
    }
    let known = entries.iter().flat_map(|e| [e.name.as_str(), e.topic.as_str()]);
    Err(match suggestion(word, known.filter(|k| *k != word)) {
        Some(near) => format!("help: nothing is called `{name}`; did you mean `{near}`?"),
        None => format!("help: nothing is called `{name}`; help() lists the topics"),
    })
}

/// The definition of a function in the text of a script, with the comment above it.
pub(super) fn definition(text: &str, name: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let is_it = |line: &&str| {
        let head = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next());
        head.is_some_and(|head| head == name || head.rsplit('.').next() == Some(name))
    };
    let start = lines.iter().position(is_it)?;
    let comment = lines[..start].iter().rev().take_while(|line| line.starts_with("///")).count();
    let end = start
        + lines[start..].iter().position(|line| line.ends_with('}') && (*line == "}" || line.starts_with("fn ")))?;
    Some(lines[start - comment..=end].join("\n") + "\n")
}

/// The topics with the names in each.
pub fn overview(entries: &[Entry]) -> String {
    let mut topics: Vec<(&str, Vec<String>)> = Vec::new();
    for entry in entries {
        let name = entry.of.as_ref().map_or(entry.name.clone(), |_| format!(".{}", entry.name));
        match topics.iter_mut().find(|t| t.0 == entry.topic) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => topics.push((&entry.topic, vec![name])),
        }
    }
    let mut text = String::from("help(name) explains a function, help(topic) lists one of these topics.\n\n");
    for (topic, names) in topics.iter().filter(|t| t.0 != RHAI) {
        let _ = writeln!(text, "{topic}\n{}", wrapped(names));
    }
    let _ = write!(text, "{RHAI}\n    loops, closures, strings, lists and maps: https://rhai.rs/book");
    text
}

/// A text for the terminal, if it is shown on one: its paragraphs as wide as that.
pub fn fitted(text: &str) -> String {
    columns().map_or_else(|| text.to_string(), |columns| folded(text, columns))
}

/// Columns of the terminal, if standard output is one that is not too narrow.
pub(super) fn columns() -> Option<usize> {
    console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns)).filter(|c| *c >= NARROW)
}

/// How far the text of a page is indented, and how far code and formulas in it.
const PROSE: usize = 4;
const BLOCK: usize = 8;

/// In a terminal with fewer columns lines are left to it.
const NARROW: usize = 40;

fn folded(text: &str, columns: usize) -> String {
    // Lines of one paragraph or of one item are one; code and formulas stay as they are.
    let mut parts: Vec<(usize, String)> = Vec::new();
    for line in text.lines() {
        let (words, indent) = (line.trim_start(), line.len() - line.trim_start().len());
        match parts.last_mut() {
            Some((before, part))
                if !words.is_empty()
                    && !words.starts_with("- ")
                    && !part.is_empty()
                    && (PROSE..BLOCK).contains(&indent)
                    && (indent == *before || (indent > *before && part.starts_with("- "))) =>
            {
                *part = format!("{part} {words}");
            }
            _ => parts.push((indent, words.to_string())),
        }
    }
    let fold = |(indent, part): &(usize, String)| {
        let start = " ".repeat(*indent);
        let further = format!("{start}{}", if *indent == PROSE && !part.starts_with("- ") { "" } else { "  " });
        let options = textwrap::Options::new(columns).initial_indent(&start).subsequent_indent(&further);
        if *indent < BLOCK { textwrap::fill(part, options.break_words(false)) } else { format!("{start}{part}") }
    };
    parts.iter().map(fold).collect::<Vec<_>>().join("\n")
}

/// One line for each entry: signature and first sentence.
fn list(entries: &[&Entry]) -> String {
    let width = entries.iter().map(|e| e.signature().chars().count()).max().unwrap_or(0).min(40);
    let line = |e: &&Entry| format!("{:width$}  {}", e.signature(), e.summary()).trim_end().to_string();
    let mut lines: Vec<String> = entries.iter().map(line).collect();
    lines.dedup();
    lines.join("\n")
}

fn wrapped(names: &[String]) -> String {
    let mut text = String::from("   ");
    let mut column = 3;
    for name in names {
        if column + name.len() > 98 {
            text += "\n   ";
            column = 3;
        }
        text += " ";
        text += name;
        column += name.len() + 1;
    }
    text
}

/// `StructureFactor` as a variable would be called.
fn snake(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(c.to_lowercase());
    }
    text
}

/// A doc comment without its slashes and indentation.
fn plain(comment: &str) -> String {
    let line = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("///").unwrap_or(line);
        line.strip_prefix(' ').unwrap_or(line).trim_end().to_string()
    };
    comment.lines().map(line).collect::<Vec<_>>().join("\n").trim_matches('\n').to_string()
}

/// The names in lines of the form ``- `name`: meaning``; several names may share a line.
fn options_in(text: &str) -> Vec<String> {
    let names = |line: &str| {
        let head = line.trim_start().strip_prefix("- `")?.split_once("`:")?.0;
        let clean = |name: &str| name.trim_matches(|c: char| c == '`' || c.is_whitespace()).to_string();
        Some(head.split(',').map(clean).collect::<Vec<_>>())
    };
    text.lines().filter_map(names).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_and_items_are_as_wide_as_the_terminal_and_code_stays() {
        let text = "name(a)\n    The first\n    of some words.\n\n        let code = 1 + 2 + 3;\n        code\n\n    - `b`: short\n      or not\n    - `c`: x";
        let narrow = "name(a)\n    The first of\n    some words.\n\n        let code = 1 + 2 + 3;\n        code\n\n    - `b`: short or\n      not\n    - `c`: x";
        assert_eq!(folded(text, 20), narrow);
        let wide = "name(a)\n    The first of some words.\n\n        let code = 1 + 2 + 3;\n        code\n\n    - `b`: short or not\n    - `c`: x";
        assert_eq!(folded(text, 60), wide);
    }
}
