//! What a try records.

use super::catalog::Landmark;
use crate::cell::Vector;
use crate::table::Column;
use std::fmt;

/// How a try ended. Everything but `Connected` is a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// A first-order saddle, one side of which is the starting minimum and the other another one.
    Connected,
    /// Like one found before for the same atom.
    Duplicate,
    /// A saddle between two other minima.
    Disconnected,
    /// Both sides are the starting minimum.
    Identical,
    /// The climb slid off a shoulder or the saddle was lost when its surroundings answered; not exactly one negative eigenvalue; or
    /// no higher than the start or than its own end.
    NotFirstOrder,
    /// The lowest eigenvalue never fell below the threshold.
    Basin,
    /// The negative eigenvalue was lost on the climb.
    EigenvalueLost,
    /// The climb came back to the start.
    FellBack,
    /// Too many evaluations.
    Budget,
    /// Too high an energy.
    Energy,
}

/// All outcomes, in the order of reports.
pub const OUTCOMES: [Outcome; 10] = [
    Outcome::Connected,
    Outcome::Duplicate,
    Outcome::Disconnected,
    Outcome::Identical,
    Outcome::NotFirstOrder,
    Outcome::Basin,
    Outcome::EigenvalueLost,
    Outcome::FellBack,
    Outcome::Budget,
    Outcome::Energy,
];

impl Outcome {
    /// Name as it stands in tables.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Connected => "connected",
            Outcome::Duplicate => "duplicate",
            Outcome::Disconnected => "disconnected",
            Outcome::Identical => "identical",
            Outcome::NotFirstOrder => "not_first_order",
            Outcome::Basin => "basin",
            Outcome::EigenvalueLost => "eigenvalue_lost",
            Outcome::FellBack => "fell_back",
            Outcome::Budget => "budget",
            Outcome::Energy => "energy",
        }
    }

    /// The outcome of a name.
    pub fn from_name(name: &str) -> Option<Outcome> {
        OUTCOMES.into_iter().find(|o| o.name() == name)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `barrier_whole_cell` of an event which is no saddle when all atoms are free.
pub const NO_SADDLE: f64 = f64::INFINITY;

/// Displacements of single atoms from the starting minimum: atom (counted from 0) and vector [A].
pub type Displacements = Vec<(usize, Vector)>;

/// One try: outcome, energies, certificate and cost. What was not reached is NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The kicked atom, counted from 0; tables count from 1.
    pub atom: usize,
    /// Number of the try for this atom, counted from 0; tables count from 1.
    pub attempt: usize,
    /// Name of its species.
    pub species: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Energy of the refined saddle over the starting minimum; of a disconnected saddle, with the atoms of the search alone [eV].
    pub barrier: f64,
    /// The same when the largest force first fell below `force_tolerance`, as the paper takes it, of the atoms that took part by
    /// then [eV].
    pub barrier_unrefined: f64,
    /// Energy of the final minimum over the starting one [eV].
    pub final_energy: f64,
    /// Part of `barrier` that is the answer of the frozen surroundings; of events only [eV].
    pub far_field: f64,
    /// `barrier` after a refinement with all atoms free, for the random sample; [`NO_SADDLE`] where that finds none [eV].
    pub barrier_whole_cell: f64,
    /// Lowest eigenvalue on leaving the basin [eV/A^2].
    pub exit_eigenvalue: f64,
    /// Lowest eigenvalue at the saddle [eV/A^2].
    pub eigenvalue: f64,
    /// Curvature in the direction across the mode that is softest compared with the minimum, not below the second eigenvalue and of its
    /// sign [eV/A^2].
    pub second_eigenvalue: f64,
    /// Largest force of all atoms at the saddle [eV/A].
    pub residual_force: f64,
    /// Length of the displacement from the start to the saddle, over all atoms [A].
    pub saddle_distance: f64,
    /// The same from the saddle to the final minimum [A].
    pub final_distance: f64,
    /// The same from the start to the final minimum [A].
    pub displacement: f64,
    /// Largest distance of an atom from the start after relaxing the side that leads back [A].
    pub return_distance: f64,
    /// Largest displacement of an atom at the saddle [A].
    pub largest_displacement: f64,
    /// The atom with that displacement, counted from 0; NaN without a saddle.
    pub center_atom: f64,
    /// Its distance from the kicked atom in the starting minimum [A].
    pub center_distance: f64,
    /// Atoms displaced by more than 0.1 A at the saddle.
    pub moved: f64,
    /// 1 if the final minimum is the starting one with like atoms exchanged.
    pub exchange: f64,
    /// The try this one repeats, counted from 0; NaN if none.
    pub duplicate_of: f64,
    /// The atom of the try that found the same before, from which the numbers of the saddle and of the minima are, counted from 0; NaN
    /// if they were worked out for this try.
    pub known_atom: f64,
    /// That try, counted from 0.
    pub known_try: f64,
    /// Times that the search began again on the way to a minimum that it had passed over.
    pub bridges: f64,
    /// Pushes in the basin.
    pub basin_pushes: f64,
    /// Pushes of the climb.
    pub climb_pushes: f64,
    /// Active atoms at the end of the search.
    pub search_atoms: f64,
    /// Active atoms in the refinement.
    pub refined_atoms: f64,
    /// Force evaluations up to the unrefined saddle or the failure.
    pub search_force_evaluations: f64,
    /// Hessian products up to there.
    pub search_hessian_products: f64,
    /// Force evaluations in all, without the check of the sample.
    pub force_evaluations: f64,
    /// Hessian products in all.
    pub hessian_products: f64,
    /// Active atoms, summed over the force evaluations.
    pub atom_evaluations: f64,
    /// Displacements at the saddle, if they are kept.
    pub saddle: Displacements,
    /// Displacements in the final minimum, if they are kept.
    pub end: Displacements,
    /// Places on the way by which later tries of the campaign know it again; in the journal alone.
    pub landmarks: Vec<Landmark>,
}

