//! Reading and writing in scripts.

use super::glass::SharedPotential;
use super::{Library, Raw};
use crate::potential::Potential;
use rhai::plugin::*;

#[export_module]
mod binding {
    /// A potential: built in by name, or read from a file.
    ///
    /// ```rhai
    /// let p = potential("CuZr-2009");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn potential(name: &str) -> Raw<SharedPotential> {
        Ok(Potential::built_in(name)?)
    }
}

pub(super) fn register(library: &mut Library) {
    library.add("files", exported_module!(binding));
}
