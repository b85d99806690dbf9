//! Exact evaluation restricted to a set of active atoms, at a cost proportional to the set.
//!
//! When only some atoms move, three things change: pairs with an active atom, the densities of the active atoms, and the
//! densities of the frozen atoms around them. A frozen atom keeps the density that other frozen atoms give it, so nothing beyond
//! one cutoff is ever looked at and the result is exact:
//!
//! ```math
//! dE = sum_{pairs with an active atom} d phi + sum_{k active or within a cutoff} [F(rho_k) - F(rho_k^start)]
//! ```

use super::block::{Block, Candidate, Lists};
use super::kernel::{self, Curvatures, Frame, Group, Springs};
use super::lanes::{Lane, Level, Record};
use super::short::{self, ShortHessian};
use super::{Engine, Potential};
use crate::cell::{Cell, Vector};
use crate::configuration::Configuration;
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Width by which the wide lists of active atoms reach beyond the cutoffs [length], for a cutoff of [`CUTOFF`].
const SKIN: f64 = 1.2;

/// The same for the lists in use, which are pruned from the wide ones [length].
const PRUNED_SKIN: f64 = 0.25;

/// Cutoff for which the skins were chosen [length]; others have them in proportion.
const CUTOFF: f64 = 7.6;

/// A sample evaluated once, from which any number of [`LocalEngine`] start.
#[derive(Debug)]
pub struct Surroundings {
    potential: Arc<Potential>,
    cell: Cell,
    species: Vec<u16>,
    positions: Vec<Vector>,
    fractions: Vec<Vector>,
    density: Vec<f64>,
    /// Slopes of the embedding energies.
    slope: Vec<f64>,
    forces: Vec<Vector>,
    bins: [usize; 3],
    first: Vec<usize>,
    order: Vec<u32>,
}

impl Surroundings {
    /// Evaluate a configuration; costs as much as one evaluation of the whole sample.
    pub fn new(potential: &Arc<Potential>, configuration: &Configuration) -> Result<Arc<Surroundings>> {
        let mut engine = Engine::new(potential, configuration)?;
        engine.evaluate(&configuration.cell, &configuration.positions)?;
        let cell = configuration.cell.clone();
        let fractions: Vec<Vector> =
            configuration.positions.iter().map(|x| cell.fractional(x)).map(|s| s - s.map(f64::floor)).collect();
        let mut edge = 0.5 * (potential.cutoff() + SKIN);
        // A thin gas would spread over far more bins than it has atoms.
        let most = (8 * configuration.len()).max(4096) as f64;
        while cell.widths().iter().map(|w| w / edge + 1.0).product::<f64>() > most {
            edge *= 1.25;
        }
        let bins = cell.widths().map(|w| ((w / edge) as usize).max(1));
        let (species, density) = (engine.species(), engine.densities());
        let slope = |(kind, density): (&usize, &f64)| potential.embedding(*kind).evaluate(*density)[1];
        let mut surroundings = Surroundings {
            potential: potential.clone(),
            cell,
            slope: species.iter().zip(&density).map(slope).collect(),
            species: species.iter().map(|&kind| kind as u16).collect(),
            positions: configuration.positions.clone(),
            density,
            forces: engine.forces,
            first: vec![0; bins.iter().product::<usize>() + 1],
            order: vec![0; fractions.len()],
            bins,
            fractions,
        };
        surroundings.sort();
        Ok(surroundings.into())
    }

    /// The sample with `engine` where it was last evaluated; forces on atoms that are frozen in it stay those of the start.
    fn displaced(&self, engine: &LocalEngine) -> Surroundings {
        let list = &engine.list;
        let (mut positions, mut fractions, mut forces) =
            (self.positions.clone(), self.fractions.clone(), self.forces.clone());
        for ((&atom, x), force) in engine.active.iter().zip(&list.positions).zip(&engine.forces) {
            let s = self.cell.fractional(x);
            (positions[atom], fractions[atom], forces[atom]) = (*x, s - s.map(f64::floor), *force);
        }
        let (mut density, mut slope) = (self.density.clone(), self.slope.clone());
        for ((&atom, total), now) in list.atoms.iter().zip(&list.total).zip(&list.slope) {
            (density[atom], slope[atom]) = (*total, *now);
        }
        let (potential, cell, species) = (self.potential.clone(), self.cell.clone(), self.species.clone());
        let (first, order) = (vec![0; self.first.len()], vec![0; self.order.len()]);
        let mut displaced = Surroundings {
            potential,
            cell,
            species,
            positions,
            fractions,
            density,
            slope,
            forces,
            bins: self.bins,
            first,
            order,
        };
        displaced.sort();
        displaced
    }

