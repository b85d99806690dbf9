//! One try from kick to certificate, and campaigns of tries.

use super::Artn;
use super::activation::Activation;
use super::catalog::{self, Catalog, Known, Landmark};
use super::descent::Descent;
use super::event::{Displacements, Event, NO_SADDLE, Outcome, mark_duplicates};
use super::refine::{self, Aim, Climber, Saddle, Settled};
use super::region::{Cost, Frame, Region};
use super::store::Journal;
use super::vectors::{add_scaled, dot, largest, norm};
use crate::cell::Vector;
use crate::configuration::Configuration;
use crate::error::{Error, Kind, Result};
use crate::observer::Observer;
use crate::potential::Potential;
use crate::random::{self, Purpose, Random};
use crate::table::Column;
use rand::RngExt;
use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Searches from one minimum.
#[derive(Debug)]
pub struct Search {
    options: Artn,
    frame: Frame,
}

/// How many tries an atom gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// So many tries.
    Tries(usize),
    /// As many as it takes to find so many distinct connected events, but no more than `most`.
    Events {
        /// Distinct connected events wanted.
        wanted: usize,
        /// Events count whose most displaced atom is within this of the kicked one [length].
        within: f64,
        /// Most tries.
        most: usize,
    },
}

impl Goal {
    /// Tries or events that one atom is to get.
    fn of_one(self) -> usize {
        match self {
            Goal::Tries(tries) => tries,
            Goal::Events { wanted, most, .. } => wanted.min(most),
        }
    }

    /// Numbers of the tries that are made together: in batches, or one by one where each may be the last.
    fn rounds(self, batch: usize) -> Vec<Range<usize>> {
        match self {
            Goal::Tries(tries) => (0..tries).step_by(batch).map(|k| k..(k + batch).min(tries)).collect(),
            Goal::Events { most, .. } => (0..most).map(|k| k..k + 1).collect(),
        }
    }
}

/// Tries to make.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// Atoms to kick, counted from 0; one that is listed twice counts once.
    pub atoms: Vec<usize>,
    /// Tries for each.
    pub goal: Goal,
    /// Seed of all of them.
    pub seed: u64,
    /// Part `.0` of `.1` (counted from 0) of the blocks of atoms, for a run spread over machines.
    pub shard: Option<(usize, usize)>,
    /// Journal to keep and to go on from.
    pub store: Option<PathBuf>,
}

impl Search {
    /// Searches from a configuration; an error when it is not a minimum.
    pub fn new(options: Artn, configuration: &Configuration, potential: &Arc<Potential>) -> Result<Search> {
        options.check()?;
        let configuration = Configuration { velocities: Vec::new(), ..configuration.clone() };
        let frame = Frame::new(configuration, potential).map_err(|e| e.within("artn"))?;
        let force = largest(frame.forces());
        if force > options.minimum_force {
            return Err(Error::input(format!(
                "artn: the glass is not at a minimum of its energy: its largest force is {force:.3e} eV/A, where {:.1e} is \
                 allowed; use `glass.minimize(#{{ force_tolerance: {:e}*eV/angstrom }})` first",
                options.minimum_force,
                0.01 * options.minimum_force
            )));
        }
        Ok(Search { options, frame })
    }

    /// The numbers of the search.
    pub fn options(&self) -> &Artn {
        &self.options
    }

    /// The minimum.
    pub fn configuration(&self) -> &Configuration {
        &self.frame.configuration
    }

    /// The potential.
    pub fn potential(&self) -> &Arc<Potential> {
        &self.frame.potential
    }

    /// The minimum, ready for regions.
    pub(super) fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Try number `attempt` of `atom` (both counted from 0), made in full.
    pub fn run(&self, atom: usize, attempt: usize, seed: u64) -> Result<Event> {
        self.check_atom(atom)?;
        let event = self.run_knowing(Known::nothing(), atom, attempt, seed)?;
        Ok(Event { landmarks: Vec::new(), ..event })
    }

    /// The same, ended where it comes to what is known.
    fn run_knowing(&self, known: Known, atom: usize, attempt: usize, seed: u64) -> Result<Event> {
        let configuration = &self.frame.configuration;
        let mut event = Event::new(atom, attempt, &configuration.elements[configuration.species[atom]].name);
        let index = |attempt: usize| ((atom as u64) << 24) + attempt as u64;
        let pushes = |attempt| random::stream(seed, Purpose::Push, index(attempt));
        let index = index(attempt);
        let mut given = Given {
            eigenvector: random::stream(seed, Purpose::Eigenvector, index),
            selection: random::stream(seed, Purpose::Selection, index),
            known,
        };
        let mut cost = Cost::default();
        let outcome = match self.walk(&mut event, &mut cost, &mut given, &pushes) {
            Ok(outcome) => outcome,
            // A push into the core of a neighbour.
            Err(error) if error.kind() == Kind::Numeric => Outcome::Energy,
            Err(error) => return Err(error),
        };
        event.outcome = outcome;
        event.force_evaluations = cost.force_evaluations as f64;
        event.hessian_products = cost.hessian_products as f64;
        event.atom_evaluations = cost.atom_evaluations as f64;
        Ok(event)
    }

