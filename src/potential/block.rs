//! A handful of atoms with everything around them: the unit of work of the kernels.
//!
//! A block owns some atoms and sees others, its ghosts: atoms of other blocks, periodic images, or frozen atoms. Its pairs are
//! those among its own atoms, and those of an own atom with a ghost. Inside a block space is not periodic.

use super::Potential;
use super::kernel::{self, Candidates, Close, Curvatures, Frame, Group, Pairs, Points, Reaches};
use super::lanes::{Lane, Level, Record};
use super::single::{self, SINGLES, Short, SinglePairs};
use super::tables::PairTable;
use crate::cell::Vector;
use std::sync::Arc;

/// An atom or an image of one, offered to a block.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// Where it is [length].
    pub position: Vector,
    /// Species in the potential.
    pub species: u16,
    /// What the caller knows it by.
    pub tag: u32,
}

/// How the lists of a block are made.
#[derive(Clone, Copy, Debug)]
pub struct Lists {
    /// Width by which they reach beyond the cutoffs [length]; they are pruned before they are used.
    pub skin: f64,
    /// Leave out the atoms without a pair.
    pub compact: bool,
}

/// The pairs of some atoms.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// Number of own atoms, which come first.
    pub own: usize,
    /// Tags of all atoms in the order of their records; the dummy follows.
    pub tags: Vec<u32>,
    /// Species of the own atoms: the number of the first atom of each, and the end.
    pub species: Vec<usize>,
    groups: Arc<Vec<Group>>,
    /// Lists that reach further, near pairs and far ones together; `groups` is pruned from them.
    wide: Vec<Group>,
    /// Pruned lists for forces in single precision.
    single: Vec<Group<SINGLES>>,
    close: Option<Close>,
}

/// How far near pairs and all pairs reach with a skin.
fn reaches(table: &PairTable, skin: f64, ways: bool) -> Reaches {
    let near = if table.near > 0.0 { table.near + skin } else { f64::NEG_INFINITY };
    Reaches { near, far: table.far + skin, ways }
}

/// What a distance in single precision may be wrong by, as a part of the extent of a block: rounding of both positions, of
/// their difference and of its square, more than twice over.
const SINGLE: f64 = 1e-6;

/// Position of the dummy: far, but without overflow of its square.
const FAR_AWAY: f64 = 1e8;