    /// Number of atoms.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// True when there is no atom.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// Forces at the start [energy/length].
    pub fn forces(&self) -> &[Vector] {
        &self.forces
    }

    fn sort(&mut self) {
        let bins = self.bins;
        let key = |s: &Vector| {
            let b = [0, 1, 2].map(|k| ((s[k] * bins[k] as f64) as usize).min(bins[k] - 1));
            (b[2] * bins[1] + b[1]) * bins[0] + b[0]
        };
        self.fractions.iter().for_each(|s| self.first[key(s) + 1] += 1);
        (1..self.first.len()).for_each(|k| self.first[k] += self.first[k - 1]);
        let mut next = self.first.clone();
        for (atom, s) in self.fractions.iter().enumerate() {
            let place = &mut next[key(s)];
            self.order[*place] = atom as u32;
            *place += 1;
        }
    }

    /// All atoms and images of atoms, apart from those that `skip` names, that may lie within `reach` of one of the points:
    /// number of the atom and position.
    fn around(&self, points: &[Vector], reach: f64, skip: impl Fn(usize) -> bool) -> Vec<(usize, Vector)> {
        let widths = self.cell.widths();
        let steps = [0, 1, 2].map(|k| (reach * self.bins[k] as f64 / widths[k]).ceil() as i64);
        let centre = |point: &Vector| {
            let s = self.cell.fractional(point);
            [2, 1, 0].map(|k| (s[k] * self.bins[k] as f64).floor() as i64)
        };
        let mut centres: Vec<[i64; 3]> = points.iter().map(centre).collect();
        centres.sort_unstable();
        centres.dedup();
        // Stretches of bins along x, row by row: first those of the points, then those of all rows that they reach.
        let of_points = joined(centres.into_iter().map(|[z, y, x]| [z, y, x - steps[0], x + steps[0]]));
        let mut stretches = Vec::with_capacity(of_points.len() * ((2 * steps[2] + 1) * (2 * steps[1] + 1)) as usize);
        for [z, y, from, to] in of_points {
            for z in z - steps[2]..=z + steps[2] {
                stretches.extend((y - steps[1]..=y + steps[1]).map(|y| [z, y, from, to]));
            }
        }
        stretches.sort_unstable();
        let mut found = Vec::new();
        let bins =
            joined(stretches.into_iter()).into_iter().flat_map(|[z, y, from, to]| (from..=to).map(move |x| [x, y, z]));
        for at in bins {
            let bin = [0, 1, 2].map(|k| at[k].rem_euclid(self.bins[k] as i64) as usize);
            let image = Vector::from_fn(|k, _| at[k].div_euclid(self.bins[k] as i64) as f64);
            let bin = (bin[2] * self.bins[1] + bin[1]) * self.bins[0] + bin[0];
            for &atom in &self.order[self.first[bin]..self.first[bin + 1]] {
                if !skip(atom as usize) {
                    found.push((atom as usize, self.cell.cartesian(&(self.fractions[atom as usize] + image))));
                }
            }
        }
        found
    }
}

/// Stretches of rows, `[z, y, first x, last x]` in ascending order, without what they have in common.
fn joined(stretches: impl Iterator<Item = [i64; 4]>) -> Vec<[i64; 4]> {
    let mut joined: Vec<[i64; 4]> = Vec::new();
    for stretch in stretches {
        match joined.last_mut() {
            Some(last) if last[..2] == stretch[..2] && stretch[2] <= last[3] + 1 => last[3] = last[3].max(stretch[3]),
            _ => joined.push(stretch),
        }
    }
    joined
}