    /// An error when the start is a saddle, where the forces are small too.
    fn check_curvature(&self) -> Result<()> {
        let curvature = refine::softest_of_start(&self.options, &self.frame)?;
        if curvature > FLAT {
            return Ok(());
        }
        Err(Error::input(format!(
            "artn: the glass is at a saddle of its energy, not at a minimum: in one direction the curvature is {curvature:.3} eV/A^2; \
             some steps of `md`, and then `glass.minimize(#{{ force_tolerance: 1e-5*eV/angstrom }})`, lead to one"
        )))
    }

    fn check_atom(&self, atom: usize) -> Result<()> {
        if atom < self.frame.len() {
            return Ok(());
        }
        Err(Error::input(format!("artn: there is no atom {}; the glass has {} atoms", atom + 1, self.frame.len())))
    }

    fn walk(
        &self,
        event: &mut Event,
        cost: &mut Cost,
        given: &mut Given,
        pushes: &dyn Fn(usize) -> Random,
    ) -> Result<Outcome> {
        let mut activation = Activation::new(&self.options, &self.frame, event.atom, event.attempt, pushes)?;
        let outcome = self.search(event, cost, &mut activation, given);
        event.basin_pushes = activation.pushes as f64;
        event.climb_pushes = activation.steps as f64;
        event.exit_eigenvalue = activation.exit_eigenvalue;
        event.search_atoms = activation.region.len() as f64;
        event.search_force_evaluations = activation.region.cost.force_evaluations as f64;
        event.search_hessian_products = activation.region.cost.hessian_products as f64;
        cost.add(activation.region.cost);
        outcome
    }