/// A number of an event: name, unit, whether it is whole, and where it is.
pub(super) struct Field {
    pub name: &'static str,
    pub unit: &'static str,
    pub whole: bool,
    pub get: fn(&Event) -> f64,
    pub set: fn(&mut Event, f64),
}

macro_rules! fields {
    ($($kind:ident $name:ident $unit:literal),* $(,)?) => {
        /// The numbers of an event, in the order of the columns.
        pub(super) const FIELDS: &[Field] = &[$(Field {
            name: stringify!($name),
            unit: $unit,
            whole: fields!(@ $kind),
            get: |event| event.$name,
            set: |event, value| event.$name = value,
        }),*];

        impl Event {
            /// A try of which nothing is known yet.
            pub fn new(atom: usize, attempt: usize, species: &str) -> Event {
                Event {
                    atom,
                    attempt,
                    species: species.into(),
                    outcome: Outcome::Budget,
                    saddle: Vec::new(),
                    end: Vec::new(),
                    landmarks: Vec::new(),
                    $($name: f64::NAN),*
                }
            }
        }
    };
    (@ whole) => { true };
    (@ real) => { false };
}

fields! {
    real barrier "eV",
    real barrier_unrefined "eV",
    real final_energy "eV",
    real far_field "eV",
    real barrier_whole_cell "eV",
    real exit_eigenvalue "eV/A^2",
    real eigenvalue "eV/A^2",
    real second_eigenvalue "eV/A^2",
    real residual_force "eV/A",
    real saddle_distance "A",
    real final_distance "A",
    real displacement "A",
    real return_distance "A",
    real largest_displacement "A",
    whole center_atom "",
    real center_distance "A",
    whole moved "",
    whole exchange "",
    whole duplicate_of "",
    whole known_atom "",
    whole known_try "",
    whole bridges "",
    whole basin_pushes "",
    whole climb_pushes "",
    whole search_atoms "",
    whole refined_atoms "",
    whole search_force_evaluations "",
    whole search_hessian_products "",
    whole force_evaluations "",
    whole hessian_products "",
    whole atom_evaluations "",
}

