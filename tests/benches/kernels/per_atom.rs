//! Times as they are compared: divided by the number of atoms and of pairs.

use divan::Bencher;
use divan::counter::ItemsCount;
use std::path::Path;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};
use vitric::configuration::Configuration;
use vitric::glass::Glass;
use vitric::io::{ReadOptions, read};
use vitric::neighbor::Neighbors;

/// The glass that is part of the program.
pub static GLASS: LazyLock<Glass> =
    LazyLock::new(|| read(Path::new("Cu50Zr50-19652"), &ReadOptions::default()).unwrap());

/// Lines of the table: name, work, shortest time.
static TABLE: Mutex<Vec<(String, Work, Duration)>> = Mutex::new(Vec::new());

/// What a kernel works on.
#[derive(Clone, Copy)]
pub struct Work {
    pub atoms: usize,
    /// Zero where pairs do not count.
    pub pairs: usize,
}

impl Work {
    /// All atoms, and their pairs within a distance.
    pub fn of(c: &Configuration, distance: f64) -> Work {
        let neighbors = Neighbors::new(&c.cell, &c.positions, distance).unwrap();
        let pairs = (0..neighbors.len()).map(|atom| neighbors.count(atom)).sum::<usize>() / 2;
        Work { atoms: c.len(), pairs }
    }

    /// The same so many times.
    pub fn times(self, number: usize) -> Work {
        Work { atoms: number * self.atoms, pairs: number * self.pairs }
    }

    /// Time a kernel.
    pub fn time<T>(self, bencher: Bencher, name: &str, mut run: impl FnMut() -> T) {
        self.time_of(bencher, name, || {
            let start = Instant::now();
            let value = run();
            (start.elapsed(), value)
        });
    }

    /// Time a kernel that says how long it took, which leaves out its preparations.
    pub fn time_of<T>(self, bencher: Bencher, name: &str, mut run: impl FnMut() -> (Duration, T)) {
        let mut best = Duration::MAX;
        bencher.counter(ItemsCount::new(self.atoms)).bench_local(|| {
            let (time, value) = run();
            best = best.min(time);
            value
        });
        if best < Duration::MAX {
            TABLE.lock().unwrap().push((name.into(), self, best));
        }
    }
}

/// Print the table of what was timed; false when that is nothing.
pub fn print() -> bool {
    let table = TABLE.lock().unwrap();
    if table.is_empty() {
        return false;
    }
    println!("\n| kernel | atoms | ns per atom | pairs | ns per pair |\n|---|---|---|---|---|");
    for (name, work, time) in table.iter() {
        let ns = time.as_secs_f64() * 1e9;
        let pairs = match work.pairs {
            0 => " | ".into(),
            pairs => format!("{pairs} | {:.2}", ns / pairs as f64),
        };
        println!("| {name} | {} | {:.1} | {pairs} |", work.atoms, ns / work.atoms as f64);
    }
    true
}
