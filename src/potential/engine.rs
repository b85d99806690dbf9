//! Energy, forces and virial of a whole sample.
//!
//! The cell is cut into blocks of neighbouring atoms (see [`super::block`]). Each block adds up what its pairs do to its own
//! atoms and to its ghosts, in parallel; then every atom collects its own share and those of its ghosts in a fixed order, so
//! the result does not depend on the number of threads. What a block needs besides its lists is made where it is at work, in
//! the cache of a core: bringing it from memory would cost more in large samples.

use super::Potential;
use super::block::{Block, Candidate, Lists};
use super::hessian::{BlockSprings, Hessian};
use super::kernel::{self, Drift};
use super::lanes::{Level, Record};
use super::single::{self, DUMMY, Short};
use crate::cell::{Cell, Tensor, Vector};
use crate::configuration::Configuration;
use crate::error::{Error, Result};
use crate::parallel;
use rayon::prelude::*;
use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};
use std::sync::{Arc, OnceLock};

/// Width by which the wide neighbour list reaches beyond the cutoffs [length], for a cutoff of [`CUTOFF`].
const SKIN: f64 = 1.5;

/// The same for the list in use, which is pruned from the wide one every few steps [length].
///
/// A pair is kept in it for longer when its atoms are fast: each has a way of its own of [`FORESEEN`] steps like its last one on
/// top. Few atoms are as fast as the fastest, which would otherwise decide about all pairs.
const PRUNED_SKIN: f64 = 0.2;

/// Steps that the list in use is made for, in double precision and in mixed, where a pair costs less.
const FORESEEN: [f64; 2] = [5.0, 7.0];

/// Cutoff for which the skins were measured best in a liquid and a glass [length]; others have them in proportion.
const CUTOFF: f64 = 7.6;

/// Atoms in a block, about: few enough for the cache of one core, many enough to outnumber the ghosts. They are more in large
/// samples, which have blocks enough for all cores and whose ghosts come from memory.
const BLOCK: RangeInclusive<f64> = 3000.0..=12_000.0;

/// Blocks of a sample from which on they grow with it.
const BLOCKS: f64 = 80.0;

/// A sample of more atoms is worth two blocks, for two threads, where one would do.
const DIVIDED: usize = 3000;

/// How forces are computed that come without an energy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// In double precision.
    #[default]
    Double,
    /// Pairs in single precision; embedding functions and the sums over blocks in double precision.
    ///
    /// In Cu50Zr50 between 300 and 2000 K a force misses that of double precision by 7e-5 eV/A, root mean square, and by 5e-4 eV/A at
    /// most. At constant energy (600 K, 20 ps) the drift is that of double precision, 5e-5 eV/atom/ns.
    Mixed,
}

impl std::str::FromStr for Precision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Precision> {
        match text {
            "double" => Ok(Precision::Double),
            "mixed" => Ok(Precision::Mixed),
            _ => Err(Error::input(format!("potential: `precision` is \"double\" or \"mixed\", found \"{text}\""))),
        }
    }
}

/// Parts of the Hessian that concern one atom, or two near ones.
#[derive(Clone, Debug)]
pub struct Springs {
    /// The blocks on the diagonal of the Hessian: stiffness of each atom against all others at rest [energy/length^2].
    pub stiffness: Vec<Tensor>,
    /// Two atoms, and the second derivative of what they have of their pair energy and of their densities: less it is their block of
    /// the Hessian but for the curvature of embedding energies [energy/length^2].
    pub pairs: Vec<(usize, usize, Tensor)>,
}

/// Evaluates a potential on one sample and keeps its neighbour list between calls.
#[derive(Debug)]
pub struct Engine {
    potential: Arc<Potential>,
    /// Species of each atom, in the order of the positions.
    species: Vec<usize>,
    /// Number of each atom for who reads it, in the order of the positions.
    names: Vec<u32>,
    level: Level,
    precision: Precision,
    partition: Option<Partition>,
    /// True when atoms take the order of the list whenever it is made.
    sorting: bool,
    /// Place, before the last list was made, of the atom at each place, until the caller has asked for it.
    reordered: Option<Vec<u32>>,
    rebuilds: u64,
    /// Potential energy of the last evaluation [energy]; not a number after [`Engine::evaluate_forces`].
    pub energy: f64,
    /// Forces of the last evaluation [energy/length].
    pub forces: Vec<Vector>,
    /// Virial of the last evaluation, `sum of r f` over pairs [energy]; pressure is `trace / (3 V)`.
    pub virial: Tensor,
}

/// How the records of all blocks lie in flat arrays, and which atoms they show.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// First record of each block, and the end; the last record of a block is its dummy.
    pub first: Vec<usize>,
    /// First ghost of each block among the ghosts of all, and the end.
    ghosts: Vec<usize>,
    /// First rank of each block, and the end; atoms are ranked by block and record.
    pub ranks: Vec<usize>,
    /// Atom of each rank.
    pub atoms: Vec<u32>,
    /// Rank of each atom.
    pub rank_of: Vec<u32>,
    /// Rank of what each record shows, and the number of its image; by record.
    pub shows: Vec<(u32, u8)>,
    /// Records that show each rank, once they are asked for.
    copies: OnceLock<Copies>,
    /// The ghosts of each block, sorted by the blocks of their atoms: their numbers among the ghosts of all, and the places of the
    /// atoms in their block.
    returns: Vec<(u32, u32)>,
    /// Parts of `returns` that go to each block.
    returns_to: Vec<Vec<Range<usize>>>,
}

/// Records that show each rank.
#[derive(Debug)]
struct Copies {
    first: Vec<u32>,
    records: Vec<u32>,
}

impl Layout {
    /// The records that show a rank, the own one first.
    pub fn copies(&self, rank: usize) -> &[u32] {
        let copies = self.copies.get_or_init(|| self.find_copies());
        &copies.records[copies.first[rank] as usize..copies.first[rank + 1] as usize]
    }

    fn find_copies(&self) -> Copies {
        let mut first = vec![0; self.atoms.len() + 1];
        let blocks = 0..self.first.len() - 1;
        let shown = |block: usize| (self.first[block]..).zip(self.shown(block));
        blocks.clone().flat_map(shown).for_each(|(_, (rank, _))| first[*rank as usize + 1] += 1);
        (1..first.len()).for_each(|k| first[k] += first[k - 1]);
        let mut next = first.clone();
        let mut records = vec![0; self.shows.len() - blocks.len()];
        for ghosts in [false, true] {
            for block in blocks.clone() {
                let own = self.ranks[block + 1] - self.ranks[block];
                let (skip, take) = if ghosts { (own, usize::MAX) } else { (0, own) };
                for (record, (rank, _)) in shown(block).skip(skip).take(take) {
                    let place = &mut next[*rank as usize];
                    records[*place as usize] = record as u32;
                    *place += 1;
                }
            }
        }
        Copies { first, records }
    }

    /// What the records of a block show, without the dummy.
    pub fn shown(&self, block: usize) -> &[(u32, u8)] {
        &self.shows[self.first[block]..self.first[block + 1] - 1]
    }

    /// The ghosts of the atoms of a block, wherever they are: those in one block after the other.
    fn returns(&self, block: usize) -> impl Iterator<Item = &[(u32, u32)]> {
        self.returns_to[block].iter().map(|range| &self.returns[range.clone()])
    }
}

