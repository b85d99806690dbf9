//! A scripting environment for the physics of glasses.
//!
//! Modules stand in the order of dependence: each uses only those above it.
//!
//! # Notation
//!
//! Positions, forces and directions are lists of three-vectors, one for each atom. Kernels are consistent in eV,
//! angstrom and u (see [`units`]) and know neither kelvin nor picosecond.
//!
//! # Bibliography
//!
//! The analysis of a glass is that of Wei et al., PRB 99, 014115 (2019), <https://doi.org/10.1103/PhysRevB.99.014115>. What each part rests on
//! is named where it is used; the main sources:
//!
//! - potential: Finnis, Sinclair, Philos. Mag. A 50, 45 (1984), <https://doi.org/10.1080/01418618408244210>; Mendelev et al., Philos. Mag. 89,
//!   967 (2009), <https://doi.org/10.1080/14786430902832773>
//! - dynamics: Martyna, Tuckerman, Tobias, Klein, Mol. Phys. 87, 1117 (1996), <https://doi.org/10.1080/00268979600100761>
//! - minimisation: Bitzek et al., PRL 97, 170201 (2006), <https://doi.org/10.1103/PhysRevLett.97.170201>; Liu, Nocedal, Math. Program. 45, 503
//!   (1989), <https://doi.org/10.1007/BF01589116>
//! - saddles: Barkema, Mousseau, PRL 77, 4358 (1996), <https://doi.org/10.1103/PhysRevLett.77.4358>; Malek, Mousseau, PRE 62, 7723 (2000),
//!   <https://doi.org/10.1103/PhysRevE.62.7723>; the path over them: E, Ren, Vanden-Eijnden, J. Chem. Phys. 126, 164103 (2007),
//!   <https://doi.org/10.1063/1.2720838>
//! - descriptors: Ding et al., Nat. Commun. 7, 13733 (2016), <https://doi.org/10.1038/ncomms13733>; Piaggi, Parrinello, J. Chem. Phys. 147,
//!   114112 (2017), <https://doi.org/10.1063/1.4998408>; Widmer-Cooper et al., Nat. Phys. 4, 711 (2008), <https://doi.org/10.1038/nphys1025>;
//!   Falk, Langer, PRE 57, 7192 (1998), <https://doi.org/10.1103/PhysRevE.57.7192>
//!
//! ```
//! use vitric::potential::Potential;
//! let potential = Potential::built_in("CuZr-2009")?;
//! assert_eq!(potential.cutoff(), 7.6);
//! # Ok::<(), vitric::error::Error>(())
//! ```

pub mod error;
pub mod units;

pub mod observer;

pub mod file;

pub mod parallel;

pub mod random;

pub mod math;

pub mod cell;

pub mod table;

pub mod configuration;

pub mod neighbor;

pub mod potential;

pub mod glass;

pub mod io;

pub mod minimize;

pub mod dynamics;

pub mod vibration;

pub mod deformation;

pub mod saddle;

pub mod descriptor;

pub mod plot;

#[cfg(feature = "script")]
pub mod script;

#[cfg(feature = "script")]
pub mod repl;
