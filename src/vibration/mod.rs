//! Vibrations around an inherent structure: normal modes, participation, mean squared displacements.

mod eigen;
pub mod harmonic;
pub mod modes;
pub mod motion;
pub mod thermal;

pub use harmonic::Harmonic;
pub use modes::{ModeSearch, Modes};
pub use motion::{Motion, flexibility_volume};
pub use thermal::{Average, Diffusion, Vibration};