impl Block {
    /// Sort the atoms and find all pairs within the cutoffs plus a skin.
    ///
    /// Of the atoms around the own ones, those in `ghosts` move and those in `frozen` do not. The memory of an `old` block is used
    /// again.
    pub fn new(
        old: Block,
        potential: &Potential,
        lists: Lists,
        own: &[Candidate],
        ghosts: &[Candidate],
        frozen: &[Candidate],
        level: Level,
    ) -> Block {
        let kinds = potential.elements().len();
        let reach = potential.cutoff() + lists.skin;
        let grid = Grid::new(own, reach);
        let parts = [own, ghosts, frozen];
        let sorted = parts.map(|part| grid.sort(part, kinds));
        let shift = [0, own.len() as u32, (own.len() + ghosts.len()) as u32];
        let atoms = own.len() + ghosts.len() + frozen.len();
        let mut points = Points::new(atoms);
        let mut tags = Vec::with_capacity(atoms);
        let ordered = parts.iter().zip(&sorted).flat_map(|(part, (order, _))| order.iter().map(|&k| &part[k as usize]));
        for (place, candidate) in ordered.enumerate() {
            points.put(place, &(candidate.position - grid.origin));
            tags.push(candidate.tag);
        }
        let bins = grid.len();
        let mut block = Block {
            own: own.len(),
            tags,
            species: (0..=kinds).map(|a| sorted[0].1[a * bins] as usize).collect(),
            ..Block::default()
        };
        let (mut old_wide, mut old_groups) =
            (old.wide.into_iter(), Arc::try_unwrap(old.groups).unwrap_or_default().into_iter());
        let mut groups = Vec::new();
        let mut searches = Vec::new();
        for (a, b, still) in (0..kinds).flat_map(|a| (0..kinds).flat_map(move |b| [(a, b, false), (a, b, true)])) {
            let table = potential.table(a, b);
            let empty = still && frozen.is_empty();
            if block.species[a] == block.species[a + 1] || table.far == 0.0 || empty {
                continue;
            }
            // Single precision sees a pair somewhat too near or too far.
            let far = table.far + lists.skin + SINGLE * grid.span();
            groups.push(old_wide.next().unwrap_or_default().emptied(a * kinds + b, still));
            searches.push((a, b, still, far * far));
        }
        let stencil = grid.stencil(reach);
        let (mut rows, mut ranges, mut candidates) = (Vec::new(), Vec::new(), Candidates::default());
        let starts = |part: usize, kind: usize| &sorted[part].1[kind * bins..=(kind + 1) * bins];
        for bin in 0..bins {
            let inside = |a: usize| starts(0, a)[bin] as usize..starts(0, a)[bin + 1] as usize;
            if (0..kinds).all(|a| inside(a).is_empty()) {
                continue;
            }
            grid.around(bin, &stencil, &mut rows);
            for (group, &(a, b, still, square)) in groups.iter_mut().zip(&searches) {
                let range = inside(a);
                if range.is_empty() {
                    continue;
                }
                ranges.clear();
                let mut add = |part: usize, from: u32| {
                    let (starts, shift) = (starts(part, b), shift[part]);
                    for &(first, end) in &rows {
                        let (start, end) = ((starts[first] + shift).max(from), starts[end] + shift);
                        if start < end {
                            ranges.push((start, end));
                        }
                    }
                };
                if still {
                    add(2, 0);
                } else {
                    if a <= b {
                        add(0, if a == b { range.start as u32 } else { 0 });
                    }
                    if !ghosts.is_empty() {
                        add(1, 0);
                    }
                }
                let half = a == b && !still;
                let dummy = 4 * atoms as u32;
                kernel::neighbors(level, &points, range, &ranges, half, square, dummy, &mut candidates, group);
            }
        }
        if lists.compact {
            block.compact(&mut groups);
        } else {
            groups.iter_mut().flat_map(|g| [&mut g.near, &mut g.far]).for_each(|s| s.finish(4 * atoms as u32));
        }
        let mut emptied = |wide: &Group| old_groups.next().unwrap_or_default().emptied(wide.table, wide.frozen);
        block.groups = Arc::new(groups.iter().map(&mut emptied).collect());
        block.wide = groups;
        block.single = old.single;
        block
    }

    /// Take from the wide lists the pairs within the cutoffs plus `skin` at these positions, and what the fourth numbers of both
    /// records add to it when they are `ways`.
    pub fn prune(&mut self, potential: &Potential, skin: f64, ways: bool, level: Level, records: &[Record]) {
        for (group, wide) in Arc::make_mut(&mut self.groups).iter_mut().zip(&self.wide) {
            kernel::prune(level, records, wide, reaches(&potential.tables()[wide.table], skin, ways), group);
        }
    }

    /// The same for forces in single precision.
    pub fn prune_single(&mut self, potential: &Potential, skin: f64, level: Level, records: &[Short]) {
        self.single.resize_with(self.wide.len(), Group::default);
        for (group, wide) in self.single.iter_mut().zip(&self.wide) {
            (group.table, group.frozen) = (wide.table, wide.frozen);
            single::prune(level, records, wide, reaches(&potential.tables()[wide.table], skin, true), group);
        }
    }

    /// Leave out what has no pair.
    fn compact(&mut self, groups: &mut [Group]) {
        let mut place = vec![u32::MAX; self.tags.len() + 1];
        place[..self.own].fill(0);
        place[self.tags.len()] = 0;
        for &k in groups.iter().flat_map(|g| g.near.list.iter().chain(&g.far.list)) {
            place[k as usize / 4] = 0;
        }
        let mut next = 0;
        for p in place.iter_mut().filter(|p| **p == 0) {
            *p = 4 * next;
            next += 1;
        }
        let mut kept = place.iter();
        self.tags.retain(|_| kept.next() != Some(&u32::MAX));
        self.tags.shrink_to_fit();
        let dummy = 4 * (next - 1);
        for group in groups {
            for stream in [&mut group.near, &mut group.far] {
                stream.list.iter_mut().for_each(|k| *k = place[*k as usize / 4]);
                stream.finish(dummy);
            }
        }
    }

    /// Number of records, with the dummy.
    pub fn len(&self) -> usize {
        self.tags.len() + 1
    }

    /// The record of the dummy.
    pub fn dummy() -> Record {
        Record([FAR_AWAY, FAR_AWAY, FAR_AWAY, 0.0])
    }

