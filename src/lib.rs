//! A scripting environment for the physics of glasses.
//!
//! Modules stand in the order of dependence: each uses only those above it.
//!
//! # Notation
//!
//! Positions, forces and directions are lists of three-vectors, one for each atom. Kernels are consistent in eV,
//! angstrom and u (see [`units`]) and know neither kelvin nor picosecond.
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
