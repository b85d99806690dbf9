//! Inherent structures in scripts.

use super::{Library, Options, Raw, fail, observer};
use crate::glass::Glass;
use crate::minimize::{Freedom, Minimize};
use crate::units::GIGAPASCAL_PER_EV_PER_CUBIC_ANGSTROM;
use rhai::Map;
use rhai::plugin::*;

#[export_module]
mod binding {
    /// Relax the glass to its inherent structure, at rest.
    ///
    /// A relaxation that ends early, because it is stopped or out of evaluations, says so and gives what it reached. `.log` is
    /// a table with the energy and the largest force at each evaluation; the `.history` says how many there were.
    ///
    /// - `method`: "cg" (conjugate gradient, the default), "fire" or "lbfgs"
    /// - `force_tolerance`: largest norm of the force on one atom [eV/A], 1e-6
    /// - `cell`: "fixed" (the default), "iso" (the volume relaxes) or "flexible" (all six components of the stress go to their target)
    /// - `pressure`: target pressure of a free cell [eV/A^3], 0; as in `2*GPa`
    /// - `max_evaluations`: most evaluations of the forces, 100000
    ///
    /// ```rhai
    /// let relaxed = glass.minimize(#{ method: "lbfgs", force_tolerance: 1e-4 });
    /// print(relaxed.log.rows);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn minimize(glass: Glass, options: Map) -> Raw<Glass> {
        let known = ["method", "force_tolerance", "cell", "pressure", "max_evaluations"];
        let options = Options::new("minimize", options, &known)?;
        let minimize = Minimize {
            method: options.choice("method", &["cg", "fire", "lbfgs"])?.or("cg".into()).parse()?,
            force_tolerance: options.positive("force_tolerance")?.or(1e-6),
            cell: options.choice("cell", &["fixed", "iso", "flexible"])?.or("fixed".into()).parse()?,
            pressure: options.float("pressure")?.or(0.0) * GIGAPASCAL_PER_EV_PER_CUBIC_ANGSTROM,
            max_evaluations: options.count("max_evaluations")?.or(100_000),
        };
        if options.has("pressure") && minimize.cell == Freedom::Fixed {
            return fail("minimize: `pressure` needs a cell that can move: give `cell: \"iso\"` or \"flexible\"");
        }
        let end = minimize.run(glass.configuration(), glass.potential()?, observer())?;
        let (n, force) = (end.evaluations, end.largest_force);
        if !end.converged {
            observer().say(&format!("minimize: not converged after {n} evaluations, largest force {force:.2e} eV/A"));
        }
        let step = format!("{}, largest force {force:.2e} eV/A after {n} evaluations", options.record());
        Ok(glass.then(end.configuration, step).with_log(end.log))
    }
}

pub(super) fn register(library: &mut Library) {
    library.add("minimize", exported_module!(binding));
}