    /// The densities that the atoms of each pair add to each other. Returns the energy of the near pairs if it is wanted.
    pub fn densities(
        &mut self,
        potential: &Potential,
        level: Level,
        records: &[Record],
        density: &mut Vec<f64>,
        energy: bool,
    ) -> f64 {
        zeros(density, records.len());
        self.close = None;
        let mut sum = 0.0;
        for group in self.groups.iter() {
            let pairs = Pairs { records, group, table: &potential.tables()[group.table] };
            sum += kernel::densities(level, pairs, energy, density, &mut self.close);
        }
        sum
    }

    /// The forces of each pair, and the energy of the far pairs if it is wanted; `densities` has been called for the same
    /// positions.
    pub fn forces(
        &mut self,
        potential: &Potential,
        level: Level,
        records: &[Record],
        forces: &mut Vec<Record>,
        energy: bool,
    ) -> f64 {
        zeros(forces, records.len());
        let mut sum = 0.0;
        for group in self.groups.iter() {
            let pairs = Pairs { records, group, table: &potential.tables()[group.table] };
            sum += kernel::forces(level, pairs, forces, energy, &mut self.close);
        }
        sum
    }

    /// The densities in single precision.
    pub fn single_densities(&mut self, potential: &Potential, level: Level, records: &[Short], density: &mut Vec<f32>) {
        zeros(density, records.len());
        self.close = None;
        for group in &self.single {
            let pairs = SinglePairs { records, group, table: &potential.tables()[group.table] };
            single::densities(level, pairs, density, &mut self.close);
        }
    }

    /// The forces in single precision, after the densities at the same positions.
    pub fn single_forces(&mut self, potential: &Potential, level: Level, records: &[Short], forces: &mut Vec<Short>) {
        zeros(forces, records.len());
        for group in &self.single {
            let pairs = SinglePairs { records, group, table: &potential.tables()[group.table] };
            single::forces(level, pairs, forces, &mut self.close);
        }
    }

    /// Two atoms that the last passes found too close, by their tags.
    pub fn close(&self) -> Option<([u32; 2], f64)> {
        self.close.map(|c| (c.pair.map(|k| self.tags.get(k).copied().unwrap_or(u32::MAX)), c.distance))
    }

    /// The pairs of the wide lists that are within the cutoffs at these positions, group by group.
    pub fn within_cutoffs(&self, potential: &Potential, level: Level, records: &[Record]) -> Vec<Group> {
        (self.wide.iter())
            .map(|list| {
                let mut group = Group::default().emptied(list.table, list.frozen);
                kernel::prune(level, records, list, reaches(&potential.tables()[list.table], 0.0, false), &mut group);
                group
            })
            .collect()
    }

    /// Second derivatives of all pairs; the records hold positions and slopes of embedding energies. Each own atom's sum over its
    /// frozen neighbours is added to `frames`.
    pub fn curvatures<R: Lane>(
        potential: &Potential,
        groups: &[Group],
        level: Level,
        records: &[Record],
        frames: &mut [Frame],
    ) -> Vec<Curvatures<R>> {
        (groups.iter())
            .map(|group| {
                let table = &potential.tables()[group.table];
                kernel::curvatures(level, Pairs { records, group, table }, frames)
            })
            .collect()
    }

    /// The pairs, group by group.
    pub fn groups(&self) -> &Arc<Vec<Group>> {
        &self.groups
    }

    /// Marks the records that belong to a pair of the wide lists whose species have densities, own ones too.
    pub fn near(&self, potential: &Potential) -> Vec<bool> {
        let mut near = vec![false; self.len()];
        for group in self.wide.iter().filter(|group| potential.tables()[group.table].near > 0.0) {
            for (i, j) in group.near.pairs() {
                near[i] = true;
                near[j] = true;
            }
        }
        near
    }

    /// Calls `visit(table, i, j)` with the records of each pair of the list.
    pub fn for_each_pair(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let dummy = self.tags.len();
        for group in self.groups.iter() {
            let pairs = group.near.pairs().chain(group.far.pairs());
            pairs.filter(|p| p.1 != dummy).for_each(|(i, j)| visit(group.table, i, j));
        }
    }

    /// Bytes that the block holds.
    pub fn memory(&self) -> usize {
        let double: usize = self.groups.iter().chain(&self.wide).map(Group::capacity).sum();
        let single: usize = self.single.iter().map(Group::capacity).sum();
        4 * (double + single + self.tags.capacity())
    }
}