    /// Out of the basin and over a saddle; when that shows that another minimum was passed over on the way, over the saddle that leads
    /// there. Where that is not found either, what came of the try is what was found at first.
    fn search<'a>(
        &'a self,
        event: &mut Event,
        cost: &mut Cost,
        activation: &mut Activation<'a>,
        given: &mut Given,
    ) -> Result<Outcome> {
        event.bridges = 0.0;
        if let Err(outcome) = activation.leave_basin(&mut given.eigenvector)? {
            return Ok(outcome);
        }
        let Found { outcome, mut passed } = self.cross(event, cost, activation, given)?;
        let mut first: Option<Event> = None;
        for bridge in 1..=self.options.bridges {
            let Some(minimum) = passed.take() else { break };
            let place = Landmark::new(catalog::Kind::Minimum, &minimum);
            match given.known.find(&place, bridge > 1) {
                Some(known) if known.outcome == Outcome::Connected => {
                    self.recall(event, known);
                    return Ok(Outcome::Connected);
                }
                // Nothing led there before.
                Some(_) => break,
                None => event.landmarks.push(place),
            }
            first.get_or_insert_with(|| event.clone());
            event.bridges = bridge as f64;
            let found = match activation.go_towards(&minimum).and_then(|()| self.cross(event, cost, activation, given))
            {
                // A push into the core of a neighbour.
                Err(error) if error.kind() == Kind::Numeric => break,
                found => found?,
            };
            if found.outcome == Outcome::Connected {
                return Ok(Outcome::Connected);
            }
            passed = found.passed;
        }
        if let Some(first) = first {
            *event = Event { bridges: event.bridges, ..first };
        }
        Ok(outcome)
    }

    /// Climb to a saddle from where the search is, certify it, and relax both of its sides.
    fn cross<'a>(
        &'a self,
        event: &mut Event,
        cost: &mut Cost,
        activation: &mut Activation<'a>,
        given: &mut Given,
    ) -> Result<Found<'a>> {
        let options = &self.options;
        let mut saddle = match self.climb(event, cost, activation, given)? {
            Ok(saddle) => saddle,
            Err(found) => return Ok(found),
        };
        cost.add(std::mem::take(&mut saddle.region.cost));
        self.certify(event, &saddle);
        if saddle.eigenvalue >= 0.0 || saddle.second_eigenvalue <= 0.0 || event.barrier <= 0.0 {
            return Ok(Outcome::NotFirstOrder.into());
        }
        let mut known = None;
        let (end, radius) = loop {
            let (end, radius) = match self.relax_sides(event, cost, &saddle, known)? {
                Ok(end) => end,
                Err(found) => return Ok(found),
            };
            // Only what turned out to be an event is worth its far field. A saddle that moved has other sides.
            match refine::settle(options, &mut saddle, &mut given.eigenvector, cost)? {
                Settled::InPlace => break (end, radius),
                Settled::Elsewhere(moved) => {
                    known = (moved < refine::SAME_SADDLE).then_some((end, radius));
                }
                Settled::Lost => return Ok(Outcome::NotFirstOrder.into()),
            }
        };
        self.certify(event, &saddle);
        if let Err(outcome) = self.describe_end(event, cost, &saddle, (end, radius))? {
            return Ok(outcome.into());
        }
        // A side that is no lower than the saddle is a dent of the ridge, below the accuracy of both.
        if event.barrier <= 0.0 || event.final_energy >= event.barrier {
            return Ok(Outcome::NotFirstOrder.into());
        }
        if given.selection.random::<f64>() < options.whole_cell_share {
            event.barrier_whole_cell = match refine::whole_cell(options, &saddle) {
                Ok(Some(region)) => region.energy,
                Err(error) if error.kind() != Kind::Numeric => return Err(error),
                _ => NO_SADDLE,
            };
        }
        Ok(Outcome::Connected.into())
    }

    /// Climb and refine.
    fn climb<'a>(
        &'a self,
        event: &mut Event,
        cost: &mut Cost,
        activation: &mut Activation<'a>,
        given: &mut Given,
    ) -> Result<std::result::Result<Saddle<'a>, Found<'a>>> {
        let options = &self.options;
        if let Err(outcome) = activation.climb()? {
            return Ok(Err(outcome.into()));
        }
        event.barrier_unrefined = activation.region.energy;
        let (core, mode) = match self.tighten(cost, activation)? {
            Ok(found) => found,
            Err(end) => return Ok(Err(self.below_shoulder(event, cost, end)?)),
        };
        let place = Landmark::new(catalog::Kind::Saddle, &core);
        if let Some(known) = given.known.find(&place, event.bridges > 0.0) {
            self.recall(event, known);
            return Ok(Err(known.outcome.into()));
        }
        event.landmarks.push(place);
        if !core.is_free()
            && let Some(minimum) = self.leads_elsewhere(cost, &core, &mode)?
        {
            self.describe(event, &core, &core);
            event.barrier = core.energy;
            return Ok(Err(Found { outcome: Outcome::Disconnected, passed: Some(minimum) }));
        }
        let (region, mode) = refine::surroundings(options, core, mode)?;
        match refine::refine_event(options, region, mode, &mut given.eigenvector)? {
            Ok(saddle) => {
                event.barrier_unrefined = saddle.unrefined;
                Ok(Ok(saddle))
            }
            Err(end) => Ok(Err(self.below_shoulder(event, cost, end)?)),
        }
    }

    /// Take over what an earlier try found: all but the way there and its cost.
    fn recall(&self, event: &mut Event, known: &Event) {
        let by = |number: f64, this: usize| if number.is_nan() { this as f64 } else { number };
        *event = Event {
            atom: event.atom,
            attempt: event.attempt,
            species: std::mem::take(&mut event.species),
            landmarks: std::mem::take(&mut event.landmarks),
            bridges: event.bridges,
            known_atom: by(known.known_atom, known.atom),
            known_try: by(known.known_try, known.attempt),
            // Each saddle counts once in the sample that is checked.
            barrier_whole_cell: f64::NAN,
            ..known.clone()
        };
        if event.center_atom.is_finite() {
            let kicked = &self.frame.configuration.positions[event.atom];
            event.center_distance = self.frame.distance(event.center_atom as usize, kicked);
        }
    }

    /// The minimum below the place where a refinement found no saddle, if it is another one than the start and there is a bridge left
    /// to lead there.
    fn below_shoulder<'a>(&'a self, event: &Event, cost: &mut Cost, mut region: Region<'a>) -> Result<Found<'a>> {
        cost.add(std::mem::take(&mut region.cost));
        if event.bridges >= self.options.bridges as f64 {
            return Ok(Outcome::NotFirstOrder.into());
        }
        let arrived = self.descent().run(&mut region, &mut |r| self.is_near_start(r, 0.5))?;
        cost.add(std::mem::take(&mut region.cost));
        let passed = (arrived && is_elsewhere(&region)).then_some(region);
        Ok(Found { outcome: Outcome::NotFirstOrder, passed })
    }

    /// The saddle of the atoms of the search alone, or where there is none: most shoulders, and saddles between other minima, are found out at the cost
    /// of these few.
    fn tighten<'a>(
        &self,
        cost: &mut Cost,
        activation: &Activation<'a>,
    ) -> Result<std::result::Result<(Region<'a>, Vec<Vector>), Region<'a>>> {
        let (mut core, mut mode) = (activation.region.clone(), activation.mode.clone());
        core.cost = Cost::default();
        let aim = Aim { force: CORE_FORCE, steps: self.options.newton_steps };
        let found = core.is_free() || Climber::new(&self.options).run(&mut core, &mut mode, aim)?;
        cost.add(std::mem::take(&mut core.cost));
        Ok(if found { Ok((core, mode)) } else { Err(core) })
    }

    /// Geometry of a saddle, and if it is kept its configuration with the answer of the surroundings.
    fn describe(&self, event: &mut Event, saddle: &Region, widest: &Region) {
        let mut displacement = Vec::new();
        saddle.displacement(&mut displacement);
        let (place, length) = refine::most_displaced(saddle);
        let center = saddle.atoms[place];
        event.saddle_distance = norm(&displacement);
        event.largest_displacement = length;
        event.center_atom = center as f64;
        event.center_distance = self.frame.distance(center, &self.frame.configuration.positions[event.atom]);
        event.moved = displacement.iter().filter(|d| d.norm() > 0.1).count() as f64;
        event.refined_atoms = saddle.len() as f64;
        if self.options.keep_configurations {
            event.saddle = displacements(widest);
        }
    }

    /// Energies and certificate of a saddle.
    fn certify(&self, event: &mut Event, saddle: &Saddle) {
        self.describe(event, &saddle.region, saddle.widest().0);
        event.barrier = saddle.region.energy + saddle.far_field;
        event.far_field = saddle.far_field;
        event.eigenvalue = saddle.eigenvalue;
        event.second_eigenvalue = saddle.second_eigenvalue;
        event.residual_force = saddle.residual_force;
    }

    /// Follow both sides of the saddle and compare them with the start, the side that points towards it first. What is on its way to the
    /// end of the event, with its radius, when one side, and only one, is the start; when that is `known` it is not looked for again.
    fn relax_sides<'a>(
        &'a self,
        event: &mut Event,
        cost: &mut Cost,
        saddle: &Saddle<'a>,
        known: Option<(Region<'a>, f64)>,
    ) -> Result<std::result::Result<(Region<'a>, f64), Found<'a>>> {
        let mut displacement = Vec::new();
        saddle.region.displacement(&mut displacement);
        let ahead = dot(&displacement, &saddle.mode);
        let towards_start = if ahead > 0.0 { -self.options.side_push } else { self.options.side_push };
        let Some(near) = self.side(cost, saddle, towards_start)? else { return Ok(Err(Outcome::Budget.into())) };
        let near_is_start = self.is_start(&near);
        // With a clear direction the other side leads further away, and is not worth its cost.
        if !near_is_start && is_clear(ahead, &displacement) {
            return Ok(Err(Found { outcome: Outcome::Disconnected, passed: Some(near) }));
        }
        let (start, end) = if near_is_start {
            let end = match known {
                Some(end) => Some(end),
                // Only what turns out to be an event is worth the rest of the way.
                None => {
                    self.descend(cost, &saddle.region, &saddle.mode, -towards_start)?.map(|far| (far, saddle.radius))
                }
            };
            (near, end)
        } else {
            match self.side(cost, saddle, -towards_start)? {
                Some(far) if !self.is_start(&far) => {
                    return Ok(Err(Found { outcome: Outcome::Disconnected, passed: Some(nearer(near, far)) }));
                }
                Some(far) => (far, Some((near, saddle.radius))),
                None => (near, None),
            }
        };
        let Some(end) = end else { return Ok(Err(Outcome::Budget.into())) };
        start.displacement(&mut displacement);
        event.return_distance = largest(&displacement);
        Ok(Ok(end))
    }

    /// The final minimum, with the answer of what lies beyond its radius; what came of the try when there is none.
    fn describe_end<'a>(
        &'a self,
        event: &mut Event,
        cost: &mut Cost,
        saddle: &Saddle<'a>,
        (mut end, radius): (Region<'a>, f64),
    ) -> Result<std::result::Result<(), Outcome>> {
        let options = &self.options;
        let descent = self.descent();
        let relax = &mut |region: &mut Region<'a>| descent.run(region, &mut |_| false);
        if !self.finish(cost, &mut end)? {
            return Ok(Err(Outcome::Budget));
        }
        if self.is_start(&end) {
            return Ok(Err(Outcome::Identical));
        }
        event.landmarks.push(Landmark::new(catalog::Kind::Minimum, &end));
        let (energy, settled) = refine::settled(options, &end, radius, cost, relax)?;
        event.final_energy = energy;
        let mut moved = Vec::new();
        end.displacement(&mut moved);
        event.displacement = norm(&moved);
        event.exchange = f64::from(u8::from(self.is_exchange(&end, &moved, event.final_energy)));
        if options.keep_configurations {
            event.end = displacements(settled.as_ref().unwrap_or(&end));
        }
        event.final_distance = norm(&end.way_from(&saddle.region));
        Ok(Ok(()))
    }

    fn descent(&self) -> Descent {
        Descent {
            force_tolerance: self.options.side_force_tolerance,
            newton_below: 0.08,
            evaluations: self.options.side_evaluations,
        }
    }

    /// The minimum, the nearer one of two, to which a saddle leads of which only the atoms of the search are relaxed so far, when it
    /// clearly leads from somewhere else to somewhere else, and is not worth more.
    fn leads_elsewhere<'a>(
        &'a self,
        cost: &mut Cost,
        saddle: &Region<'a>,
        mode: &[Vector],
    ) -> Result<Option<Region<'a>>> {
        let mut displacement = Vec::new();
        saddle.displacement(&mut displacement);
        let ahead = dot(&displacement, mode);
        // With a clear direction the other side leads further away.
        let sides = if is_clear(ahead, &displacement) { 1 } else { 2 };
        let mut found = None;
        for sign in [-1.0, 1.0].into_iter().take(sides) {
            let step = sign * ahead.signum() * self.options.side_push;
            let Some(mut side) = self.descend(cost, saddle, mode, step)? else { return Ok(None) };
            // A descent rests on the way where it is flat: only the end of it says where it leads.
            let descent = Descent { force_tolerance: CORE_FORCE, ..self.descent() };
            let arrived = descent.run(&mut side, &mut |r| self.is_start(r))?;
            cost.add(side.cost);
            if !arrived || !is_elsewhere(&side) {
                return Ok(None);
            }
            found = Some(match found {
                Some(other) => nearer(other, side),
                None => side,
            });
        }
        Ok(found)
    }

    /// One side down towards its minimum until the ridge is left behind; in a large region, until the atoms near the event are at rest.
    fn descend<'a>(
        &'a self,
        cost: &mut Cost,
        saddle: &Region<'a>,
        mode: &[Vector],
        step: f64,
    ) -> Result<Option<Region<'a>>> {
        let mut region = saddle.clone();
        region.cost = Cost::default();
        let arrived = if self.is_large(&region) {
            // What lies further out waits where the saddle has it, and follows in the end.
            let near = self.near(&region);
            self.relax_part(&mut region, near, (mode, step))?
        } else {
            add_scaled(&mut region.positions, step, mode);
            region.evaluate()?;
            let off_the_ridge = saddle.energy - OFF_THE_RIDGE;
            self.descent().run(&mut region, &mut |r| r.energy < off_the_ridge || self.is_near_start(r, 0.5))?
        };
        cost.add(std::mem::take(&mut region.cost));
        Ok(arrived.then_some(region))
    }

    /// One side down to its minimum, or to where it leads to the start and nowhere else. None when that takes too long.
    fn side<'a>(&'a self, cost: &mut Cost, saddle: &Saddle<'a>, step: f64) -> Result<Option<Region<'a>>> {
        let Some(mut region) = self.descend(cost, &saddle.region, &saddle.mode, step)? else { return Ok(None) };
        // Atoms at rest that far from the start do not return when the far ones follow.
        if self.is_large(&region) && is_elsewhere(&region) {
            return Ok(Some(region));
        }
        Ok(self.finish(cost, &mut region)?.then_some(region))
    }

    /// The rest of the way to the minimum, with all atoms that feel it; false when that takes too long.
    fn finish(&self, cost: &mut Cost, region: &mut Region) -> Result<bool> {
        let options = &self.options;
        let mut arrived = true;
        while arrived && !self.is_near_start(region, 0.5) {
            arrived = self.descent().run(region, &mut |r| self.is_near_start(r, 0.5))?;
            // What the frozen atoms feel is asked only where their answer may lead to the start.
            if !arrived || self.is_start(region) || is_elsewhere(region) {
                break;
            }
            let frozen = region.frozen_forces()?;
            let more = self.frame.around_offenders(&frozen, options.force_tolerance, options.offender_radius);
            if !region.grow(&more, &mut [])? {
                break;
            }
            region.evaluate()?;
        }
        cost.add(std::mem::take(&mut region.cost));
        Ok(arrived)
    }

    /// Atoms within the refinement radius of the event.
    fn near(&self, region: &Region) -> Vec<usize> {
        self.frame.within(&[region.positions[refine::most_displaced(region).0]], self.options.refinement_radius)
    }

    /// True when a region reaches much further than an event alone.
    fn is_large(&self, region: &Region) -> bool {
        2 * self.near(region).len() < region.len()
    }

    /// The way down from a saddle, pushed off along its mode, with some of the atoms only, the others at rest where they are.
    fn relax_part(&self, region: &mut Region, atoms: Vec<usize>, (mode, step): (&[Vector], f64)) -> Result<bool> {
        let (arrived, positions) = region.with_part(&atoms, |part, places| {
            places.iter().zip(&mut part.positions).for_each(|(&place, position)| *position += mode[place] * step);
            part.evaluate()?;
            self.descent().run(part, &mut |_| false)
        })?;
        positions.into_iter().for_each(|(place, position)| region.positions[place] = position);
        region.evaluate()?;
        Ok(arrived)
    }

    /// True within the limits of `same_distance` and `same_energy`.
    fn is_start(&self, region: &Region) -> bool {
        self.is_near_start(region, 1.0)
    }

    /// The same within a part of them; from half of them a descent leads nowhere else, and need not be finished.
    fn is_near_start(&self, region: &Region, part: f64) -> bool {
        if region.energy.abs() > part * self.options.same_energy {
            return false;
        }
        let mut displacement = Vec::new();
        region.displacement(&mut displacement);
        largest(&displacement) < part * self.options.same_distance
    }

    /// True when every atom that moved far stands where one of its own species stood.
    fn is_exchange(&self, end: &Region, moved: &[Vector], energy: f64) -> bool {
        if energy.abs() > self.options.same_energy || largest(moved) < 0.5 {
            return false;
        }
        let configuration = &self.frame.configuration;
        (end.atoms.iter().zip(&end.positions)).zip(moved).filter(|(_, d)| d.norm() > 0.5).all(|((&atom, p), _)| {
            (self.frame.within(&[*p], 0.3).into_iter())
                .any(|other| configuration.species[other] == configuration.species[atom])
        })
    }

    /// Make the tries of a campaign, in parallel; the table is the same for any number of threads.
    ///
    /// When the observer asks to stop, the tries under way are finished and what there is comes back.
    pub fn campaign(&self, campaign: &Campaign, observer: &dyn Observer) -> Result<Events> {
        campaign.atoms.iter().try_for_each(|&atom| self.check_atom(atom))?;
        let journal = match &campaign.store {
            Some(path) => Some(Journal::open(path, &self.header(campaign.seed))?),
            None => None,
        };
        // A store with tries is one of this glass, which was looked at before the first of them.
        if journal.as_ref().is_none_or(|journal| journal.events.is_empty()) {
            self.check_curvature()?;
        }
        let mut known: HashMap<(usize, usize), Event> = HashMap::new();
        for event in journal.iter().flat_map(|j| &j.events) {
            known.entry((event.atom, event.attempt)).or_insert_with(|| event.clone());
        }
        let mut catalog = Catalog::new(&self.frame.configuration);
        let kicked = campaign.distinct_atoms();
        let atoms = campaign.part(&kicked, &catalog);
        let mut events: Vec<Event> = Vec::new();
        let mut interrupted = false;
        observer.begin("artn", (atoms.len() * campaign.goal.of_one()) as u64);
        let mut progress = Progress::new(observer, matches!(campaign.goal, Goal::Tries(_)));
        // Tries first, atoms second: a campaign that is cut short has seen all atoms equally, and one that grows goes on.
        // A try knows what was found in earlier batches, whatever the order in which those of its own are made.
        let batch = SMALLEST_BATCH.div_ceil(kicked.len().max(1));
        let mut cataloged = 0;
        for round in campaign.goal.rounds(batch) {
            if self.options.recall && round.start.is_multiple_of(batch) {
                events[cataloged..].sort_by_key(|e| (e.attempt, e.atom));
                catalog.add(&mut events[cataloged..]);
                cataloged = events.len();
            }
            let open: Vec<usize> = match campaign.goal {
                Goal::Tries(_) => atoms.clone(),
                Goal::Events { wanted, within, .. } => self.open(&atoms, &events, wanted, within),
            };
            let mut tasks = Vec::new();
            for attempt in round {
                for &atom in &open {
                    match known.remove(&(atom, attempt)) {
                        Some(event) => {
                            progress.count(&event);
                            progress.found_before += 1;
                            events.push(event);
                        }
                        None => tasks.push((atom, attempt)),
                    }
                }
            }
            let made = self.make(&tasks, campaign.seed, &catalog, journal.as_ref(), &progress)?;
            interrupted = made.len() < tasks.len();
            events.extend(made);
            if interrupted || open.is_empty() {
                break;
            }
        }
        observer.end();
        if let Some(journal) = &journal {
            journal.sync()?;
        }
        mark_duplicates(&mut events, &self.options);
        events.iter_mut().for_each(|event| event.landmarks = Vec::new());
        let mut notes = journal.map(|j| j.notes).unwrap_or_default();
        if let (Some((part, of)), true) = (campaign.shard, atoms.is_empty()) {
            notes.push(format!(
                "nothing to do in part {} of {of}: parts are made of whole blocks of neighbouring atoms, and here are fewer",
                part + 1
            ));
        }
        Ok(Events { events, seed: campaign.seed, label: self.options.label(), complete: !interrupted, notes })
    }

    /// Atoms that have fewer than the wanted number of distinct events `within` a distance of them.
    fn open(&self, atoms: &[usize], events: &[Event], wanted: usize, within: f64) -> Vec<usize> {
        let mut marked = events.to_vec();
        mark_duplicates(&mut marked, &self.options);
        let mut found: HashMap<usize, usize> = HashMap::new();
        let counts = |e: &&Event| e.outcome == Outcome::Connected && e.center_distance < within;
        for event in marked.iter().filter(counts) {
            *found.entry(event.atom).or_default() += 1;
        }
        atoms.iter().copied().filter(|atom| found.get(atom).copied().unwrap_or(0) < wanted).collect()
    }

    /// Make tries on all threads of the present pool, in the order of the list.
    fn make(
        &self,
        tasks: &[(usize, usize)],
        seed: u64,
        catalog: &Catalog,
        journal: Option<&Journal>,
        progress: &Progress,
    ) -> Result<Vec<Event>> {
        let next = AtomicUsize::new(0);
        let failed = AtomicBool::new(false);
        let done = Mutex::new(Vec::with_capacity(tasks.len()));
        let work = |_: rayon::BroadcastContext| -> Result<()> {
            while !progress.observer.interrupted() && !failed.load(Ordering::Relaxed) {
                let Some(&(atom, attempt)) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                let finished = self.run_knowing(catalog.known_to(atom), atom, attempt, seed).and_then(|event| {
                    journal.map_or(Ok(()), |journal| journal.append(&event))?;
                    Ok(event)
                });
                match finished {
                    Ok(event) => {
                        progress.count(&event);
                        done.lock().unwrap_or_else(PoisonError::into_inner).push(event);
                    }
                    Err(error) => {
                        failed.store(true, Ordering::Relaxed);
                        return Err(error);
                    }
                }
            }
            Ok(())
        };
        rayon::broadcast(work).into_iter().collect::<Result<Vec<()>>>()?;
        Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a store must agree in.
    fn header(&self, seed: u64) -> Vec<(String, String)> {
        let configuration = &self.frame.configuration;
        let mut header = vec![
            ("glass".to_string(), configuration.fingerprint()),
            ("atoms".to_string(), configuration.len().to_string()),
            ("potential".to_string(), self.frame.potential.fingerprint()),
            ("seed".to_string(), seed.to_string()),
            ("algorithm".to_string(), ALGORITHM.to_string()),
        ];
        header.extend(self.options.options());
        header
    }
}

