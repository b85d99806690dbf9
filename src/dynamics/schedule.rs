//! Targets that change with time.

use crate::error::{Error, Result};

/// A value that changes linearly over a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ramp {
    /// Value at the start.
    pub from: f64,
    /// Value at the end.
    pub to: f64,
}

impl Ramp {
    /// A value that does not change.
    pub fn constant(value: f64) -> Ramp {
        Ramp { from: value, to: value }
    }

    /// The value after a part of the run, between 0 and 1.
    pub fn at(&self, part: f64) -> f64 {
        self.from + (self.to - self.from) * part
    }

    /// An error when this is no ramp of temperature.
    pub(super) fn check(&self, call: &str) -> Result<()> {
        for value in [self.from, self.to] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::input(format!("{call}: `temperature` must not be negative, found {value}")));
            }
        }
        Ok(())
    }
}
