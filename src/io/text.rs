//! Text read line by line with errors that name line and field.

use crate::error::{Error, Result};
use std::path::Path;

/// The lines of a text, one after the other.
#[derive(Debug)]
pub struct Lines<'a> {
    path: &'a Path,
    lines: std::iter::Peekable<std::str::Lines<'a>>,
    number: usize,
}

impl<'a> Lines<'a> {
    /// The lines of `content`; `path` is named in errors.
    pub fn new(path: &'a Path, content: &'a str) -> Lines<'a> {
        Lines { path, lines: content.lines().peekable(), number: 0 }
    }

    /// The next line, if there is one.
    pub fn next_line(&mut self) -> Option<&'a str> {
        let line = self.lines.next()?;
        self.number += 1;
        Some(line)
    }

    /// The next line, without moving on.
    pub fn peek(&mut self) -> Option<&'a str> {
        self.lines.peek().copied()
    }

    /// The next line; an error that says what is missing when the file ends.
    pub fn expect(&mut self, what: &str) -> Result<&'a str> {
        let end = self.number;
        self.next_line().ok_or_else(|| {
            Error::file(self.path, format!("the file ends after line {end}; expected {what}. Is it cut short?"))
        })
    }

    /// Number of the line read last, from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    /// An error at the line read last.
    pub fn error(&self, message: impl std::fmt::Display) -> Error {
        Error::parse(self.path, self.number, message)
    }

    /// An error that is not at one line.
    pub fn whole(&self, message: impl std::fmt::Display) -> Error {
        Error::file(self.path, message)
    }

    /// An error at an earlier line.
    pub fn error_at(&self, number: usize, message: impl std::fmt::Display) -> Error {
        Error::parse(self.path, number, message)
    }

    /// An error when LAMMPS wrote the file in other units than ours.
    pub fn metal(&self, units: &str) -> Result<()> {
        if units == "metal" { Ok(()) } else { Err(self.error(format!("the units must be metal, found {units}"))) }
    }

    /// An error when the line read last has more fields than `what` it should be.
    pub fn no_more(&self, fields: &[&str], most: usize, what: &str) -> Result<()> {
        match fields.get(most) {
            None => Ok(()),
            Some(field) => Err(self.error(format!("{what} has {most} fields; what is field {}, `{field}`?", most + 1))),
        }
    }

    /// An error when an atom has another mass than the first of its species.
    pub fn same_mass(&self, first: Option<f64>, mass: Option<f64>) -> Result<()> {
        match (first, mass) {
            (Some(first), Some(mass)) if (mass - first).abs() > 1e-6 * first => Err(self.error(format!(
                "an atom with the mass {mass}, where the first one of its species has {first}; a species has one mass"
            ))),
            _ => Ok(()),
        }
    }

    /// Field `place` (from 0) of the line read last, as a finite number.
    pub fn float(&self, fields: &[&str], place: usize, name: &str) -> Result<f64> {
        let text = self.field(fields, place, name)?;
        text.parse::<f64>().ok().filter(|x| x.is_finite()).ok_or_else(|| {
            self.error(format!("field {} ({name}): expected a finite number, found `{text}`", place + 1))
        })
    }

    /// Field `place` (from 0) of the line read last, as a whole number.
    pub fn integer(&self, fields: &[&str], place: usize, name: &str) -> Result<i64> {
        let text = self.field(fields, place, name)?;
        text.parse()
            .map_err(|_| self.error(format!("field {} ({name}): expected a whole number, found `{text}`", place + 1)))
    }

    /// Field `place` (from 0) of the line read last.
    pub fn field<'t>(&self, fields: &[&'t str], place: usize, name: &str) -> Result<&'t str> {
        fields.get(place).copied().ok_or_else(|| {
            self.error(format!("field {} ({name}) is missing; the line has {} fields", place + 1, fields.len()))
        })
    }
}
