//! Errors of scripts: from the library to Rhai, and from Rhai to the reader with source line and caret.

use super::engine::Sources;
use super::help::Entry;
use super::options::suggestion;
use crate::error::{Error, Kind};
use rhai::{Dynamic, EvalAltResult, ParseError, ParseErrorType, Position};
use std::fmt::Write;

/// The result of a bound function; `?` turns a library error into it, and Rhai adds the position of the call.
pub type Raw<T> = Result<T, Box<EvalAltResult>>;

/// Marks a message that is about the function it came from, whose name the chain of calls knows.
pub(super) const OF_CALLER: char = '\u{1}';

/// Marks a message about the command line.
pub(super) const USAGE: char = '\u{2}';

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
    /// True when the command line of the script is wrong, not the script.
    pub usage: bool,
}

/// What errors are explained with: the texts they quote and the names that exist.
pub(super) struct Context<'a> {
    pub sources: &'a Sources,
    pub entries: &'a [Entry],
    /// Names of variables and of functions of the script.
    pub names: Vec<String>,
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
        Report { text: format!("error: {message}\n"), message, interrupted: false, usage: false }
    }

    /// A report about the command line.
    pub fn usage(message: impl Into<String>) -> Report {
        Report { usage: true, ..Report::plain(message) }
    }

    /// A script that could not be read as a program.
    pub(super) fn of_parse(error: &ParseError, source: &str, context: &Context) -> Report {
        let message = match error.err_type() {
            ParseErrorType::VariableUndefined(name) => {
                let declared = context.sources.declared(source);
                context.no_variable_among(name, declared.iter().map(String::as_str))
            }
            ParseErrorType::Reserved(name) => format!("`{name}` is a reserved word"),
            other => other.to_string(),
        };
        Report::at(source, error.position(), message, context)
    }

    /// A message about one place.
    pub(super) fn at(source: &str, position: Position, message: String, context: &Context) -> Report {
        let frames = [Frame { source: source.into(), position, function: None }];
        Report { text: render(&message, &frames, context.sources), ..Report::plain(message) }
    }

    /// An error while a script ran; `source` names the script.
    pub(super) fn of_run(error: &EvalAltResult, source: &str, context: &Context) -> Report {
        let (mut frames, cause) = unwind(error, source);
        let mut message = context.message(cause);
        if let Some(rest) = message.strip_prefix(OF_CALLER) {
            let function = frames.last().and_then(|f| f.function.clone());
            message = function.map_or(rest.to_string(), |name| format!("{name}: {rest}"));
            if frames.len() > 1 {
                frames.pop();
            }
        }
        if let Some(message) = message.strip_prefix(USAGE) {
            return Report::usage(message);
        }
        let interrupted = matches!(cause, EvalAltResult::ErrorTerminated(..));
        Report { text: render(&message, &frames, context.sources), interrupted, ..Report::plain(message) }
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

impl Context<'_> {
    /// The cause in words of the language, without the position.
    fn message(&self, cause: &EvalAltResult) -> String {
        match cause {
            EvalAltResult::ErrorRuntime(value, _) if value.is_string() => value.to_string(),
            EvalAltResult::ErrorRuntime(value, _) => format!("{value}"),
            EvalAltResult::ErrorTerminated(value, _) => value.to_string(),
            EvalAltResult::ErrorFunctionNotFound(signature, _) => self.no_function(signature),
            EvalAltResult::ErrorVariableNotFound(name, _) => self.no_variable(name),
            EvalAltResult::ErrorPropertyNotFound(name, _) => format!("the map has no `{name}`"),
            EvalAltResult::ErrorDotExpr(text, _) => self.no_property(text),
            EvalAltResult::ErrorStackOverflow(_) => "functions call each other without end".into(),
            EvalAltResult::ErrorUnboundThis(_) => "this function is a method: write value.function(...)".into(),
            EvalAltResult::ErrorMismatchOutputType(wanted, found, _)
            | EvalAltResult::ErrorMismatchDataType(wanted, found, _) => {
                format!("expected {}, found {}", readable(wanted), readable(found))
            }
            other => {
                let mut text = other.to_string();
                if let Some(at) = text.rfind(" (line ") {
                    text.truncate(at);
                }
                text
            }
        }
    }

    fn all_names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|e| e.name.as_str()).chain(self.names.iter().map(String::as_str))
    }

    pub fn no_variable(&self, name: &str) -> String {
        self.no_variable_among(name, std::iter::empty())
    }

    fn no_variable_among<'a>(&'a self, name: &str, declared: impl Iterator<Item = &'a str> + Clone) -> String {
        if declared.clone().any(|d| d == name) || self.names.iter().any(|n| n == name) {
            return format!("`{name}` is not known here: a named function sees only its arguments and the constants");
        }
        if self.entries.iter().any(|e| e.name == name && e.arguments.is_some()) {
            return format!("`{name}` is a function: write {name}(...)");
        }
        match suggestion(name, declared.chain(self.all_names())) {
            Some(near) => format!("no variable `{name}`; did you mean `{near}`?"),
            None => format!("no variable `{name}`"),
        }
    }

    /// From a signature such as `foo (i64, Glass)`.
    fn no_function(&self, signature: &str) -> String {
        let (name, types) = signature.split_once(" (").unwrap_or((signature, ""));
        let types: Vec<String> = types.trim_end_matches(')').split(", ").map(readable).collect();
        if !name.starts_with(char::is_alphabetic) {
            return format!("`{name}` does not work for {}", types.join(" and "));
        }
        let known: Vec<&Entry> = self.entries.iter().filter(|e| e.name == name).collect();
        if !known.is_empty() {
            let mut forms: Vec<String> = known.iter().map(|e| e.signature()).collect();
            forms.dedup();
            forms.truncate(4);
            return format!("{name}: cannot be called with ({}); there is {}", types.join(", "), forms.join(", "));
        }
        if self.names.iter().any(|n| n == name) {
            return format!("{name}: cannot be called with {} argument(s)", types.len());
        }
        self.no_function_named(name)
    }

    pub fn no_function_named(&self, name: &str) -> String {
        match suggestion(name, self.all_names()) {
            Some(near) => format!("no function `{name}`; did you mean `{near}`?"),
            None => format!("no function `{name}`"),
        }
    }

    /// A property that nothing has.
    pub fn no_property_named(&self, name: &str) -> String {
        if self.entries.iter().any(|e| e.name == name && e.arguments.is_some()) {
            return format!("`{name}` is a method: write .{name}()");
        }
        let properties = self.entries.iter().filter(|e| e.is_property()).map(|e| e.name.as_str());
        match suggestion(name, properties) {
            Some(near) => format!("nothing has a property `{name}`; did you mean `{near}`?"),
            None => format!("nothing has a property `{name}`"),
        }
    }

    /// From Rhai's text `Unknown property 'x' - a getter is not registered for type 'T'`.
    fn no_property(&self, text: &str) -> String {
        let quoted: Vec<&str> = text.split('\'').collect();
        let [start, name, _, kind, ..] = quoted.as_slice() else { return text.into() };
        if !start.starts_with("Unknown property") {
            return format!("`{name}` of a {} cannot be set", readable(kind));
        }
        let of: Vec<&Entry> = self.entries.iter().filter(|e| e.of.as_deref() == Some(kind)).collect();
        if of.iter().any(|e| e.name == *name && e.arguments.is_some()) {
            return format!("`{name}` is a method: write .{name}()");
        }
        match suggestion(name, of.iter().map(|e| e.name.as_str())) {
            Some(near) => format!("a {kind} has no property `{name}`; did you mean `{near}`?"),
            None => format!("a {} has no property `{name}`", readable(kind)),
        }
    }
}

