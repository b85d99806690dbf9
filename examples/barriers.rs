//! Activation barriers around a few atoms of a glass: bring it to its inherent structure, then push each atom over the
//! saddle points near it by the activation-relaxation technique.
//!
//! `cargo run --release --example barriers -- glass.extxyz 5` tries the first five atoms of a file, such as the one that the
//! example `melt_quench` leaves, twice each, and leaves `events.csv` in the working directory.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use vitric::error::Result;
use vitric::io::{self, ReadOptions};
use vitric::minimize::Minimize;
use vitric::observer::Silent;
use vitric::saddle::statistics::{Statistic, activation_energies, barriers_of, outcome_table};
use vitric::saddle::{Artn, Campaign, Goal, Search};
use vitric::table::Table;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().unwrap_or("glass.extxyz".into());
    let atoms = arguments.next().map_or(5, |text| text.parse().expect("the number of atoms is a whole number"));
    run(file.as_ref(), atoms, Path::new("."))
}

/// Two tries for each of the first atoms of the glass in a file; results go to a folder.
pub fn run(file: &Path, atoms: usize, folder: &Path) -> Result<()> {
    // A file without a potential gets that of 2009 for Cu and Zr.
    let glass = io::read(file, &ReadOptions::default())?;
    let potential = glass.potential()?;
    let quench = Minimize { force_tolerance: 1e-6, ..Minimize::default() };
    let minimum = quench.run(glass.configuration(), potential, &Silent)?;
    println!("{} atoms, largest force {:.1e} eV/A", glass.len(), minimum.largest_force);

    let search = Search::new(Artn::default(), &minimum.configuration, potential)?;
    let campaign = Campaign { atoms: (0..atoms).collect(), goal: Goal::Tries(2), seed: 1, shard: None, store: None };
    let events = search.campaign(&campaign, &Silent)?;
    let table = Table::from_columns(events.columns())?;
    println!("{}", outcome_table(&table)?);
    for found in activation_energies(&barriers_of(&table)?, Statistic::Mean) {
        println!("atom {}: {:.3} eV from {} events", found.atom, found.energy, found.events);
    }
    table.save(folder.join("events.csv"))
}