/// The blocks of a sample with their records.
#[derive(Debug)]
struct Partition {
    cell: Cell,
    cutoff: f64,
    skin: f64,
    blocks: Vec<Block>,
    scene: Scene,
    /// Whole cells from the position the caller gave to the one inside the cell, by rank.
    wraps: Vec<[i32; 4]>,
    /// Wrapped positions when the list was made, by rank.
    start: Vec<Record>,
    /// Cell and wrapped positions when it was pruned, by rank; the fourth number is how far the atom may go until the next time.
    pruned_cell: Cell,
    pruned_at: Vec<Record>,
    pruned_skin: f64,
    /// Which of the lists was pruned from the wide one at that time.
    pruned: Option<Precision>,
    /// True when it has to be pruned before it is used.
    stale: bool,
    /// Squares of the last steps of the atoms, by rank.
    steps: Vec<f32>,
    /// Total density, and what it has of each ghost.
    total: Vec<f64>,
    ghost_density: Vec<f64>,
    /// Forces by rank, where atoms have another order, and those on the ghosts.
    forces: Vec<Vector>,
    ghost_forces: Vec<Vector>,
    /// True when atoms are in the order of their ranks.
    sorted: bool,
}

/// What a thread needs for the block it is at work on.
#[derive(Debug, Default)]
struct Bench {
    records: Vec<Record>,
    forces: Vec<Record>,
    density: Vec<f64>,
    /// The same in single precision.
    shorts: Vec<Short>,
    short_forces: Vec<Short>,
    short_density: Vec<f32>,
}

thread_local! {
    static BENCH: RefCell<Bench> = RefCell::default();
}

/// What the records of all blocks are made of.
#[derive(Debug)]
struct Scene {
    level: Level,
    layout: Arc<Layout>,
    /// Positions inside the cell, by rank. The fourth number is the way allowed when the list is pruned, and the slope of the
    /// embedding energy when that is known.
    wrapped: Vec<Record>,
    /// Shifts of the images.
    images: Vec<Record>,
    /// Middle of each block.
    middles: Vec<Record>,
}

impl Scene {
    /// The records of a block.
    fn records(&self, number: usize, records: &mut Vec<Record>) {
        let own = &self.wrapped[self.layout.ranks[number]..self.layout.ranks[number + 1]];
        let shown = self.layout.shown(number);
        records.resize(shown.len() + 1, Record::default());
        let (inside, ghosts) = records[..shown.len()].split_at_mut(own.len());
        kernel::copy(self.level, own, inside);
        kernel::place_images(self.level, &self.wrapped, &self.images, &shown[own.len()..], ghosts);
        records[shown.len()] = Block::dummy();
    }

    /// The same in single precision.
    fn shorts(&self, number: usize, records: &mut Vec<Short>) {
        let own = &self.wrapped[self.layout.ranks[number]..self.layout.ranks[number + 1]];
        let shown = self.layout.shown(number);
        records.resize(shown.len() + 1, DUMMY);
        let (middle, ghosts) = (&self.middles[number], &shown[own.len()..]);
        single::place(self.level, own, &self.wrapped, &self.images, ghosts, middle, &mut records[..shown.len()]);
        records[shown.len()] = DUMMY;
    }
}

impl Engine {
    /// An engine for the atoms of a configuration, whose species are found in the potential by name.
    pub fn new(potential: &Arc<Potential>, configuration: &Configuration) -> Result<Engine> {
        let numbers =
            configuration.elements.iter().map(|e| potential.species(&e.name)).collect::<Result<Vec<usize>>>()?;
        configuration.cell.check_cutoff(potential.cutoff(), "potential")?;
        Ok(Engine {
            potential: potential.clone(),
            species: configuration.species.iter().map(|&kind| numbers[kind]).collect(),
            names: (0..configuration.len() as u32).collect(),
            level: Level::best(),
            precision: Precision::Double,
            partition: None,
            sorting: false,
            reordered: None,
            rebuilds: 0,
            energy: f64::NAN,
            forces: vec![Vector::zeros(); configuration.len()],
            virial: Tensor::zeros(),
        })
    }

    /// The potential it evaluates.
    pub fn potential(&self) -> &Arc<Potential> {
        &self.potential
    }

    /// Choose the precision of [`Engine::evaluate_forces`]; all else is in double precision.
    pub fn set_precision(&mut self, precision: Precision) {
        self.precision = precision;
    }

    /// Number of each atom's species in the potential.
    pub fn species(&self) -> &[usize] {
        &self.species
    }

    /// Forget the neighbour list. What is computed next does not depend on what was computed before.
    pub fn forget(&mut self) {
        self.partition = None;
    }

    /// Order the atoms in space from now on whenever the list is made, so that those near in space follow each other, which makes
    /// an evaluation cheaper. Forces are in the new order, and the caller's atoms have to follow: see [`Engine::reordered`].
    pub fn order_in_space(&mut self) {
        self.sorting = true;
    }

    /// Take to each place the atom of another one, and forget the neighbour list.
    pub fn reorder(&mut self, places: &[u32]) {
        self.forget();
        self.species = places.iter().map(|place| self.species[*place as usize]).collect();
        self.names = places.iter().map(|place| self.names[*place as usize]).collect();
    }

    /// The place, at the last call of an evaluation, of the atom at each place now, if the order has changed in it.
    #[must_use]
    pub fn reordered(&mut self) -> Option<Vec<u32>> {
        self.reordered.take()
    }

    /// How many times the neighbour list was made.
    pub fn rebuilds(&self) -> u64 {
        self.rebuilds
    }

    /// Compute energy, forces and virial.
    ///
    /// An error when the cell is too small for the cutoff, a position is not finite, or atoms are closer than the potential
    /// allows.
    pub fn evaluate(&mut self, cell: &Cell, positions: &[Vector]) -> Result<()> {
        self.compute(cell, positions, true)
    }

    /// Compute forces and virial without the energy, which costs a tenth less, and less again in mixed precision.
    pub fn evaluate_forces(&mut self, cell: &Cell, positions: &[Vector]) -> Result<()> {
        self.compute(cell, positions, false)
    }

    fn compute(&mut self, cell: &Cell, positions: &[Vector], energy: bool) -> Result<()> {
        self.update(cell, positions, self.precision_of(energy))?;
        let idle = self.ranges().windows(2).map(|_| ()).collect();
        self.feel(energy, idle, |(), _| ()).map(drop)
    }

    /// Precision of an evaluation with or without the energy.
    fn precision_of(&self, energy: bool) -> Precision {
        if energy { Precision::Double } else { self.precision }
    }

    /// Move atoms and bring the list to where they are, for [`Engine::feel`] to follow, in one pass over memory. `advance` is called
    /// with each of the items, the positions of [`CHUNK`] atoms and the forces on them.
    ///
    /// Atoms may have another order afterwards: see [`Engine::reordered`].
    pub(crate) fn carry<T: Send>(
        &mut self,
        cell: &Cell,
        positions: &mut [Vector],
        energy: bool,
        items: Vec<T>,
        advance: impl Fn(T, &mut [Vector], &[Vector]) + Sync,
    ) -> Result<()> {
        let precision = self.precision_of(energy);
        let chunks = positions.chunks_mut(CHUNK).zip(self.forces.chunks(CHUNK)).zip(items).collect();
        if let Some(partition) = &mut self.partition
            && partition.sorted
        {
            let moved = |((positions, forces), item)| {
                let positions: &mut [Vector] = positions;
                advance(item, positions, forces);
                &*positions
            };
            if partition.place(cell, precision, chunks, moved) {
                return Ok(());
            }
        } else {
            parallel::each(chunks, |_, ((positions, forces), item)| advance(item, positions, forces));
        }
        self.renew(cell, positions, precision)
    }

