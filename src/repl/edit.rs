//! What the line editor asks while a person types.

use super::command;
use super::complete::{Candidate, candidates};
use super::highlight::coloured;
use crate::script::Session;
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};
use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

/// Completion, colours, hints and the question whether an input goes on.
pub(super) struct Assistant {
    session: Rc<RefCell<Session>>,
    files: FilenameCompleter,
}

impl Assistant {
    pub fn new(session: Rc<RefCell<Session>>) -> Assistant {
        Assistant { session, files: FilenameCompleter::new() }
    }
}

impl Helper for Assistant {}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, context: &Context) -> rustyline::Result<(usize, Vec<Pair>)> {
        let found = match self.session.try_borrow() {
            Ok(session) => candidates(&session, &line[..at]),
            Err(_) => return Ok((at, Vec::new())),
        };
        match found {
            Candidate::File { start } => {
                let (offset, pairs) = self.files.complete_path(&line[start..at], at - start)?;
                let _ = context;
                Ok((start + offset, pairs))
            }
            Candidate::Names { start, names } => {
                let pair = |(shown, text)| Pair { display: shown, replacement: text };
                Ok((start, names.into_iter().map(pair).collect()))
            }
        }
    }
}

impl Hinter for Assistant {
    type Hint = String;

    /// The rest of the signature when a name is complete and its call is open.
    fn hint(&self, line: &str, at: usize, _: &Context) -> Option<String> {
        if at < line.len() {
            return None;
        }
        let name = line.strip_suffix('(')?;
        let start = name.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |k| k + 1);
        let session = self.session.try_borrow().ok()?;
        let entry = session.entries().iter().find(|e| e.name == name[start..] && e.arguments.is_some())?;
        let arguments = entry.arguments.as_ref()?.join(", ");
        Some(format!("{arguments})  {}", entry.summary()))
    }
}

impl Highlighter for Assistant {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        match self.session.try_borrow() {
            Ok(session) => Cow::Owned(coloured(&session, line)),
            Err(_) => Cow::Borrowed(line),
        }
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        // Every key may change the colour of what stands before it.
        true
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        Cow::Owned(format!("\x1b[1;36m{prompt}\x1b[0m"))
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(format!("\x1b[2m{hint}\x1b[0m"))
    }
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        let input = context.input();
        let open = self.session.try_borrow().is_ok_and(|s| !command::is_whole(input) && s.is_incomplete(input));
        Ok(if open { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}