/// Energy and forces as functions of the positions of the active atoms, all others frozen.
#[derive(Clone, Debug)]
pub struct LocalEngine {
    surroundings: Arc<Surroundings>,
    active: Vec<usize>,
    /// Whole cells that bring each active atom near the first.
    placement: Vec<Vector>,
    /// Densities of frozen atoms less what active atoms gave them at the start.
    background: HashMap<usize, f64>,
    start: f64,
    list: List,
    /// False until the first evaluation with these atoms.
    evaluated: bool,
    /// Energy relative to the configuration it was made from [energy].
    pub energy: f64,
    /// Forces on the active atoms [energy/length].
    pub forces: Vec<Vector>,
}

impl LocalEngine {
    /// An engine in which the atoms `active` (distinct) move and all others stay where `configuration` has them.
    ///
    /// Evaluates the whole sample once; make [`Surroundings`] and use [`LocalEngine::within`] to share that among engines.
    pub fn new(potential: &Arc<Potential>, configuration: &Configuration, active: &[usize]) -> Result<LocalEngine> {
        LocalEngine::within(&Surroundings::new(potential, configuration)?, active)
    }

    /// An engine in which the atoms `active` (distinct) move and all others stay where they were in `surroundings`.
    pub fn within(surroundings: &Arc<Surroundings>, active: &[usize]) -> Result<LocalEngine> {
        let mut engine = LocalEngine::waiting(surroundings, active)?;
        engine.evaluate(&engine.start_positions())?;
        Ok(engine)
    }

    /// The same before its first evaluation: without energy and forces, at less cost.
    pub fn waiting(surroundings: &Arc<Surroundings>, active: &[usize]) -> Result<LocalEngine> {
        let mut engine = LocalEngine::idle(surroundings);
        engine.take(active)?;
        Ok(engine)
    }

    /// A copy before its first evaluation, for positions so far from the start that the lists do not hold.
    pub fn waiting_afar(&self) -> LocalEngine {
        LocalEngine {
            active: self.active.clone(),
            placement: self.placement.clone(),
            background: self.background.clone(),
            start: self.start,
            ..LocalEngine::idle(&self.surroundings)
        }
    }

    /// An engine without active atoms.
    fn idle(surroundings: &Arc<Surroundings>) -> LocalEngine {
        LocalEngine {
            surroundings: surroundings.clone(),
            active: Vec::new(),
            placement: Vec::new(),
            background: HashMap::new(),
            start: 0.0,
            list: List::default(),
            evaluated: false,
            energy: 0.0,
            forces: Vec::new(),
        }
    }

    /// Let more atoms move, from where they were at the start; they follow the others in all per-atom data.
    ///
    /// Atoms that are active already are passed over. Energy and forces are those of the start until the next evaluation.
    pub fn activate(&mut self, atoms: &[usize]) -> Result<()> {
        self.take(atoms)?;
        self.evaluate(&self.start_positions())
    }

    /// The same without the evaluation.
    fn take(&mut self, atoms: &[usize]) -> Result<()> {
        let surroundings = self.surroundings.clone();
        let mut known = vec![false; surroundings.len()];
        self.active.iter().for_each(|&atom| known[atom] = true);
        let mut more = Vec::new();
        for &atom in atoms {
            if atom >= surroundings.len() {
                return Err(Error::input(format!(
                    "there is no atom {}; the glass has {}",
                    atom + 1,
                    surroundings.len()
                )));
            }
            if !std::mem::replace(&mut known[atom], true) {
                more.push(atom);
            }
        }
        self.place(&more);
        let positions = self.start_positions();
        self.background.clear();
        self.list = self.list_at(&positions, false);
        self.start = self.list.pair_energy(&surroundings)?;
        for slot in self.list.own..self.list.atoms.len() {
            let atom = self.list.atoms[slot];
            let rest = surroundings.density[atom] - self.list.local[slot];
            self.background.insert(atom, rest);
            self.list.constant[slot] = rest;
        }
        self.evaluated = false;
        Ok(())
    }

    /// Add atoms, none of which is active, near the first one.
    fn place(&mut self, atoms: &[usize]) {
        let surroundings = &*self.surroundings;
        let cell = &surroundings.cell;
        self.active.extend_from_slice(atoms);
        let centre = self.active.first().map_or(Vector::zeros(), |&atom| cell.cartesian(&surroundings.fractions[atom]));
        for &atom in atoms {
            let x = surroundings.positions[atom];
            let near = centre + cell.minimum_image(x - centre);
            self.placement.push(cell.cartesian(&cell.fractional(&(near - x)).map(f64::round)));
        }
    }

