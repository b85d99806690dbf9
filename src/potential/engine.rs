//! Energy, forces and virial of a whole sample.
//!
//! The cell is cut into blocks of neighbouring atoms (see [`super::block`]). Each block adds up what its pairs do to its own
//! atoms and to its ghosts, in parallel; then every atom collects its own share and those of its ghosts in a fixed order, so
//! the result does not depend on the number of threads.

use super::Potential;
use super::block::{Block, Candidate};
use super::hessian::Hessian;
use super::kernel;
use super::lanes::{Level, Record};
use crate::cell::{Cell, Tensor, Vector};
use crate::configuration::Configuration;
use crate::error::{Error, Result};
use rayon::prelude::*;
use std::sync::Arc;

/// Width by which the neighbour list reaches beyond the cutoffs [length]; measured best between 0.5 and 0.8 in a liquid.
const SKIN: f64 = 0.6;

/// Atoms in a block, about: few enough for the cache of one core, many enough to outnumber the ghosts.
const BLOCK: f64 = 1000.0;

/// Evaluates a potential on one sample and keeps its neighbour list between calls.
#[derive(Debug)]
pub struct Engine {
    potential: Arc<Potential>,
    species: Vec<usize>,
    level: Level,
    partition: Option<Partition>,
    rebuilds: u64,
    /// Potential energy of the last evaluation [energy]; not a number after [`Engine::evaluate_forces`].
    pub energy: f64,
    /// Forces of the last evaluation [energy/length].
    pub forces: Vec<Vector>,
    /// Virial of the last evaluation, `sum of r f` over pairs [energy]; pressure is `trace / (3 V)`.
    pub virial: Tensor,
}

/// The blocks of a sample, and the flat arrays that their records lie in.
#[derive(Debug)]
struct Partition {
    cell: Cell,
    cutoff: f64,
    skin: f64,
    blocks: Vec<Block>,
    /// First record of each block, and the end.
    first: Vec<usize>,
    /// First rank of each block, and the end; atoms are ranked by block and record.
    ranks: Vec<usize>,
    /// Atom of each rank.
    atoms: Vec<u32>,
    /// Rank of each atom.
    rank_of: Vec<u32>,
    /// Whole cells from the position the caller gave to the one inside the cell, by rank.
    wraps: Vec<[i32; 3]>,
    /// Wrapped positions when the list was made, by rank.
    start: Vec<Vector>,
    /// Rank of what each record shows, and the number of its image; by record.
    shows: Vec<(u32, u8)>,
    /// Records that show each rank: `copies[copies_first[rank]..]`, the own one first.
    copies_first: Vec<u32>,
    copies: Vec<u32>,
    /// Positions inside the cell, by rank.
    wrapped: Vec<Vector>,
    /// Shifts of the images.
    images: Vec<Vector>,
    records: Vec<Record>,
    forces: Vec<Record>,
    density: Vec<f64>,
    /// Total density, and slope of the embedding energy, by rank.
    total: Vec<f64>,
    slope: Vec<f64>,
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
            level: Level::best(),
            partition: None,
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

