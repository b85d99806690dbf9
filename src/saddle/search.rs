//! One try from kick to certificate, and campaigns of tries.

use super::Artn;
use super::activation::Activation;
use super::descent::Descent;
use super::event::{Event, Outcome, mark_duplicates};
use super::refine::{self, FarField, Saddle};
use super::region::{Cost, Frame, Region};
use super::store::{self, Journal};
use super::vectors::{copy, dot, largest, norm};
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

/// Searches from one minimum.
#[derive(Debug)]
pub struct Search {
    options: Artn,
    frame: Frame,
}

/// How many tries an atom gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// So many tries.
    Tries(usize),
    /// As many as it takes to find so many distinct connected events, but no more than `most`.
    Events {
        /// Distinct connected events wanted.
        wanted: usize,
        /// Most tries.
        most: usize,
    },
}

/// Tries to make.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// Atoms to kick, counted from 0.
    pub atoms: Vec<usize>,
    /// Tries for each.
    pub goal: Goal,
    /// Seed of all of them.
    pub seed: u64,
    /// Part `.0` of `.1` (counted from 0) of the atoms, for a run spread over machines.
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
                 allowed; use `glass.minimize(#{{ force_tolerance: 1e-5*eV/angstrom }})` first",
                options.minimum_force
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

    /// Try number `attempt` of `atom` (both counted from 0).
    pub fn run(&self, atom: usize, attempt: usize, seed: u64) -> Result<Event> {
        self.check_atom(atom)?;
        let configuration = &self.frame.configuration;
        let mut event = Event::new(atom, attempt, &configuration.elements[configuration.species[atom]].name);
        let index = ((atom as u64) << 24) + attempt as u64;
        let mut randoms = Randoms {
            push: random::stream(seed, Purpose::Push, index),
            eigenvector: random::stream(seed, Purpose::Eigenvector, index),
            selection: random::stream(seed, Purpose::Selection, index),
        };
        let mut cost = Cost::default();
        let outcome = match self.walk(&mut event, &mut cost, &mut randoms) {
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

    fn check_atom(&self, atom: usize) -> Result<()> {
        if atom < self.frame.len() {
            return Ok(());
        }
        Err(Error::input(format!("artn: there is no atom {}; the glass has {} atoms", atom + 1, self.frame.len())))
    }

    fn walk(&self, event: &mut Event, cost: &mut Cost, randoms: &mut Randoms) -> Result<Outcome> {
        let options = &self.options;
        let mut activation = Activation::new(options, &self.frame, event.atom, &mut randoms.push)?;
        let climbed = self.climb(event, cost, &mut activation, &mut randoms.eigenvector);
        event.basin_pushes = activation.pushes as f64;
        event.climb_pushes = activation.steps as f64;
        event.exit_eigenvalue = activation.exit_eigenvalue;
        event.search_atoms = activation.region.len() as f64;
        event.search_force_evaluations = activation.region.cost.force_evaluations as f64;
        event.search_hessian_products = activation.region.cost.hessian_products as f64;
        cost.add(activation.region.cost);
        let saddle = match climbed? {
            Ok(saddle) => saddle,
            Err(outcome) => return Ok(outcome),
        };
        cost.add(saddle.region.cost);
        self.describe(event, &saddle);
        if saddle.eigenvalue >= 0.0 || saddle.second_eigenvalue <= 0.0 || event.barrier <= 0.0 {
            return Ok(Outcome::NotFirstOrder);
        }
        let outcome = self.relax_sides(event, cost, &saddle, &activation.region.atoms)?;
        if outcome == Outcome::Connected && randoms.selection.random::<f64>() < options.whole_cell_share {
            event.barrier_whole_cell = self.whole_cell(&saddle)?;
        }
        Ok(outcome)
    }

    /// Climb and refine; when the refinement finds only a shoulder, climb on with a smaller force tolerance.
    fn climb<'a>(
        &'a self,
        event: &mut Event,
        cost: &mut Cost,
        activation: &mut Activation<'a>,
        random: &mut Random,
    ) -> Result<std::result::Result<Saddle<'a>, Outcome>> {
        let options = &self.options;
        if let Err(outcome) = activation.leave_basin(random)? {
            return Ok(Err(outcome));
        }
        let mut force_tolerance = options.force_tolerance;
        for _ in 0..=options.returns {
            if let Err(outcome) = activation.climb(force_tolerance)? {
                return Ok(Err(outcome));
            }
            if event.barrier_unrefined.is_nan() {
                event.barrier_unrefined = activation.region.energy;
            }
            let (region, mode) = refine::surroundings(options, &self.frame, &activation.region, &activation.mode)?;
            match refine::refine_to_first_order(options, region, mode, random, cost)? {
                Ok(saddle) => return Ok(Ok(saddle)),
                Err(region) => cost.add(region.cost),
            }
            force_tolerance = (0.3 * force_tolerance).max(options.refined_force_tolerance);
        }
        Ok(Err(Outcome::NotFirstOrder))
    }

    fn describe(&self, event: &mut Event, saddle: &Saddle) {
        let mut displacement = Vec::new();
        saddle.region.displacement(&mut displacement);
        let (place, length) = refine::most_displaced(&saddle.region);
        let center = saddle.region.atoms[place];
        event.barrier = saddle.region.energy + saddle.far_field;
        event.far_field = saddle.far_field;
        event.eigenvalue = saddle.eigenvalue;
        event.second_eigenvalue = saddle.second_eigenvalue;
        event.residual_force = saddle.residual_force;
        event.saddle_distance = norm(&displacement);
        event.largest_displacement = length;
        event.center_atom = center as f64;
        event.center_distance = self.frame.distance(center, &self.frame.configuration.positions[event.atom]);
        event.moved = displacement.iter().filter(|d| d.norm() > 0.1).count() as f64;
        event.refined_atoms = saddle.region.len() as f64;
        if self.options.keep_configurations {
            event.saddle = saddle.region.atoms.iter().copied().zip(displacement).collect();
        }
    }

    /// Relax both sides of the saddle and compare them with the start, the side that points towards it first.
    fn relax_sides(&self, event: &mut Event, cost: &mut Cost, saddle: &Saddle, inner: &[usize]) -> Result<Outcome> {
        let mut displacement = Vec::new();
        saddle.region.displacement(&mut displacement);
        let ahead = dot(&displacement, &saddle.mode);
        let towards_start = if ahead > 0.0 { -self.options.side_push } else { self.options.side_push };
        let Some(near) = self.relax(cost, saddle, inner, towards_start)? else { return Ok(Outcome::Budget) };
        let near_is_start = self.is_start(&near.region);
        // With a clear direction the other side leads further away, and is not worth its cost.
        if !near_is_start && ahead.abs() > 0.3 * norm(&displacement) {
            return Ok(Outcome::Disconnected);
        }
        let Some(far) = self.relax(cost, saddle, inner, -towards_start)? else { return Ok(Outcome::Budget) };
        let (start, end) = match (near_is_start, self.is_start(&far.region)) {
            (true, true) => return Ok(Outcome::Identical),
            (true, false) => (near, far),
            (false, true) => (far, near),
            (false, false) => return Ok(Outcome::Disconnected),
        };
        let mut moved = Vec::new();
        start.region.displacement(&mut moved);
        event.return_distance = largest(&moved);
        event.final_energy = end.energy;
        let end = end.region;
        end.displacement(&mut moved);
        event.displacement = norm(&moved);
        event.exchange = f64::from(u8::from(self.is_exchange(&end, &moved, event.final_energy)));
        if self.options.keep_configurations {
            event.end = end.atoms.iter().copied().zip(moved.iter().copied()).collect();
        }
        event.final_distance = way(&saddle.region, &end);
        // A side that is no lower than the saddle is a dent of the ridge, below the accuracy of both.
        Ok(if event.final_energy < event.barrier { Outcome::Connected } else { Outcome::NotFirstOrder })
    }

    /// One side down to its minimum: the atoms of the search first, then the whole surroundings.
    fn relax<'a>(
        &'a self,
        cost: &mut Cost,
        saddle: &Saddle<'a>,
        inner: &[usize],
        step: f64,
    ) -> Result<Option<Side<'a>>> {
        let options = &self.options;
        let descent = Descent {
            force_tolerance: options.side_force_tolerance,
            newton_below: 0.08,
            evaluations: options.side_evaluations,
        };
        let mut region = Region::new(&self.frame, saddle.region.atoms.clone())?;
        copy(&mut region.positions, &refine::beside(saddle, step));
        region.evaluate()?;
        let off_the_ridge = saddle.region.energy - OFF_THE_RIDGE;
        let mut arrived = descent.run(&mut region, &mut |r| r.energy < off_the_ridge || self.is_near_start(r, 0.5))?;
        if arrived && 2 * inner.len() < region.len() && region.largest_force() > descent.newton_below {
            self.relax_core(cost, &mut region, inner, &descent)?;
        }
        let mut radius = saddle.radius;
        let mut energy = region.energy;
        while arrived && !self.is_near_start(&region, 0.5) {
            arrived = descent.run(&mut region, &mut |r| self.is_near_start(r, 0.5))?;
            energy = region.energy;
            if !arrived || self.is_start(&region) {
                break;
            }
            let more = super::activation::offenders(&mut region, options.force_tolerance, options.offender_radius)?;
            if !region.grow(&more, &mut [])? {
                let far_field = FarField::new(options, &region, None, radius)?;
                cost.add(far_field.cost());
                energy = region.energy + far_field.energy;
                radius += refine::RING;
                if !far_field.matters(options) || !far_field.widen(options, &mut region, radius, &mut [])? {
                    break;
                }
            }
            region.evaluate()?;
        }
        cost.add(region.cost);
        Ok(arrived.then_some(Side { region, energy }))
    }

    /// The way down from the ridge with the atoms of the search only: the far surroundings move so little that it does not
    /// depend on them. Its end is found with them.
    fn relax_core(&self, cost: &mut Cost, region: &mut Region, inner: &[usize], descent: &Descent) -> Result<()> {
        let mut core = Region::new(&self.frame, inner.to_vec())?;
        for (atom, position) in core.atoms.iter().zip(&mut core.positions) {
            if let Ok(place) = region.atoms.binary_search(atom) {
                *position = region.positions[place];
            }
        }
        core.evaluate()?;
        Descent { force_tolerance: descent.newton_below, ..*descent }.run(&mut core, &mut |_| false)?;
        cost.add(core.cost);
        for (atom, position) in core.atoms.iter().zip(&core.positions) {
            if let Ok(place) = region.atoms.binary_search(atom) {
                region.positions[place] = *position;
            }
        }
        region.evaluate()
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

    /// The barrier after a refinement of the saddle with all atoms free; NaN when that is not a saddle any more.
    fn whole_cell(&self, saddle: &Saddle) -> Result<f64> {
        if saddle.region.is_free() {
            return Ok(saddle.region.energy);
        }
        let mut region = Region::new(&self.frame, saddle.region.atoms.clone())?;
        copy(&mut region.positions, &saddle.region.positions);
        let mut mode = saddle.mode.clone();
        let all: Vec<usize> = (0..self.frame.len()).collect();
        region.grow(&all, &mut [&mut mode])?;
        Ok(refine::refine(&self.options, region, mode)?.map_or(f64::NAN, |(region, _)| region.energy))
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
        let mut known: HashMap<(usize, usize), Event> = HashMap::new();
        for event in journal.iter().flat_map(|j| &j.events) {
            known.entry((event.atom, event.attempt)).or_insert_with(|| event.clone());
        }
        let atoms = campaign.part();
        let (wanted, most) = match campaign.goal {
            Goal::Tries(tries) => (usize::MAX, tries),
            Goal::Events { wanted, most } => (wanted, most),
        };
        let goal = atoms.len() * wanted.min(most);
        let mut events: Vec<Event> = Vec::new();
        let mut interrupted = false;
        observer.begin("artn", goal as u64);
        let progress = Progress::new(observer, matches!(campaign.goal, Goal::Tries(_)));
        // Tries first, atoms second: a campaign that is cut short has seen all atoms equally, and one that grows goes on.
        let rounds: Vec<Range<usize>> = match campaign.goal {
            Goal::Tries(tries) => vec![0..tries],
            Goal::Events { most, .. } => (0..most).map(|k| k..k + 1).collect(),
        };
        for round in rounds {
            let open: Vec<usize> =
                if wanted == usize::MAX { atoms.clone() } else { self.open(&atoms, &events, wanted) };
            let mut tasks = Vec::new();
            for attempt in round {
                for &atom in &open {
                    match known.remove(&(atom, attempt)) {
                        Some(event) => {
                            progress.count(&event);
                            events.push(event);
                        }
                        None => tasks.push((atom, attempt)),
                    }
                }
            }
            let made = self.make(&tasks, campaign.seed, journal.as_ref(), &progress)?;
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
        let notes = journal.map(|j| j.notes).unwrap_or_default();
        Ok(Events { events, seed: campaign.seed, label: self.options.label(), complete: !interrupted, notes })
    }

    /// Atoms that have fewer than the wanted number of distinct events.
    fn open(&self, atoms: &[usize], events: &[Event], wanted: usize) -> Vec<usize> {
        let mut marked = events.to_vec();
        mark_duplicates(&mut marked, &self.options);
        let mut found: HashMap<usize, usize> = HashMap::new();
        for event in marked.iter().filter(|e| e.outcome == Outcome::Connected) {
            *found.entry(event.atom).or_default() += 1;
        }
        atoms.iter().copied().filter(|atom| found.get(atom).copied().unwrap_or(0) < wanted).collect()
    }

    /// Make tries on all threads of the present pool, in the order of the list.
    fn make(
        &self,
        tasks: &[(usize, usize)],
        seed: u64,
        journal: Option<&Journal>,
        progress: &Progress,
    ) -> Result<Vec<Event>> {
        let next = AtomicUsize::new(0);
        let failed = AtomicBool::new(false);
        let done = Mutex::new(Vec::with_capacity(tasks.len()));
        let work = |_: rayon::BroadcastContext| -> Result<()> {
            while !progress.observer.interrupted() && !failed.load(Ordering::Relaxed) {
                let Some(&(atom, attempt)) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                let finished = self.run(atom, attempt, seed).and_then(|event| {
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
            ("glass".to_string(), store::fingerprint_of_configuration(configuration)),
            ("atoms".to_string(), configuration.len().to_string()),
            ("potential".to_string(), store::fingerprint_of_potential(&self.frame.potential)),
            ("seed".to_string(), seed.to_string()),
        ];
        header.extend(self.options.options());
        header
    }
}

/// Energy below the saddle from which on a descent no longer feels the ridge [energy].
const OFF_THE_RIDGE: f64 = 0.1;

/// A minimum beside a saddle.
struct Side<'a> {
    region: Region<'a>,
    /// Its energy with the answer of the frozen surroundings [energy].
    energy: f64,
}

/// Independent random streams of one try.
struct Randoms {
    push: Random,
    eigenvector: Random,
    selection: Random,
}

impl Campaign {
    /// The atoms of this shard.
    fn part(&self) -> Vec<usize> {
        match self.shard {
            None => self.atoms.clone(),
            Some((part, of)) => {
                self.atoms.iter().copied().enumerate().filter(|(k, _)| k % of.max(1) == part).map(|a| a.1).collect()
            }
        }
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
        Progress { observer, by_tries, counts: Mutex::new(Counts::default()) }
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
            let share = 100.0 * connected as f64 / tries as f64;
            format!(
                "{connected} events, {share:.0} % of tries, mean barrier {:.3} eV",
                barriers / connected.max(1) as f64
            )
        });
    }
}

/// Length of the way from a saddle to a minimum, over all atoms.
fn way(saddle: &Region, end: &Region) -> f64 {
    let (mut from, mut to) = (Vec::new(), Vec::new());
    saddle.displacement(&mut from);
    end.displacement(&mut to);
    for (atom, d) in saddle.atoms.iter().zip(&from) {
        if let Ok(place) = end.atoms.binary_search(atom) {
            to[place] -= d;
        }
    }
    norm(&to)
}