    /// The active atoms, in the order of all per-atom data of this engine.
    pub fn active(&self) -> &[usize] {
        &self.active
    }

    /// Positions of the active atoms at the start [length].
    pub fn start_positions(&self) -> Vec<Vector> {
        self.active.iter().map(|&atom| self.surroundings.positions[atom]).collect()
    }

    /// The sample as it was last evaluated, from which other engines start. The forces on atoms that are frozen here stay those of the
    /// start, so that [`LocalEngine::forces_around`] of those others is right only where all atoms are active here.
    pub fn surroundings_now(&self) -> Arc<Surroundings> {
        self.surroundings.displaced(self).into()
    }

    /// Compute `energy` and `forces` for these positions of the active atoms.
    ///
    /// An error when a position is not finite or atoms are closer than the potential allows.
    pub fn evaluate(&mut self, positions: &[Vector]) -> Result<()> {
        self.check(positions)?;
        if !self.list.place(&self.surroundings.potential, positions) {
            self.list = self.list_at(positions, false);
        }
        let pairs = self.list.pair_energy(&self.surroundings)?;
        self.energy = pairs - self.start + self.list.embedding;
        self.forces.resize(self.active.len(), Vector::zeros());
        self.list.collect(&mut self.forces);
        self.evaluated = true;
        Ok(())
    }

    fn check(&self, positions: &[Vector]) -> Result<()> {
        if positions.len() != self.active.len() {
            return Err(Error::input(format!(
                "potential: {} positions for {} active atoms",
                positions.len(),
                self.active.len()
            )));
        }
        match positions.iter().position(|x| !(x.amax() < 1e6)) {
            Some(k) => Err(Error::numeric(format!(
                "potential: the position of atom {} is not finite or far from the cell",
                self.active[k] + 1
            ))),
            None => Ok(()),
        }
    }

    /// The Hessian of the active atoms at these positions; costs least where the last evaluation was.
    pub fn hessian(&mut self, positions: &[Vector]) -> Result<LocalHessian> {
        self.go_to(positions)?;
        Ok(self.list.hessian(&self.surroundings))
    }

    /// The same in single precision: iterative solutions ask for no more.
    pub fn short_hessian(&mut self, positions: &[Vector]) -> Result<ShortHessian> {
        self.go_to(positions)?;
        Ok(self.list.short_hessian(&self.surroundings))
    }

    fn go_to(&mut self, positions: &[Vector]) -> Result<()> {
        self.check(positions)?;
        if !self.evaluated || self.list.positions != positions {
            self.evaluate(positions)?;
        }
        Ok(())
    }

    /// Forces at the positions of the last evaluation on every atom that can feel the active ones, frozen ones within two
    /// cutoffs included: number of the atom and force [energy/length], by number.
    ///
    /// Pairs of two frozen atoms change by the slopes of their embedding energies alone: with those of now, pairs with an active
    /// atom are taken here and at the start, and at the start all pairs with the slopes of now and of then.
    pub fn forces_around(&self) -> Vec<(usize, Vector)> {
        let surroundings = &*self.surroundings;
        let start = self.start_positions();
        let mut around: Vec<usize> = self.list.atoms[self.list.own..].to_vec();
        around.sort_unstable();
        let mut shell = LocalEngine::idle(&self.surroundings);
        shell.place(&around);
        let old = &surroundings.slope;
        let mut new = old.clone();
        self.list.atoms.iter().zip(&self.list.slope).for_each(|(&atom, slope)| new[atom] = *slope);
        let mut change = vec![None; surroundings.len()];
        self.list_at(&self.list.positions, true).add_forces(surroundings, &new, 1.0, &mut change);
        self.list_at(&start, true).add_forces(surroundings, &new, -1.0, &mut change);
        let mut list = shell.list_at(&shell.start_positions(), true);
        list.add_forces(surroundings, &new, 1.0, &mut change);
        list.add_forces(surroundings, old, -1.0, &mut change);
        let now = |(start, change): (&Vector, Option<Vector>)| change.map(|change| start + change);
        let mut forces: Vec<Option<Vector>> = surroundings.forces.iter().zip(change).map(now).collect();
        self.active.iter().zip(&self.forces).for_each(|(&atom, force)| forces[atom] = Some(*force));
        forces.into_iter().enumerate().filter_map(|(atom, force)| Some((atom, force?))).collect()
    }

