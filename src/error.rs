//! The one error type of the library.

use std::fmt;
use std::path::{Path, PathBuf};

/// What went wrong, for callers that react to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An argument or option is outside what the call accepts.
    Input,
    /// A file is missing, malformed, or could not be written.
    File,
    /// A calculation left the range where its numbers mean anything.
    Numeric,
    /// The user asked to stop before there was anything to hand back.
    Interrupted,
}

/// An error with a message for the user: the call, the option or file, what was expected and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    message: String,
    path: Option<PathBuf>,
}

/// The result of every fallible call of the library.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An argument or option outside what the call accepts.
    pub fn input(message: impl Into<String>) -> Error {
        Error { kind: Kind::Input, message: message.into(), path: None }
    }

    /// A calculation that left the range where its numbers mean anything.
    pub fn numeric(message: impl Into<String>) -> Error {
        Error { kind: Kind::Numeric, message: message.into(), path: None }
    }

    /// The user asked to stop before there was anything to hand back.
    pub fn interrupted() -> Error {
        Error { kind: Kind::Interrupted, message: "interrupted".into(), path: None }
    }

    /// A file whose content is not what its format says; `line` counts from 1.
    pub fn parse(path: impl AsRef<Path>, line: usize, message: impl fmt::Display) -> Error {
        let path = path.as_ref();
        Error {
            kind: Kind::File,
            message: format!("{}, line {line}: {message}", path.display()),
            path: Some(path.to_path_buf()),
        }
    }

    /// A file that could not be used as a whole.
    pub fn file(path: impl AsRef<Path>, message: impl fmt::Display) -> Error {
        let path = path.as_ref();
        Error { kind: Kind::File, message: format!("{}: {message}", path.display()), path: Some(path.to_path_buf()) }
    }

    /// What kind of error this is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The file concerned, if there is one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The error of a call that made another one of its own: under the name that the user knows.
    pub fn under(mut self, inner: &str, call: &str) -> Error {
        if let Some(rest) = self.message.strip_prefix(&format!("{inner}: ")) {
            self.message = format!("{call}: {rest}");
        }
        self
    }

    /// The same error, named after the call it came from: `quench: ...`.
    pub fn within(mut self, call: &str) -> Error {
        if !self.message.starts_with(&format!("{call}: ")) {
            self.message = format!("{call}: {}", self.message);
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// The known name nearest to a wrong one, if it is near enough to be a slip.
pub(crate) fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let distance = |k: &str| strsim::damerau_levenshtein(&name, &k.to_lowercase());
    // One letter of one is no resemblance.
    let length = name.chars().count();
    let allowed = (length / 3).max(1).min(length.saturating_sub(1));
    known
        .map(|k| (distance(k), k))
        .filter(|(far, k)| *far <= allowed || (name.len() > 3 && k.starts_with(&name)))
        .min_by(|a, b| a.0.cmp(&b.0).then(a.1.cmp(b.1)))
        .map(|(_, k)| k)
}
