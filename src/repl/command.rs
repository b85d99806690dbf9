//! What can be said besides the language: `help`, `:vars`, `:time`, `:save`, `:quit`.

use super::{Next, Talk, print, say};
use crate::script::{Session, help};
use rhai::Token;
use std::time::Instant;

const HELP: &str = "\
help             the topics of the language; help(name) or `help name` explains one name
:vars            the variables and functions of this session
:time CODE       runs CODE and says how long it took
:save FILE       writes what was typed (and worked) as a script
:quit            leaves, as Ctrl-D does
_                the last value
Ctrl-C ends the running step and keeps what there is; a second one ends the script. Tab completes.";

/// True for an input that is whole though it is no code: a command, or `help`, which is the start of a call as code.
pub(super) fn is_whole(input: &str) -> bool {
    input.starts_with(':') || input.trim() == "help"
}

/// Runs a command; nothing when the input is code.
pub(super) fn run(talk: &mut Talk, input: &str) -> Option<Next> {
    if let Some(name) = input.strip_prefix("help ").or(input.strip_suffix('?')).or((input == "help").then_some("")) {
        let name = name.trim();
        if name.is_empty() || name.chars().all(|c| c.is_alphanumeric() || "_.".contains(c)) {
            explain(talk, name);
            return Some(Next::Read);
        }
    }
    let words = input.strip_prefix(':')?;
    let (command, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
    let rest = rest.trim();
    match command {
        "help" | "h" => print(HELP),
        "vars" | "v" => variables(talk),
        "time" | "t" if rest.is_empty() => say(":time needs code, such as :time glass.minimize()"),
        "time" | "t" => {
            let start = Instant::now();
            let next = talk.answer(rest, true);
            say(&format!("{:.3} s", start.elapsed().as_secs_f64()));
            return Some(next);
        }
        "save" | "s" if rest.is_empty() => say(":save needs a file name, such as :save session.rhai"),
        "save" | "s" => save(talk, rest),
        "quit" | "q" => return Some(Next::Leave(0)),
        other => say(&format!("no command :{other}; :help lists them")),
    }
    Some(Next::Read)
}

fn explain(talk: &Talk, name: &str) {
    let session = talk.session.borrow();
    if name.is_empty() {
        return print(&help::fitted(&help::overview(session.entries())));
    }
    let variables = session.variables();
    let kind = variables.iter().find(|v| v.0 == name).map(|v| session.type_of(&v.1));
    let entries = [session.own_entries(), session.entries().to_vec()].concat();
    match help::explain(&entries, name, kind.as_deref()) {
        Ok(text) => print(&help::fitted(text.trim_end())),
        Err(message) => say(&message),
    }
}

fn variables(talk: &Talk) {
    let session = talk.session.borrow();
    for (name, value) in session.variables().iter().filter(|v| v.0 != "_") {
        let shown = session.show(value);
        let first = shown.lines().next().unwrap_or_default();
        let line: String = first.chars().take(90).collect();
        print(&format!("{name} = {line}"));
    }
    for (name, parameters) in session.functions() {
        print(&format!("fn {name}({})", parameters.join(", ")));
    }
}

fn save(talk: &Talk, path: &str) {
    let script = script(talk);
    let result = crate::file::write_atomic(std::path::Path::new(path), |out| out.write_all(script.as_bytes()));
    match result {
        Ok(()) => print(&format!("{} inputs in {path}", talk.typed.len())),
        Err(error) => say(&format!("error: {error}")),
    }
}

/// What was typed as a script: a value that is used as `_` gets a name, and chosen seeds are noted.
fn script(talk: &Talk) -> String {
    let session = talk.session.borrow();
    let places: Vec<_> = talk.typed.iter().map(|typed| session.last_value_places(&typed.text)).collect();
    let taken = |name: &str| session.variables().iter().any(|v| v.0 == name);
    let name = ["last", "last_value"].into_iter().find(|n| !taken(n)).unwrap_or("last_value_");
    let mut script = String::new();
    for (k, typed) in talk.typed.iter().enumerate() {
        for seed in &typed.seeds {
            script += &format!("// {seed}\n");
        }
        let mut text = with_name(&typed.text, &places[k], name);
        let next =
            (k + 1..talk.typed.len()).find(|&later| talk.typed[later].gave_value).unwrap_or(talk.typed.len() - 1);
        if typed.gave_value && (k + 1..=next).any(|later| !places[later].is_empty()) {
            let start = session.statements(&text).last().map_or(0, |statement| statement.start);
            text.insert_str(start, &format!("let {name} = "));
        }
        script += &closed(&session, &text);
        script.push('\n');
    }
    script
}

/// The text with a name in the places of `_`.
fn with_name(text: &str, places: &[rhai::Position], name: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    for place in places.iter().rev() {
        let Some(line) = place.line().and_then(|n| lines.get_mut(n - 1)) else { continue };
        let column = place.position().unwrap_or(1) - 1;
        if let Some((at, _)) = line.char_indices().nth(column) {
            line.replace_range(at..at + 1, name);
        }
    }
    lines.join("\n")
}

/// An input that can be followed by another one in a script.
fn closed(session: &Session, input: &str) -> String {
    let input = input.trim_end();
    let tokens = session.tokens(input);
    let is_function = tokens.first().is_some_and(|(token, _)| *token == Token::Fn);
    match tokens.last() {
        None | Some((Token::SemiColon, _)) => input.into(),
        Some((Token::RightBrace, _)) if is_function => input.into(),
        // It must not become part of a comment.
        Some(_) if input.lines().last().is_some_and(|l| l.contains("//")) => format!("{input}\n;"),
        Some(_) => format!("{input};"),
    }
}
