//! What can be said about a script without running it: its command line, unknown functions and options.

use super::error::{Context, Report};
use super::help::Entry;
use super::options;
use super::system::Given;
use rhai::{AST, ASTFlags, ASTNode, Expr, FnCallExpr, Position, Stmt};
use std::collections::{BTreeMap, BTreeSet};

/// One thing that is wrong.
pub(super) struct Fault {
    pub position: Position,
    what: What,
}

enum What {
    Function(String),
    Arguments { name: String, count: usize },
    Option { function: String, text: String },
    UsedTwice { variable: String, method: String },
    Property(String),
}

impl Fault {
    pub fn message(&self, context: &Context, source: &str) -> String {
        match &self.what {
            What::Function(name) => context.no_function_named(name, source),
            What::Arguments { name, count } => {
                let known = context.entries.iter().filter(|e| e.name == *name);
                let mut forms: Vec<String> = known.map(Entry::signature).collect();
                forms.dedup();
                forms.truncate(4);
                let given = match count {
                    1 => "1 argument".to_string(),
                    count => format!("{count} arguments"),
                };
                match forms.is_empty() {
                    true => format!("{name}: cannot be called with {given}"),
                    false => format!("{name}: cannot be called with {given}; there is {}", forms.join(", ")),
                }
            }
            What::Option { function, text } => format!("{function}: {text}"),
            What::UsedTwice { variable, method } => format!(
                "the closure given to `{method}` uses `{variable}`, on which `{method}` is called; take what it needs of that into another \
                 variable before"
            ),
            What::Property(name) => context.no_property_named(name),
        }
    }
}

/// A call in a script.
struct Call<'a> {
    call: &'a FnCallExpr,
    position: Position,
    method: bool,
}

/// Visits every call of a script, those in function bodies included.
fn calls(ast: &AST, visit: &mut dyn FnMut(Call)) {
    ast.walk(&mut |path: &[ASTNode]| {
        match path.last() {
            Some(ASTNode::Expr(Expr::FnCall(call, position))) => {
                visit(Call { call, position: *position, method: false });
            }
            Some(ASTNode::Expr(Expr::MethodCall(call, position))) => {
                visit(Call { call, position: *position, method: true });
            }
            Some(ASTNode::Stmt(Stmt::FnCall(call, position))) => {
                visit(Call { call, position: *position, method: false });
            }
            _ => {}
        }
        true
    });
}

/// Words that Rhai treats itself.
const KEYWORDS: &[&str] = &[
    "print",
    "debug",
    "type_of",
    "eval",
    "Fn",
    "call",
    "curry",
    "is_shared",
    "is_def_fn",
    "is_def_var",
    "this",
    "help",
    "to_string",
    "to_debug",
];

/// True for the last argument of a function that may be called without it.
fn takes_options(argument: &str) -> bool {
    ["options", "axes"].iter().any(|name| argument.starts_with(name))
}

/// Calls of functions that do not exist, with a number of arguments or an option that does not exist.
pub(super) fn faults(ast: &AST, entries: &[Entry]) -> Vec<Fault> {
    let own: BTreeMap<String, BTreeSet<(usize, bool)>> = ast.iter_functions().fold(BTreeMap::new(), |mut map, f| {
        map.entry(f.name.to_string())
            .or_default()
            .insert((f.params.len(), f.params.last().is_some_and(|p| takes_options(p))));
        map
    });
    let fields = fields(ast);
    let own_options = own_options(ast);
    let mut faults = Vec::new();
    calls(ast, &mut |Call { call, position, method }| {
        let name = call.name.as_str();
        // An operator, a call in another namespace, or a closure kept in a map.
        if call.op_token.is_some() || !name.starts_with(char::is_alphabetic) || !call.namespace.path.is_empty() {
            return;
        }
        if KEYWORDS.contains(&name) || (method && fields.contains(name)) {
            return;
        }
        let count = call.args.len();
        // Leaving out the options is allowed.
        let fits = |(n, options): (usize, bool)| n == count || (options && n == count + 1);
        let mut counts = argument_counts(entries, name, method);
        counts.extend(own.get(name).into_iter().flatten());
        if counts.is_empty() {
            faults.push(Fault { position, what: What::Function(name.into()) });
        } else if !counts.iter().any(|&n| fits(n)) {
            faults.push(Fault { position, what: What::Arguments { name: name.into(), count } });
        }
        let known = match own_options.get(name) {
            Some(list) => list.clone(),
            None if own.contains_key(name) => Vec::new(),
            None => documented(entries, name),
        };
        if let (Some(Expr::Map(map, _)), false) = (call.args.last(), known.is_empty()) {
            for (key, _) in map.0.iter().filter(|(key, _)| !known.iter().any(|k| *k == key.name)) {
                let text = options::unknown(&key.name, known.iter().map(String::as_str));
                faults.push(Fault { position: key.pos, what: What::Option { function: name.into(), text } });
            }
        }
    });
    faults
}