    /// First place of the atoms of each block, and the end.
    pub(crate) fn ranges(&self) -> &[usize] {
        self.partition.as_ref().map_or(&[], |partition| &partition.scene.layout.ranks)
    }

    /// Compute forces and virial, and the energy if it is wanted, where the atoms were placed last. `work` is called with each of the
    /// items and the forces on the atoms of a block while they are at hand.
    pub(crate) fn feel<T: Send, R: Send>(
        &mut self,
        energy: bool,
        items: Vec<T>,
        work: impl Fn(T, &[Vector]) -> R + Sync,
    ) -> Result<Vec<R>> {
        let precision = self.precision_of(energy);
        let partition = self.partition.as_mut().expect("made when atoms are placed");
        let near = partition.densities(&self.potential, precision, energy);
        let embedding = partition.embed(&self.potential);
        let (far, virial) = partition.forces(&self.potential, precision, energy, &mut self.forces);
        let checked = partition.check(&self.names);
        let work = |item, forces: &[Vector]| checked.is_ok().then(|| work(item, forces));
        let results = partition.collect(&mut self.forces, items, work);
        checked?;
        self.energy = if energy { embedding + near + far } else { f64::NAN };
        self.virial = virial;
        let sum = self.virial.trace() + if energy { self.energy } else { 0.0 };
        if !sum.is_finite() {
            return Err(self.not_finite());
        }
        Ok(results.into_iter().flatten().collect())
    }

    fn not_finite(&self) -> Error {
        let atom = self.forces.iter().position(|f| !f.iter().all(|x| x.is_finite()));
        let place = atom.map_or(String::new(), |a| format!(", beginning with the force on atom {}", self.names[a] + 1));
        Error::numeric(format!("potential: energy and forces are not finite{place}; do atoms overlap?"))
    }

    /// Energy of each atom: half of its pairs and its embedding [energy].
    pub fn atom_energies(&mut self, cell: &Cell, positions: &[Vector]) -> Result<Vec<f64>> {
        self.evaluate(cell, positions)?;
        let partition = self.partition.as_ref().expect("made by evaluate");
        let mut energies = vec![0.0; positions.len()];
        for (rank, &atom) in partition.scene.layout.atoms.iter().enumerate() {
            let kind = self.species[atom as usize];
            energies[atom as usize] = self.potential.embedding(kind).evaluate(partition.total[rank])[0];
        }
        partition.for_each_pair(|table, i, j, d| {
            let r = d.norm();
            if r < self.potential.tables()[table].far {
                let half = 0.5 * self.potential.tables()[table].exact[0].evaluate(r)[0];
                energies[i] += half;
                energies[j] += half;
            }
        });
        Ok(energies)
    }

    /// The second derivatives of the energy at these positions.
    pub fn hessian(&mut self, cell: &Cell, positions: &[Vector]) -> Result<Hessian> {
        self.update(cell, positions, Precision::Double)?;
        let partition = self.partition.as_mut().expect("made by update");
        partition.densities(&self.potential, Precision::Double, false);
        partition.embed(&self.potential);
        partition.check(&self.names)?;
        Ok(partition.hessian(&self.potential))
    }

    /// The stiffness of each atom, and the springs between atoms closer than `reach` [length].
    pub fn springs(&mut self, cell: &Cell, positions: &[Vector], reach: f64) -> Result<Springs> {
        self.evaluate(cell, positions)?;
        let partition = self.partition.as_ref().expect("made by evaluate");
        let embedding: Vec<[f64; 3]> = (self.species.iter().zip(self.densities()))
            .map(|(kind, density)| self.potential.embedding(*kind).evaluate(density))
            .collect();
        let mut stiffness = vec![Tensor::zeros(); positions.len()];
        let mut pairs = Vec::new();
        let mut gradients = vec![Vector::zeros(); positions.len()];
        partition.for_each_pair(|table, i, j, d| {
            let (table, r) = (&self.potential.tables()[table], d.norm());
            if r >= table.far {
                return;
            }
            let [[_, pair, pair_bend], first, second] = [0, 1, 2].map(|k| table.exact[k].evaluate(r));
            let n = d / r;
            let along = n * n.transpose();
            let slope = pair + embedding[i][1] * first[1] + embedding[j][1] * second[1];
            let bend = pair_bend + embedding[i][1] * first[2] + embedding[j][1] * second[2];
            let spring = along * bend + (Tensor::identity() - along) * (slope / r);
            stiffness[i] += spring + along * (embedding[j][2] * second[1].powi(2));
            stiffness[j] += spring + along * (embedding[i][2] * first[1].powi(2));
            gradients[i] += n * first[1];
            gradients[j] -= n * second[1];
            if r < reach {
                pairs.push((i, j, spring));
            }
        });
        for ((stiffness, gradient), [.., bend]) in stiffness.iter_mut().zip(&gradients).zip(&embedding) {
            *stiffness += gradient * gradient.transpose() * *bend;
        }
        Ok(Springs { stiffness, pairs })
    }

    /// Density at each atom at the last evaluation.
    pub(super) fn densities(&self) -> Vec<f64> {
        let mut densities = vec![0.0; self.species.len()];
        if let Some(partition) = &self.partition {
            (partition.scene.layout.atoms.iter().zip(&partition.total))
                .for_each(|(&atom, &total)| densities[atom as usize] = total);
        }
        densities
    }

    /// Bytes that the engine holds for its lists and records.
    pub fn memory(&self) -> usize {
        self.partition.as_ref().map_or(0, Partition::memory) + self.forces.len() * size_of::<Vector>()
    }

    /// Bring the records to these positions, and the list too if atoms have moved too far for it.
    fn update(&mut self, cell: &Cell, positions: &[Vector], precision: Precision) -> Result<()> {
        if let Some(partition) = &mut self.partition
            && positions.len() == self.species.len()
            && partition.place_atoms(cell, positions, precision)
        {
            return Ok(());
        }
        self.renew(cell, positions, precision)
    }

    /// Make the list for these positions.
    fn renew(&mut self, cell: &Cell, positions: &[Vector], precision: Precision) -> Result<()> {
        let old = self.partition.take().map_or_else(Memory::default, Memory::from);
        if positions.len() != self.species.len() {
            return Err(Error::input(format!(
                "potential: {} positions for {} atoms",
                positions.len(),
                self.species.len()
            )));
        }
        if let Some(atom) = positions.iter().position(|p| !p.iter().all(|x| x.is_finite())) {
            return Err(Error::numeric(format!(
                "potential: the position of atom {} is not finite",
                self.names[atom] + 1
            )));
        }
        let cutoff = self.potential.cutoff();
        cell.check_cutoff(cutoff, "potential")?;
        let skin = (SKIN / CUTOFF * cutoff).min(cell.smallest_width() - cutoff);
        let atoms = (&self.species[..], &self.names[..]);
        let mut partition = Partition::new(old, &self.potential, atoms, cell, positions, skin, self.level)?;
        self.rebuilds += 1;
        let placed = if self.sorting {
            let order = partition.take_order();
            let at = |place: &u32| *place as usize;
            let positions: Vec<Vector> = order.par_iter().map(|place| positions[at(place)]).collect();
            self.reorder(&order);
            self.reordered = Some(order);
            partition.place_atoms(cell, &positions, precision)
        } else {
            partition.place_atoms(cell, positions, precision)
        };
        if !placed {
            return Err(Error::numeric("potential: positions are too far from the cell to be wrapped"));
        }
        self.partition = Some(partition);
        Ok(())
    }
}

