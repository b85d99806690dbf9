//! Model potentials in scripts.

use super::glass::SharedPotential;
use super::{Library, Options, Raw};
use crate::potential::lennard_jones::LennardJones;
use rhai::Map;
use rhai::plugin::*;

#[export_module]
mod binding {
    /// The Lennard-Jones potential, cut and shifted: `4 epsilon [(sigma/r)^12 - (sigma/r)^6]`.
    ///
    /// A mixture has lists of names and masses. Its epsilon and sigma are lists too, one number for each pair of species,
    /// row by row: AA, AB, BA, BB.
    ///
    /// - `epsilon`: depth of the well [eV]
    /// - `sigma`: distance of zero energy [A]
    /// - `cutoff`: where the potential ends, in units of sigma, 2.5
    /// - `mass`: mass of an atom [u]
    /// - `name`: name of the species
    ///
    /// ```rhai
    /// let argon = lennard_jones(#{ epsilon: 0.0104, sigma: 3.4, mass: 39.948, name: "Ar" });
    /// print(argon.cutoff);
    /// let mixture = lennard_jones(#{
    ///     epsilon: [1.0, 1.5, 1.5, 0.5], sigma: [1.0, 0.8, 0.8, 0.88], mass: [1, 1], name: ["A", "B"],
    /// });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn lennard_jones(options: Map) -> Raw<SharedPotential> {
        let options = Options::new("lennard_jones", options, &["epsilon", "sigma", "cutoff", "mass", "name"])?;
        let needed = |name: &str| match options.floats(name)? {
            Some(list) => Ok(list),
            // Reading it as a number gives the usual error.
            None => options.positive(name)?.required().map(|x| vec![x]),
        };
        let names = match options.texts("name")? {
            Some(names) => names,
            None => vec![options.text("name")?.required()?],
        };
        let cutoff = options.positive("cutoff")?.or(2.5);
        let model = LennardJones::mixture(names, needed("mass")?, needed("epsilon")?, needed("sigma")?, cutoff)?;
        Ok(model.potential("Lennard-Jones")?)
    }

    /// The binary Lennard-Jones mixture of Kob and Andersen, PRE 51, 4626 (1995): species A and B, usually 80 and 20 percent,
    /// with the energy, distance and mass of A as 1 eV, 1 A and 1 u.
    ///
    /// ```rhai
    /// print(kob_andersen().species_names);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn kob_andersen() -> Raw<SharedPotential> {
        Ok(LennardJones::kob_andersen().potential("Kob-Andersen")?)
    }

    /// The binary Lennard-Jones mixture of Wahnstrom, PRA 44, 3752 (1991): species A, the larger, and B, half and half,
    /// with the energy and distance of A as 1 eV and 1 A, and masses 2 u and 1 u.
    ///
    /// ```rhai
    /// print(wahnstrom().cutoff);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn wahnstrom() -> Raw<SharedPotential> {
        Ok(LennardJones::wahnstrom().potential("Wahnstrom")?)
    }
}

pub(super) fn register(library: &mut Library) {
    library.add("potentials", exported_module!(binding));
}
