//! Saddle points around a minimum: the activation-relaxation technique nouveau (ARTn).
//!
//! A search kicks one atom, pushes until the lowest eigenvalue of the Hessian is clearly negative, climbs along that mode to
//! a saddle, certifies it, and relaxes both of its sides. When that shows that it passed over another minimum on its way, it looks
//! for the saddle that leads there. What each file does:
//!
//! | file | |
//! |---|---|
//! | `push` | the direction of the kick |
//! | `lanczos` | lowest eigenpairs from Hessian products |
//! | `incomplete` | an approximate inverse of the Hessian |
//! | `region` | the atoms that take part, evaluated at the cost of those alone |
//! | `activation` | the walk to a saddle |
//! | `refine` | the saddle to a small force, with its certificate |
//! | `descent` | both sides down to their minima |
//! | `event` | what a try records |
//! | `catalog` | what a campaign knows already |
//! | `search` | one try, and a campaign of them |
//! | `path` | the path over a saddle from one minimum to the other |
//! | `store` | the journal of a campaign |
//! | `statistics` | activation energy of an atom, and the noise of it |
//!
//! Barkema, Mousseau, PRL 77, 4358 (1996), <https://doi.org/10.1103/PhysRevLett.77.4358>; Malek, Mousseau, PRE 62, 7723
//! (2000), <https://doi.org/10.1103/PhysRevE.62.7723>; Cances et al., J. Chem. Phys. 130, 114711 (2009),
//! <https://doi.org/10.1063/1.3088532>. Kick, increment, exit and convergence are those of Wei, Tang, Wang et al.,
//! PRB 99, 014115 (2019), <https://doi.org/10.1103/PhysRevB.99.014115>.

mod activation;
mod catalog;
mod descent;
pub mod event;
mod incomplete;
pub mod lanczos;
pub mod path;
pub mod push;
mod refine;
mod region;
pub mod search;
pub mod statistics;
pub mod store;
mod vectors;

use crate::error::{Error, Result};
pub use activation::Method;
pub use event::{Event, Outcome};
pub use search::{Campaign, Goal, Search};
use serde::{Deserialize, Serialize};

/// Which atoms may move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// A region around the kicked atom that grows with the event; the result is tested on all atoms.
    Local,
    /// Every atom of the sample.
    All,
}

