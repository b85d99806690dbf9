//! Unit system and physical constants.
//!
//! Kernels are consistent in electronvolt, angstrom and unified atomic mass unit, so their unit of time is
//! `angstrom * sqrt(u / eV)`, about 10.18 fs. Scripts and files speak eV, angstrom, ps, K, u and GPa; the
//! constants below convert at the boundary. Values: CODATA 2018, <https://doi.org/10.1103/RevModPhys.93.025010>.

/// Boltzmann constant [eV/K].
pub const BOLTZMANN: f64 = 8.617_333_262e-5;

/// Reduced Planck constant [eV ps].
pub const HBAR: f64 = 6.582_119_569e-4;

/// One kernel unit of time [ps]: `angstrom * sqrt(u / eV)`.
pub const TIME: f64 = 1.018_050_571_e-2;

/// One picosecond in kernel units of time.
pub const PICOSECOND: f64 = 1.0 / TIME;

/// One eV per cubic angstrom in GPa.
pub const GIGAPASCAL_PER_EV_PER_CUBIC_ANGSTROM: f64 = 160.217_663_4;

/// One GPa in eV per cubic angstrom.
pub const GIGAPASCAL: f64 = 1.0 / GIGAPASCAL_PER_EV_PER_CUBIC_ANGSTROM;

/// One u per cubic angstrom in grams per cubic centimetre.
pub const DENSITY: f64 = 1.660_539_066_60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_unit_follows_from_energy_length_and_mass() {
        let seconds = (1.660_539_066_60e-27 * 1e-20 / 1.602_176_634e-19_f64).sqrt();
        assert!((seconds * 1e12 / TIME - 1.0).abs() < 1e-9);
    }
}