/// The table of events: `atom`, `try`, `species`, `outcome`, then one column for each number, then `seed` and `search`,
/// the method with the options that are not at their defaults. Atoms and tries count from 1.
///
/// A whole number that may be missing is a column of real numbers.
pub fn columns(events: &[Event], seed: u64, label: &str) -> Vec<Column> {
    let whole = |f: &dyn Fn(&Event) -> usize| events.iter().map(|e| f(e) as i64).collect();
    let text = |f: &dyn Fn(&Event) -> String| events.iter().map(f).collect();
    let mut columns = vec![
        Column::integer("atom", whole(&|e| e.atom + 1)),
        Column::integer("try", whole(&|e| e.attempt + 1)),
        Column::text("species", text(&|e| e.species.clone())),
        Column::text("outcome", text(&|e| e.outcome.to_string())),
    ];
    for field in FIELDS {
        let counts_from_one = matches!(field.name, "center_atom" | "duplicate_of" | "known_atom" | "known_try");
        let values: Vec<f64> = events.iter().map(|e| (field.get)(e) + f64::from(u8::from(counts_from_one))).collect();
        columns.push(if field.whole && values.iter().all(|v| v.is_finite()) {
            Column::integer(field.name, values.iter().map(|&v| v as i64).collect())
        } else {
            Column::float(field.name, field.unit, values)
        });
    }
    columns.push(Column::integer("seed", vec![seed as i64; events.len()]));
    columns.push(Column::text("search", vec![label.to_string(); events.len()]));
    columns
}

/// Sort by atom and try, and mark connected events that repeat an earlier one of the same atom.
///
/// The same event: final energies, saddle energies and lengths of displacement agree within the limits of the search.
pub fn mark_duplicates(events: &mut [Event], options: &super::Artn) {
    events.sort_by_key(|e| (e.atom, e.attempt));
    for event in events.iter_mut().filter(|e| e.outcome == Outcome::Duplicate) {
        event.outcome = Outcome::Connected;
        event.duplicate_of = f64::NAN;
    }
    let mut first_of_atom = 0;
    for k in 0..events.len() {
        if events[k].atom != events[first_of_atom].atom {
            first_of_atom = k;
        }
        if events[k].outcome != Outcome::Connected {
            continue;
        }
        let same = events[first_of_atom..k].iter().find(|e| {
            e.outcome == Outcome::Connected
                && (e.final_energy - events[k].final_energy).abs() < options.duplicate_final_energy
                && (e.barrier - events[k].barrier).abs() < options.duplicate_saddle_energy
                && (e.displacement - events[k].displacement).abs() < options.duplicate_displacement
        });
        if let Some(attempt) = same.map(|e| e.attempt) {
            events[k].outcome = Outcome::Duplicate;
            events[k].duplicate_of = attempt as f64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saddle::Artn;

    fn event(atom: usize, attempt: usize, barrier: f64, final_energy: f64, displacement: f64) -> Event {
        let mut event = Event::new(atom, attempt, "Cu");
        event.outcome = Outcome::Connected;
        (event.barrier, event.final_energy, event.displacement) = (barrier, final_energy, displacement);
        event
    }

    #[test]
    fn an_event_found_again_is_marked_once_and_with_the_first_try() {
        let mut events = vec![
            event(7, 3, 0.5001, 0.2002, 3.05),
            event(7, 1, 0.5, 0.2, 3.0),
            event(7, 2, 0.5, 0.2, 3.2),
            event(7, 4, 0.52, 0.2, 3.0),
            event(8, 1, 0.5, 0.2, 3.0),
        ];
        events[4].outcome = Outcome::Duplicate;
        events[4].duplicate_of = 0.0;
        mark_duplicates(&mut events, &Artn::default());
        let marks: Vec<_> = events.iter().map(|e| (e.atom, e.attempt, e.outcome == Outcome::Duplicate)).collect();
        assert_eq!(marks, [(7, 1, false), (7, 2, false), (7, 3, true), (7, 4, false), (8, 1, false)]);
        assert_eq!(events[2].duplicate_of, 1.0);
        assert!(events[4].duplicate_of.is_nan(), "what it repeated is not in this table");
    }
}
