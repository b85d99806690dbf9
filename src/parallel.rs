//! Parallel loops over few items, and threads that do not fall asleep between them.

use rayon::prelude::*;
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
            help_while(|| busy.load(Ordering::Acquire));
        });
        let result = work();
        drop(mark);
        result
    })
}

/// Do what there is to do for this thread, as long as a condition holds.
fn help_while(condition: impl Fn() -> bool) {
    while condition() {
        if rayon::yield_now() != Some(rayon::Yield::Executed) {
            // Other programs may want this processor.
            std::thread::yield_now();
        }
    }
}

/// Counts down at the end of a task, whatever the end is.
struct Task<'a>(&'a AtomicUsize);

impl Drop for Task<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

/// Work on each item, which knows its number, in parallel. Results are in the order of the items.
///
/// Items are the grain: each should be worth some microseconds. A thread that leads others in [`awake`] does not fall asleep
/// either while it waits for their last items.
///
/// ```
/// let squares = vitric::parallel::each(vec![2, 3, 4], |_, x| x * x);
/// assert_eq!(squares, [4, 9, 16]);
/// ```
pub fn each<T: Send, R: Send>(items: Vec<T>, work: impl Fn(usize, T) -> R + Sync) -> Vec<R> {
    if rayon::current_num_threads() == 1 {
        return items.into_iter().enumerate().map(|(number, item)| work(number, item)).collect();
    }
    if !LEADS.get() {
        return items.into_par_iter().with_max_len(1).enumerate().map(|(number, item)| work(number, item)).collect();
    }
    let left = AtomicUsize::new(items.len());
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    rayon::in_place_scope(|scope| {
        for (number, (item, result)) in items.into_iter().zip(&mut results).enumerate() {
            let (work, left) = (&work, &left);
            scope.spawn(move |_| {
                let _task = Task(left);
                *result = Some(work(number, item));
            });
        }
        help_while(|| left.load(Ordering::Acquire) > 0);
    });
    results.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn results_are_in_the_order_of_the_items() {
        let expected: Vec<usize> = (0..40).map(|k| 2 * k).collect();
        let doubled = || {
            let mut numbers: Vec<usize> = (0..40).collect();
            each(numbers.iter_mut().collect(), |place, number: &mut usize| *number += place);
            each(numbers, |_, number| number)
        };
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(pool.install(doubled), expected);
            assert_eq!(pool.install(|| awake(2, doubled)), expected);
        }
        assert_eq!(doubled(), expected);
    }

    #[test]
    fn an_error_and_a_panic_let_the_others_go() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        assert_eq!(pool.install(|| awake(1, || Err::<(), u8>(3))), Err(3));
        let work = || pool.install(|| awake(1, || -> u32 { panic!("a test") }));
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        assert!(panicked.is_err());
        let one_panics = || each((0..9).collect(), |_, k: u32| if k == 4 { panic!("a test") } else { k });
        let work = || pool.install(|| awake(1, one_panics));
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        assert!(panicked.is_err());
        assert_eq!(pool.install(|| awake(1, sum)), 499_500);
    }
}