    /// Lists for these positions; `open` for forces on frozen atoms too, at these positions only.
    fn list_at(&self, positions: &[Vector], open: bool) -> List {
        let surroundings = &*self.surroundings;
        let (potential, cell) = (&surroundings.potential, &surroundings.cell);
        let skin = if open { 0.0 } else { SKIN / CUTOFF * potential.cutoff() };
        let skin = skin.min(cell.smallest_width() - potential.cutoff());
        let reach = potential.cutoff() + skin;
        let mut who = Vec::new();
        let candidate = |who: &mut Vec<Shown>, shown: Shown, position: Vector| {
            let c = Candidate { position, species: surroundings.species[shown.atom], tag: who.len() as u32 };
            who.push(shown);
            c
        };
        let mut own = Vec::new();
        for (k, (&atom, x)) in self.active.iter().zip(positions).enumerate() {
            let shift = self.placement[k];
            own.push(candidate(&mut who, Shown { atom, active: Some(k), shift }, x + shift));
        }
        let (mut low, mut high) = (Vector::repeat(f64::INFINITY), Vector::repeat(f64::NEG_INFINITY));
        for c in &own {
            low = low.inf(&c.position);
            high = high.sup(&c.position);
        }
        let inside = |x: &Vector| (0..3).all(|k| x[k] > low[k] - reach && x[k] < high[k] + reach);
        // Of the two images of a pair only one counts: the one whose second atom is shifted forwards.
        let mut ghosts = Vec::new();
        for image in 14..27 {
            let step =
                Vector::new((image % 3) as f64, (image / 3 % 3) as f64, (image / 9) as f64) - Vector::repeat(1.0);
            let shift = cell.matrix() * step;
            for (k, c) in own.iter().enumerate().filter(|(_, c)| inside(&(c.position + shift))) {
                let shown = Shown { atom: self.active[k], active: Some(k), shift: self.placement[k] + shift };
                ghosts.push(candidate(&mut who, shown, c.position + shift));
            }
        }
        let mut active = vec![false; surroundings.len()];
        self.active.iter().for_each(|&atom| active[atom] = true);
        let points: Vec<Vector> = own.iter().map(|c| c.position).collect();
        let mut frozen = Vec::new();
        let around = if own.len() < surroundings.len() {
            surroundings.around(&points, reach, |atom| active[atom])
        } else {
            Vec::new()
        };
        for (atom, position) in around {
            if inside(&position) {
                let shown = Shown { atom, active: None, shift: position };
                let c = candidate(&mut who, shown, position);
                if open { ghosts.push(c) } else { frozen.push(c) }
            }
        }
        let level = Level::best();
        let block =
            Block::new(Block::default(), potential, Lists { skin, compact: true }, &own, &ghosts, &frozen, level);
        List::new(surroundings, &self.background, block, who, skin, positions)
    }
}

/// What a record shows.
#[derive(Clone, Copy, Debug)]
struct Shown {
    atom: usize,
    /// Place among the active atoms.
    active: Option<usize>,
    /// From the position the caller gives to that of the record; the position itself for frozen atoms.
    shift: Vector,
}

/// How much nearer two atoms can have come [length]: the sum of the two longest ways.
fn closing(then: &[Vector], now: &[Vector]) -> f64 {
    let mut most = [0.0_f64; 2];
    for (now, then) in now.iter().zip(then) {
        let moved = (now - then).norm_squared();
        if moved > most[1] {
            most = if moved > most[0] { [moved, most[0]] } else { [most[0], moved] };
        }
    }
    most[0].sqrt() + most[1].sqrt()
}

