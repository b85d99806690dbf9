//! What the tries of a campaign found, so that what is found again is not worked out again.
//!
//! A climb often ends at a saddle at which another one near it ended before: from the tenth try of each atom on at every second
//! one. Kinetic ART keeps such a catalog of events: El-Mellouhi, Mousseau, Lewis, PRB 78, 153202 (2008),
//! <https://doi.org/10.1103/PhysRevB.78.153202>.

use super::event::{Event, Outcome};
use super::region::{Region, bin_of, flat};
use crate::cell::Vector;
use crate::configuration::Configuration;

/// Edge of the blocks of atoms whose tries know of each other [length]. The larger, the fewer are the parts that a campaign can be made
/// in; most of what is known is of the same atom, and events at the faces of a block are known as often as those in its middle.
const BLOCK: f64 = 17.0;

/// Atoms displaced by less than this do not tell one place from another [length].
const DISPLACED: f64 = 0.2;

/// Two places are the same when no atom is further from where it is in the other [length]. Of 124 pairs of the same saddle 118 come
/// within this, and of 128 of the same minimum all but one; others come as near only where the barrier between two minima is a few meV.
const SAME_PLACE: f64 = 0.1;

/// What a place on the way of a try is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A saddle of the atoms of the search.
    Saddle,
    /// A minimum that the search passed over, or the one at the end of the event.
    Minimum,
}

/// A place on the way of a try, by the atoms that are displaced there.
#[derive(Clone, Debug, PartialEq)]
pub struct Landmark {
    /// What it is.
    pub kind: Kind,
    /// Atoms, ascending, with their displacements from the starting minimum to a thousandth of a length, as a journal keeps them.
    pub atoms: Vec<(u32, [f32; 3])>,
}

impl Landmark {
    /// Where a region is now.
    pub(super) fn new(kind: Kind, region: &Region) -> Landmark {
        let mut displacement = Vec::new();
        region.displacement(&mut displacement);
        let rounded = |x: f64| ((1e3 * x).round() / 1e3) as f32;
        let atoms = (region.atoms.iter().zip(&displacement))
            .filter(|(_, d)| d.norm() > DISPLACED)
            .map(|(&atom, d)| (atom as u32, [rounded(d.x), rounded(d.y), rounded(d.z)]))
            .collect();
        Landmark { kind, atoms }
    }

    /// How far an atom of one place is at least from where it is in the other [length]; none when these are not the same place, or when
    /// no atom tells.
    fn distance(&self, other: &Landmark) -> Option<f64> {
        let (mut a, mut b) = (self.atoms.as_slice(), other.atoms.as_slice());
        let vector = |d: &[f32; 3]| Vector::new(d[0].into(), d[1].into(), d[2].into());
        let next = |list: &[(u32, [f32; 3])]| list.first().map_or(u32::MAX, |entry| entry.0);
        let (mut most, mut shared): (f64, bool) = (0.0, false);
        while most < SAME_PLACE {
            let (i, j) = (next(a), next(b));
            if i.min(j) == u32::MAX {
                return shared.then_some(most);
            }
            let x = if i <= j { vector(&a[0].1) } else { Vector::zeros() };
            let y = if j <= i { vector(&b[0].1) } else { Vector::zeros() };
            // An atom that is not in a list is displaced by less than what brings it in.
            let apart = (x - y).norm() - if i == j { 0.0 } else { DISPLACED };
            (a, b) = (&a[usize::from(i <= j)..], &b[usize::from(j <= i)..]);
            shared |= i == j;
            most = most.max(apart);
        }
        None
    }
}

/// Tries of a campaign by the block of the atom that they kicked.
///
/// A try knows of those in its block alone: parts of a campaign that are made of whole blocks give what one run gives.
#[derive(Debug)]
pub(super) struct Catalog {
    blocks: Vec<usize>,
    tries: Vec<Vec<Event>>,
}

impl Catalog {
    /// Of which nothing is known yet.
    pub fn new(configuration: &Configuration) -> Catalog {
        let blocks = blocks(configuration);
        let count = blocks.iter().max().map_or(0, |last| last + 1);
        Catalog { blocks, tries: vec![Vec::new(); count] }
    }

    /// The block of an atom.
    pub fn block(&self, atom: usize) -> usize {
        self.blocks[atom]
    }

    /// Keep what tries found; their landmarks move here. They must come in an order that does not depend on chance.
    pub fn add(&mut self, events: &mut [Event]) {
        for event in events.iter_mut().filter(|e| !e.landmarks.is_empty()) {
            let landmarks = std::mem::take(&mut event.landmarks);
            self.tries[self.blocks[event.atom]].push(Event { landmarks, ..event.clone() });
        }
    }

    /// What a try of an atom knows.
    pub fn known_to(&self, atom: usize) -> Known<'_> {
        Known(&self.tries[self.blocks[atom]])
    }
}