/// The atoms of each part of the cell, before they become blocks.
struct Parts {
    count: [usize; 3],
    first: Vec<usize>,
    order: Vec<u32>,
}

/// What a new partition takes from the one before, so that no memory goes back and forth.
#[derive(Default)]
struct Memory {
    blocks: Vec<Block>,
    layout: Layout,
    total: Vec<f64>,
    ghost_density: Vec<f64>,
    forces: Vec<Vector>,
    ghost_forces: Vec<Vector>,
    pruned_at: Vec<Record>,
    wrapped: Vec<Record>,
    /// Squares of the last steps of the atoms, by atom.
    steps: Vec<f32>,
}

impl From<Partition> for Memory {
    fn from(old: Partition) -> Memory {
        Memory {
            steps: old.steps_of_atoms(),
            blocks: old.blocks,
            layout: Arc::try_unwrap(old.scene.layout).unwrap_or_default(),
            total: old.total,
            ghost_density: old.ghost_density,
            forces: old.forces,
            ghost_forces: old.ghost_forces,
            pruned_at: old.pruned_at,
            wrapped: old.scene.wrapped,
        }
    }
}

/// The memory of a list at another length, with whatever is in it.
fn resized<T: Clone>(mut old: Vec<T>, length: usize, value: T) -> Vec<T> {
    old.resize(length, value);
    old
}

impl Partition {
    /// A partition of atoms of these species and names at these positions, in the memory of an old one.
    #[allow(clippy::too_many_arguments)]
    fn new(
        mut old: Memory,
        potential: &Potential,
        (species, names): (&[usize], &[u32]),
        cell: &Cell,
        positions: &[Vector],
        skin: f64,
        level: Level,
    ) -> Result<Partition> {
        let (wraps, fractions) = wrap(cell, positions, names)?;
        let reach = potential.cutoff() + skin;
        let widths = cell.widths();
        let atoms = positions.len() as f64;
        let block = (atoms / BLOCKS).clamp(*BLOCK.start(), *BLOCK.end());
        let edge = (block * cell.volume() / atoms).cbrt();
        let most = widths.map(|w| ((w / reach) as usize).max(1));
        let mut count = [0, 1, 2].map(|k| ((widths[k] / edge).round() as usize).clamp(1, most[k]));
        // Of equal widths the first.
        let longest = (0..3).rev().max_by(|a, b| widths[*a].total_cmp(&widths[*b])).unwrap_or(0);
        if count == [1; 3] && positions.len() > DIVIDED && most[longest] > 1 {
            count[longest] = 2;
        }
        let parts = Parts::new(count, &fractions);
        old.blocks.resize_with(count.iter().product(), Block::default);
        let made = parallel::each(old.blocks, |part, old| {
            let (own, ghosts) = parts.candidates(part, cell, &fractions, species, reach);
            let sum: Vector = own.iter().map(|c| c.position).sum();
            let block = Block::new(old, potential, Lists { skin, compact: false }, &own, &ghosts, &[], level);
            (block, record(sum / own.len().max(1) as f64))
        });
        let (blocks, middles): (Vec<Block>, Vec<Record>) = made.into_iter().unzip();
        let layout = Layout::new(old.layout, &blocks, positions.len());
        let ghosts = layout.ghosts[blocks.len()];
        let by_rank = || layout.atoms.par_iter().with_min_len(CHUNK).map(|atom| *atom as usize);
        Ok(Partition {
            cell: cell.clone(),
            cutoff: potential.cutoff(),
            skin,
            wraps: by_rank().map(|atom| wraps[atom]).collect(),
            start: by_rank().map(|atom| record(cell.cartesian(&fractions[atom]))).collect(),
            pruned_cell: cell.clone(),
            pruned_at: resized(old.pruned_at, positions.len(), Record::default()),
            pruned_skin: skin * PRUNED_SKIN / SKIN,
            pruned: None,
            stale: true,
            steps: by_rank().map(|atom| old.steps.get(atom).copied().unwrap_or(0.0)).collect(),
            total: resized(old.total, positions.len(), 0.0),
            ghost_density: resized(old.ghost_density, ghosts, 0.0),
            forces: old.forces,
            ghost_forces: resized(old.ghost_forces, ghosts, Vector::zeros()),
            sorted: false,
            scene: Scene {
                level,
                wrapped: resized(old.wrapped, positions.len(), Record::default()),
                images: Vec::new(),
                middles,
                layout: layout.into(),
            },
            blocks,
        })
    }

    /// Let the atoms be in the order of their ranks from now on. Returns the number that the atom of each rank had.
    fn take_order(&mut self) -> Vec<u32> {
        let layout = Arc::get_mut(&mut self.scene.layout).expect("a new partition shares nothing");
        let straight: Vec<u32> = (0..layout.atoms.len() as u32).collect();
        layout.rank_of.clone_from(&straight);
        let order = std::mem::replace(&mut layout.atoms, straight);
        for (number, block) in self.blocks.iter_mut().enumerate() {
            let shown = layout.shown(number);
            block.tags.iter_mut().zip(shown).for_each(|(tag, &(rank, image))| *tag = rank * IMAGES + u32::from(image));
        }
        self.sorted = true;
        order
    }

    /// Take new positions; false when the list does not hold for them.
    fn place_atoms(&mut self, cell: &Cell, positions: &[Vector], precision: Precision) -> bool {
        if self.sorted {
            return self.place(cell, precision, positions.chunks(CHUNK).collect(), |positions| positions);
        }
        let atoms = &self.scene.layout.atoms;
        let by_rank: Vec<Vector> = atoms.par_iter().with_min_len(CHUNK).map(|atom| positions[*atom as usize]).collect();
        self.place(cell, precision, by_rank.chunks(CHUNK).collect(), |positions| positions)
    }