/// All numbers of a search. Lengths in A, energies in eV.
///
/// What the paper fixes: `kick`, `kick_radius`, `increment`, `eigenvalue_threshold`, `force_tolerance`. The other values are
/// ours, from measurements on a Cu50Zr50 glass of 1372 atoms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Artn {
    /// How the climb keeps its mode.
    pub method: Method,
    /// Which atoms may move.
    pub region: Scope,
    /// Length of the kick (paper: 0.1).
    pub kick: f64,
    /// Atoms closer than this to the chosen one are kicked (paper: 2, so that it is only that one).
    pub kick_radius: f64,
    /// Kick an atom in directions that are far apart, not independent ones (paper).
    pub spread_kicks: bool,
    /// Longest push along the mode (paper: 0.15).
    pub increment: f64,
    /// Push in the basin over `increment`; the paper is silent, codes in use have 1 to 3.
    pub basin_factor: f64,
    /// Most pushes in the basin.
    pub basin_pushes: u64,
    /// Steps of relaxation across the push, after each push in the basin: few, so that kicks stay different.
    pub basin_relaxation: u64,
    /// Pushes before the first look at the lowest mode.
    pub first_lanczos: u64,
    /// The basin is left when the lowest eigenvalue is below this (paper: -0.30) [eV/A^2].
    pub eigenvalue_threshold: f64,
    /// A guarded climb that lost its mode is pushed on along it until the lowest eigenvalue is below this [eV/A^2].
    pub recovery_eigenvalue: f64,
    /// The climb ends when the largest force of the atoms that take part is below this, and a refined saddle has no larger one on any
    /// atom (paper: 0.05) [eV/A].
    pub force_tolerance: f64,
    /// Most vectors of a Lanczos iteration.
    pub lanczos_vectors: usize,
    /// Relative change of the eigenvalue that ends it.
    pub lanczos_tolerance: f64,
    /// Most vectors when the guard looks for the mode again.
    pub guard_vectors: usize,
    /// The guard acts when the curvature along the mode is above this; one step after it was below `eigenvalue_threshold` is not
    /// looked at [eV/A^2].
    pub curvature_guard: f64,
    /// Steps that the guard may undo.
    pub undo_limit: u64,
    /// Pushes that turn gradually from the kick to the mode.
    pub smoothing: u64,
    /// The push is the force over the curvature, and the curvature is taken as at least this [eV/A^2].
    pub smallest_curvature: f64,
    /// Further attempts of the classic climb to find a lost mode.
    pub retries: u64,
    /// Longest step of an atom in a relaxation.
    pub relaxation_step: f64,
    /// Most pushes of the climb.
    pub climb_pushes: u64,
    /// Most force evaluations of the search up to the saddle.
    pub force_evaluations: u64,
    /// The search is given up above this energy over the minimum [eV].
    pub energy_limit: f64,
    /// Atoms within this radius of the kicked one take part from the start.
    pub radius: f64,
    /// Pushes between two looks at whether the region must grow.
    pub growth_interval: u64,
    /// An atom displaced by more than this brings its surroundings in.
    pub growth_displacement: f64,
    /// Radius of those surroundings.
    pub growth_radius: f64,
    /// Radius around a frozen atom with too large a force that is brought in.
    pub offender_radius: f64,
    /// Radius around the most displaced atom in which a saddle is refined.
    pub refinement_radius: f64,
    /// Shell beyond it whose harmonic answer is added to the energies; 0 for none.
    pub far_field_radius: f64,
    /// The harmonic answer of a shell must be exact to a part of this, and a final minimum gets a further shell where twice as much lies
    /// beyond the last. Without `free_radius` a saddle is refined with its shell where more lies beyond that [eV].
    pub far_field_limit: f64,
    /// It is refined with it as well when the curvature of the softest direction across the mode, the shell free to move, is below this
    /// [eV/A^2].
    pub soft_eigenvalue: f64,
    /// Radius within which all atoms answer to each event; 0 for none. 43 is every atom of a glass of 20,000.
    pub free_radius: f64,
    /// They are asked for their answer when that of the shell says that more than this lies beyond it [eV].
    pub free_limit: f64,
    /// Largest force of a refined saddle [eV/A].
    pub refined_force_tolerance: f64,
    /// Largest force near a saddle in the end, when all atoms have answered [eV/A].
    pub final_force_tolerance: f64,
    /// Most Newton steps of the refinement.
    pub newton_steps: u64,
    /// Times that a search which passed over another minimum looks for the saddle that leads there.
    pub bridges: u64,
    /// Atoms within this of a minimum that was passed over, and found with more atoms than those of the search, take part in the climb
    /// towards it.
    pub bridge_radius: f64,
    /// Residual of the softest direction across the mode: of its stiffness compared with the minimum, over that.
    pub second_tolerance: f64,
    /// Length of the push off the saddle along the mode, to either side.
    pub side_push: f64,
    /// Largest force of the relaxed sides [eV/A].
    pub side_force_tolerance: f64,
    /// Most force evaluations for each side.
    pub side_evaluations: u64,
    /// Two minima are the same when no atom is displaced by more than this ...
    pub same_distance: f64,
    /// ... and their energies agree within this [eV].
    pub same_energy: f64,
    /// Events of an atom are the same when their final energies agree within this [eV],
    pub duplicate_final_energy: f64,
    /// their saddle energies within this [eV],
    pub duplicate_saddle_energy: f64,
    /// and the lengths of their displacements within this.
    pub duplicate_displacement: f64,
    /// Share of the connected events, drawn at random, that are refined once more with all atoms free.
    pub whole_cell_share: f64,
    /// The starting point must be a minimum with no larger force than this [eV/A].
    pub minimum_force: f64,
    /// End a try at a place from which an earlier one of the campaign went on.
    pub recall: bool,
    /// Keep the displacements at the saddle and in the final minimum.
    pub keep_configurations: bool,
}

impl Default for Artn {
    fn default() -> Artn {
        Artn {
            method: Method::Guarded,
            region: Scope::Local,
            kick: 0.1,
            kick_radius: 2.0,
            spread_kicks: true,
            increment: 0.15,
            basin_factor: 1.0,
            basin_pushes: 30,
            basin_relaxation: 3,
            first_lanczos: 2,
            eigenvalue_threshold: -0.30,
            recovery_eigenvalue: -0.05,
            force_tolerance: 0.05,
            lanczos_vectors: 16,
            lanczos_tolerance: 1e-2,
            guard_vectors: 10,
            curvature_guard: -0.05,
            undo_limit: 30,
            smoothing: 2,
            smallest_curvature: 0.5,
            retries: 3,
            relaxation_step: 0.1,
            climb_pushes: 150,
            force_evaluations: 800,
            energy_limit: 8.0,
            radius: 12.0,
            growth_interval: 5,
            growth_displacement: 0.5,
            growth_radius: 8.0,
            offender_radius: 6.0,
            refinement_radius: 17.0,
            far_field_radius: 8.0,
            far_field_limit: 0.0105,
            soft_eigenvalue: 0.02,
            free_radius: 43.0,
            free_limit: 3e-3,
            refined_force_tolerance: 3e-3,
            final_force_tolerance: 1e-3,
            newton_steps: 40,
            bridges: 2,
            bridge_radius: 14.0,
            second_tolerance: 0.3,
            side_push: 0.25,
            side_force_tolerance: 1e-3,
            side_evaluations: 2000,
            same_distance: 0.1,
            same_energy: 5e-3,
            duplicate_final_energy: 5e-3,
            duplicate_saddle_energy: 0.01,
            duplicate_displacement: 0.1,
            whole_cell_share: 0.01,
            minimum_force: 1e-3,
            recall: true,
            keep_configurations: false,
        }
    }
}

