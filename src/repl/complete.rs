//! What the Tab key offers: names, methods and properties, options, commands, files.

use crate::potential::analytic::built_in_names;
use crate::script::{Entry, Session};
use crate::table::Table;
use rhai::Dynamic;
use std::collections::BTreeSet;

/// What may stand at the cursor.
#[derive(Debug, PartialEq)]
pub(super) enum Candidate {
    /// A path that begins at this byte.
    File { start: usize },
    /// Names as shown and as inserted, in place of the text from this byte on.
    Names { start: usize, names: Vec<(String, String)> },
}

const COMMANDS: &[&str] = &[":help", ":vars", ":time", ":save", ":quit"];
const KEYWORDS: &[&str] = &[
    "let", "const", "if", "else", "for", "in", "while", "loop", "fn", "return", "break", "continue", "switch", "true",
    "false", "try", "catch", "throw", "print", "help",
];

/// Functions and options whose text is a file.
const FILE_CALLS: &[&str] =
    &["read", "read_table", "read_text", "write_text", "save", "exists", "output_folder", "potential", "read_events"];
const FILE_OPTIONS: &[&str] = &["store", "file", "folder", "glass"];

/// What may stand at the end of `before`, the text in front of the cursor.
pub(super) fn candidates(session: &Session, before: &str) -> Candidate {
    if let Some(path) = before.strip_prefix(":save ") {
        return Candidate::File { start: before.len() - path.len() };
    }
    if before.starts_with(':') {
        return names(0, before, COMMANDS.iter().map(|c| c.to_string()));
    }
    let place = Place::at_end_of(before);
    if let Some(start) = place.string {
        return in_text(session, before, start, &place);
    }
    let start = before.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |k| k + 1);
    let word = &before[start..];
    let head = before[..start].trim_end();
    if let Some(subject) = head.strip_suffix('.') {
        return names(start, word, members(session, subject));
    }
    if head.ends_with(['{', ','])
        && let Some(call) = &place.call
        && place.in_map
    {
        let options = session.entries().iter().filter(|e| e.name == *call).flat_map(|e| e.options.clone());
        let list: Vec<String> = options.map(|o| format!("{o}: ")).collect();
        if !list.is_empty() {
            return names(start, word, list);
        }
    }
    if word.is_empty() {
        return Candidate::Names { start, names: Vec::new() };
    }
    let entries = session.entries().iter().filter(|e| e.of.is_none() && e.topic != "language").map(inserted);
    let own = session
        .functions()
        .into_iter()
        .map(|(name, parameters)| format!("{name}({}", if parameters.is_empty() { ")" } else { "" }));
    let variables = session.variables().into_iter().map(|v| v.0);
    let keywords = KEYWORDS.iter().map(|k| k.to_string());
    names(start, word, entries.chain(own).chain(variables).chain(keywords))
}

/// What may stand in a text: the columns of a table, the names of potentials, files.
fn in_text(session: &Session, before: &str, start: usize, place: &Place) -> Candidate {
    let head = before[..start].trim_end_matches('"').trim_end();
    let word = &before[start..];
    let call = place.call.as_deref().unwrap_or_default();
    let is_table = |value: &Dynamic| session.type_of(value) == "Table";
    let columns = |value: &Dynamic| value.clone().try_cast::<Table>().map(|t| t.names()).unwrap_or_default();
    if let Some(subject) = head.strip_suffix('[') {
        let name = last_word(subject);
        let table = session.variables().into_iter().find(|(n, value)| n == name && is_table(value));
        return names(start, word, table.map(|t| columns(&t.1)).unwrap_or_default());
    }
    if call == "col" {
        let tables = session.variables().into_iter().filter(|v| is_table(&v.1));
        return names(start, word, tables.flat_map(|t| columns(&t.1)));
    }
    let key = head.strip_suffix(':').filter(|_| place.in_map).map(last_word);
    let potential = key == Some("potential") || (call == "potential" && key.is_none());
    let file = match key {
        Some(key) => FILE_OPTIONS.contains(&key),
        None => FILE_CALLS.contains(&call),
    };
    match (potential, file) {
        (true, _) => names(start, word, built_in_names().map(str::to_string)),
        (false, true) => Candidate::File { start },
        (false, false) => Candidate::Names { start, names: Vec::new() },
    }
}

/// The name at the end of a text.
fn last_word(text: &str) -> &str {
    &text[text.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |k| k + c_len(text, k))..]
}

/// Length of the character at a byte.
fn c_len(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(1, char::len_utf8)
}

/// The type of what stands at the end of a text: a variable, or the result of a chain of calls.
fn type_at_end(session: &Session, text: &str) -> Option<String> {
    let text = text.trim_end();
    let (head, called) = match text.strip_suffix(')') {
        Some(open) => (&open[..opening(open)?], true),
        None => (text, false),
    };
    let name = last_word(head);
    let before = head[..head.len() - name.len()].trim_end();
    let of = match before.strip_suffix('.') {
        Some(subject) => Some(type_at_end(session, subject)?),
        None => None,
    };
    if of.is_none() && !called {
        return session.variables().into_iter().find(|v| v.0 == name).map(|(_, value)| session.type_of(&value));
    }
    let fits = |e: &&Entry| e.name == name && e.of == of && e.arguments.is_some() == called;
    session.entries().iter().filter(fits).find_map(|e| e.gives.clone())
}

