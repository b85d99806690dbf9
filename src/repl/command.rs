//! What can be said besides the language: `help`, `:vars`, `:time`, `:save`, `:quit`.

use super::{Next, Talk, print, say};
use crate::script::help;
use std::time::Instant;

const HELP: &str = "\
help             the topics of the language; help(name) or `help name` explains one name
:vars            the variables and functions of this session
:time CODE       runs CODE and says how long it took
:save FILE       writes what was typed (and worked) as a script
:quit            leaves, as Ctrl-D does
_                the last value
Ctrl-C ends the running step and keeps what there is; a second one ends the script. Tab completes.";

/// Runs a command; nothing when the input is code.
pub(super) fn run(talk: &mut Talk, input: &str) -> Option<Next> {
    if let Some(name) = input.strip_prefix("help ").or(input.strip_suffix('?')).or((input == "help").then_some("")) {
        let name = name.trim();
        if name.is_empty() || name.chars().all(|c| c.is_alphanumeric() || c == '_') {
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
        return print(&help::overview(session.entries()));
    }
    let variables = session.variables();
    let kind = variables.iter().find(|v| v.0 == name).map(|v| session.type_of(&v.1));
    match help::pages(session.entries(), kind.as_deref().unwrap_or(name)) {
        Ok(text) => print(text.trim_end()),
        Err(message) => say(&kind.map_or(message, |kind| format!("{name} is of type {kind}"))),
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
    let script: String = talk.typed.iter().map(|input| format!("{}\n", closed(input))).collect();
    let result = crate::file::write_atomic(std::path::Path::new(path), |out| out.write_all(script.as_bytes()));
    match result {
        Ok(()) => print(&format!("{} inputs in {path}", talk.typed.len())),
        Err(error) => say(&format!("error: {error}")),
    }
}

/// An input that can be followed by another one in a script.
fn closed(input: &str) -> String {
    let input = input.trim_end();
    if input.ends_with([';', '}']) { input.into() } else { format!("{input};") }
}