/// The block of each atom, in a grid along the edges of the cell.
fn blocks(configuration: &Configuration) -> Vec<usize> {
    let cell = &configuration.cell;
    let counts = cell.widths().map(|width| ((width / BLOCK).round() as usize).max(1));
    configuration.positions.iter().map(|position| flat(counts, bin_of(cell, counts, position))).collect()
}

/// Earlier tries of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'c>(&'c [Event]);

impl<'c> Known<'c> {
    /// No earlier tries.
    pub fn nothing() -> Known<'c> {
        Known(&[])
    }

    /// The earlier try that came to a place and knows what follows: an event before one that failed, then the one that came
    /// nearest. What follows a failed try's first saddle or minimum is its outcome; its `later` ones say nothing.
    pub fn find(&self, place: &Landmark, later: bool) -> Option<&'c Event> {
        let nearest = |event: &Event| {
            let connected = event.outcome == Outcome::Connected;
            let places = event.landmarks.iter().filter(|l| l.kind == place.kind);
            let places = places.take(if connected { usize::MAX } else { usize::from(!later) });
            places.filter_map(|l| l.distance(place)).min_by(f64::total_cmp).map(|distance| (!connected, distance))
        };
        let found = self.0.iter().filter_map(|event| Some((nearest(event)?, event)));
        let first = |a: &(bool, f64), b: &(bool, f64)| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1));
        found.min_by(|(a, _), (b, _)| first(a, b)).map(|(_, event)| event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn landmark(kind: Kind, atoms: &[(u32, f32)]) -> Landmark {
        Landmark { kind, atoms: atoms.iter().map(|&(atom, x)| (atom, [x, 0.0, 0.0])).collect() }
    }

    #[test]
    fn places_are_the_same_when_no_atom_is_elsewhere() {
        let a = landmark(Kind::Saddle, &[(2, 0.5), (7, -0.3)]);
        let distance = |atoms: &[(u32, f32)]| {
            let b = landmark(Kind::Saddle, atoms);
            assert_eq!(a.distance(&b), b.distance(&a));
            a.distance(&b)
        };
        assert_eq!(distance(&[(2, 0.5), (7, -0.3)]), Some(0.0));
        assert!((distance(&[(2, 0.55), (7, -0.32)]).unwrap() - 0.05).abs() < 1e-6);
        assert_eq!(
            distance(&[(2, 0.5), (7, -0.3), (9, 0.21)]).map(|d| d < 0.011),
            Some(true),
            "it may be at 0.2 in the other"
        );
        assert_eq!(distance(&[(2, 0.5), (7, -0.3), (9, 0.31)]), None);
        assert_eq!(distance(&[(2, 0.5)]), None, "an atom displaced by 0.3 is missing");
        assert_eq!(distance(&[(2, 0.61), (7, -0.3)]), None);
        assert_eq!(distance(&[]), None);
        let [little, elsewhere] = [(2, 0.21), (5, 0.22)].map(|atom| landmark(Kind::Saddle, &[atom]));
        assert_eq!(
            (little.distance(&little), little.distance(&elsewhere)),
            (Some(0.0), None),
            "small, but not the same"
        );
        let nothing = landmark(Kind::Saddle, &[]);
        assert_eq!((nothing.distance(&nothing), nothing.distance(&little)), (None, None));
    }

    #[test]
    fn an_event_is_preferred_and_a_failed_try_speaks_for_its_first_place_alone() {
        let places = [0.5, 0.9].map(|x| landmark(Kind::Saddle, &[(2, x)]));
        let event = |attempt: usize, outcome: Outcome, landmarks: &[Landmark]| Event {
            outcome,
            landmarks: landmarks.to_vec(),
            ..Event::new(0, attempt, "Cu")
        };
        let failed = event(0, Outcome::Disconnected, &places);
        let connected = event(1, Outcome::Connected, &[landmark(Kind::Minimum, &[(2, 0.9)]), places[1].clone()]);
        let find =
            |events: &[Event], place: &Landmark, later: bool| Known(events).find(place, later).map(|e| e.attempt);
        let both = [failed.clone(), connected];
        assert_eq!(find(&both, &places[0], false), Some(0));
        assert_eq!(find(&both, &places[0], true), None);
        assert_eq!(find(&both, &landmark(Kind::Saddle, &[(2, 0.93)]), true), Some(1));
        assert_eq!(find(&both, &landmark(Kind::Minimum, &[(2, 0.93)]), true), Some(1));
        assert_eq!(find(&both, &landmark(Kind::Minimum, &[(2, 0.5)]), false), None);
        assert_eq!(find(&[failed], &places[1], false), None);
        assert_eq!(Known::nothing().find(&places[0], false).map(|e| e.attempt), None);
        let nearer = [event(0, Outcome::Connected, &places[..1]), event(1, Outcome::Connected, &places[..1])];
        assert_eq!(find(&nearer, &places[0], false), Some(0), "the first of two that are as near");
    }
}