/// The name of a type as a physicist would say it.
fn readable(kind: &str) -> String {
    let kind = kind.trim().trim_start_matches("&mut ").trim_start_matches('&');
    match kind.rsplit("::").next().unwrap_or(kind) {
        "i64" => "integer",
        "f64" => "number",
        "str" | "string" | "ImmutableString" | "String" => "text",
        "array" | "Array" => "list",
        "Fn" | "FnPtr" => "closure",
        "()" => "nothing",
        other => other,
    }
    .into()
}

/// Message, place with source line and caret, chain of calls.
fn render(message: &str, frames: &[Frame], sources: &Sources) -> String {
    let mut text = format!("error: {message}\n");
    let own = |f: &Frame| !f.position.is_none() && !super::stdlib::is_built_in(&f.source);
    let shown = frames.iter().rposition(own).unwrap_or(frames.len() - 1);
    let place = &frames[shown];
    let Some(line) = place.position.line() else { return text };
    let column = place.position.position().unwrap_or(1);
    let (line, column) = sources.option_place(&place.source, line, column, message).unwrap_or((line, column));
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
    for inner in (1..=shown).rev().filter(|&k| !frames[k - 1].position.is_none()) {
        let caller = &frames[inner - 1];
        let line = caller.position.line().unwrap_or(0);
        let _ = writeln!(text, "  {} called at {}:{line}", named(&frames[inner]), caller.source);
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