    /// The same with the positions, by rank, that `find` makes of each item: those of [`CHUNK`] atoms.
    fn place<'a, T: Send>(
        &mut self,
        cell: &Cell,
        precision: Precision,
        items: Vec<T>,
        find: impl Fn(T) -> &'a [Vector] + Sync,
    ) -> bool {
        let level = self.scene.level;
        let edges = [0, 1, 2].map(|k| record(cell.matrix().column(k).into()));
        let drift = Drift::new(&self.pruned_cell, cell);
        // A new partition knows the last steps of its atoms from the one before.
        let known = self.scene.images.is_empty().then(|| self.steps.clone());
        let chunks = (self.scene.wrapped.chunks_mut(CHUNK).zip(self.pruned_at.chunks(CHUNK)))
            .zip(self.wraps.chunks(CHUNK).zip(self.steps.chunks_mut(CHUNK)))
            .zip(items)
            .collect();
        let moved = parallel::each(chunks, |_, (((wrapped, from), (wraps, steps)), item)| {
            kernel::place(level, find(item), wraps, &edges, &drift, from, wrapped, steps)
        });
        self.steps = known.unwrap_or(std::mem::take(&mut self.steps));
        self.scene.images = (0..IMAGES).map(|image| record(cell.matrix() * image_shift(image))).collect();
        let pruned_reach = self.cutoff + self.pruned_skin;
        // The ways allowed to two atoms, together less than the wide skin, shrink with the cell too.
        let left = drift.left_of(pruned_reach, &moved) - drift.stretch * self.skin;
        if self.pruned == Some(precision) && left >= self.cutoff {
            return true;
        }
        let since_start = Drift::new(&self.cell, cell);
        let chunks = self.start.chunks(CHUNK).zip(self.scene.wrapped.chunks(CHUNK)).collect();
        let moved = parallel::each(chunks, |_, (from, now)| kernel::farthest(level, &since_start, from, now));
        let left = since_start.left_of(self.cutoff + self.skin, &moved);
        if !(left >= pruned_reach) {
            return false;
        }
        (self.pruned, self.stale) = (Some(precision), true);
        // Pairs farther apart than what is left of the wide list are not in it.
        let most = 0.5 * (left - pruned_reach);
        let foreseen = FORESEEN[usize::from(precision == Precision::Mixed)];
        let chunks = (self.scene.wrapped.chunks_mut(CHUNK).zip(self.pruned_at.chunks_mut(CHUNK)))
            .zip(self.steps.chunks(CHUNK))
            .collect();
        parallel::each(chunks, |_, ((wrapped, pruned_at), steps)| {
            let way = |square: f32| (foreseen * f64::from(square).sqrt()).min(most);
            wrapped.iter_mut().zip(steps).for_each(|(wrapped, square)| wrapped.0[3] = way(*square));
            pruned_at.copy_from_slice(wrapped);
        });
        self.pruned_cell.clone_from(cell);
        true
    }

    /// Squares of the last steps of the atoms, by atom.
    fn steps_of_atoms(&self) -> Vec<f32> {
        let mut steps = vec![0.0; self.steps.len()];
        (self.scene.layout.atoms.iter().zip(&self.steps)).for_each(|(&atom, step)| steps[atom as usize] = *step);
        steps
    }

    /// Add up the densities in each block; energy of the near pairs if it is wanted.
    fn densities(&mut self, potential: &Potential, precision: Precision, energy: bool) -> f64 {
        let level = self.scene.level;
        let (stale, skin) = (std::mem::take(&mut self.stale), self.pruned_skin);
        let layout = &*self.scene.layout;
        let own = split(&mut self.total, &layout.ranks);
        let ghosts = split(&mut self.ghost_density, &layout.ghosts);
        let scene = &self.scene;
        let work = |number: usize, block: &mut Block, bench: &mut Bench, own: &mut [f64], ghosts: &mut [f64]| {
            if precision == Precision::Mixed {
                let Bench { shorts, short_density, .. } = bench;
                scene.shorts(number, shorts);
                if stale {
                    block.prune_single(potential, skin, level, shorts);
                }
                block.single_densities(potential, level, shorts, short_density);
                let (inside, others) = short_density.split_at(own.len());
                own.iter_mut().zip(inside).for_each(|(to, from)| *to = f64::from(*from));
                ghosts.iter_mut().zip(others).for_each(|(to, from)| *to = f64::from(*from));
                return 0.0;
            }
            let Bench { records, density, .. } = bench;
            scene.records(number, records);
            if stale {
                block.prune(potential, skin, true, level, records);
            }
            let energy = block.densities(potential, level, records, density, energy);
            let (inside, others) = density.split_at(own.len());
            own.copy_from_slice(inside);
            ghosts.copy_from_slice(&others[..ghosts.len()]);
            energy
        };
        let items = self.blocks.iter_mut().zip(own.into_iter().zip(ghosts)).collect();
        let energies = parallel::each(items, |number, (block, (own, ghosts))| {
            BENCH.with_borrow_mut(|bench| work(number, block, bench, own, ghosts))
        });
        energies.into_iter().sum()
    }

    /// Embedding energy; its slope for every atom becomes the fourth number of its position.
    fn embed(&mut self, potential: &Potential) -> f64 {
        let level = self.scene.level;
        let (layout, ghosts) = (&self.scene.layout, &self.ghost_density);
        let total = split(&mut self.total, &layout.ranks);
        let wrapped = split(&mut self.scene.wrapped, &layout.ranks);
        let items = self.blocks.iter().zip(total.into_iter().zip(wrapped)).collect();
        let energies = parallel::each(items, |number, (block, (total, wrapped))| {
            layout.returns(number).for_each(|back| kernel::collect_densities(level, ghosts, back, total));
            let (mut values, mut slopes) = (vec![0.0; total.len()], vec![0.0; total.len()]);
            for (kind, ends) in block.species.windows(2).enumerate() {
                let range = ends[0]..ends[1];
                let (value, slope) = (&mut values[range.clone()], &mut slopes[range.clone()]);
                kernel::embed(level, potential.embedding(kind), &total[range], value, slope, &mut []);
            }
            kernel::put_slopes(level, &slopes, wrapped);
            values.iter().sum::<f64>()
        });
        energies.into_iter().sum()
    }

    /// Forces of each block on its atoms and on its ghosts; energy of the far pairs and virial.
    fn forces(
        &mut self,
        potential: &Potential,
        precision: Precision,
        energy: bool,
        felt: &mut [Vector],
    ) -> (f64, Tensor) {
        let (scene, layout, level) = (&self.scene, &*self.scene.layout, self.scene.level);
        let by_rank = if self.sorted {
            felt
        } else {
            self.forces.resize(felt.len(), Vector::zeros());
            &mut self.forces
        };
        let own = split(by_rank, &layout.ranks);
        let ghosts = split(&mut self.ghost_forces, &layout.ghosts);
        let work = |number: usize, block: &mut Block, bench: &mut Bench, own: &mut [Vector], ghosts: &mut [Vector]| {
            if precision == Precision::Mixed {
                let Bench { shorts, short_forces, .. } = bench;
                scene.shorts(number, shorts);
                block.single_forces(potential, level, shorts, short_forces);
                single::hand_out(level, short_forces, own, ghosts);
                return (0.0, single::moments(level, shorts, short_forces));
            }
            let Bench { records, forces, .. } = bench;
            scene.records(number, records);
            let energy = block.forces(potential, level, records, forces, energy);
            kernel::hand_out(level, forces, own, ghosts);
            (energy, kernel::moments(level, records, forces))
        };
        let items = self.blocks.iter_mut().zip(own.into_iter().zip(ghosts)).collect();
        let sums = parallel::each(items, |number, (block, (own, ghosts))| {
            BENCH.with_borrow_mut(|bench| work(number, block, bench, own, ghosts))
        });
        let (energies, moments): (Vec<f64>, Vec<[f64; 6]>) = sums.into_iter().unzip();
        (energies.into_iter().sum(), virial(&moments))
    }

    /// Add the forces on ghosts to those on the atoms, and call `work` with each item and the forces on the atoms of a block.
    fn collect<T: Send, R: Send>(
        &mut self,
        felt: &mut [Vector],
        items: Vec<T>,
        work: impl Fn(T, &[Vector]) -> R + Sync,
    ) -> Vec<R> {
        let (layout, level, ghosts) = (&*self.scene.layout, self.scene.level, &self.ghost_forces);
        let by_rank = if self.sorted { &mut *felt } else { &mut self.forces };
        let blocks = split(by_rank, &layout.ranks).into_iter().zip(items).collect();
        let results = parallel::each(blocks, |number, (own, item)| {
            layout.returns(number).for_each(|back| kernel::collect(level, ghosts, back, own));
            work(item, own)
        });
        if !self.sorted {
            let by_rank = &self.forces;
            (felt.par_iter_mut().zip(&layout.rank_of).with_min_len(CHUNK))
                .for_each(|(force, rank)| *force = by_rank[*rank as usize]);
        }
        results
    }

    /// Second derivatives at the positions of the last densities.
    fn hessian(&mut self, potential: &Potential) -> Hessian {
        let level = self.scene.level;
        let mut bend = vec![0.0; self.total.len()];
        let (mut values, mut slopes) = (bend.clone(), bend.clone());
        for (block, &start) in self.blocks.iter().zip(&self.scene.layout.ranks) {
            for (kind, ends) in block.species.windows(2).enumerate() {
                let range = start + ends[0]..start + ends[1];
                let (total, value) = (&self.total[range.clone()], &mut values[range.clone()]);
                let (slope, bend) = (&mut slopes[range.clone()], &mut bend[range]);
                kernel::embed(level, potential.embedding(kind), total, value, slope, bend);
            }
        }
        kernel::put_slopes(level, &slopes, &mut self.scene.wrapped);
        let scene = &self.scene;
        let springs = (self.blocks.par_iter().enumerate())
            .map(|(number, block)| {
                let symmetric = block.groups().iter().map(|g| potential.tables()[g.table].symmetric).collect();
                let curvatures = BENCH.with_borrow_mut(|bench| {
                    scene.records(number, &mut bench.records);
                    Block::curvatures(potential, block.groups(), level, &bench.records, &mut [])
                });
                BlockSprings { groups: block.groups().clone(), symmetric, curvatures }
            })
            .collect();
        Hessian::new(level, self.scene.layout.clone(), springs, bend)
    }

    /// An error when the last passes found atoms too close.
    fn check(&self, names: &[u32]) -> Result<()> {
        match self.blocks.iter().find_map(Block::close) {
            None => Ok(()),
            Some((tags, distance)) => {
                let mut atoms = tags.map(|t| names.get((t / IMAGES) as usize).map_or(0, |name| name + 1));
                atoms.sort_unstable();
                let [a, b] = atoms;
                Err(Error::numeric(format!(
                    "potential: atoms {a} and {b} are {distance:.4} A apart, closer than the potential allows"
                )))
            }
        }
    }

    /// Calls `visit(table, i, j, d)` for each pair of the list with the vector from atom i to atom j.
    fn for_each_pair(&self, mut visit: impl FnMut(usize, usize, usize, Vector)) {
        for (number, block) in self.blocks.iter().enumerate() {
            let at = |k: usize| {
                let (rank, image) = self.scene.layout.shown(number)[k];
                (
                    self.scene.layout.atoms[rank as usize] as usize,
                    vector(&self.scene.wrapped[rank as usize]) + vector(&self.scene.images[image as usize]),
                )
            };
            block.for_each_pair(|table, i, j| {
                let ((i, from), (j, to)) = (at(i), at(j));
                visit(table, i, j, to - from);
            });
        }
    }

    fn memory(&self) -> usize {
        let per_ghost = size_of::<Vector>() + size_of::<f64>() + size_of::<(u32, u32)>();
        let per_atom = 2 * size_of::<u32>()
            + size_of::<[i32; 4]>()
            + 3 * size_of::<Record>()
            + size_of::<f64>()
            + size_of::<f32>();
        let blocks: usize = self.blocks.iter().map(Block::memory).sum();
        let shows = self.scene.layout.shows.len() * size_of::<(u32, u8)>();
        let atoms = self.total.len() * per_atom + self.forces.capacity() * size_of::<Vector>();
        blocks + shows + atoms + self.ghost_density.len() * per_ghost
    }
}

