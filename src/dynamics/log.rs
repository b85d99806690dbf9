//! The table of a run.

use super::State;
use crate::error::Result;
use crate::table::{Column, Table};
use crate::units;

/// Name and unit of each column after the time.
const COLUMNS: [(&str, &str); 15] = [
    ("time", "ps"),
    ("temperature", "K"),
    ("potential_energy", "eV/atom"),
    ("kinetic_energy", "eV/atom"),
    ("total_energy", "eV/atom"),
    ("conserved", "eV/atom"),
    ("volume", "A^3/atom"),
    ("density", "g/cm^3"),
    ("pressure", "GPa"),
    ("stress_xx", "GPa"),
    ("stress_yy", "GPa"),
    ("stress_zz", "GPa"),
    ("stress_yz", "GPa"),
    ("stress_xz", "GPa"),
    ("stress_xy", "GPa"),
];

/// Rows of a run.
pub(super) struct Log {
    mass: f64,
    rows: Vec<[f64; COLUMNS.len()]>,
}

impl Log {
    pub fn new(state: &State) -> Log {
        Log { mass: state.total_mass(), rows: Vec::new() }
    }

    pub fn record(&mut self, time: f64, state: &State, reservoir: f64) {
        let atoms = state.len() as f64;
        let (potential, kinetic) = (state.potential_energy(), state.kinetic_energy());
        let volume = state.cell.volume();
        let stress = state.stress();
        self.rows.push([
            time,
            state.temperature(),
            potential / atoms,
            kinetic / atoms,
            (potential + kinetic) / atoms,
            (potential + kinetic + reservoir) / atoms,
            volume / atoms,
            self.mass / volume * units::DENSITY,
            -stress.trace() / 3.0,
            stress[(0, 0)],
            stress[(1, 1)],
            stress[(2, 2)],
            stress[(1, 2)],
            stress[(0, 2)],
            stress[(0, 1)],
        ]);
    }

    /// All rows, number by number.
    pub fn numbers(&self) -> Vec<f64> {
        self.rows.concat()
    }

    /// Take the rows of another log; none when they are not whole.
    pub fn restore(&mut self, numbers: &[f64]) -> Option<()> {
        let (rows, rest) = numbers.as_chunks();
        self.rows = rows.to_vec();
        rest.is_empty().then_some(())
    }

    /// Temperature and energy of the last row.
    pub fn note(&self) -> String {
        self.rows.last().map_or(String::new(), |row| format!("{:.0} K, {:.4} eV/atom", row[1], row[2]))
    }

    pub fn table(&self) -> Result<Table> {
        let column = |k: usize| Column::float(COLUMNS[k].0, COLUMNS[k].1, self.rows.iter().map(|row| row[k]).collect());
        Table::from_columns((0..COLUMNS.len()).map(column).collect())
    }
}