/// The byte of the bracket that a closing one behind the text would close.
fn opening(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices().rev() {
        match c {
            ')' | ']' | '}' => depth += 1,
            '(' if depth == 0 => return Some(at),
            '(' | '[' | '{' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Methods and properties of what stands before the dot.
fn members(session: &Session, subject: &str) -> Vec<String> {
    let name = last_word(subject);
    let chained = subject[..subject.len() - name.len()].ends_with('.');
    let variable = session.variables().into_iter().find(|v| v.0 == name).filter(|_| !chained);
    if let Some((_, value)) = &variable
        && let Some(map) = value.read_lock::<rhai::Map>()
    {
        return map.keys().map(|k| k.to_string()).collect();
    }
    let is_own = |kind: &String| session.entries().iter().any(|e| e.of.as_ref() == Some(kind));
    match type_at_end(session, subject) {
        Some(kind) if is_own(&kind) => {
            session.entries().iter().filter(|e| e.of.as_ref() == Some(&kind)).map(inserted).collect()
        }
        Some(_) => session.entries().iter().filter(|e| e.topic == "language").map(|e| e.name.clone()).collect(),
        None => session.entries().iter().filter(|e| e.of.is_some()).map(inserted).collect(),
    }
}

/// A name with the bracket that opens its call.
fn inserted(entry: &Entry) -> String {
    match &entry.arguments {
        None => entry.name.clone(),
        Some(list) if list.is_empty() => format!("{}()", entry.name),
        Some(_) => format!("{}(", entry.name),
    }
}

fn names(start: usize, word: &str, all: impl IntoIterator<Item = String>) -> Candidate {
    let fitting: BTreeSet<String> = all.into_iter().filter(|n| n.starts_with(word)).collect();
    let shown = |name: &String| name.trim_end_matches(['(', ')', ' ', ':']).to_string();
    let mut names: Vec<(String, String)> = fitting.iter().map(|n| (shown(n), n.clone())).collect();
    // A property and a method of the same name are one.
    names.dedup_by(|a, b| a.0 == b.0);
    Candidate::Names { start, names }
}

/// Where the cursor is: in a text, in the map of a call.
#[derive(Debug, Default)]
struct Place {
    /// First byte of the open text, if one is open.
    string: Option<usize>,
    /// The call whose arguments are open.
    call: Option<String>,
    /// The innermost open bracket is that of a map.
    in_map: bool,
}

impl Place {
    fn at_end_of(text: &str) -> Place {
        let mut brackets: Vec<(char, usize)> = Vec::new();
        let mut string = None;
        let mut characters = text.char_indices();
        while let Some((at, c)) = characters.next() {
            match (string, c) {
                (Some(_), '\\') => drop(characters.next()),
                (Some(_), '"') => string = None,
                (None, '"') => string = Some(at + 1),
                (None, '(' | '[' | '{') => brackets.push((c, at)),
                (None, ')' | ']' | '}') => drop(brackets.pop()),
                _ => {}
            }
        }
        let in_map = brackets.last().is_some_and(|&(c, at)| c == '{' && text[..at].ends_with('#'));
        let call = brackets.iter().rev().find(|b| b.0 == '(').map(|&(_, at)| {
            let head = &text[..at];
            let start = head.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |k| k + 1);
            head[start..].to_string()
        });
        Place { string, call, in_map }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Settings;

    fn offered(session: &Session, before: &str) -> Vec<String> {
        match candidates(session, before) {
            Candidate::Names { names, .. } => names.into_iter().map(|n| n.1).collect(),
            Candidate::File { .. } => vec!["FILE".into()],
        }
    }

    #[test]
    fn the_place_decides_what_is_offered() {
        let mut session = Session::new(Settings::default()).unwrap();
        session.evaluate("let cutoff_radius = 3.0; let o = #{ alpha: 1 }; let p = potential(\"CuZr-2009\");").unwrap();
        assert_eq!(offered(&session, "cutoff_r"), ["cutoff_radius"]);
        assert_eq!(offered(&session, "1 + poten"), ["potential("]);
        assert_eq!(offered(&session, "o.al"), ["alpha"]);
        assert_eq!(offered(&session, "p.cut"), ["cutoff"]);
        assert_eq!(offered(&session, "read(\"gla"), ["FILE"]);
        assert_eq!(offered(&session, "read(\"f.data\", #{ sp"), ["species: "]);
        assert_eq!(offered(&session, "read(\"f.data\", #{ frame: 1, pot"), ["potential: "]);
        assert_eq!(offered(&session, ":sa"), [":save"]);
        session
            .evaluate(
                "let t = table(#{ barrier: [1.0], atom: [1] }); let g = pack(\"Cu50Zr50\", #{ atoms: 600, seed: 1 });",
            )
            .unwrap();
        assert_eq!(offered(&session, "t[\"ba"), ["barrier"]);
        assert_eq!(offered(&session, "t.filter(col(\"at"), ["atom"]);
        assert_eq!(offered(&session, "g.minimize(#{ method: \"f"), Vec::<String>::new());
        assert_eq!(offered(&session, "potential(\"CuZr-2009"), ["CuZr-2009"]);
        assert_eq!(offered(&session, "g.stress().press"), ["pressure"]);
        assert!(offered(&session, "g.stress().").iter().all(|name| name.len() < 12 && !name.starts_with("min")));
        assert_eq!(offered(&session, "figure().poi"), ["points("]);
        assert_eq!(offered(&session, "t.correlate(\"barrier\", \"atom\", #{ level: 0.9 }).tabl"), ["table"]);
        let names = offered(&session, "foo().le");
        assert!(
            names.windows(2).all(|pair| pair[0].trim_end_matches(['(', ')']) != pair[1].trim_end_matches(['(', ')']))
        );
        assert!(offered(&session, "").is_empty());
    }
}