impl Layout {
    /// Add up what the records of each atom hold.
    pub fn collect(&self, records: &[Record], out: &mut [Vector]) {
        out.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, out)| {
            for (k, out) in out.iter_mut().enumerate() {
                let mut sum = Vector::zeros();
                for &record in self.copies(self.rank_of[chunk * CHUNK + k] as usize) {
                    let [x, y, z, _] = records[record as usize].0;
                    sum += Vector::new(x, y, z);
                }
                *out = sum;
            }
        });
    }

    /// The layout of some blocks, in the memory of an old one.
    fn new(old: Layout, blocks: &[Block], atoms: usize) -> Layout {
        let mut layout =
            Layout { first: vec![0], ranks: vec![0], ghosts: vec![0], rank_of: vec![0; atoms], ..Layout::default() };
        for block in blocks {
            for &tag in &block.tags[..block.own] {
                layout.rank_of[(tag / IMAGES) as usize] = layout.atoms.len() as u32;
                layout.atoms.push(tag / IMAGES);
            }
            layout.ranks.push(layout.atoms.len());
            layout.first.push(layout.first[layout.first.len() - 1] + block.len());
            layout.ghosts.push(layout.ghosts[layout.ghosts.len() - 1] + block.tags.len() - block.own);
        }
        let ends = (layout.first[blocks.len()], layout.ghosts[blocks.len()]);
        (layout.shows, layout.returns) = (resized(old.shows, ends.0, (0, 0)), resized(old.returns, ends.1, (0, 0)));
        let mut home = vec![0; atoms];
        (layout.ranks.windows(2).zip(0..)).for_each(|(ranks, number)| home[ranks[0]..ranks[1]].fill(number));
        let (rank_of, ranks, ghosts) = (&layout.rank_of, &layout.ranks, &layout.ghosts);
        let shows = split(&mut layout.shows, &layout.first);
        let items = blocks.iter().zip(shows.into_iter().zip(split(&mut layout.returns, ghosts))).collect();
        let sent = parallel::each(items, |number, (block, (shows, returns))| {
            for (shows, tag) in shows.iter_mut().zip(&block.tags) {
                *shows = (rank_of[(tag / IMAGES) as usize], (tag % IMAGES) as u8);
            }
            shows[block.tags.len()] = (0, 0);
            let shown = || (ghosts[number]..).zip(&shows[block.own..block.tags.len()]);
            let mut first = vec![0; blocks.len() + 1];
            shown().for_each(|(_, (rank, _))| first[home[*rank as usize] + 1] += 1);
            (1..first.len()).for_each(|k| first[k] += first[k - 1]);
            let mut next = first.clone();
            for (ghost, (rank, _)) in shown() {
                let home = home[*rank as usize];
                returns[next[home]] = (ghost as u32, rank - ranks[home] as u32);
                next[home] += 1;
            }
            first
        });
        layout.returns_to = vec![Vec::new(); blocks.len()];
        for (first, start) in sent.iter().zip(ghosts) {
            let parts = first.windows(2).map(|ends| start + ends[0]..start + ends[1]);
            layout.returns_to.iter_mut().zip(parts).filter(|(_, part)| !part.is_empty()).for_each(|(to, p)| to.push(p));
        }
        layout
    }
}

/// Atoms handled by one task of the loops over atoms; fixed, so that sums do not depend on the number of threads.
pub(crate) const CHUNK: usize = 2048;

/// Images of the cell around it, itself included.
const IMAGES: u32 = 27;

/// The virial from the sums of `x f^T` over the records of each block.
fn virial(moments: &[[f64; 6]]) -> Tensor {
    let mut virial = Tensor::zeros();
    for ((row, column), k) in kernel::COMPONENTS.into_iter().zip(0..) {
        virial[(row, column)] = moments.iter().map(|m| m[k]).sum();
    }
    virial.fill_lower_triangle_with_upper_triangle();
    virial
}

