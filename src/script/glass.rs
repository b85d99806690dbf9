//! Potentials and glasses in scripts.

use super::{Library, Raw};
use crate::glass::Glass;
use crate::potential::Potential;
use rhai::plugin::*;
use std::sync::Arc;

/// A potential as scripts hold it.
pub type SharedPotential = Arc<Potential>;

#[export_module]
mod binding {
    /// Number of atoms.
    #[rhai_fn(get = "atoms")]
    pub fn atoms(glass: &mut Glass) -> i64 {
        glass.len() as i64
    }

    /// Potential energy [eV].
    #[rhai_fn(get = "energy", return_raw)]
    pub fn energy(glass: &mut Glass) -> Raw<f64> {
        Ok(glass.energy()?)
    }

    /// Volume of the cell [A^3].
    #[rhai_fn(get = "volume")]
    pub fn volume(glass: &mut Glass) -> f64 {
        glass.cell().volume()
    }

    /// Mass density [g/cm^3].
    #[rhai_fn(get = "density")]
    pub fn density(glass: &mut Glass) -> f64 {
        glass.configuration().density()
    }
}

fn line(glass: &Glass) -> String {
    let configuration = glass.configuration();
    let counts = configuration.counts();
    let parts: Vec<String> = configuration.elements.iter().zip(counts).map(|(e, n)| format!("{}{n}", e.name)).collect();
    let density = configuration.density();
    format!("Glass {}: {} atoms, {:.1} A^3, {density:.3} g/cm^3", parts.join(" "), glass.len(), glass.cell().volume())
}

pub(super) fn register(library: &mut Library) {
    library.value::<Glass>("Glass", line);
    library.value::<SharedPotential>("Potential", |p| format!("Potential {}", p.label()));
    library.add("glass", exported_module!(binding));
}
