//! A glass from a melt: pack atoms at random, hold the liquid, cool it at constant pressure, and compare the radial
//! distribution functions of liquid and glass.
//!
//! `cargo run --release --example melt_quench -- 400 1e14 4` takes 400 atoms, cools them at 1e14 K/s after 4 ps as a
//! liquid, and leaves `glass.extxyz` and `radial_distribution.csv` in the working directory. Without arguments the sizes are
//! these; a glass to be trusted has thousands of atoms and is cooled a thousand times slower.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::sync::Arc;
use vitric::configuration::Configuration;
use vitric::descriptor::RadialDistribution;
use vitric::dynamics::{Dynamics, Ensemble, Langevin, ParrinelloRahman, Ramp};
use vitric::error::Result;
use vitric::glass::Glass;
use vitric::glass::packing::Packing;
use vitric::io;
use vitric::minimize::{Freedom, Minimize};
use vitric::observer::Silent;
use vitric::potential::Potential;
use vitric::table::{Column, Table};

/// Temperature of the liquid [K].
const LIQUID: f64 = 2000.0;

fn main() -> Result<()> {
    let argument = |place: usize, standard: f64| {
        std::env::args().nth(place).map_or(standard, |text| text.parse().expect("the arguments are numbers"))
    };
    run(argument(1, 400.0) as usize, argument(2, 1e14), argument(3, 4.0), Path::new("."))
}

/// Make a glass of some atoms at a cooling rate [K/s], after a time as a liquid [ps]; results go to a folder.
pub fn run(atoms: usize, rate: f64, time: f64, folder: &Path) -> Result<()> {
    let potential = Potential::built_in("CuZr-2009")?;
    let liquid = melt(atoms, time, &potential)?;
    let per_picosecond = rate * 1e-12;
    let cooled = at_zero_pressure(&liquid, Ramp { from: LIQUID, to: 1.0 }, LIQUID / per_picosecond, &potential)?;
    let minimum = Minimize { force_tolerance: 1e-5, ..Minimize::default() }.run(&cooled, &potential, &Silent)?;
    let energy = minimum.energy / atoms as f64;
    println!(
        "inherent structure: {energy:.4} eV/atom, {:.2} A^3/atom",
        minimum.configuration.cell.volume() / atoms as f64
    );
    let glass = Glass::new(minimum.configuration, Some(potential));
    io::write(&folder.join("glass.extxyz"), &glass)?;

    let to = 0.5 * liquid.cell.smallest_width().min(glass.cell().smallest_width());
    let (hot, cold) = (radial(&liquid, to)?, radial(glass.configuration(), to)?);
    let first = |g: &RadialDistribution| g.peaks(&g.total, 0.2, 0.01)[0];
    println!("first peak of the liquid: {:.2} at {:.2} A", first(&hot).value, first(&hot).distance);
    println!("first peak of the glass: {:.2} at {:.2} A", first(&cold).value, first(&cold).distance);
    let distances = (0..cold.total.len()).map(|bin| cold.distance(bin)).collect();
    Table::from_columns(vec![
        Column::float("distance", "A", distances),
        Column::float("liquid", "", hot.total),
        Column::float("glass", "", cold.total),
    ])?
    .save(folder.join("radial_distribution.csv"))
}

/// A random packing, pushed apart, warmed with friction, and held as a liquid for a time [ps].
fn melt(atoms: usize, time: f64, potential: &Arc<Potential>) -> Result<Configuration> {
    let packed = Packing { atoms, seed: 1, ..Packing::default() }.run(&"Cu50Zr50".parse()?, potential)?;
    let loose = Minimize { force_tolerance: 1.0, max_evaluations: 300, ..Minimize::default() };
    let apart = loose.run(&packed, potential, &Silent)?.configuration;
    let friction = Langevin { temperature: Ramp::constant(LIQUID), damping: 0.05 };
    let warm = Dynamics { ensemble: Ensemble::Langevin(friction), time: 1.0, seed: 2, ..Dynamics::default() };
    let warm = warm.run(&apart, potential, &Silent)?.configuration;
    at_zero_pressure(&warm, Ramp::constant(LIQUID), time, potential)
}

/// The configuration after a time [ps] along a ramp of temperature, in a cubic cell at zero pressure.
fn at_zero_pressure(
    start: &Configuration,
    temperature: Ramp,
    time: f64,
    potential: &Arc<Potential>,
) -> Result<Configuration> {
    let barostat = ParrinelloRahman { temperature, cell: Freedom::Isotropic, ..ParrinelloRahman::default() };
    let run = Dynamics { ensemble: Ensemble::ParrinelloRahman(barostat), time, ..Dynamics::default() };
    let run = run.run(start, potential, &Silent)?;
    run.failure.map_or(Ok(run.configuration), Err)
}

/// g(r) in bins of 0.05 A up to a distance.
fn radial(c: &Configuration, to: f64) -> Result<RadialDistribution> {
    let names: Vec<String> = c.elements.iter().map(|e| e.name.clone()).collect();
    let bins = (to / 0.05) as usize;
    RadialDistribution::new(&[(&c.cell, &c.positions)], &c.species, &names, 0.05 * bins as f64, bins, &Silent)
}
