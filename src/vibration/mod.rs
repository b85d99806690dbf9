//! Vibrations around an inherent structure: normal modes, participation, mean squared displacements.

mod eigen;
pub mod modes;
pub mod motion;

pub use modes::{ModeSearch, Modes};
pub use motion::{Motion, flexibility_volume};