    /// Number of each atom's species in the potential.
    pub fn species(&self) -> &[usize] {
        &self.species
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

    /// Compute forces and virial without the energy, which costs a tenth less.
    pub fn evaluate_forces(&mut self, cell: &Cell, positions: &[Vector]) -> Result<()> {
        self.compute(cell, positions, false)
    }

    fn compute(&mut self, cell: &Cell, positions: &[Vector], energy: bool) -> Result<()> {
        self.update(cell, positions)?;
        let partition = self.partition.as_mut().expect("made by update");
        partition.densities(&self.potential, self.level);
        let embedding = partition.embed(&self.potential, &self.species);
        let (pairs, virial) = partition.forces(&self.potential, self.level, energy);
        self.energy = if energy { embedding + pairs } else { f64::NAN };
        self.virial = virial;
        partition.collect(&mut self.forces);
        partition.check()?;
        let sum = self.virial.trace() + if energy { self.energy } else { 0.0 };
        if !sum.is_finite() {
            return Err(self.not_finite());
        }
        Ok(())
    }

    fn not_finite(&self) -> Error {
        let atom = self.forces.iter().position(|f| !f.iter().all(|x| x.is_finite()));
        let place = atom.map_or(String::new(), |a| format!(", beginning with the force on atom {}", a + 1));
        Error::numeric(format!("potential: energy and forces are not finite{place}; do atoms overlap?"))
    }

    /// Energy of each atom: half of its pairs and its embedding [energy].
    pub fn atom_energies(&mut self, cell: &Cell, positions: &[Vector]) -> Result<Vec<f64>> {
        self.evaluate(cell, positions)?;
        let partition = self.partition.as_ref().expect("made by evaluate");
        let mut energies = vec![0.0; positions.len()];
        for (rank, &atom) in partition.atoms.iter().enumerate() {
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
        self.update(cell, positions)?;
        let partition = self.partition.as_ref().expect("made by update");
        let mut pairs = Vec::new();
        partition.for_each_pair(|table, i, j, d| {
            if d.norm() < self.potential.tables()[table].far {
                pairs.push((i, j, d));
            }
        });
        Ok(Hessian::new(&self.potential, &self.species, pairs.into_iter()))
    }

    /// Bytes that the engine holds for its lists and records.
    pub fn memory(&self) -> usize {
        self.partition.as_ref().map_or(0, Partition::memory) + self.forces.len() * size_of::<Vector>()
    }

    /// Bring the records to these positions, and the list too if atoms have moved too far for it.
    fn update(&mut self, cell: &Cell, positions: &[Vector]) -> Result<()> {
        if let Some(partition) = &mut self.partition
            && positions.len() == self.species.len()
            && partition.place(cell, positions)
        {
            return Ok(());
        }
        self.partition = None;
        if positions.len() != self.species.len() {
            return Err(Error::input(format!(
                "potential: {} positions for {} atoms",
                positions.len(),
                self.species.len()
            )));
        }
        if let Some(atom) = positions.iter().position(|p| !p.iter().all(|x| x.is_finite())) {
            return Err(Error::numeric(format!("potential: the position of atom {} is not finite", atom + 1)));
        }
        let cutoff = self.potential.cutoff();
        cell.check_cutoff(cutoff, "potential")?;
        let skin = (SKIN / 7.6 * cutoff).min(cell.smallest_width() - cutoff);
        let mut partition = Partition::new(&self.potential, &self.species, cell, positions, skin, self.level)?;
        self.rebuilds += 1;
        if !partition.place(cell, positions) {
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

impl Partition {
    fn new(
        potential: &Potential,
        species: &[usize],
        cell: &Cell,
        positions: &[Vector],
        skin: f64,
        level: Level,
    ) -> Result<Partition> {
        let (wraps, fractions) = wrap(cell, positions)?;
        let reach = potential.cutoff() + skin;
        let widths = cell.widths();
        let edge = (BLOCK * cell.volume() / positions.len() as f64).cbrt().max(reach);
        let count = widths.map(|w| ((w / edge) as usize).max(1));
        let parts = Parts::new(count, &fractions);
        let blocks: Vec<Block> = (0..count.iter().product())
            .into_par_iter()
            .map(|part| {
                let (own, ghosts) = parts.candidates(part, cell, &fractions, species, reach);
                Block::new(potential, skin, &own, &ghosts, level)
            })
            .collect();
        let mut partition = Partition {
            cell: cell.clone(),
            cutoff: potential.cutoff(),
            skin,
            first: vec![0],
            ranks: vec![0],
            atoms: Vec::with_capacity(positions.len()),
            rank_of: vec![0; positions.len()],
            wraps: Vec::with_capacity(positions.len()),
            start: Vec::with_capacity(positions.len()),
            shows: Vec::new(),
            copies_first: vec![0; positions.len() + 1],
            copies: Vec::new(),
            wrapped: vec![Vector::zeros(); positions.len()],
            images: Vec::new(),
            records: Vec::new(),
            forces: Vec::new(),
            density: Vec::new(),
            total: vec![0.0; positions.len()],
            slope: vec![0.0; positions.len()],
            blocks,
        };
        partition.arrange(cell, &fractions, &wraps);
        Ok(partition)
    }

    /// Lay out the records and find who shows whom.
    fn arrange(&mut self, cell: &Cell, fractions: &[Vector], wraps: &[[i32; 3]]) {
        for block in &self.blocks {
            for &tag in &block.tags[..block.own] {
                let atom = tag / IMAGES;
                self.rank_of[atom as usize] = self.atoms.len() as u32;
                self.atoms.push(atom);
                self.wraps.push(wraps[atom as usize]);
                self.start.push(cell.cartesian(&fractions[atom as usize]));
            }
            self.ranks.push(self.atoms.len());
            self.first.push(self.first[self.first.len() - 1] + block.len());
        }
        let records = self.first[self.blocks.len()];
        self.shows.reserve(records);
        for block in &self.blocks {
            for &tag in &block.tags {
                let rank = self.rank_of[(tag / IMAGES) as usize];
                self.shows.push((rank, (tag % IMAGES) as u8));
                self.copies_first[rank as usize + 1] += 1;
            }
            self.shows.push((0, 0));
        }
        (1..self.copies_first.len()).for_each(|k| self.copies_first[k] += self.copies_first[k - 1]);
        let mut next = self.copies_first.clone();
        self.copies = vec![0; next[next.len() - 1] as usize];
        let mut put = |record: usize, rank: u32| {
            self.copies[next[rank as usize] as usize] = record as u32;
            next[rank as usize] += 1;
        };
        for ghosts in [false, true] {
            for (block, &first) in self.blocks.iter().zip(&self.first) {
                let range = if ghosts { block.own..block.tags.len() } else { 0..block.own };
                range.for_each(|k| put(first + k, self.shows[first + k].0));
            }
        }
        self.records = vec![Block::dummy(); records];
        self.forces = vec![Record::default(); records];
        self.density = vec![0.0; records];
    }

    /// Take new positions; false when the list does not hold for them.
    fn place(&mut self, cell: &Cell, positions: &[Vector]) -> bool {
        let gradient = cell.matrix() * self.cell.inverse();
        let stretch = (gradient - Tensor::identity()).norm();
        let still = *cell == self.cell;
        let (atoms, wraps, start) = (&self.atoms, &self.wraps, &self.start);
        let most = (self.wrapped.par_chunks_mut(CHUNK).enumerate())
            .map(|(chunk, wrapped)| {
                let mut most = [0.0_f64; 2];
                for (k, out) in wrapped.iter_mut().enumerate() {
                    let rank = chunk * CHUNK + k;
                    let mut x = positions[atoms[rank] as usize];
                    let wrap = wraps[rank];
                    if wrap != [0; 3] {
                        x += cell.matrix() * Vector::new(wrap[0].into(), wrap[1].into(), wrap[2].into());
                    }
                    *out = x;
                    let from = if still { start[rank] } else { gradient * start[rank] };
                    most = larger(most, (x - from).norm_squared());
                }
                most
            })
            .collect::<Vec<_>>();
        let most = most.into_iter().flatten().fold([0.0; 2], larger);
        self.images = (0..IMAGES).map(|image| cell.matrix() * image_shift(image)).collect();
        (self.cutoff + self.skin) * (1.0 - stretch) - most[0].sqrt() - most[1].sqrt() >= self.cutoff
    }

    /// Write the records and add up the densities.
    fn densities(&mut self, potential: &Potential, level: Level) {
        let (wrapped, images) = (&self.wrapped, &self.images);
        let density = split(&mut self.density, &self.first);
        let records = split(&mut self.records, &self.first);
        let shows = split(&mut self.shows, &self.first);
        (self.blocks.par_iter_mut(), records, shows, density).into_par_iter().for_each(
            |(block, records, shows, density)| {
                for (record, &mut (rank, image)) in records[..block.tags.len()].iter_mut().zip(shows) {
                    let x = wrapped[rank as usize] + images[image as usize];
                    record.0[..3].copy_from_slice(x.as_slice());
                }
                block.densities(potential, level, records, density);
            },
        );
    }

    /// Embedding energy, and its slope for every atom.
    fn embed(&mut self, potential: &Potential, species: &[usize]) -> f64 {
        let (first, copies, density, atoms) = (&self.copies_first, &self.copies, &self.density, &self.atoms);
        let energies: Vec<f64> = (self.total.par_chunks_mut(CHUNK), self.slope.par_chunks_mut(CHUNK))
            .into_par_iter()
            .enumerate()
            .map(|(chunk, (total, slope))| {
                let mut energy = 0.0;
                for (k, (total, slope)) in total.iter_mut().zip(slope).enumerate() {
                    let rank = chunk * CHUNK + k;
                    let shares = &copies[first[rank] as usize..first[rank + 1] as usize];
                    *total = shares.iter().map(|&c| density[c as usize]).sum();
                    let f = potential.embedding(species[atoms[rank] as usize]).evaluate(*total);
                    energy += f[0];
                    *slope = f[1];
                }
                energy
            })
            .collect();
        energies.into_iter().sum()
    }

    /// Forces on all records; pair energy and virial.
    fn forces(&mut self, potential: &Potential, level: Level, energy: bool) -> (f64, Tensor) {
        let slope = &self.slope;
        let records = split(&mut self.records, &self.first);
        let forces = split(&mut self.forces, &self.first);
        let shows = split(&mut self.shows, &self.first);
        let sums: Vec<(f64, [[f64; 4]; 3])> = (self.blocks.par_iter_mut(), records, shows, forces)
            .into_par_iter()
            .map(|(block, records, shows, forces)| {
                for (record, &mut (rank, _)) in records[..block.tags.len()].iter_mut().zip(shows) {
                    record.0[3] = slope[rank as usize];
                }
                let energy = block.forces(potential, level, records, forces, energy);
                (energy, kernel::moments(level, records, forces))
            })
            .collect();
        let mut virial = Tensor::zeros();
        for (_, m) in &sums {
            virial += Tensor::from_fn(|row, column| m[row][column]);
        }
        // Exactly symmetric but for rounding: forces act along the lines between atoms.
        (sums.iter().map(|s| s.0).sum(), 0.5 * (virial + virial.transpose()))
    }

    /// Each atom collects the forces on the records that show it.
    fn collect(&self, forces: &mut [Vector]) {
        forces.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, forces)| {
            for (k, force) in forces.iter_mut().enumerate() {
                let rank = self.rank_of[chunk * CHUNK + k] as usize;
                let mut sum = Vector::zeros();
                for &record in &self.copies[self.copies_first[rank] as usize..self.copies_first[rank + 1] as usize] {
                    let [x, y, z, _] = self.forces[record as usize].0;
                    sum += Vector::new(x, y, z);
                }
                *force = sum;
            }
        });
    }

    /// An error when the last passes found atoms too close.
    fn check(&self) -> Result<()> {
        match self.blocks.iter().find_map(Block::close) {
            None => Ok(()),
            Some((tags, distance)) => {
                let mut atoms = tags.map(|t| t / IMAGES + 1);
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
                let (rank, image) = self.shows[self.first[number] + k];
                (self.atoms[rank as usize] as usize, self.wrapped[rank as usize] + self.images[image as usize])
            };
            block.for_each_pair(|table, i, j| {
                let ((i, from), (j, to)) = (at(i), at(j));
                visit(table, i, j, to - from);
            });
        }
    }

    fn memory(&self) -> usize {
        let per_record = 2 * size_of::<Record>() + 8 + size_of::<(u32, u8)>() + 4;
        let per_atom = 3 * 4 + 12 + 2 * size_of::<Vector>() + 16;
        let blocks: usize = self.blocks.iter().map(|b| b.size().1).sum();
        self.records.len() * per_record + self.atoms.len() * per_atom + blocks
    }
}

/// Atoms handled by one task of the loops over atoms; fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 1024;

/// Images of the cell around it, itself included.
const IMAGES: u32 = 27;

/// Whole cells to an image.
fn image_shift(image: u32) -> Vector {
    let part = |n: u32| f64::from(n % 3) - 1.0;
    Vector::new(part(image), part(image / 3), part(image / 9))
}

/// The two largest numbers seen; what is not a number counts as infinite.
fn larger(most: [f64; 2], x: f64) -> [f64; 2] {
    if x <= most[1] {
        most
    } else if x <= most[0] {
        [most[0], x]
    } else {
        [if x.is_nan() { f64::INFINITY } else { x }, most[0]]
    }
}

/// One slice for each block.
fn split<'a, T>(mut all: &'a mut [T], first: &[usize]) -> Vec<&'a mut [T]> {
    let mut parts = Vec::with_capacity(first.len() - 1);
    for k in 1..first.len() {
        let (part, rest) = all.split_at_mut(first[k] - first[k - 1]);
        parts.push(part);
        all = rest;
    }
    parts
}

/// Whole cells that bring each position into the cell, and the fractional coordinates there.
fn wrap(cell: &Cell, positions: &[Vector]) -> Result<(Vec<[i32; 3]>, Vec<Vector>)> {
    let mut wraps = Vec::with_capacity(positions.len());
    let mut fractions = Vec::with_capacity(positions.len());
    for (atom, position) in positions.iter().enumerate() {
        let s = cell.fractional(position);
        let whole = s.map(f64::floor);
        if whole.amax() > 1e6 {
            return Err(Error::numeric(format!(
                "potential: atom {} is {:.1e} A away from the cell",
                atom + 1,
                position.amax()
            )));
        }
        wraps.push([-whole[0] as i32, -whole[1] as i32, -whole[2] as i32]);
        fractions.push(s - whole);
    }
    Ok((wraps, fractions))
}

impl Parts {
    fn new(count: [usize; 3], fractions: &[Vector]) -> Parts {
        let part = |s: &Vector| {
            let b = [0, 1, 2].map(|k| ((s[k] * count[k] as f64) as usize).min(count[k] - 1));
            (b[2] * count[1] + b[1]) * count[0] + b[0]
        };
        let keys: Vec<usize> = fractions.iter().map(part).collect();
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
        let margin = cell.widths().map(|w| reach / w);
        let low = [0, 1, 2].map(|k| here[k] as f64 / self.count[k] as f64 - margin[k]);
        let high = [0, 1, 2].map(|k| (here[k] + 1) as f64 / self.count[k] as f64 + margin[k]);
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
                if (0..3).all(|k| s[k] > low[k] && s[k] < high[k]) {
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
        let mut random = stream(3, Purpose::Packing, 0);
        let positions: Vec<Vector> = (0..512)
            .map(|k| {
                let at = Vector::new((k % 8) as f64, (k / 8 % 8) as f64, (k / 64) as f64) * a;
                at + Vector::from_fn(|_, _| random.random_range(-0.1..0.1)) * a
            })
            .collect();
        let species = (0..512).map(|k| usize::from(k % 3 == 0)).collect();
        let cell = Cell::orthogonal(8.0 * a, 8.0 * a, 8.0 * a).unwrap();
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

    #[test]
    fn instruction_sets_agree() {
        let potential = Potential::built_in("CuZr-2009").unwrap();
        check_levels(&potential, potential.elements().to_vec(), 2.6);
        let potential = LennardJones::kob_andersen().potential("mixture").unwrap();
        check_levels(&potential, potential.elements().to_vec(), 1.0);
    }
}
