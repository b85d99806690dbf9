//! Progress, logging and interruption of long calculations.

use crate::error::{Error, Result};
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// `work` on each of `count` items in parallel, its results in the order of the items; an error when the observer asks
/// to stop.
///
/// `work` gets memory of its thread, made by `workspace`, and the number of the item.
///
/// ```
/// use vitric::observer::{Silent, watched};
/// let squares = watched(&Silent, "squares", 4, || (), |_, k| k * k)?;
/// assert_eq!(squares, [0, 1, 4, 9]);
/// # Ok::<(), vitric::error::Error>(())
/// ```
pub fn watched<T: Send, W>(
    observer: &dyn Observer,
    stage: &str,
    count: usize,
    workspace: impl Fn() -> W + Sync + Send,
    work: impl Fn(&mut W, usize) -> T + Sync + Send,
) -> Result<Vec<T>> {
    // Progress is shown to a hundredth; telling it after every item would cost more than a short item.
    let (done, step) = (AtomicUsize::new(0), (count / 100).max(1));
    observer.begin(stage, count as u64);
    let results: Option<Vec<T>> = (0..count)
        .into_par_iter()
        .map_init(workspace, |workspace, item| {
            if observer.interrupted() {
                return None;
            }
            let result = work(workspace, item);
            let done = 1 + done.fetch_add(1, Ordering::Relaxed);
            if done % step == 0 {
                observer.advance(done as u64, &String::new);
            }
            Some(result)
        })
        .collect();
    observer.end();
    results.ok_or_else(Error::interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks to stop once half of the work is done.
    #[derive(Default)]
    struct Impatient {
        told: AtomicUsize,
        ends: AtomicUsize,
    }

    impl Observer for Impatient {
        fn advance(&self, done: u64, _note: &dyn Fn() -> String) {
            self.told.fetch_max(done as usize, Ordering::Relaxed);
        }

        fn end(&self) {
            self.ends.fetch_add(1, Ordering::Relaxed);
        }

        fn interrupted(&self) -> bool {
            self.told.load(Ordering::Relaxed) >= 5000
        }
    }

    #[test]
    fn an_interrupted_loop_ends_early_and_says_so() {
        let (impatient, done) = (Impatient::default(), AtomicUsize::new(0));
        let work = |_: &mut (), _: usize| done.fetch_add(1, Ordering::Relaxed);
        let error = watched(&impatient, "work", 10_000, || (), work).unwrap_err();
        assert_eq!(error, Error::interrupted());
        assert_eq!(impatient.ends.load(Ordering::Relaxed), 1);
        let done = done.load(Ordering::Relaxed);
        assert!((5000..6000).contains(&done), "{done}");
    }
}
