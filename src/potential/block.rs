//! A handful of atoms with everything around them: the unit of work of the kernels.
//!
//! A block owns some atoms and sees others, its ghosts: atoms of other blocks, periodic images, or frozen atoms. Its pairs are
//! those among its own atoms, and those of an own atom with a ghost. Inside a block space is not periodic.

use super::Potential;
use super::kernel::{self, Close, Curvatures, Frame, Group, Pairs, Points};
use super::lanes::{Level, Record, WIDTH};
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
    gradients: Vec<Vec<f64>>,
    close: Option<Close>,
}

/// Position of the dummy: far, but without overflow of its square.
const FAR_AWAY: f64 = 1e8;

impl Block {
    /// Sort the atoms and find all pairs within the cutoffs plus `skin`.
    ///
    /// Of the atoms around the own ones, those in `ghosts` move and those in `frozen` do not. Atoms without a pair are left out.
    pub fn new(
        potential: &Potential,
        skin: f64,
        own: &[Candidate],
        ghosts: &[Candidate],
        frozen: &[Candidate],
        level: Level,
    ) -> Block {
        let kinds = potential.elements().len();
        let reach = potential.cutoff() + skin;
        let grid = Grid::new(own, reach);
        let parts = [own, ghosts, frozen];
        let sorted = parts.map(|part| grid.sort(part, kinds));
        let shift = [0, own.len() as u32, (own.len() + ghosts.len()) as u32];
        let atoms = own.len() + ghosts.len() + frozen.len();
        let all =
            || (parts.iter().zip(&sorted)).flat_map(|(part, (order, _))| order.iter().map(|&k| &part[k as usize]));
        let mut points = Points::default();
        for (axis, x) in points.x.iter_mut().enumerate() {
            x.reserve(atoms + WIDTH);
            x.extend(all().map(|c| c.position[axis]));
            x.extend([FAR_AWAY; WIDTH]);
        }
        let bins = grid.len();
        let mut block = Block {
            own: own.len(),
            tags: all().map(|c| c.tag).collect(),
            species: (0..=kinds).map(|a| sorted[0].1[a * bins] as usize).collect(),
            ..Block::default()
        };
        let mut groups = Vec::new();
        let mut buffers = [Vec::new(), Vec::new()];
        let mut ranges = Vec::new();
        for (a, b, still) in (0..kinds).flat_map(|a| (0..kinds).flat_map(move |b| [(a, b, false), (a, b, true)])) {
            let table = potential.table(a, b);
            let empty = still && frozen.is_empty();
            if block.species[a] == block.species[a + 1] || table.far == 0.0 || empty {
                continue;
            }
            let near = if table.near > 0.0 { table.near + skin } else { 0.0 };
            let far = table.far + skin;
            let mut group = Group { table: a * kinds + b, atom: block.species[a], frozen: still, ..Group::default() };
            for bin in 0..bins {
                let starts = &sorted[0].1;
                let range = starts[a * bins + bin] as usize..starts[a * bins + bin + 1] as usize;
                if range.is_empty() {
                    continue;
                }
                ranges.clear();
                grid.around(bin, far, |row, first, last| {
                    let mut add = |part: usize, from: u32| {
                        let at = |bin: usize| sorted[part].1[b * bins + row * grid.bins[0] + bin] + shift[part];
                        let (start, end) = (at(first).max(from), at(last + 1));
                        if start < end {
                            ranges.push((start, end));
                        }
                    };
                    if still {
                        add(2, 0);
                    } else {
                        if a <= b {
                            add(0, if a == b { range.start as u32 } else { 0 });
                        }
                        add(1, 0);
                    }
                });
                let squares = (near * near, far * far);
                let half = a == b && !still;
                let dummy = 4 * atoms as u32;
                kernel::neighbors(level, &points, range, &ranges, half, squares, dummy, &mut buffers, &mut group);
            }
            groups.push(group);
        }
        block.compact(&mut groups);
        block.groups = Arc::new(groups);
        block.gradients = vec![Vec::new(); block.groups.len()];
        block
    }