/// Whole cells to an image.
fn image_shift(image: u32) -> Vector {
    let part = |n: u32| f64::from(n % 3) - 1.0;
    Vector::new(part(image), part(image / 3), part(image / 9))
}

/// A vector as a record.
fn record(v: Vector) -> Record {
    Record([v.x, v.y, v.z, 0.0])
}

/// The vector in a record.
fn vector(record: &Record) -> Vector {
    Vector::new(record.0[0], record.0[1], record.0[2])
}

impl Drift {
    /// From a cell to what it has become.
    fn new(from: &Cell, now: &Cell) -> Drift {
        if from == now {
            return Drift { gradient: None, stretch: 0.0 };
        }
        let gradient = now.matrix() * from.inverse();
        let columns = [0, 1, 2].map(|k| record(gradient.column(k).into()));
        Drift { gradient: Some(columns), stretch: (gradient - Tensor::identity()).norm() }
    }

    /// What is left of the reach of a list after the atoms, of which `moved` holds the longest ways beyond what was allowed, and the
    /// cell have moved from where they were when it was made: any two atoms closer than this now are in the list.
    fn left_of(&self, reach: f64, moved: &[[f64; 2]]) -> f64 {
        let most = moved.iter().flatten().fold([0.0; 2], |most, x| kernel::larger(most, *x));
        reach * (1.0 - self.stretch) - most[0] - most[1]
    }
}

/// One slice for each block.
pub(crate) fn split<'a, T>(mut all: &'a mut [T], first: &[usize]) -> Vec<&'a mut [T]> {
    let mut parts = Vec::with_capacity(first.len() - 1);
    for k in 1..first.len() {
        let (part, rest) = all.split_at_mut(first[k] - first[k - 1]);
        parts.push(part);
        all = rest;
    }
    parts
}

/// Whole cells that bring each position into the cell, and the fractional coordinates there.
fn wrap(cell: &Cell, positions: &[Vector], names: &[u32]) -> Result<(Vec<[i32; 4]>, Vec<Vector>)> {
    let (wraps, fractions): (Vec<[i32; 4]>, Vec<Vector>) = (positions.par_iter().with_min_len(CHUNK))
        .map(|position| {
            let s = cell.fractional(position);
            let whole = s.map(f64::floor);
            // Numbers that are too large saturate.
            ([-whole[0] as i32, -whole[1] as i32, -whole[2] as i32, 0], s - whole)
        })
        .unzip();
    match wraps.iter().position(|wrap| wrap.iter().any(|n| n.unsigned_abs() > 1_000_000)) {
        None => Ok((wraps, fractions)),
        Some(atom) => Err(Error::numeric(format!(
            "potential: atom {} is {:.1e} A away from the cell",
            names[atom] + 1,
            positions[atom].amax()
        ))),
    }
}

impl Parts {
    fn new(count: [usize; 3], fractions: &[Vector]) -> Parts {
        let part = |s: &Vector| {
            let b = [0, 1, 2].map(|k| ((s[k] * count[k] as f64) as usize).min(count[k] - 1));
            (b[2] * count[1] + b[1]) * count[0] + b[0]
        };
        let keys: Vec<usize> = fractions.par_iter().with_min_len(CHUNK).map(part).collect();
        let mut first = vec![0; count.iter().product::<usize>() + 1];
        keys.iter().for_each(|&key| first[key + 1] += 1);
        (1..first.len()).for_each(|k| first[k] += first[k - 1]);
        let mut next = first.clone();
        let mut order = vec![0; fractions.len()];
        for (atom, &key) in keys.iter().enumerate() {
            order[next[key]] = atom as u32;
            next[key] += 1;
        }
        Parts { count, first, order }
    }

