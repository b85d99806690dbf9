//! Errors of scripts: from the library to Rhai, and from Rhai to the reader with source line and caret.

use super::engine::{OPTIONS, Sources};
use super::help::Entry;
use super::options::{public_name, with_article};
use super::scan::{OUTSIDE, Scan};
use crate::error::suggestion;
use crate::error::{Error, Kind};
use rhai::{Dynamic, EvalAltResult, LexError, ParseError, ParseErrorType, Position};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The result of a bound function; `?` turns a library error into it, and Rhai adds the position of the call.
pub type Raw<T> = Result<T, Box<EvalAltResult>>;

/// Marks a message that is about the function it came from, whose name the chain of calls knows.
pub(super) const OF_CALLER: char = '\u{1}';

/// What the names begin with that Rhai gives to closures.
const CLOSURE: &str = "anon$";

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
    /// Where the script failed, once it ran.
    pub place: Option<Position>,
}

/// What errors are explained with: the texts they quote and the names that exist.
pub(super) struct Context<'a> {
    pub sources: &'a Sources,
    pub entries: &'a [Entry],
    /// Names of variables.
    pub names: Vec<String>,
    /// Names of functions of the script.
    pub functions: Vec<String>,
    /// The input of a session in which a function was defined, by its name.
    pub defined: &'a BTreeMap<String, String>,
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
        Report { text: format!("error: {message}\n"), message, interrupted: false, usage: false, place: None }
    }

    /// A report about the command line.
    pub fn usage(message: impl Into<String>) -> Report {
        Report { usage: true, ..Report::plain(message) }
    }

    /// A script that could not be read as a program.
    pub(super) fn of_parse(error: &ParseError, source: &str, context: &Context) -> Report {
        let message = match error.err_type() {
            _ if context.is_unit_behind_number(source, error.position()) => {
                "a unit is multiplied: write 2000*K instead of 2000K".into()
            }
            ParseErrorType::VariableUndefined(name) => context.no_variable(name, source, error.position()),
            ParseErrorType::Reserved(name) => format!("`{name}` is a reserved word"),
            ParseErrorType::BadInput(LexError::Runtime(text)) => text.clone(),
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
        for frame in frames.iter_mut().filter(|frame| frame.source == source) {
            // The functions of a session have no source of their own.
            if let Some(input) = frame.function.as_ref().and_then(|name| context.defined.get(name)) {
                frame.source = input.clone();
            }
        }
        let place = frames.first().map(|f| f.position).filter(|position| !position.is_none());
        let mut message = context.message(cause, &frames);
        if let Some(rest) = message.strip_prefix(OF_CALLER) {
            let function = frames.last().and_then(|f| f.function.clone());
            message = match function {
                Some(name) if name.starts_with(CLOSURE) => format!("the closure: {rest}"),
                Some(name) => format!("{name}: {rest}"),
                None => rest.to_string(),
            };
            if frames.len() > 1 && !frames[frames.len() - 2].position.is_none() {
                frames.pop();
            }
        }
        if let Some(message) = message.strip_prefix(USAGE) {
            return Report::usage(message);
        }
        let interrupted = matches!(cause, EvalAltResult::ErrorTerminated(..));
        Report { text: render(&message, &frames, context.sources), interrupted, place, ..Report::plain(message) }
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
            _ => break,
        }
    }
    frames.retain(|f| f.source != super::stdlib::WITHOUT_OPTIONS);
    (frames, error)
}