/// The block of the active atoms with its records.
///
/// A slot stands for an atom whose density matters, however many images of it there are: own atoms first, in the order of
/// their records, then frozen ones by species. One more stands for frozen atoms whose density cannot change; its embedding energy has
/// no slope.
#[derive(Clone, Debug, Default)]
struct List {
    block: Block,
    who: Vec<Shown>,
    skin: f64,
    own: usize,
    /// Positions of the active atoms when the list was made, when it was pruned, and now.
    start: Vec<Vector>,
    pruned: Vec<Vector>,
    positions: Vec<Vector>,
    records: Vec<Record>,
    forces: Vec<Record>,
    density: Vec<f64>,
    /// Slot of each record.
    slots: Arc<Vec<u32>>,
    /// Records of moving atoms, with the number of the active atom.
    moving: Arc<Vec<(u32, u32)>>,
    /// Atom of each slot.
    atoms: Vec<usize>,
    /// Ranges of slots of one species.
    runs: Vec<(usize, std::ops::Range<usize>)>,
    /// By slot: density from frozen atoms, from the pairs of the block, and embedding energy at the start.
    constant: Vec<f64>,
    local: Vec<f64>,
    reference: Vec<f64>,
    total: Vec<f64>,
    value: Vec<f64>,
    slope: Vec<f64>,
    bend: Vec<f64>,
    /// Change of the embedding energy since the start.
    embedding: f64,
}

impl List {
    fn new(
        surroundings: &Surroundings,
        background: &HashMap<usize, f64>,
        block: Block,
        who: Vec<Shown>,
        skin: f64,
        positions: &[Vector],
    ) -> List {
        let shown = |record: usize| who[block.tags[record] as usize];
        let near = block.near(&surroundings.potential);
        let mut runs: Vec<_> =
            block.species.windows(2).enumerate().map(|(kind, ends)| (kind, ends[0]..ends[1])).collect();
        let mut atoms: Vec<usize> = (0..block.own).map(|record| shown(record).atom).collect();
        // One more than the slot, so that memory which nothing is written to is never touched.
        let mut slot_of = vec![0u32; surroundings.len()];
        atoms.iter().enumerate().for_each(|(slot, &atom)| slot_of[atom] = slot as u32 + 1);
        for kind in 0..surroundings.potential.elements().len() {
            let first = atoms.len();
            for record in (block.own..block.tags.len()).filter(|&record| near[record]) {
                let atom = shown(record).atom;
                if surroundings.species[atom] as usize == kind && slot_of[atom] == 0 {
                    atoms.push(atom);
                    slot_of[atom] = atoms.len() as u32;
                }
            }
            runs.push((kind, first..atoms.len()));
        }
        let records = block.tags.len();
        let none = atoms.len() as u32;
        let slot = |record| slot_of[shown(record).atom].checked_sub(1).unwrap_or(none);
        let slots = (0..records).map(slot).collect();
        let moving = (0..records).filter_map(|r| shown(r).active.map(|k| (r as u32, k as u32))).collect();
        let size = atoms.len() + 1;
        let constant = (atoms.iter().enumerate())
            .map(|(slot, atom)| {
                if slot < block.own {
                    0.0
                } else {
                    background.get(atom).copied().unwrap_or(surroundings.density[*atom])
                }
            })
            .collect();
        let mut list = List {
            skin,
            own: block.own,
            start: positions.to_vec(),
            pruned: positions.to_vec(),
            positions: positions.to_vec(),
            records: vec![Block::dummy(); block.len()],
            forces: vec![Record::default(); block.len()],
            density: vec![0.0; block.len()],
            slots: Arc::new(slots),
            moving: Arc::new(moving),
            runs,
            constant,
            local: vec![0.0; size],
            reference: vec![0.0; size],
            total: atoms.iter().map(|&atom| surroundings.density[atom]).chain([0.0]).collect(),
            value: vec![0.0; size],
            slope: vec![0.0; size],
            bend: vec![0.0; size],
            embedding: 0.0,
            atoms,
            block,
            who,
        };
        list.embed(&surroundings.potential);
        list.reference.copy_from_slice(&list.value);
        for record in 0..list.block.tags.len() {
            let shown = list.who[list.block.tags[record] as usize];
            if shown.active.is_none() {
                list.records[record].0[..3].copy_from_slice(shown.shift.as_slice());
            }
        }
        list.move_records(positions);
        list.prune(&surroundings.potential);
        list
    }