    /// Leave out what has no pair.
    fn compact(&mut self, groups: &mut [Group]) {
        let mut place = vec![u32::MAX; self.tags.len() + 1];
        place[..self.own].fill(0);
        place[self.tags.len()] = 0;
        for &k in groups.iter().flat_map(|g| &g.list) {
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
        for group in groups {
            group.list.iter_mut().for_each(|k| *k = place[*k as usize / 4]);
            group.list.shrink_to_fit();
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

    /// The densities that the atoms of each pair add to each other.
    pub fn densities(&mut self, potential: &Potential, level: Level, records: &[Record], density: &mut [f64]) {
        density.fill(0.0);
        self.close = None;
        for (group, gradients) in self.groups.iter().zip(&mut self.gradients) {
            let table = &potential.tables()[group.table];
            kernel::densities(level, Pairs { records, group, table }, density, gradients, &mut self.close);
        }
    }

    /// The forces of each pair, and the pair energy if it is wanted; `densities` has been called for the same positions.
    pub fn forces(
        &mut self,
        potential: &Potential,
        level: Level,
        records: &[Record],
        forces: &mut [Record],
        energy: bool,
    ) -> f64 {
        forces.fill(Record::default());
        let mut sum = 0.0;
        for (group, gradients) in self.groups.iter().zip(&self.gradients) {
            let table = &potential.tables()[group.table];
            let pairs = Pairs { records, group, table };
            sum += kernel::forces(level, pairs, gradients, forces, energy, &mut self.close);
        }
        sum
    }

    /// Two atoms that the last passes found too close, by their tags.
    pub fn close(&self) -> Option<([u32; 2], f64)> {
        self.close.map(|c| (c.pair.map(|k| self.tags.get(k).copied().unwrap_or(u32::MAX)), c.distance))
    }

    /// Second derivatives of all pairs; the records hold positions and slopes of embedding energies. Each own atom's sum over its
    /// frozen neighbours is added to `frames`.
    pub fn curvatures(
        &self,
        potential: &Potential,
        level: Level,
        records: &[Record],
        frames: &mut [Frame],
    ) -> Vec<Curvatures> {
        (self.groups.iter())
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

    /// Marks the records that belong to a pair near enough for a density, own ones too.
    pub fn near(&self) -> Vec<bool> {
        let mut near = vec![false; self.len()];
        for group in self.groups.iter() {
            let mut index = 0;
            for (k, counts) in group.counts.iter().enumerate() {
                let vectors = &group.list[index..index + counts[0] as usize * WIDTH];
                vectors.iter().for_each(|&other| near[other as usize / 4] = true);
                near[group.atom + k] = true;
                index += counts[1] as usize * WIDTH;
            }
        }
        near
    }

    /// Calls `visit(table, i, j)` with the records of each pair of the list.
    pub fn for_each_pair(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let dummy = self.tags.len();
        for group in self.groups.iter() {
            let mut index = group.list.iter();
            for (k, counts) in group.counts.iter().enumerate() {
                for &other in index.by_ref().take(counts[1] as usize * WIDTH) {
                    if other as usize / 4 != dummy {
                        visit(group.table, group.atom + k, other as usize / 4);
                    }
                }
            }
        }
    }

    /// Number of pairs within cutoffs and skin, padding included, and bytes that the block holds.
    pub fn size(&self) -> (usize, usize) {
        let entries: usize = self.groups.iter().map(|g| g.list.len()).sum();
        let counts: usize = self.groups.iter().map(|g| g.counts.capacity() * 4).sum();
        let gradients: usize = self.gradients.iter().map(|g| g.capacity() * 8).sum();
        (entries, entries * 4 + counts + gradients + self.tags.capacity() * 4)
    }
}

/// Equal boxes over the own atoms and their surroundings.
struct Grid {
    origin: Vector,
    edge: f64,
    bins: [usize; 3],
}

impl Grid {
    fn new(own: &[Candidate], reach: f64) -> Grid {
        let edge = 0.5 * reach;
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
        let bins = [0, 1, 2].map(|k| ((high[k] - low[k] + 2.0 * reach) / edge) as usize + 1);
        Grid { origin, edge, bins }
    }

    fn len(&self) -> usize {
        self.bins.iter().product()
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

    /// Calls `visit(row, first, last)` with all stretches of bins that come within `reach` of a bin.
    fn around(&self, bin: usize, reach: f64, mut visit: impl FnMut(usize, usize, usize)) {
        let [nx, ny, nz] = self.bins;
        let (x, y, z) = (bin % nx, bin / nx % ny, bin / (nx * ny));
        let limit = (reach / self.edge) * (reach / self.edge);
        let gap = |a: usize, b: usize| (a.abs_diff(b) as f64 - 1.0).max(0.0).powi(2);
        let most = (reach / self.edge).ceil() as usize;
        for row_z in z.saturating_sub(most)..=(z + most).min(nz - 1) {
            for row_y in y.saturating_sub(most)..=(y + most).min(ny - 1) {
                let rest = limit - gap(row_z, z) - gap(row_y, y);
                if rest <= 0.0 {
                    continue;
                }
                let wide = (rest.sqrt().ceil() as usize).min(most);
                visit(row_z * ny + row_y, x.saturating_sub(wide), (x + wide).min(nx - 1));
            }
        }
    }
}
