//! Samples that several tests share.

use std::path::Path;
use vitric::glass::Glass;
use vitric::io::{ReadOptions, read};
use vitric::potential::Potential;

/// Cu128Zr128 glass, minimised at a fixed box with LAMMPS (22 Jul 2025) and the table Cu-Zr_2.eam.fs; with the potential of
/// 2009, which the table holds.
pub fn glass256() -> Glass {
    let potential = Some(Potential::built_in("CuZr-2009").unwrap());
    let options = ReadOptions { potential, species: vec!["Cu".into(), "Zr".into()], frame: None };
    read(Path::new("tests/data/glass256.data"), &options).unwrap()
}
