//! Units as constants: a number is multiplied by its unit, as in `1e12*K/second`.

use super::Library;
use crate::units;

/// Base units of the scripts: eV, angstrom, ps, K, u.
const UNITS: &[(&str, f64, &str)] = &[
    ("K", 1.0, "kelvin"),
    ("eV", 1.0, "electronvolt"),
    ("meV", 1e-3, "millielectronvolt"),
    ("angstrom", 1.0, "angstrom, 1e-10 m"),
    ("nm", 10.0, "nanometre"),
    ("ps", 1.0, "picosecond"),
    ("fs", 1e-3, "femtosecond"),
    ("ns", 1e3, "nanosecond"),
    ("us", 1e6, "microsecond"),
    ("second", 1e12, "second, as in a cooling rate: 1e12*K/second"),
    ("minute", 6e13, "minute, as in a cooling rate: 10*K/minute"),
    ("THz", 1.0, "terahertz, 1/ps"),
    ("u", 1.0, "unified atomic mass unit"),
    ("GPa", units::GIGAPASCAL, "gigapascal in eV/A^3"),
    ("MPa", 1e-3 * units::GIGAPASCAL, "megapascal in eV/A^3"),
    ("bar", 1e-4 * units::GIGAPASCAL, "bar in eV/A^3"),
    ("degree", std::f64::consts::PI / 180.0, "degree in radians"),
    ("percent", 1e-2, "one hundredth"),
    ("pi", std::f64::consts::PI, "3.14159..."),
    ("infinity", f64::INFINITY, "larger than every number"),
    ("nan", f64::NAN, "not a number: a value that does not exist"),
    ("k_B", units::BOLTZMANN, "Boltzmann constant [eV/K]"),
    ("hbar", units::HBAR, "reduced Planck constant [eV ps]"),
];

/// The number of a unit or constant.
pub(super) fn value(name: &str) -> Option<f64> {
    UNITS.iter().find(|unit| unit.0 == name).map(|unit| unit.1)
}

pub(super) fn register(library: &mut Library) {
    for (name, value, text) in UNITS {
        library.constant("units", name, *value, text);
    }
}