impl Context<'_> {
    /// The cause in words of the language, without the position.
    fn message(&self, cause: &EvalAltResult, frames: &[Frame]) -> String {
        let source = frames.last().map(|f| f.source.as_str()).unwrap_or_default();
        match cause {
            EvalAltResult::ErrorRuntime(value, _) if value.is_string() => value.to_string(),
            EvalAltResult::ErrorRuntime(value, _) => format!("{value}"),
            EvalAltResult::ErrorTerminated(value, _) => value.to_string(),
            EvalAltResult::ErrorFunctionNotFound(signature, _) => self.no_function(signature, source),
            EvalAltResult::ErrorVariableNotFound(name, position) => self.no_variable(name, source, *position),
            EvalAltResult::ErrorPropertyNotFound(name, _) => format!("the map has no `{name}`"),
            EvalAltResult::ErrorDotExpr(text, _) => self.no_property(text),
            EvalAltResult::ErrorIndexingType(text, _) => no_index(text),
            EvalAltResult::ErrorStackOverflow(_) => "functions call each other without end".into(),
            EvalAltResult::ErrorDataRace(..) => {
                "a closure uses the value whose method it is given to; take what it needs into a variable before".into()
            }
            EvalAltResult::ErrorUnboundThis(_) => "this function is a method: write value.function(...)".into(),
            EvalAltResult::ErrorMismatchOutputType(wanted, found, _)
            | EvalAltResult::ErrorMismatchDataType(wanted, found, _) => {
                let (wanted, found) = (readable(wanted), readable(found));
                let hint = match (wanted.as_str(), found.as_str()) {
                    ("true or false", "Expression" | "Column") => {
                        "; conditions on columns are joined by & and |, not && and ||"
                    }
                    _ => "",
                };
                format!("expected {wanted}, found {found}{hint}")
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
        let own = self.names.iter().chain(&self.functions);
        self.entries.iter().map(|e| e.name.as_str()).chain(own.map(String::as_str))
    }

    fn no_variable(&self, name: &str, source: &str, position: Position) -> String {
        let scan = Scan::of(self.sources.text(source));
        let place = (position.line().unwrap_or(1), position.position().unwrap_or(1));
        if let Some(reason) = scan.why_unknown(name, place) {
            return reason;
        }
        if self.names.iter().any(|n| n == name) && scan.in_function(place) {
            return format!("`{name}` is not known here: {OUTSIDE}");
        }
        let own = self.functions.iter().any(|f| f == name);
        if own || self.entries.iter().any(|e| e.name == name && e.arguments.is_some()) {
            return format!("`{name}` is a function: write {name}(...)");
        }
        if self.entries.iter().any(|e| e.options.iter().any(|option| option == name)) {
            return format!("no variable `{name}`; options are given as #{{ {name}: ... }}");
        }
        if name == "quit" {
            return "no variable `quit`; :quit or Ctrl-D leave the prompt, exit() ends a script".into();
        }
        match suggestion(name, scan.declared().chain(self.all_names()).filter(|near| *near != name)) {
            Some(near) => format!("no variable `{name}`; did you mean `{near}`?"),
            None => format!("no variable `{name}`"),
        }
    }

    /// True where a letter follows a digit without a sign between, as in `2000K`.
    fn is_unit_behind_number(&self, source: &str, position: Position) -> bool {
        let (Some(line), Some(column)) = (position.line(), position.position()) else { return false };
        let Some(line) = self.sources.text(source).lines().nth(line - 1) else { return false };
        let mut letters = line.chars().skip(column.saturating_sub(2));
        let pair = (letters.next(), letters.next());
        column > 1 && matches!(pair, (Some(a), Some(b)) if a.is_ascii_digit() && b.is_alphabetic())
    }

    /// From a signature such as `foo (i64, Glass)`.
    fn no_function(&self, signature: &str, source: &str) -> String {
        let (name, types) = signature.split_once(" (").unwrap_or((signature, ""));
        let types = types.strip_suffix(')').unwrap_or(types).split(", ").filter(|t| !t.is_empty());
        let types: Vec<String> = types.map(readable).collect();
        if name.starts_with(CLOSURE) {
            return format!("the closure cannot be called with ({})", types.join(", "));
        }
        if !name.starts_with(char::is_alphabetic) {
            return format!("`{name}` does not work for {}", types.join(" and "));
        }
        let known: Vec<&Entry> = self.entries.iter().filter(|e| e.name == name && e.arguments.is_some()).collect();
        if !known.is_empty() {
            let mut forms: Vec<String> = known.iter().map(|e| e.signature()).collect();
            forms.dedup();
            forms.truncate(4);
            return format!("{name}: cannot be called with ({}); there is {}", types.join(", "), forms.join(", "));
        }
        if self.functions.iter().any(|n| n == name) {
            return match types.len() {
                1 => format!("{name}: cannot be called with 1 argument"),
                count => format!("{name}: cannot be called with {count} arguments"),
            };
        }
        self.no_function_named(name, source)
    }

    /// A call of something that is no function.
    pub fn no_function_named(&self, name: &str, source: &str) -> String {
        let scan = Scan::of(self.sources.text(source));
        if self.names.iter().any(|n| n == name) || scan.declared().any(|d| d == name) {
            return format!("`{name}` is a variable; a closure in it is called by {name}.call(...)");
        }
        let properties: Vec<String> =
            self.entries.iter().filter(|e| e.name == name).map(|e| format!("`{}`", e.signature())).collect();
        if !properties.is_empty() {
            return format!("no function `{name}`; there is {} without brackets", properties.join(", "));
        }
        match suggestion(name, self.all_names()) {
            Some(near) => format!("no function `{name}`; did you mean `{near}`?"),
            None => format!("no function `{name}`"),
        }
    }

    /// A property that nothing has.
    pub fn no_property_named(&self, name: &str) -> String {
        if let Some(method) = self.entries.iter().find(|e| e.name == name && e.arguments.is_some()) {
            return is_method(method);
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
            return format!("`{name}` of {} cannot be set", with_article(&readable(kind)));
        }
        let of: Vec<&Entry> = self.entries.iter().filter(|e| e.of.as_deref() == Some(kind)).collect();
        if let Some(method) = of.iter().find(|e| e.name == *name && e.arguments.is_some()) {
            return is_method(method);
        }
        match suggestion(name, of.iter().map(|e| e.name.as_str())) {
            Some(near) => format!("{} has no property `{name}`; did you mean `{near}`?", with_article(kind)),
            None => format!("{} has no property `{name}`", with_article(&readable(kind))),
        }
    }
}

/// How a method is called that was taken for a property, with what it needs.
fn is_method(entry: &Entry) -> String {
    let needed = entry.arguments.iter().flatten().filter(|a| *a != OPTIONS).map(String::as_str).collect::<Vec<_>>();
    format!("`{0}` is a method: write .{0}({1})", entry.name, needed.join(", "))
}

/// From Rhai's text `Indexer unavailable: T [U]`, of which this is `T [U]` or `T [U] = V`.
fn no_index(text: &str) -> String {
    let (kind, rest) = text.split_once(" [").unwrap_or((text, ""));
    let (index, value) = rest.split_once(']').unwrap_or((rest, ""));
    match value.trim().strip_prefix("= ") {
        Some(_) => format!("the elements of {} cannot be set", with_article(&readable(kind))),
        None => format!("{} cannot be indexed with [{}]", with_article(&readable(kind)), readable(index)),
    }
}

/// The name of a type as a physicist would say it.
fn readable(kind: &str) -> String {
    let kind = kind.trim().trim_start_matches("&mut ").trim_start_matches('&');
    if let Some(name) = public_name(kind) {
        return name;
    }
    // A text goes by several types.
    let kind = kind.split(" | ").next().unwrap_or(kind).trim_start_matches('&');
    match kind.rsplit("::").next().unwrap_or(kind) {
        "i64" => "integer",
        "f64" => "number",
        "bool" => "true or false",
        "str" | "string" | "ImmutableString" | "String" => "text",
        "array" | "Array" => "list",
        "map" | "Map" => "map",
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
        Some(name) if name.starts_with(CLOSURE) => "a closure".into(),
        Some(name) => format!("`{name}`"),
        None => "the script".into(),
    }
}

/// Number of characters of the word that begins at a column, at least one.
fn width_of_token(line: &str, column: usize) -> usize {
    let word = line.chars().skip(column.saturating_sub(1)).take_while(|c| c.is_alphanumeric() || *c == '_').count();
    word.max(1)
}