    /// Take new positions; false when the list does not hold for them.
    fn place(&mut self, potential: &Potential, positions: &[Vector]) -> bool {
        if self.start.len() != positions.len() {
            return false;
        }
        let pruned_skin = self.skin * PRUNED_SKIN / SKIN;
        let stale = closing(&self.pruned, positions) > pruned_skin;
        if stale && closing(&self.start, positions) > self.skin - pruned_skin {
            return false;
        }
        self.move_records(positions);
        if stale {
            self.prune(potential);
        }
        true
    }

    fn move_records(&mut self, positions: &[Vector]) {
        self.positions.copy_from_slice(positions);
        for &(record, active) in self.moving.iter() {
            let x = positions[active as usize] + self.who[self.block.tags[record as usize] as usize].shift;
            self.records[record as usize].0[..3].copy_from_slice(x.as_slice());
        }
    }

    fn prune(&mut self, potential: &Potential) {
        self.pruned.copy_from_slice(&self.positions);
        self.block.prune(potential, self.skin * PRUNED_SKIN / SKIN, false, Level::best(), &self.records);
    }

    fn embed(&mut self, potential: &Potential) {
        for (kind, run) in &self.runs {
            let run = run.clone();
            kernel::embed(
                Level::best(),
                potential.embedding(*kind),
                &self.total[run.clone()],
                &mut self.value[run.clone()],
                &mut self.slope[run.clone()],
                &mut self.bend[run],
            );
        }
    }

    /// Evaluate at the positions of the records: energy of the pairs, and the change of the embedding energy in passing.
    fn pair_energy(&mut self, surroundings: &Surroundings) -> Result<f64> {
        let (potential, level) = (&surroundings.potential, Level::best());
        let near = self.block.densities(potential, level, &self.records, &mut self.density, true);
        self.local.fill(0.0);
        for (&slot, density) in self.slots.iter().zip(&self.density) {
            self.local[slot as usize] += density;
        }
        for ((total, constant), local) in self.total.iter_mut().zip(&self.constant).zip(&self.local) {
            *total = constant + local;
        }
        self.embed(potential);
        self.embedding = self.value.iter().zip(&self.reference).map(|(now, then)| now - then).sum();
        for (record, &slot) in self.records.iter_mut().zip(self.slots.iter()) {
            record.0[3] = self.slope[slot as usize];
        }
        let energy = near + self.block.forces(potential, level, &self.records, &mut self.forces, true);
        if let Some((tags, distance)) = self.block.close() {
            let mut atoms = tags.map(|t| self.who[t as usize].atom + 1);
            atoms.sort_unstable();
            return Err(Error::numeric(format!(
                "potential: atoms {} and {} are {distance:.4} A apart, closer than the potential allows",
                atoms[0], atoms[1]
            )));
        }
        if !(energy + self.embedding).is_finite() {
            return Err(Error::numeric("potential: the energy is not finite; do atoms overlap?"));
        }
        Ok(energy)
    }

    /// Add `factor` times the forces of all pairs, with these slopes of the embedding energies, to those on the atoms.
    fn add_forces(&mut self, surroundings: &Surroundings, slope: &[f64], factor: f64, forces: &mut [Option<Vector>]) {
        let atom = |tag: &u32| self.who[*tag as usize].atom;
        for (record, tag) in self.records.iter_mut().zip(&self.block.tags) {
            record.0[3] = slope[atom(tag)];
        }
        self.block.forces(&surroundings.potential, Level::best(), &self.records, &mut self.forces, false);
        for (force, tag) in self.forces.iter().zip(&self.block.tags) {
            let [x, y, z, _] = force.0;
            *forces[atom(tag)].get_or_insert_with(Vector::zeros) += Vector::new(x, y, z) * factor;
        }
    }

    fn collect(&self, forces: &mut [Vector]) {
        forces.fill(Vector::zeros());
        for &(record, active) in self.moving.iter() {
            let [x, y, z, _] = self.forces[record as usize].0;
            forces[active as usize] += Vector::new(x, y, z);
        }
    }