/// Closures that use the variable whose method they are given to: the method holds it while the closure runs.
pub(super) fn used_twice(ast: &AST) -> Vec<Fault> {
    let mut faults = Vec::new();
    ast.walk(&mut |path: &[ASTNode]| {
        let Some(ASTNode::Expr(Expr::FnCall(call, position))) = path.last() else { return true };
        if call.name != "curry" {
            return true;
        }
        for captured in call.args.iter().skip(1) {
            let Expr::Variable(variable, ..) = captured else { continue };
            let method = (0..path.len()).find_map(|k| method_called_on(&variable.1, &path[k..]));
            if let Some(method) = method {
                let what = What::UsedTwice { variable: variable.1.to_string(), method };
                faults.push(Fault { position: *position, what });
            }
        }
        true
    });
    faults
}

/// The method that is given the closure at the end of the path, if the path starts with a chain of calls on `variable`.
fn method_called_on(variable: &str, path: &[ASTNode]) -> Option<String> {
    let (mut place, mut after_index) = (0, false);
    let call = loop {
        let (parts, flags, is_index) = match path.get(place)? {
            ASTNode::Expr(Expr::Dot(parts, flags, _)) => (parts, flags, false),
            ASTNode::Expr(Expr::Index(parts, flags, _)) => (parts, flags, true),
            ASTNode::Expr(Expr::MethodCall(call, _)) if place > 0 => break call,
            _ => return None,
        };
        if place == 0 && !matches!(&parts.lhs, Expr::Variable(name, ..) if name.1 == variable) {
            return None;
        }
        let ASTNode::Expr(next) = path.get(place + 1)? else { return None };
        let is_first = std::ptr::eq(*next, &parts.lhs);
        // An index is worked out before the variable is held.
        if (is_first && after_index) || (!is_first && is_index && flags.contains(ASTFlags::BREAK)) {
            return None;
        }
        (place, after_index) = (place + 1, is_index);
    };
    // What is passed on as it is, or within a list or a map.
    let is_passed = |node: &ASTNode| {
        matches!(node, ASTNode::Stmt(_) | ASTNode::Expr(Expr::Stmt(_) | Expr::Map(..) | Expr::Array(..)))
    };
    path[place + 1..path.len() - 1].iter().all(is_passed).then(|| call.name.to_string())
}

/// How many arguments each function of a name takes in a call, and whether the last may be left out.
fn argument_counts(entries: &[Entry], name: &str, method: bool) -> Vec<(usize, bool)> {
    let count = |e: &Entry| {
        let arguments = e.arguments.as_ref()?;
        let n = arguments.len();
        // A method may be written as a function, and a function as a method.
        let n = match (method, e.of.is_some()) {
            (true, true) | (false, false) => n,
            (true, false) => n.wrapping_sub(1),
            (false, true) => n + 1,
        };
        Some((n, arguments.last().is_some_and(|name| takes_options(name))))
    };
    entries.iter().filter(|e| e.name == name).filter_map(count).collect()
}

