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
    /// row by row: AA, AB, BA, BB; a single number holds for all pairs.
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
    /// The reduced temperature 1 is 1*eV/k_B, or 11604 K, and the reduced time 1 is 10.18 fs: a melt needs a time step of 0.03 fs
    /// and thermostats as short, where the defaults are made for metals.
    ///
    /// ```rhai
    /// print(kob_andersen().species_names);
    /// ```
    ///
    /// ```rhai,slow
    /// let liquid = melt("A80B20", #{
    ///     potential: kob_andersen(), atoms: 1000, temperature: 1*eV/k_B, time: 0.5*ps,
    ///     time_step: 0.03*fs, damping: 1*fs, cell_damping: 10*fs, seed: 1,
    /// });
    /// let glass = liquid.quench(#{
    ///     to: 0.1*eV/k_B, rate: 1*eV/k_B/(0.5*ps), cell: "iso", time_step: 0.03*fs, damping: 1*fs, cell_damping: 10*fs,
    /// });
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