    /// Pairs within their cutoffs with their second derivatives, what frozen neighbours add up to, and which groups have one density.
    fn derivatives<R: Lane>(&self, potential: &Potential) -> (Vec<Group>, Vec<Curvatures<R>>, Vec<Frame>, Vec<bool>) {
        let mut frames = vec![Frame::default(); self.own];
        let groups = self.block.within_cutoffs(potential, Level::best(), &self.records);
        let curvatures = Block::curvatures(potential, &groups, Level::best(), &self.records, &mut frames);
        let symmetric = groups.iter().map(|g| potential.tables()[g.table].symmetric).collect();
        (groups, curvatures, frames, symmetric)
    }

    fn hessian(&self, surroundings: &Surroundings) -> LocalHessian {
        let (groups, curvatures, frames, symmetric) = self.derivatives(&surroundings.potential);
        let records = self.records.len();
        LocalHessian {
            symmetric,
            groups: groups.into(),
            curvatures,
            frames,
            slots: self.slots.clone(),
            moving: self.moving.clone(),
            bend: self.bend.clone(),
            work: Mutex::new(Work {
                v: vec![Record::default(); records],
                product: vec![Record::default(); records],
                change: vec![0.0; records],
                total: vec![0.0; self.bend.len()],
            }),
        }
    }

    fn short_hessian(&self, surroundings: &Surroundings) -> ShortHessian {
        let (groups, curvatures, frames, symmetric) = self.derivatives(&surroundings.potential);
        ShortHessian::new(short::Parts {
            groups: groups.into(),
            symmetric,
            curvatures,
            frames,
            slots: self.slots.clone(),
            moving: self.moving.clone(),
            bend: self.bend.clone(),
            records: self.records.len(),
        })
    }
}

/// The block of the Hessian that belongs to the active atoms.
#[derive(Debug)]
pub struct LocalHessian {
    groups: Arc<Vec<Group>>,
    symmetric: Vec<bool>,
    curvatures: Vec<Curvatures>,
    frames: Vec<Frame>,
    slots: Arc<Vec<u32>>,
    moving: Arc<Vec<(u32, u32)>>,
    bend: Vec<f64>,
    work: Mutex<Work>,
}

#[derive(Debug)]
struct Work {
    v: Vec<Record>,
    product: Vec<Record>,
    change: Vec<f64>,
    total: Vec<f64>,
}

impl LocalHessian {
    /// `out = H v` over the active atoms [energy/length^2 times the unit of v].
    pub fn apply(&self, v: &[Vector], out: &mut [Vector]) {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let Work { v: moved, product, change, total } = &mut *work;
        let level = Level::best();
        product.fill(Record::default());
        change.fill(0.0);
        for &(record, active) in self.moving.iter() {
            moved[record as usize].0[..3].copy_from_slice(v[active as usize].as_slice());
        }
        for (own, frame) in self.frames.iter().enumerate() {
            let [x, y, z, _] = moved[own].0;
            let [xx, yy, zz, xy, xz, yz] = frame.tensor;
            product[own].0 = [xx * x + xy * y + xz * z, xy * x + yy * y + yz * z, xz * x + yz * y + zz * z, 0.0];
            change[own] = -(frame.gradient[0] * x + frame.gradient[1] * y + frame.gradient[2] * z);
        }
        for springs in self.springs() {
            kernel::stretch(level, springs, moved, product, change);
        }
        total.fill(0.0);
        for (&slot, change) in self.slots.iter().zip(change.iter()) {
            total[slot as usize] += change;
        }
        total.iter_mut().zip(&self.bend).for_each(|(total, bend)| *total *= bend);
        for (&slot, change) in self.slots.iter().zip(change.iter_mut()) {
            *change = total[slot as usize];
        }
        for (own, frame) in self.frames.iter().enumerate() {
            (0..3).for_each(|k| product[own].0[k] -= change[own] * frame.gradient[k]);
        }
        for springs in self.springs() {
            kernel::restore(level, springs, change, product);
        }
        out.fill(Vector::zeros());
        for &(record, active) in self.moving.iter() {
            let [x, y, z, _] = product[record as usize].0;
            out[active as usize] += Vector::new(x, y, z);
        }
    }

    fn springs(&self) -> impl Iterator<Item = Springs<'_>> {
        (self.groups.iter().zip(&self.curvatures).zip(&self.symmetric))
            .map(|((group, curvatures), &symmetric)| Springs { group, curvatures, symmetric })
    }
}