/// Properties that no type has and no map was given. `keys` are those of maps; what a file or a table holds is not known, so
/// a script that makes maps of them may have others, unless they look like a slip.
pub(super) fn unknown_properties(ast: &AST, entries: &[Entry], keys: &BTreeSet<String>) -> Vec<Fault> {
    let of_types: BTreeSet<&str> = entries.iter().filter(|e| e.is_property()).map(|e| e.name.as_str()).collect();
    let known = || of_types.iter().copied().chain(keys.iter().map(String::as_str));
    let mut from_files = false;
    calls(ast, &mut |Call { call, .. }| from_files |= ["parse_json", "row", "each_row"].contains(&call.name.as_str()));
    let mut faults = Vec::new();
    ast.walk(&mut |path: &[ASTNode]| {
        if let Some(ASTNode::Expr(Expr::Property(property, position))) = path.last() {
            let name = property.2.as_str();
            let exists = of_types.contains(name) || keys.contains(name);
            if !exists && (!from_files || crate::error::suggestion(name, known()).is_some()) {
                faults.push(Fault { position: *position, what: What::Property(name.into()) });
            }
        }
        true
    });
    faults
}

/// The keys that a script gives to maps: `name: value`, `map.name = value`, and every `"name"`, which may be that of a column.
///
/// By the look of the text, because the tokens of texts with values in them depend on the parser.
pub(super) fn map_keys(script: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut keys = BTreeSet::new();
    let mut rest = script;
    let mut before = ' ';
    while let Some(start) = rest.find(is_word) {
        before = rest[..start].chars().next_back().unwrap_or(before);
        let word = &rest[start..];
        let word = &word[..word.find(|c| !is_word(c)).unwrap_or(word.len())];
        rest = &rest[start + word.len()..];
        let after = rest.trim_start();
        let named = after.starts_with(':') && !after.starts_with("::");
        let assigned = before == '.' && after.starts_with('=') && !after.starts_with("==");
        if named || assigned || (before == '"' && rest.starts_with('"')) {
            keys.insert(word.to_string());
        }
        before = ' ';
    }
    keys
}

/// The options of every function with a name, unless one of them does not document its own.
fn documented(entries: &[Entry], name: &str) -> Vec<String> {
    let takes_options = |e: &&Entry| {
        e.arguments.as_ref().is_some_and(|list| list.last().is_some_and(|last| last == super::engine::OPTIONS))
    };
    let with: Vec<&Entry> = entries.iter().filter(|e| e.name == name).filter(takes_options).collect();
    if with.iter().any(|e| e.options.is_empty()) {
        return Vec::new();
    }
    with.iter().flat_map(|e| e.options.clone()).collect()
}

/// Keys of map literals: `map.key(...)` calls a closure kept there.
fn fields(ast: &AST) -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    ast.walk(&mut |path: &[ASTNode]| {
        if let Some(ASTNode::Expr(Expr::Map(map, _))) = path.last() {
            fields.extend(map.0.iter().map(|(key, _)| key.name.to_string()));
        }
        true
    });
    fields
}

/// The options of the functions of the script itself, from their line `defaults(options, #{ ... })`.
fn own_options(ast: &AST) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    calls(ast, &mut |Call { call, position, .. }| {
        if call.name != "defaults" {
            return;
        }
        let [Expr::Variable(variable, ..), Expr::Map(map, _)] = call.args.as_slice() else { return };
        let inside = |f: &&rhai::Shared<rhai::ScriptFuncDef>| {
            let (start, end) = (f.body.start_position(), f.body.end_position());
            f.params.last() == Some(&variable.1) && start <= position && position <= end
        };
        if let Some(function) = ast.iter_fn_def().find(inside) {
            found.insert(function.name.to_string(), map.0.iter().map(|(key, _)| key.name.to_string()).collect());
        }
    });
    found
}

/// The command line of a script, from its `arg(...)` lines.
#[derive(Default)]
pub(super) struct CommandLine {
    flags: Vec<Flag>,
    /// An option that is asked for twice, and where.
    pub twice: Option<(String, Position)>,
    /// Some names are computed, so that unknown ones cannot be told.
    open: bool,
    /// The script takes words that are not options.
    words: bool,
    /// First comment of the script.
    about: String,
}

