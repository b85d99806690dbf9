//! Neighbours, Voronoi cells and functions of distance.

use crate::per_atom::{GLASS, Work};
use divan::Bencher;
use vitric::descriptor::{ExcessEntropy, RadialDistribution};
use vitric::neighbor::{Images, Neighbors, Voronoi};
use vitric::observer::Silent;

/// Reach of lists and functions [A].
const REACH: f64 = 7.6;

#[divan::bench(max_time = 1)]
fn images(bencher: Bencher) {
    let c = GLASS.configuration();
    let work = Work { atoms: c.len(), pairs: 0 };
    work.time(bencher, "images", || Images::new(&c.cell, &c.positions, 2.0).unwrap());
}

#[divan::bench(max_time = 1)]
fn neighbors(bencher: Bencher) {
    let c = GLASS.configuration();
    Work::of(c, REACH).time(bencher, "neighbors", || Neighbors::new(&c.cell, &c.positions, REACH).unwrap());
}

#[divan::bench(max_time = 1)]
fn voronoi(bencher: Bencher) {
    let c = GLASS.configuration();
    let work = Work { atoms: c.len(), pairs: 0 };
    work.time(bencher, "voronoi", || Voronoi::default().cells(&c.cell, &c.positions).unwrap());
}

#[divan::bench(max_time = 1)]
fn radial_distribution(bencher: Bencher) {
    let c = GLASS.configuration();
    let names = ["Cu".to_string(), "Zr".to_string()];
    Work::of(c, REACH).time(bencher, "radial distribution", || {
        RadialDistribution::new(&[(&c.cell, &c.positions)], &c.species, &names, REACH, 380, &Silent).unwrap()
    });
}

#[divan::bench(max_time = 1)]
fn excess_entropy(bencher: Bencher) {
    let c = GLASS.configuration();
    Work::of(c, REACH).time(bencher, "excess entropy", || {
        ExcessEntropy::default().each(&c.cell, &c.positions, &c.species, 2, &[REACH], &Silent).unwrap()
    });
}