impl Artn {
    /// An error that names the option when a number is out of its range.
    pub fn check(&self) -> Result<()> {
        let positive = [
            ("kick", self.kick),
            ("increment", self.increment),
            ("basin_factor", self.basin_factor),
            ("force_tolerance", self.force_tolerance),
            ("lanczos_tolerance", self.lanczos_tolerance),
            ("smallest_curvature", self.smallest_curvature),
            ("relaxation_step", self.relaxation_step),
            ("energy_limit", self.energy_limit),
            ("radius", self.radius),
            ("growth_radius", self.growth_radius),
            ("offender_radius", self.offender_radius),
            ("refinement_radius", self.refinement_radius),
            ("far_field_limit", self.far_field_limit),
            ("refined_force_tolerance", self.refined_force_tolerance),
            ("final_force_tolerance", self.final_force_tolerance),
            ("second_tolerance", self.second_tolerance),
            ("side_push", self.side_push),
            ("side_force_tolerance", self.side_force_tolerance),
            ("same_distance", self.same_distance),
            ("same_energy", self.same_energy),
            ("minimum_force", self.minimum_force),
        ];
        for (name, value) in positive {
            if !(value > 0.0 && value.is_finite()) {
                return Err(Error::input(format!("artn: `{name}` must be positive, found {value}")));
            }
        }
        for (name, value) in [
            ("far_field_radius", self.far_field_radius),
            ("free_radius", self.free_radius),
            ("free_limit", self.free_limit),
            ("bridge_radius", self.bridge_radius),
            ("kick_radius", self.kick_radius),
            ("growth_displacement", self.growth_displacement),
            ("duplicate_final_energy", self.duplicate_final_energy),
            ("duplicate_saddle_energy", self.duplicate_saddle_energy),
            ("duplicate_displacement", self.duplicate_displacement),
        ] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(Error::input(format!("artn: `{name}` must not be negative, found {value}")));
            }
        }
        let negative =
            [("eigenvalue_threshold", self.eigenvalue_threshold), ("recovery_eigenvalue", self.recovery_eigenvalue)];
        for (name, value) in negative {
            if value >= 0.0 || value.is_nan() {
                return Err(Error::input(format!("artn: `{name}` must be negative, found {value}")));
            }
        }
        if self.lanczos_vectors < 3 || self.guard_vectors < 3 || self.growth_interval == 0 {
            return Err(Error::input(
                "artn: `lanczos_vectors` and `guard_vectors` must be at least 3, `growth_interval` at least 1",
            ));
        }
        if !(0.0..=1.0).contains(&self.whole_cell_share) {
            return Err(Error::input(format!(
                "artn: `whole_cell_share` must be between 0 and 1, found {}",
                self.whole_cell_share
            )));
        }
        Ok(())
    }

    /// Name and value of every option, in alphabetical order.
    pub fn options(&self) -> Vec<(String, String)> {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(map)) => map.into_iter().map(|(k, v)| (k, v.to_string())).collect(),
            _ => Vec::new(),
        }
    }

    /// The same with the option `name` set to `value`; an error when there is none of that name or the value does not fit.
    pub fn with(&self, name: &str, value: serde_json::Value) -> Result<Artn> {
        let mut options = serde_json::to_value(self).map_err(|e| Error::input(format!("artn: {e}")))?;
        match options.get_mut(name) {
            Some(place) => *place = value,
            None => return Err(Error::input(format!("artn: no option `{name}`"))),
        }
        serde_json::from_value(options).map_err(|e| Error::input(format!("artn: `{name}`: {e}")))
    }

    /// The method and every option that differs from its default, in one line.
    pub fn label(&self) -> String {
        let standard = Artn { method: self.method, ..Artn::default() }.options();
        let changed = self.options().into_iter().zip(standard).filter(|(a, b)| a != b);
        let method = match self.method {
            Method::Guarded => "guarded",
            Method::Classic => "classic",
        };
        changed.fold(method.to_string(), |text, (a, _)| format!("{text}, {} {}", a.0, a.1))
    }
}