/// Raised whenever the same options and seed give other events than before, so that no store mixes them.
const ALGORITHM: u32 = 15;

/// Tries that are made without knowing of each other, at least: as many as there may be threads.
const SMALLEST_BATCH: usize = 64;

/// Curvature that rounding may leave of none [energy/length^2].
const FLAT: f64 = -1e-3;

/// Energy below the saddle from which on a descent no longer feels the ridge [energy].
const OFF_THE_RIDGE: f64 = 0.1;

/// Largest force to which a saddle is brought with the atoms of the search, before its surroundings join [energy/length].
const CORE_FORCE: f64 = 0.01;

/// Part of the displacement that must lie along the mode for its sides to be told apart.
const CLEARLY_AHEAD: f64 = 0.3;

/// True when the part `ahead` of a displacement along the mode tells its sides apart.
fn is_clear(ahead: f64, displacement: &[Vector]) -> bool {
    ahead.abs() > CLEARLY_AHEAD * norm(displacement)
}

/// With an atom this far from its place in the start, a minimum is another one whatever the frozen atoms do [length]: returns
/// come within 0.07, other minima from 0.5 on.
const ELSEWHERE: f64 = 0.5;

/// Displacements of the atoms of a region from the minimum.
fn displacements(region: &Region) -> Displacements {
    let mut displacement = Vec::new();
    region.displacement(&mut displacement);
    region.atoms.iter().copied().zip(displacement).collect()
}