/// As many zeros as records.
fn zeros<T: Clone + Default>(sums: &mut Vec<T>, records: usize) {
    sums.clear();
    sums.resize(records, T::default());
}

/// Equal boxes over the own atoms and their surroundings.
struct Grid {
    origin: Vector,
    edge: f64,
    bins: [usize; 3],
}

impl Grid {
    fn new(own: &[Candidate], reach: f64) -> Grid {
        let mut low = Vector::repeat(f64::INFINITY);
        let mut high = Vector::repeat(f64::NEG_INFINITY);
        for c in own {
            low = low.inf(&c.position);
            high = high.sup(&c.position);
        }
        if own.is_empty() {
            (low, high) = (Vector::zeros(), Vector::zeros());
        }
        let origin = low - Vector::repeat(reach);
        let spans: [f64; 3] = [0, 1, 2].map(|k| high[k] - low[k] + 2.0 * reach);
        let mut edge = (0.5 * reach).max(1e-3);
        // A thin gas or an exploding sample would spread over far more bins than it has atoms.
        let most = (8 * own.len()).max(4096) as f64;
        while spans.iter().map(|span| span / edge + 1.0).product::<f64>() > most {
            edge *= 1.25;
        }
        Grid { origin, edge, bins: spans.map(|span| (span / edge) as usize + 1) }
    }

    fn len(&self) -> usize {
        self.bins.iter().product()
    }

    /// The longest edge.
    fn span(&self) -> f64 {
        self.bins.iter().map(|n| *n as f64 * self.edge).fold(0.0, f64::max)
    }

    fn bin(&self, position: &Vector) -> usize {
        let b = [0, 1, 2].map(|k| {
            // A negative number saturates at zero: ghosts beyond reach may lie in any bin.
            (((position[k] - self.origin[k]) / self.edge) as usize).min(self.bins[k] - 1)
        });
        (b[2] * self.bins[1] + b[1]) * self.bins[0] + b[0]
    }

    /// Order of the atoms by species and bin, and the place of the first of each.
    fn sort(&self, atoms: &[Candidate], kinds: usize) -> (Vec<u32>, Vec<u32>) {
        let bins = self.len();
        let keys: Vec<u32> = atoms.iter().map(|c| (c.species as usize * bins + self.bin(&c.position)) as u32).collect();
        let mut first = vec![0u32; kinds * bins + 2];
        keys.iter().for_each(|&key| first[key as usize + 2] += 1);
        (2..first.len()).for_each(|k| first[k] += first[k - 1]);
        let mut order = vec![0u32; atoms.len()];
        for (atom, &key) in keys.iter().enumerate() {
            let place = &mut first[key as usize + 1];
            order[*place as usize] = atom as u32;
            *place += 1;
        }
        first.pop();
        (order, first)
    }

    /// The rows of bins that come within `reach` of a bin: steps in y and z, and how far to go in x.
    fn stencil(&self, reach: f64) -> Vec<[i32; 3]> {
        let limit = (reach / self.edge) * (reach / self.edge);
        let gap = |steps: i32| f64::from((steps.abs() - 1).max(0)).powi(2);
        let most = (reach / self.edge - 1e-9).ceil() as i32;
        let mut rows = Vec::new();
        for z in -most..=most {
            for y in -most..=most {
                let rest = limit - gap(z) - gap(y);
                if rest > 0.0 {
                    rows.push([y, z, (rest.sqrt().ceil() as i32).min(most)]);
                }
            }
        }
        rows
    }

    /// All stretches of bins around a bin: first and end.
    fn around(&self, bin: usize, stencil: &[[i32; 3]], rows: &mut Vec<(usize, usize)>) {
        rows.clear();
        let [nx, ny, nz] = self.bins.map(|n| n as i32);
        let bin = bin as i32;
        let (x, y, z) = (bin % nx, bin / nx % ny, bin / (nx * ny));
        for &[step_y, step_z, wide] in stencil {
            let (row_y, row_z) = (y + step_y, z + step_z);
            if (0..ny).contains(&row_y) && (0..nz).contains(&row_z) {
                let row = (row_z * ny + row_y) * nx;
                rows.push(((row + (x - wide).max(0)) as usize, (row + (x + wide).min(nx - 1)) as usize + 1));
            }
        }
    }
}
