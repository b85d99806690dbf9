//! Errors of scripts: from the library to Rhai, and from Rhai to the reader with source line and caret.

use super::engine::Sources;
use crate::error::{Error, Kind};
use rhai::{Dynamic, EvalAltResult, ParseError, Position};
use std::fmt::Write;

/// The result of a bound function; `?` turns a library error into it, and Rhai adds the position of the call.
pub type Raw<T> = Result<T, Box<EvalAltResult>>;

impl From<Error> for Box<EvalAltResult> {
    fn from(error: Error) -> Self {
        let message = Dynamic::from(error.to_string());
        Box::new(match error.kind() {
            // A script cannot catch an interruption.
            Kind::Interrupted => EvalAltResult::ErrorTerminated(message, Position::NONE),
            _ => EvalAltResult::ErrorRuntime(message, Position::NONE),
        })
    }
}

/// An error with this message, positioned by Rhai at the call.
pub fn fail<T>(message: impl Into<String>) -> Raw<T> {
    Err(Error::input(message).into())
}

/// An error of a script, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What went wrong.
    pub message: String,
    /// The text for a reader: message, place, source line with a caret, chain of calls.
    pub text: String,
    /// True when the user stopped the script.
    pub interrupted: bool,
}

/// One place on the way from the script to the error.
struct Frame {
    source: String,
    position: Position,
    /// Function the place is in; none at the top of a script.
    function: Option<String>,
}

impl Report {
    /// A report without a place in a script.
    pub fn plain(message: impl Into<String>) -> Report {
        let message = message.into();
        Report { text: format!("error: {message}\n"), message, interrupted: false }
    }

    /// A script that could not be read as a program.
    pub(super) fn of_parse(error: &ParseError, source: &str, sources: &Sources) -> Report {
        let message = error.err_type().to_string();
        let frames = [Frame { source: source.into(), position: error.position(), function: None }];
        Report { text: render(&message, &frames, sources), message, interrupted: false }
    }

    /// An error while a script ran; `source` names the script.
    pub(super) fn of_run(error: &EvalAltResult, source: &str, sources: &Sources) -> Report {
        let (frames, cause) = unwind(error, source);
        let interrupted = matches!(cause, EvalAltResult::ErrorTerminated(..));
        let message = message(cause, &frames);
        Report { text: render(&message, &frames, sources), message, interrupted }
    }
}

/// The places from the outermost call to the cause, and the cause.
fn unwind<'a>(error: &'a EvalAltResult, source: &str) -> (Vec<Frame>, &'a EvalAltResult) {
    let (mut error, mut source, mut function) = (error, source.to_string(), None);
    let mut frames = Vec::new();
    loop {
        frames.push(Frame { source: source.clone(), position: error.position(), function: function.clone() });
        match error {
            EvalAltResult::ErrorInFunctionCall(name, inner_source, inner, _) => {
                function = Some(name.clone());
                if !inner_source.is_empty() {
                    source = inner_source.clone();
                }
                error = inner;
            }
            EvalAltResult::ErrorInModule(name, inner, _) => {
                source = name.clone();
                error = inner;
            }
            _ => return (frames, error),
        }
    }
}

/// The cause in words of the language, without the position.
fn message(cause: &EvalAltResult, frames: &[Frame]) -> String {
    match cause {
        EvalAltResult::ErrorRuntime(value, _) if value.is_string() => {
            let text = value.to_string();
            // `defaults` does not know which function called it, the chain of calls does.
            match (text.strip_prefix(super::options::OF_CALLER), frames.last().and_then(|f| f.function.as_ref())) {
                (Some(rest), Some(name)) => format!("{name}: {rest}"),
                (Some(rest), None) => rest.to_string(),
                (None, _) => text,
            }
        }
        EvalAltResult::ErrorTerminated(value, _) => value.to_string(),
        EvalAltResult::ErrorFunctionNotFound(signature, _) => format!("no function {signature}"),
        EvalAltResult::ErrorVariableNotFound(name, _) => format!("no variable `{name}`"),
        EvalAltResult::ErrorPropertyNotFound(name, _) => format!("no property `{name}`"),
        other => {
            let mut text = other.to_string();
            if let Some(at) = text.rfind(" (line ") {
                text.truncate(at);
            }
            text
        }
    }
}

/// Message, place with source line and caret, chain of calls.
fn render(message: &str, frames: &[Frame], sources: &Sources) -> String {
    let mut text = format!("error: {message}\n");
    let own = |f: &&Frame| !f.position.is_none() && !super::stdlib::is_built_in(&f.source);
    let shown = frames.iter().rposition(|f| own(&f)).unwrap_or(frames.len() - 1);
    let place = &frames[shown];
    let Some(line) = place.position.line() else { return text };
    let column = place.position.position().unwrap_or(1);
    let _ = writeln!(text, "  --> {}:{line}:{column}", place.source);
    if let Some(source_line) = sources.line(&place.source, line) {
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        let (width, column) = (width_of_token(&source_line, column), column.max(1));
        let pad: String = source_line.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let _ = writeln!(text, "{margin} |\n{number} | {source_line}\n{margin} | {pad}{}", "^".repeat(width));
    }
    for frame in frames[shown + 1..].iter().filter(|f| !f.position.is_none()) {
        let _ = writeln!(text, "  in {}, {}:{}", named(frame), frame.source, frame.position.line().unwrap_or(0));
    }
    for frame in frames[..shown].iter().rev().filter(|f| !f.position.is_none()) {
        let inner = named(&frames[shown]);
        let _ = writeln!(text, "  {inner} called at {}:{}", frame.source, frame.position.line().unwrap_or(0));
    }
    text
}

fn named(frame: &Frame) -> String {
    match frame.function.as_deref() {
        Some(name) if name.starts_with("anon$") => "a closure".into(),
        Some(name) => format!("`{name}`"),
        None => "the script".into(),
    }
}

/// Number of characters of the word that begins at a column, at least one.
fn width_of_token(line: &str, column: usize) -> usize {
    let word = line.chars().skip(column.saturating_sub(1)).take_while(|c| c.is_alphanumeric() || *c == '_').count();
    word.max(1)
}
