//! Threads that do not fall asleep between the short parallel loops of a time step.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

thread_local! {
    /// True while this thread makes others stay awake.
    static LEADS: Cell<bool> = const { Cell::new(false) };
}

/// Clears a mark at the end, whatever the end is.
struct Mark<'a>(&'a AtomicBool);

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        LEADS.set(false);
        self.0.store(false, Ordering::Release);
    }
}

/// Do some work during which up to `helpers` other threads of the pool look for a part of it all the time.
///
/// A thread that falls asleep at the end of a parallel loop is late for the next, which others then wait for: with loops of a
/// tenth of a millisecond that costs a twentieth of the time.
pub fn awake<T>(helpers: usize, work: impl FnOnce() -> T) -> T {
    if helpers == 0 || rayon::current_thread_index().is_none() || LEADS.get() {
        return work();
    }
    let (busy, called) = (AtomicBool::new(true), AtomicUsize::new(0));
    LEADS.set(true);
    rayon::in_place_scope(|scope| {
        let mark = Mark(&busy);
        scope.spawn_broadcast(|_, _| {
            // A thread that leads a run of its own must not wait for the end of another.
            if LEADS.get() || called.fetch_add(1, Ordering::Relaxed) >= helpers {
                return;
            }
            while busy.load(Ordering::Acquire) {
                if rayon::yield_now() != Some(rayon::Yield::Executed) {
                    // Other programs may want this processor.
                    std::thread::yield_now();
                }
            }
        });
        let result = work();
        drop(mark);
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::prelude::*;

    fn sum() -> u32 {
        (0..1000_u32).into_par_iter().with_max_len(10).sum()
    }

    #[test]
    fn runs_inside_and_beside_each_other_come_to_an_end() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let sums: Vec<u32> = pool.install(|| {
            (0..8_u32)
                .into_par_iter()
                .map(|_| awake(2, || (0..20).map(|_| sum()).sum::<u32>() + awake(2, sum)))
                .collect()
        });
        assert_eq!(sums, [21 * 499_500; 8]);
        assert!(!LEADS.get() && !pool.broadcast(|_| LEADS.get()).contains(&true));
    }

    #[test]
    fn an_error_and_a_panic_let_the_others_go() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        assert_eq!(pool.install(|| awake(1, || Err::<(), u8>(3))), Err(3));
        let work = || pool.install(|| awake(1, || -> u32 { panic!("a test") }));
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        assert!(panicked.is_err());
        assert_eq!(pool.install(|| awake(1, sum)), 499_500);
    }
}