fn is_elsewhere(region: &Region) -> bool {
    let mut displacement = Vec::new();
    region.displacement(&mut displacement);
    largest(&displacement) > ELSEWHERE
}

/// The one of two minima that is nearer to the start.
fn nearer<'a>(a: Region<'a>, b: Region<'a>) -> Region<'a> {
    let [length_a, length_b] = [&a, &b].map(|region| {
        let mut displacement = Vec::new();
        region.displacement(&mut displacement);
        norm(&displacement)
    });
    if length_b < length_a { b } else { a }
}

/// What came of a climb.
struct Found<'a> {
    outcome: Outcome,
    /// Another minimum than the start that it passed over.
    passed: Option<Region<'a>>,
}

impl From<Outcome> for Found<'_> {
    fn from(outcome: Outcome) -> Self {
        Found { outcome, passed: None }
    }
}

/// What a try is given: independent random streams, and what is known already.
struct Given<'k> {
    eigenvector: Random,
    selection: Random,
    known: Known<'k>,
}

impl Campaign {
    /// The atoms to kick, each once.
    fn distinct_atoms(&self) -> Vec<usize> {
        let mut atoms = self.atoms.clone();
        atoms.sort_unstable();
        atoms.dedup();
        atoms
    }

    /// Those of the atoms that are in this shard: whole blocks, in turn.
    fn part(&self, atoms: &[usize], catalog: &Catalog) -> Vec<usize> {
        let Some((part, of)) = self.shard else { return atoms.to_vec() };
        let mut blocks: Vec<usize> = atoms.iter().map(|&atom| catalog.block(atom)).collect();
        blocks.sort_unstable();
        blocks.dedup();
        let is_here = |atom: &usize| blocks.binary_search(&catalog.block(*atom)).is_ok_and(|k| k % of.max(1) == part);
        atoms.iter().copied().filter(is_here).collect()
    }
}

