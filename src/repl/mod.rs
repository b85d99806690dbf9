//! The interactive session: editing, completion, colours, commands.

mod command;
mod complete;
mod edit;
mod highlight;

use crate::script::{Outcome, Session};
use edit::Assistant;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor};
use std::cell::RefCell;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::rc::Rc;

/// What is kept between inputs.
struct Talk {
    session: Rc<RefCell<Session>>,
    /// Inputs that worked, of others the statements that did, for `:save`.
    typed: Vec<Typed>,
}

/// An input, as far as it worked.
struct Typed {
    text: String,
    /// It gave the value that `_` stands for afterwards.
    gave_value: bool,
    /// Seeds that were chosen for it.
    seeds: Vec<String>,
}

/// What to do after an input.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Next {
    Read,
    Leave(u8),
}

/// Reads, evaluates and prints until the end of input; gives the exit code.
pub fn run(session: Session) -> u8 {
    let session = Rc::new(RefCell::new(session));
    let mut talk = Talk { session: session.clone(), typed: Vec::new() };
    if std::io::stdin().is_terminal() { at_terminal(&mut talk, &session) } else { from_pipe(&mut talk) }
}

fn at_terminal(talk: &mut Talk, session: &Rc<RefCell<Session>>) -> u8 {
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .history_ignore_space(true)
        .auto_add_history(false)
        .bracketed_paste(true)
        .build();
    let mut editor: Editor<Assistant, FileHistory> = match Editor::with_config(config) {
        Ok(editor) => editor,
        Err(error) => {
            say(&format!("the terminal cannot be used: {error}"));
            return 1;
        }
    };
    editor.set_helper(Some(Assistant::new(session.clone())));
    let history = history_file();
    if let Some(path) = &history {
        let _ = editor.load_history(path);
    }
    print(concat!("vitric ", env!("CARGO_PKG_VERSION"), "   help, help(name), :help for commands, Ctrl-D to leave"));
    loop {
        match editor.readline("> ") {
            Ok(input) if input.trim().is_empty() => {}
            Ok(input) => {
                let _ = editor.add_history_entry(input.as_str());
                if let Some(path) = &history {
                    // Other sessions write to it as well.
                    let _ = editor.append_history(path);
                }
                for part in talk.inputs(&input) {
                    if let Next::Leave(code) = talk.answer(&part, true) {
                        return code;
                    }
                }
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => return 0,
            Err(error) => {
                say(&format!("reading stopped: {error}"));
                return 1;
            }
        }
    }
}

/// Input from a file or another program: the first error ends it.
fn from_pipe(talk: &mut Talk) -> u8 {
    let mut pending = String::new();
    for line in std::io::stdin().lines() {
        let Ok(line) = line else {
            say("error: the input is not UTF-8 text");
            return 1;
        };
        pending += &line;
        pending.push('\n');
        if !command::is_whole(&pending) && talk.session.borrow().is_incomplete(&pending) {
            continue;
        }
        let input = std::mem::take(&mut pending);
        if let Next::Leave(code) = talk.answer(&input, false) {
            return code;
        }
    }
    match pending.trim().is_empty() {
        true => 0,
        // The rest is not complete: evaluating it says why.
        false => match talk.answer(&pending, false) {
            Next::Leave(code) => code,
            Next::Read => 0,
        },
    }
}

impl Talk {
    /// A text as one input, or line by line where it is no program as a whole, such as pasted lines without semicolons.
    fn inputs(&self, text: &str) -> Vec<String> {
        let session = self.session.borrow();
        if !text.trim().contains('\n') || session.is_program(text) {
            return vec![text.into()];
        }
        let (mut found, mut pending) = (Vec::new(), String::new());
        for line in text.lines() {
            pending += line;
            pending.push('\n');
            if !session.is_incomplete(&pending) {
                found.push(std::mem::take(&mut pending));
            }
        }
        found.push(pending);
        found.retain(|part| !part.trim().is_empty());
        found
    }

    /// Evaluates one input and prints the answer.
    fn answer(&mut self, input: &str, interactive: bool) -> Next {
        if let Some(next) = command::run(self, input.trim()) {
            return next;
        }
        if input.trim().is_empty() {
            return Next::Read;
        }
        let result = self.session.borrow_mut().evaluate(input);
        match result {
            Ok(Outcome::Exit(code)) => return Next::Leave(code),
            Ok(Outcome::Value(value)) => {
                let seeds = self.session.borrow().chosen_seeds();
                if let Some(name) = signature(input) {
                    // Of a function that is defined again the last definition counts.
                    self.typed.retain(|typed| signature(&typed.text).as_ref() != Some(&name));
                }
                self.typed.push(Typed { text: input.trim_end().into(), gave_value: !value.is_unit(), seeds });
                if !value.is_unit() {
                    let mut session = self.session.borrow_mut();
                    print(&session.show(&value));
                    session.set_variable("_", value);
                }
            }
            Err(report) => {
                let session = self.session.borrow();
                let done = report.place.map_or("", |place| session.done_before(input, place));
                if !done.is_empty() {
                    self.typed.push(Typed { text: done.into(), gave_value: false, seeds: session.chosen_seeds() });
                }
                say(report.text.trim_end());
                if !interactive {
                    return Next::Leave(if report.interrupted { 130 } else { 1 });
                }
            }
        }
        Next::Read
    }
}

/// Name and number of arguments of an input that defines one function and nothing else.
fn signature(input: &str) -> Option<(String, usize)> {
    let text = input.trim().strip_prefix("fn ").filter(|text| text.ends_with('}') && !text.contains("\nfn "))?;
    let (name, rest) = text.split_once('(')?;
    let (arguments, _) = rest.split_once(')')?;
    Some((name.trim().into(), arguments.split(',').filter(|a| !a.trim().is_empty()).count()))
}

/// Where the history is kept: `vitric/history` in the user's data directory.
fn history_file() -> Option<PathBuf> {
    let folder = dirs::data_dir()?.join("vitric");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}

fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Settings;

    #[test]
    fn pasted_lines_without_semicolons_are_inputs_of_their_own() {
        let session = Session::new(Settings::default()).unwrap_or_else(|report| panic!("{}", report.text));
        let talk = Talk { session: Rc::new(RefCell::new(session)), typed: Vec::new() };
        let parts = talk.inputs("let c = 1\nlet d = #{\n  x: 2,\n}\nc + d.x");
        assert_eq!(parts, ["let c = 1\n", "let d = #{\n  x: 2,\n}\n", "c + d.x\n"]);
        for whole in ["let c = 1;\nc + 1", "fn f(x) {\n  x\n}\nf(2)", "1 +"] {
            assert_eq!(talk.inputs(whole), [whole]);
        }
    }
}