struct Flag {
    name: String,
    /// The default as it is written.
    default: String,
    meaning: String,
    switch: bool,
    choices: Vec<String>,
}

impl Flag {
    fn is_required(&self) -> bool {
        self.default == "required"
    }
}

impl CommandLine {
    pub fn of(ast: &AST, text: &str) -> CommandLine {
        let mut line = CommandLine { about: about(text), ..CommandLine::default() };
        calls(ast, &mut |Call { call, position, .. }| match (call.name.as_str(), call.args.as_slice()) {
            ("arg", [Expr::StringConstant(name, start), default, Expr::StringConstant(meaning, end), choices @ ..]) => {
                if line.flags.iter().any(|f| f.name == name.as_str()) {
                    line.twice.get_or_insert((name.to_string(), position));
                    return;
                }
                line.flags.push(Flag {
                    name: name.to_string(),
                    default: second_argument(text, name, *start, *end),
                    meaning: meaning.to_string(),
                    switch: matches!(default, Expr::BoolConstant(..)),
                    choices: choices.first().map(texts).unwrap_or_default(),
                });
            }
            ("arg", _) => line.open = true,
            ("arguments", []) => line.words = true,
            ("output_folder", _) if !line.flags.iter().any(|f| f.name == "overwrite") => line.flags.push(Flag {
                name: "overwrite".into(),
                default: "false".into(),
                meaning: "write into a folder that is not empty".into(),
                switch: true,
                choices: Vec::new(),
            }),
            _ => {}
        });
        line
    }

    /// What is given on the command line; an error when the script does not know it or, for a `complete` one, needs more.
    pub fn read(&self, script: &str, given: &[String], complete: bool) -> Result<Given, Report> {
        let wrong = |text: String| Err(Report::usage(format!("{script}: {text}")));
        let mut result = Given::default();
        let mut words = given.iter().peekable();
        while let Some(word) = words.next() {
            let Some(name) = word.strip_prefix("--") else {
                if !self.words {
                    return wrong(format!("unexpected argument `{word}`; --help lists the options"));
                }
                result.words.push(word.clone());
                continue;
            };
            let (name, value) = name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value.into())));
            let flag = self.flags.iter().find(|f| f.name == name);
            if flag.is_none() && !self.open {
                let known = self.flags.iter().map(|f| f.name.as_str());
                return match crate::error::suggestion(name, known) {
                    Some(near) => wrong(format!("no option --{name}; did you mean --{near}?")),
                    None => wrong(format!("no option --{name}; --help lists the options")),
                };
            }
            let switch = flag.is_some_and(|f| f.switch);
            let belongs = |word: &&String| match switch {
                true => ["true", "false"].contains(&word.as_str()),
                false => !word.starts_with("--"),
            };
            let value: Option<String> = value.or_else(|| words.next_if(belongs).cloned());
            let value = match value {
                Some(value) => value,
                None if flag.is_none() || switch => "true".into(),
                None => return wrong(format!("--{name} needs a value")),
            };
            if let Some(text) = flag.and_then(|f| options::not_among(&value, &f.choices)) {
                return wrong(format!("--{name}: {text}"));
            }
            result.values.insert(name.into(), value);
        }
        let missing = self.flags.iter().find(|f| f.is_required() && !result.values.contains_key(&f.name));
        match missing {
            Some(flag) if complete => wrong(format!("--{} is needed: {}", flag.name, flag.meaning)),
            _ => Ok(result),
        }
    }

    /// The defaults of the options as they are written.
    pub fn defaults(&self) -> impl Iterator<Item = &str> {
        self.flags.iter().map(|f| f.default.as_str())
    }

    /// The help, with the defaults as they are shown.
    pub fn page(&self, script: &str, defaults: &[String]) -> String {
        let mut page = String::new();
        if !self.about.is_empty() {
            page += &format!("{}\n\n", self.about);
        }
        let words = if self.words { " [WORDS]" } else { "" };
        page += &format!("usage: vitric run {script} [OPTIONS]{words}\n");
        let width = self.flags.iter().map(|f| f.name.len()).max().unwrap_or(0).max(4);
        for (flag, default) in self.flags.iter().zip(defaults) {
            let shown = match default.as_str() {
                _ if flag.is_required() => " (needed)".to_string(),
                _ if flag.switch => String::new(),
                "" => String::new(),
                default => format!(" [{default}]"),
            };
            page += &format!("\n  --{:width$}  {}{shown}", flag.name, flag.meaning);
        }
        page += &format!("\n  --{:width$}  print this help", "help");
        page
    }
}

