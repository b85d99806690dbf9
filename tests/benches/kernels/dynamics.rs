//! Steps of molecular dynamics, and of the search for saddles.

use crate::per_atom::{GLASS, Work};
use divan::Bencher;
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use vitric::cell::Vector;
use vitric::configuration::Configuration;
use vitric::dynamics::{Dynamics, Ensemble, ParrinelloRahman};
use vitric::minimize::Minimize;
use vitric::observer::Silent;
use vitric::potential::{LocalEngine, Surroundings};
use vitric::saddle::lanczos::{Lanczos, Stop};
use vitric::saddle::{Artn, Search};

/// Steps that are timed together; the list is made anew a few times in them.
const STEPS: usize = 100;

/// The glass at 300 K.
static WARM: LazyLock<Configuration> = LazyLock::new(|| run(GLASS.configuration(), Ensemble::Nve, Some(600.0), 200).1);

/// The glass at its minimum.
static MINIMUM: LazyLock<Configuration> = LazyLock::new(|| {
    Minimize::default().run(GLASS.configuration(), GLASS.potential().unwrap(), &Silent).unwrap().configuration
});

/// The time of some steps without that of the start, and what they lead to.
fn run(c: &Configuration, ensemble: Ensemble, warm_to: Option<f64>, steps: usize) -> (Duration, Configuration) {
    let time = steps as f64 * Dynamics::default().time_step;
    let dynamics = Dynamics { ensemble, initial_temperature: warm_to, time, ..Default::default() };
    let mut start = Instant::now();
    let mut sample = |time: f64, _: &_| {
        if time == 0.0 {
            start = Instant::now();
        }
    };
    let end = dynamics.run_sampled(c, GLASS.potential().unwrap(), &Silent, usize::MAX, &mut sample).unwrap();
    (start.elapsed(), end.configuration)
}

#[divan::bench(args = ["constant energy", "constant stress"], sample_count = 3, sample_size = 1)]
fn step(bencher: Bencher, name: &str) {
    let ensemble = match name {
        "constant energy" => Ensemble::Nve,
        _ => Ensemble::ParrinelloRahman(ParrinelloRahman::default()),
    };
    let work = Work::of(&WARM, GLASS.potential().unwrap().cutoff()).times(STEPS);
    work.time_of(bencher, &format!("step at 300 K, {name}"), || run(&WARM, ensemble.clone(), None, STEPS));
}

/// The lowest curvature of the atoms within 8 A of one.
#[divan::bench(max_time = 1)]
fn lanczos(bencher: Bencher) {
    let c = &*MINIMUM;
    let apart = |k: usize| c.cell.minimum_image(c.positions[k] - c.positions[0]).norm();
    let active: Vec<usize> = (0..c.len()).filter(|&k| apart(k) < 8.0).collect();
    let surroundings = Surroundings::new(GLASS.potential().unwrap(), c).unwrap();
    let mut local = LocalEngine::within(&surroundings, &active).unwrap();
    let hessian = local.hessian(&local.start_positions()).unwrap();
    let mut lanczos = Lanczos::default();
    let stop = Stop { vectors: 16, change: 0.0, residual: 0.0 };
    let work = Work { atoms: active.len(), pairs: 0 };
    work.time(bencher, "lanczos, 16 products, 8 A", || {
        let mut vector: Vec<Vector> =
            (0..active.len()).map(|k| Vector::new(k as f64, 1.0, -1.0).map(f64::sin)).collect();
        lanczos.lowest(&mut |v, out| hessian.apply(v, out), &mut vector, stop)
    });
}

/// Whole searches from one atom.
#[divan::bench(sample_count = 4, sample_size = 1)]
fn artn(bencher: Bencher) {
    let search = Search::new(Artn::default(), &MINIMUM, GLASS.potential().unwrap()).unwrap();
    let mut attempt = 0;
    let mut all = Duration::ZERO;
    Work { atoms: 1, pairs: 0 }.time_of(bencher, "artn, mean of the searches from one atom", || {
        let start = Instant::now();
        let event = search.run(0, attempt, 1).unwrap();
        all += start.elapsed();
        attempt += 1;
        (all / attempt as u32, event)
    });
}