/// The events of a campaign, by atom and try.
#[derive(Clone, Debug)]
pub struct Events {
    /// One for each try.
    pub events: Vec<Event>,
    /// Seed of the campaign.
    pub seed: u64,
    /// Method and unusual options.
    pub label: String,
    /// False when it was interrupted.
    pub complete: bool,
    /// What was found wrong with the store and left out.
    pub notes: Vec<String>,
}

impl Events {
    /// The table of all tries; see [`super::event::columns`].
    pub fn columns(&self) -> Vec<Column> {
        super::event::columns(&self.events, self.seed, &self.label)
    }
}

/// Counts for the line of progress.
struct Progress<'a> {
    observer: &'a dyn Observer,
    by_tries: bool,
    /// Tries that the journal held, which cost no time.
    found_before: u64,
    start: Instant,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    tries: u64,
    connected: u64,
    barriers: f64,
}

impl<'a> Progress<'a> {
    fn new(observer: &'a dyn Observer, by_tries: bool) -> Progress<'a> {
        Progress { observer, by_tries, found_before: 0, start: Instant::now(), counts: Mutex::default() }
    }

    fn count(&self, event: &Event) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.tries += 1;
        if event.outcome == Outcome::Connected {
            counts.connected += 1;
            counts.barriers += event.barrier;
        }
        let Counts { tries, connected, barriers } = *counts;
        let done = if self.by_tries { tries } else { connected };
        self.observer.advance(done, &|| {
            let share = connected as f64 / tries as f64;
            let hours = self.start.elapsed().as_secs_f64() / 3600.0;
            let rate = share * tries.saturating_sub(self.found_before) as f64 / hours.max(1e-6);
            let mean = barriers / connected.max(1) as f64;
            format!("{connected} events, {:.0} % of tries, mean barrier {mean:.3} eV, {rate:.0} an hour", 100.0 * share)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Cell;
    use crate::configuration::Element;

    #[test]
    fn like_atoms_that_change_places_are_an_exchange_and_unlike_ones_are_not() {
        let (a, cells) = (3.2286, 6);
        let (mut species, mut positions) = (Vec::new(), Vec::new());
        for k in 0..cells * cells * cells {
            let corner = Vector::new((k % cells) as f64, (k / cells % cells) as f64, (k / cells / cells) as f64);
            for kind in 0..2 {
                species.push(kind);
                positions.push((corner + Vector::repeat(0.5 * kind as f64)) * a);
            }
        }
        let element = |name: &str| Element { name: name.into(), mass: 1.0 };
        let edge = a * cells as f64;
        let cell = Cell::orthogonal(edge, edge, edge).unwrap();
        let crystal = Configuration::new(cell, vec![element("Cu"), element("Zr")], species, positions).unwrap();
        let potential = Potential::built_in("CuZr-2009").unwrap();
        let search = Search::new(Artn::default(), &crystal, &potential).unwrap();
        let exchange = |one: usize, other: usize, energy: f64| {
            let mut end = Region::new(&search.frame, (0..crystal.len()).collect()).unwrap();
            end.positions.swap(one, other);
            let mut moved = Vec::new();
            end.displacement(&mut moved);
            search.is_exchange(&end, &moved, energy)
        };
        assert!(exchange(0, 2, 0.0), "two Cu");
        assert!(exchange(1, 3, 1e-3), "two Zr");
        assert!(!exchange(0, 1, 0.0), "Cu and Zr");
        assert!(!exchange(0, 2, 0.1), "another energy is another state");
        assert!(!exchange(0, 0, 0.0), "nothing moved");
    }
}