    /// The atoms of a part, and those images within reach of it that lie in one of the thirteen parts (or images of parts)
    /// that follow it; the pairs with the thirteen others belong to those.
    fn candidates(
        &self,
        part: usize,
        cell: &Cell,
        fractions: &[Vector],
        species: &[usize],
        reach: f64,
    ) -> (Vec<Candidate>, Vec<Candidate>) {
        let [nx, ny, nz] = self.count;
        let here = [part % nx, part / nx % ny, part / (nx * ny)];
        let candidate = |atom: u32, image: u32| Candidate {
            position: cell.cartesian(&(fractions[atom as usize] + image_shift(image))),
            species: species[atom as usize] as u16,
            tag: atom * IMAGES + image,
        };
        let members = |part: usize| &self.order[self.first[part]..self.first[part + 1]];
        let own = members(part).iter().map(|&atom| candidate(atom, IMAGES / 2)).collect();
        let low = [0, 1, 2].map(|k| here[k] as f64 / self.count[k] as f64);
        let high = [0, 1, 2].map(|k| (here[k] + 1) as f64 / self.count[k] as f64);
        let edges = [0, 1, 2].map(|k| cell.matrix().column(k).norm());
        // Fractional steps times edges are as long as the way itself when the edges are at right angles, and never more than
        // this factor longer.
        let directions = Tensor::from_fn(|row, column| cell.matrix()[(row, column)] / edges[column]);
        let limit = (reach / directions.singular_values().min()).powi(2);
        let mut ghosts = Vec::new();
        for step in IMAGES / 2 + 1..IMAGES {
            let step = image_shift(step);
            let mut there = [0; 3];
            let mut image = 0;
            for k in (0..3).rev() {
                let n = self.count[k] as i64;
                let at = here[k] as i64 + step[k] as i64;
                there[k] = at.rem_euclid(n) as usize;
                image = 3 * image + (at.div_euclid(n) + 1) as u32;
            }
            let shift = image_shift(image);
            for &atom in members((there[2] * ny + there[1]) * nx + there[0]) {
                let s = fractions[atom as usize] + shift;
                let beyond = |k: usize| ((low[k] - s[k]).max(s[k] - high[k]).max(0.0) * edges[k]).powi(2);
                if beyond(0) + beyond(1) + beyond(2) < limit {
                    ghosts.push(candidate(atom, image));
                }
            }
        }
        debug_assert!(part < nx * ny * nz);
        (own, ghosts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::potential::lennard_jones::LennardJones;
    use crate::random::{Purpose, stream};
    use rand::RngExt;

    fn check_levels(potential: &Arc<Potential>, elements: Vec<crate::configuration::Element>, a: f64) {
        let (cell, positions, species) = thermal(a, 0.1);
        let c = Configuration::new(cell, elements, species, positions).unwrap();
        let results: Vec<(f64, Vec<Vector>)> = Level::available()
            .into_iter()
            .map(|level| {
                let mut engine = Engine::new(potential, &c).unwrap();
                engine.level = level;
                engine.evaluate(&c.cell, &c.positions).unwrap();
                (engine.energy, engine.forces)
            })
            .collect();
        for (energy, forces) in &results[1..] {
            assert!((energy - results[0].0).abs() < 1e-12 * energy.abs());
            for (a, b) in forces.iter().zip(&results[0].1) {
                assert!((a - b).amax() < 1e-11 * (1.0 + a.amax()));
            }
        }
    }

    fn thermal(a: f64, amplitude: f64) -> (Cell, Vec<Vector>, Vec<usize>) {
        let mut random = stream(3, Purpose::Packing, 0);
        let positions = (0..512).map(|k| {
            let at = Vector::new((k % 8) as f64, (k / 8 % 8) as f64, (k / 64) as f64) * a;
            at + Vector::from_fn(|_, _| random.random_range(-amplitude..amplitude)) * a
        });
        let cell = Cell::orthogonal(8.0 * a, 8.0 * a, 8.0 * a).unwrap();
        (cell, positions.collect(), (0..512).map(|k| usize::from(k % 3 == 0)).collect())
    }

    /// Forces and virial in mixed precision against those in double precision, for every instruction set.
    fn check_mixed(potential: &Arc<Potential>, a: f64, amplitude: f64, limit: f64) {
        let (cell, positions, species) = thermal(a, amplitude);
        let c = Configuration::new(cell, potential.elements().to_vec(), species, positions).unwrap();
        let mut double = Engine::new(potential, &c).unwrap();
        double.evaluate_forces(&c.cell, &c.positions).unwrap();
        let scale = (double.forces.iter().map(Vector::norm_squared).sum::<f64>() / 512.0).sqrt();
        for level in Level::available() {
            let mut mixed = Engine::new(potential, &c).unwrap();
            mixed.level = level;
            mixed.set_precision(Precision::Mixed);
            mixed.evaluate_forces(&c.cell, &c.positions).unwrap();
            let error = double.forces.iter().zip(&mixed.forces).map(|(x, y)| (x - y).norm_squared()).sum::<f64>();
            let error = (error / 512.0).sqrt();
            assert!(error < limit * scale, "{level:?}: {error:e} of {scale}");
            assert!(error > 1e-9 * scale, "{level:?}: this was double precision");
            let total: Vector = mixed.forces.iter().sum();
            assert!(total.amax() < 1e-4 * scale, "{level:?}: action is not reaction, {total}");
            assert!((mixed.virial - double.virial).amax() < 2e-4 * double.virial.amax(), "{level:?}");
            // The energy and what comes with it do not know about the precision.
            mixed.evaluate(&c.cell, &c.positions).unwrap();
            double.evaluate(&c.cell, &c.positions).unwrap();
            assert!((mixed.energy - double.energy).abs() < 1e-9 * double.energy.abs());
            // Back in mixed precision, with a list pruned anew, the forces differ from those in double precision again, as little.
            let before = mixed.forces.clone();
            mixed.evaluate_forces(&c.cell, &c.positions).unwrap();
            let back = before.iter().zip(&mixed.forces).map(|(x, y)| (x - y).norm()).fold(0.0, f64::max);
            assert!(back > 0.0 && back < 20.0 * limit * scale, "{level:?}");
        }
    }

    #[test]
    fn mixed_precision_is_near_double_precision() {
        let potential = Potential::built_in("CuZr-2009").unwrap();
        check_mixed(&potential, 2.6, 0.1, 1e-4);
        // Some pairs are so close that the exact functions are called.
        check_mixed(&potential, 2.6, 0.2, 1e-4);
        let potential = LennardJones::kob_andersen().potential("mixture").unwrap();
        check_mixed(&potential, 1.0, 0.1, 1e-4);
    }

    #[test]
    fn atoms_keep_their_numbers_when_they_are_ordered_in_space() {
        let potential = Potential::built_in("CuZr-2009").unwrap();
        let (cell, positions, species) = thermal(2.6, 0.1);
        let c = Configuration::new(cell, potential.elements().to_vec(), species, positions).unwrap();
        let mut engine = Engine::new(&potential, &c).unwrap();
        engine.evaluate(&c.cell, &c.positions).unwrap();
        let plain = engine.forces.clone();
        engine.order_in_space();
        engine.forget();
        engine.evaluate(&c.cell, &c.positions).unwrap();
        let order = engine.reordered().unwrap();
        assert!(order.iter().enumerate().any(|(place, atom)| place != *atom as usize));
        let agree = |forces: &[Vector]| {
            order.iter().zip(forces).all(|(atom, force)| (force - plain[*atom as usize]).amax() < 1e-11)
        };
        assert!(agree(&engine.forces));
        let mut placed: Vec<Vector> = order.iter().map(|atom| c.positions[*atom as usize]).collect();
        engine.evaluate(&c.cell, &placed).unwrap();
        assert!(engine.reordered().is_none() && agree(&engine.forces));
        // What goes wrong is said of the atom, not of its place.
        let place = order.iter().position(|atom| *atom == 77).unwrap();
        placed[place].x = f64::NAN;
        let error = engine.evaluate(&c.cell, &placed).unwrap_err().to_string();
        assert!(error.contains("atom 78 "), "{error}");
        let near = if place == 0 { 1 } else { 0 };
        placed[place] = placed[near] + Vector::new(0.01, 0.0, 0.0);
        let error = engine.evaluate(&c.cell, &placed).unwrap_err().to_string();
        let [a, b] = [order[near].min(77) + 1, order[near].max(77) + 1];
        assert!(error.contains(&format!("atoms {a} and {b} are 0.0100 A apart")), "{error}");
    }

    #[test]
    fn forces_are_those_where_atoms_have_been_carried() {
        let potential = Potential::built_in("CuZr-2009").unwrap();
        let (cell, mut positions, species) = thermal(2.6, 0.1);
        let c = Configuration::new(cell, potential.elements().to_vec(), species, positions.clone()).unwrap();
        let mut engine = Engine::new(&potential, &c).unwrap();
        engine.order_in_space();
        let mut names: Vec<u32> = (0..512).collect();
        // The first of these makes the list, a few go on with it, and the long last one makes it anew.
        for length in [0.1, 0.01, 0.01, 1.0] {
            let way = |name: u32| Vector::new(0.0, length * f64::from(name % 2), 0.0);
            let items = names.chunks(CHUNK).collect();
            let carried = engine.carry(&c.cell, &mut positions, true, items, |names: &[u32], positions, _| {
                positions.iter_mut().zip(names).for_each(|(r, name)| *r += way(*name));
            });
            carried.unwrap();
            if let Some(order) = engine.reordered() {
                names = order.iter().map(|place| names[*place as usize]).collect();
                positions = order.iter().map(|place| positions[*place as usize]).collect();
            }
            let idle = engine.ranges().windows(2).map(|ends| ends[0]).collect();
            let felt = engine.feel(true, idle, |start: usize, forces| (start, forces.to_vec())).unwrap();
            let mut fresh = c.clone();
            names.iter().zip(&positions).for_each(|(name, r)| fresh.positions[*name as usize] = *r);
            let mut plain = Engine::new(&potential, &fresh).unwrap();
            plain.evaluate(&fresh.cell, &fresh.positions).unwrap();
            assert!((engine.energy - plain.energy).abs() < 1e-9);
            for (place, force) in felt.iter().flat_map(|(start, forces)| (*start..).zip(forces)) {
                assert!((force - plain.forces[names[place] as usize]).amax() < 1e-10);
                assert_eq!(engine.forces[place], *force);
            }
            assert_eq!(felt.iter().map(|(_, forces)| forces.len()).sum::<usize>(), 512);
        }
        assert_eq!(engine.rebuilds(), 2);
    }

    #[test]
    fn instruction_sets_agree() {
        let potential = Potential::built_in("CuZr-2009").unwrap();
        check_levels(&potential, potential.elements().to_vec(), 2.6);
        let potential = LennardJones::kob_andersen().potential("mixture").unwrap();
        check_levels(&potential, potential.elements().to_vec(), 1.0);
    }
}