/// A list of texts that is written out.
fn texts(list: &Expr) -> Vec<String> {
    let text = |e: &Expr| if let Expr::StringConstant(text, _) = e { Some(text.to_string()) } else { None };
    match list {
        Expr::Array(items, _) => items.iter().filter_map(text).collect(),
        _ => Vec::new(),
    }
}

/// The definitions at the top of a script that only ask for options and calculate.
pub(super) fn definitions(ast: &AST, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for statement in ast.statements() {
        let Stmt::Var(_, _, position) = statement else { continue };
        let mut harmless = true;
        statement.walk(&mut Vec::new(), &mut |path: &[ASTNode]| {
            harmless &= match path.last() {
                Some(ASTNode::Expr(Expr::FnCall(call, _))) => call.op_token.is_some() || call.name == "arg",
                Some(ASTNode::Stmt(Stmt::FnCall(call, _))) => call.op_token.is_some() || call.name == "arg",
                Some(ASTNode::Expr(Expr::MethodCall(..) | Expr::Custom(..))) => false,
                Some(ASTNode::Stmt(Stmt::While(..) | Stmt::Do(..) | Stmt::For(..))) => false,
                _ => true,
            };
            harmless
        });
        if let Some(start) = offset(text, *position).filter(|_| harmless) {
            let rest = &text[start..];
            let mut quoted = false;
            let end = rest.find(|c: char| {
                quoted ^= c == '"';
                c == ';' && !quoted
            });
            found.push(rest[..end.map_or(rest.len(), |end| end + 1)].to_string());
        }
    }
    found
}

/// The comment at the top of a script.
fn about(text: &str) -> String {
    let lines = text.lines().skip_while(|l| l.trim().is_empty() || l.starts_with("#!"));
    let comment = lines.take_while(|l| l.trim_start().starts_with("//"));
    let plain = comment.map(|l| l.trim_start().trim_start_matches(['/', '!']).trim());
    plain.collect::<Vec<_>>().join("\n").trim().to_string()
}

/// The default of `arg(name, default, meaning)` as it is written, from the places of name and meaning. The place of a
/// formula is that of its last operator, so it is of no use here.
fn second_argument(text: &str, name: &str, start: Position, end: Position) -> String {
    let (Some(start), Some(end)) = (offset(text, start), offset(text, end)) else { return String::new() };
    let all = text.get(start..end).unwrap_or_default().trim();
    let rest = all.strip_prefix(&format!("\"{name}\"")).unwrap_or(all);
    rest.trim_matches(|c: char| c == ',' || c.is_whitespace()).into()
}

/// The byte at which a position is.
pub(super) fn offset(text: &str, position: Position) -> Option<usize> {
    let (line, column) = (position.line()?, position.position().unwrap_or(1));
    let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let content = text.lines().nth(line - 1)?;
    Some(before + content.char_indices().nth(column.saturating_sub(1)).map_or(content.len(), |(at, _)| at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_behind_texts_with_values_in_them() {
        let script =
            "let m = #{ a: 1, b : 2 }; m.c = 3; m.d == 4; print(`x ${m.e} \"y`); t[\"f g\"]; column(\"h_1\", x::y)";
        let keys: Vec<String> = map_keys(script).into_iter().collect();
        assert_eq!(keys, ["a", "b", "c", "h_1"]);
    }
}
