//! The script language: Rhai, bound to the modules of the library.
//!
//! A binding file holds no physics: it reads options, makes one library call and returns the result. ARCHITECTURE.md
//! shows how to add one.

// The macro that exports a binding module expands to calls of unwrap.
#![allow(clippy::unwrap_used)]

mod check;
mod column;
mod deformation;
mod dynamics;
mod engine;
mod error;
mod glass;
pub mod help;
mod io;
mod library;
mod lower;
mod minimize;
mod neighbor_sum;
mod options;
mod plot;
mod potential;
mod saddle;
mod scan;
mod stdlib;
mod structure;
mod system;
mod table;
mod terminal;
mod units;
mod vibration;

pub use engine::{Outcome, Session, Settings};
pub use error::{Raw, Report, fail};
pub use help::Entry;
pub use library::Library;
pub use options::{Given, Options, number, numbers};
pub use terminal::{Terminal, interrupt, observer};
