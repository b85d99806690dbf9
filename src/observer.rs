//! Progress, logging and interruption of long calculations.

/// Watches a long calculation and may ask it to stop.
///
/// A calculation that is asked to stop ends its current step and returns what it has.
/// Implementations must allow calls from several threads.
pub trait Observer: Sync {
    /// A stage of `total` steps begins.
    fn begin(&self, _stage: &str, _total: u64) {}

    /// `done` steps of the stage are finished; `note` is a short text such as a temperature and an energy.
    fn advance(&self, _done: u64, _note: &dyn Fn() -> String) {}

    /// The stage is over.
    fn end(&self) {}

    /// True once the user has asked to stop.
    fn interrupted(&self) -> bool {
        false
    }
}

/// An observer that watches nothing.
pub struct Silent;

impl Observer for Silent {}
