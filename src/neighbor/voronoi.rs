//! Voronoi tessellation of any periodic cell, plain or radical.

use super::images::{Images, Near};
use crate::cell::{Cell, Vector};
use crate::error::{Error, Result};
use rayon::prelude::*;

/// Which faces of a cell are too small to count.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Threshold {
    /// Every face and every edge counts.
    #[default]
    None,
    /// Faces with less than this share of the surface of their cell are dropped.
    RelativeArea(f64),
    /// Faces with less than this area [length^2] are dropped.
    Area(f64),
    /// Edges shorter than this [length] are not counted; faces left with fewer than three edges are dropped.
    EdgeLength(f64),
}

/// How to divide space among atoms.
///
/// The plain cell of an atom holds all points nearer to it than to any other. The radical (Laguerre) one compares the
/// powers `|r - r_i|^2 - R_i^2`, so that a bigger atom gets more room.
/// Gellatly and Finney, J. Non-Cryst. Solids 50, 313 (1982), <https://doi.org/10.1016/0022-3093(82)90093-X>.
///
/// Each cell is cut out of a box by the planes of neighbours in the order of their distance, until no further one can
/// reach it. Edges shorter than 1e-8 of the mean distance between atoms count as a single vertex, so a crystal has the
/// faces it has in a textbook.
///
/// ```
/// use vitric::cell::{Cell, Tensor, Vector};
/// use vitric::neighbor::Voronoi;
/// let fcc = Cell::new(Tensor::new(0.0, 2.0, 2.0, 2.0, 0.0, 2.0, 2.0, 2.0, 0.0))?;
/// let cells = Voronoi::default().cells(&fcc, &[Vector::zeros()])?;
/// assert_eq!(cells.index(0), [0, 12, 0, 0]); // the rhombic dodecahedron
/// assert!((cells.volumes()[0] - 16.0).abs() < 1e-12);
/// # Ok::<(), vitric::error::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Voronoi {
    /// Radius of each atom [length] for the radical tessellation; empty for the plain one.
    pub radii: Vec<f64>,
    /// Which faces count.
    pub threshold: Threshold,
}

/// A face of a Voronoi cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    /// The atom on the other side.
    pub neighbor: u32,
    /// Number of edges.
    pub edges: u32,
    /// Area [length^2].
    pub area: f64,
}

/// The Voronoi cells of a sample.
#[derive(Clone, Debug, Default)]
pub struct Cells {
    volumes: Vec<f64>,
    areas: Vec<f64>,
    first: Vec<usize>,
    faces: Vec<Face>,
}

impl Cells {
    /// Volume of each cell [length^3].
    pub fn volumes(&self) -> &[f64] {
        &self.volumes
    }

    /// Surface of each cell [length^2], dropped faces included.
    pub fn areas(&self) -> &[f64] {
        &self.areas
    }

    /// Number of cells.
    pub fn len(&self) -> usize {
        self.volumes.len()
    }

    /// True when there is no cell.
    pub fn is_empty(&self) -> bool {
        self.volumes.is_empty()
    }

    /// The faces of an atom's cell that count, in ascending order of their neighbour.
    pub fn faces(&self, atom: usize) -> &[Face] {
        &self.faces[self.first[atom]..self.first[atom + 1]]
    }

    /// Number of faces of each cell; `edges` asks for those with so many edges.
    pub fn count(&self, edges: Option<u32>) -> Vec<f64> {
        let counts = |face: &&Face| edges.is_none_or(|n| face.edges == n);
        (0..self.len()).map(|atom| self.faces(atom).iter().filter(counts).count() as f64).collect()
    }

    /// Voronoi index `<n_3, n_4, n_5, n_6>`: how many faces have three, four, five and six edges.
    pub fn index(&self, atom: usize) -> [u32; 4] {
        let mut index = [0; 4];
        for face in self.faces(atom) {
            if (3..=6).contains(&face.edges) {
                index[face.edges as usize - 3] += 1;
            }
        }
        index
    }
}

impl Voronoi {
    /// The cells of all atoms; an error when two atoms are at the same place or a radius is unusable.
    pub fn cells(&self, cell: &Cell, positions: &[Vector]) -> Result<Cells> {
        self.check(positions.len())?;
        let spacing = (cell.volume() / positions.len().max(1) as f64).cbrt();
        let images = Images::new(cell, positions, 0.8 * spacing)?;
        let carver = Carver {
            images: &images,
            radii: images_radii(&images, &self.radii),
            largest: self.radii.iter().copied().fold(0.0, f64::max),
            spacing,
            box_half: 0.51 * cell.matrix().column_iter().map(|edge| edge.norm()).sum::<f64>(),
            threshold: self.threshold,
        };
        let carved: Vec<Carved> = (0..images.len())
            .into_par_iter()
            .with_min_len(64)
            .map_init(Scratch::default, |scratch, place| carver.carve(place, scratch))
            .collect::<Result<_>>()?;
        let mut cells = Cells { first: vec![0], ..Cells::default() };
        for carved in images.by_atom(carved) {
            cells.volumes.push(carved.volume);
            cells.areas.push(carved.area);
            cells.faces.extend(carved.faces);
            cells.first.push(cells.faces.len());
        }
        Ok(cells)
    }

    fn check(&self, atoms: usize) -> Result<()> {
        if !self.radii.is_empty() && self.radii.len() != atoms {
            return Err(Error::input(format!("voronoi: {} radii for {atoms} atoms", self.radii.len())));
        }
        if let Some(radius) = self.radii.iter().find(|r| !(r.is_finite() && **r >= 0.0)) {
            return Err(Error::input(format!("voronoi: a radius must not be negative, found {radius}")));
        }
        let limit = match self.threshold {
            Threshold::None => 0.0,
            Threshold::RelativeArea(x) | Threshold::Area(x) | Threshold::EdgeLength(x) => x,
        };
        if !(limit.is_finite() && limit >= 0.0) {
            return Err(Error::input(format!("voronoi: a threshold must not be negative, found {limit}")));
        }
        Ok(())
    }
}

fn images_radii(images: &Images, radii: &[f64]) -> Vec<f64> {
    if radii.is_empty() { vec![0.0; images.len()] } else { images.by_place(radii) }
}

#[derive(Clone, Debug)]
struct Carved {
    volume: f64,
    area: f64,
    faces: Vec<Face>,
}

#[derive(Default)]
struct Scratch {
    near: Near,
    order: Vec<(f64, u32)>,
    solid: Polyhedron,
    polygon: Vec<Vector>,
}

/// What all cells have in common.
struct Carver<'a> {
    images: &'a Images,
    /// Radii in the order of places.
    radii: Vec<f64>,
    largest: f64,
    spacing: f64,
    box_half: f64,
    threshold: Threshold,
}

impl Carver<'_> {
    fn carve(&self, place: usize, scratch: &mut Scratch) -> Result<Carved> {
        // The cell of an atom lies within that of the lattice of its own images, which is smaller than this box.
        scratch.solid.start(self.box_half);
        let own = self.radii[place] * self.radii[place];
        let point = self.images.position(place);
        // No plane is nearer than that of the biggest atom at the same distance.
        let nearest_plane = |d2: f64| 0.5 * (d2 + own - self.largest * self.largest) / d2.sqrt();
        let (mut inner, mut outer) = (0.0, 2.0 * self.spacing);
        loop {
            self.images.vectors_near(&point, outer, &mut scratch.near);
            let squares = scratch.near.squares().iter().enumerate();
            scratch.order.clear();
            scratch.order.extend(squares.filter(|s| *s.1 >= inner * inner).map(|(k, &d2)| (d2, k as u32)));
            scratch.order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            for &(d2, k) in &scratch.order {
                let other = scratch.near.places()[k as usize] as usize;
                if d2 < 1e-12 * self.spacing * self.spacing {
                    if other == place {
                        continue;
                    }
                    let (a, b) = (self.images.atom(place) + 1, self.images.atom(other) + 1);
                    return Err(Error::input(format!("voronoi: atoms {a} and {b} are at the same place")));
                }
                if nearest_plane(d2) > scratch.solid.radius {
                    return Ok(self.measure(scratch));
                }
                let threshold = 0.5 * (d2 + own - self.radii[other] * self.radii[other]);
                let plane = Plane { normal: scratch.near.vector(k as usize), threshold, place: other as u32 };
                if !scratch.solid.cut(plane, 1e-10 * self.spacing) {
                    return Err(Error::numeric(format!(
                        "voronoi: the cell of atom {} could not be closed",
                        self.images.atom(place) + 1
                    )));
                }
            }
            if scratch.solid.is_empty() || nearest_plane(outer * outer) > scratch.solid.radius {
                return Ok(self.measure(scratch));
            }
            (inner, outer) = (outer, 1.5 * outer);
        }
    }

    fn measure(&self, scratch: &mut Scratch) -> Carved {
        let Scratch { solid, polygon, .. } = scratch;
        let mut carved = Carved { volume: 0.0, area: 0.0, faces: Vec::new() };
        let shortest = match self.threshold {
            Threshold::EdgeLength(length) => length.max(1e-8 * self.spacing),
            _ => 1e-8 * self.spacing,
        };
        solid.each_face(polygon, |plane, corners| {
            let mut normal = Vector::zeros();
            for pair in corners[1..].windows(2) {
                normal += (pair[0] - corners[0]).cross(&(pair[1] - corners[0]));
            }
            let area = 0.5 * normal.norm();
            carved.area += area;
            carved.volume -= normal.dot(&corners[0]) / 6.0;
            let mut edges = 0;
            let mut last = corners[corners.len() - 1];
            for corner in corners {
                edges += u32::from((corner - last).norm_squared() >= shortest * shortest);
                last = *corner;
            }
            if edges >= 3 {
                carved.faces.push(Face { neighbor: self.images.atom(plane.place as usize) as u32, edges, area });
            }
        });
        match self.threshold {
            Threshold::RelativeArea(share) => carved.faces.retain(|face| face.area >= share * carved.area),
            Threshold::Area(area) => carved.faces.retain(|face| face.area >= area),
            Threshold::None | Threshold::EdgeLength(_) => {}
        }
        carved.faces.sort_unstable_by(|a, b| a.neighbor.cmp(&b.neighbor).then(a.area.total_cmp(&b.area)));
        carved
    }
}

/// The half space `normal . r <= threshold`.
#[derive(Clone, Copy, Debug)]
struct Plane {
    normal: Vector,
    threshold: f64,
    place: u32,
}

const NONE: u32 = u32::MAX;

/// A convex solid in which three planes meet at every vertex; a vertex of more planes is several at one point.
///
/// Seen from outside, the planes of a vertex turn counterclockwise, and its edge `k` runs between planes `k` and `k + 1`.
#[derive(Debug, Default)]
struct Polyhedron {
    planes: Vec<Plane>,
    x: Vec<f64>,
    y: Vec<f64>,
    z: Vec<f64>,
    corner: Vec<[u32; 3]>,
    next: Vec<[u32; 3]>,
    free: Vec<u32>,
    alive: usize,
    /// Distance of the farthest vertex from the origin.
    radius: f64,
    side: Vec<f64>,
    removed: Vec<u32>,
    cuts: Vec<Crossing>,
    /// The crossing that starts at each plane, while a cut is made.
    start: Vec<u32>,
}

/// An edge between a vertex that goes and one that stays.
#[derive(Clone, Copy, Debug)]
struct Crossing {
    gone: u32,
    kept: u32,
    planes: [u32; 2],
    vertex: u32,
}

impl Polyhedron {
    /// A cube with faces at distance `half` from the origin.
    fn start(&mut self, half: f64) {
        self.planes.clear();
        self.free.clear();
        [&mut self.x, &mut self.y, &mut self.z].into_iter().for_each(Vec::clear);
        self.corner.clear();
        self.next.clear();
        self.start.clear();
        for side in 0..6 {
            let mut normal = Vector::zeros();
            normal[side / 2] = if side % 2 == 0 { 1.0 } else { -1.0 };
            self.planes.push(Plane { normal, threshold: half, place: NONE });
            self.start.push(NONE);
        }
        for vertex in 0..8_u32 {
            let sign = |axis: u32| if vertex >> axis & 1 == 0 { 1.0 } else { -1.0 };
            self.x.push(half * sign(0));
            self.y.push(half * sign(1));
            self.z.push(half * sign(2));
            let right_handed = vertex.count_ones() % 2 == 0;
            let axes = if right_handed { [0, 1, 2] } else { [0, 2, 1] };
            self.corner.push(axes.map(|axis| 2 * axis + (vertex >> axis & 1)));
            self.next.push([0, 1, 2].map(|k| vertex ^ (1 << axes[(k + 2) % 3])));
        }
        self.alive = 8;
        self.radius = half * 3.0_f64.sqrt();
    }

    fn is_empty(&self) -> bool {
        self.alive == 0
    }

    /// Cut away what lies beyond a plane; false when rounding left no consistent way to do it.
    fn cut(&mut self, plane: Plane, tolerance: f64) -> bool {
        if self.is_empty() {
            return true;
        }
        let length = plane.normal.norm();
        let [nx, ny, nz]: [f64; 3] = plane.normal.into();
        self.side.clear();
        let corners = self.x.iter().zip(&self.y).zip(&self.z);
        self.side.extend(corners.map(|((x, y), z)| nx * x + ny * y + nz * z - plane.threshold));
        // Which of several vertices at one point are beyond a plane through it is rounding: a wider margin decides.
        for widen in [1.0, 10.0, 100.0, 1e3, 1e4, 1e5] {
            let margin = widen * tolerance * length;
            self.removed.clear();
            // Unused slots are NaN and never beyond.
            self.removed.extend((0..self.side.len() as u32).filter(|&v| self.side[v as usize] > margin));
            if self.removed.is_empty() {
                return true;
            }
            if self.removed.len() == self.alive {
                self.alive = 0;
                self.radius = 0.0;
                return true;
            }
            if self.find_crossings(margin) {
                self.close(plane);
                return true;
            }
        }
        false
    }

    /// Collect the edges that cross the plane; false unless they form one loop that meets each face once.
    fn find_crossings(&mut self, margin: f64) -> bool {
        self.cuts.clear();
        let mut consistent = true;
        for &gone in &self.removed {
            for k in 0..3 {
                let kept = self.next[gone as usize][k];
                if self.side[kept as usize] > margin {
                    continue;
                }
                let planes = [self.corner[gone as usize][k], self.corner[gone as usize][(k + 1) % 3]];
                consistent &= self.start[planes[0] as usize] == NONE;
                self.start[planes[0] as usize] = self.cuts.len() as u32;
                self.cuts.push(Crossing { gone, kept, planes, vertex: NONE });
            }
        }
        consistent &= !self.cuts.is_empty();
        let mut length = 0;
        let mut at = 0;
        while consistent {
            length += 1;
            at = self.start[self.cuts[at as usize].planes[1] as usize];
            consistent = at != NONE && length <= self.cuts.len();
            if at == 0 {
                break;
            }
        }
        consistent &= length == self.cuts.len() && length >= 3;
        if !consistent {
            self.cuts.iter().for_each(|cut| self.start[cut.planes[0] as usize] = NONE);
        }
        consistent
    }

    /// Put a vertex on each crossing edge and join them to the new face.
    fn close(&mut self, plane: Plane) {
        let face = self.planes.len() as u32;
        self.planes.push(plane);
        self.start.push(NONE);
        for index in 0..self.cuts.len() {
            let Crossing { gone, kept, planes: [a, b], .. } = self.cuts[index];
            let (g, k) = (gone as usize, kept as usize);
            let along = self.side[g] / (self.side[g] - self.side[k].min(0.0));
            let between = |x: &[f64]| x[g] + (x[k] - x[g]) * along;
            let position = Vector::new(between(&self.x), between(&self.y), between(&self.z));
            let vertex = self.add(position, [a, b, face], [kept, NONE, NONE]);
            let corner = self.corner[k];
            for edge in 0..3 {
                if corner[edge] == b && corner[(edge + 1) % 3] == a {
                    self.next[k][edge] = vertex;
                }
            }
            self.cuts[index].vertex = vertex;
        }
        for index in 0..self.cuts.len() {
            let Crossing { vertex, planes, .. } = self.cuts[index];
            let after = self.cuts[self.start[planes[1] as usize] as usize].vertex;
            self.next[vertex as usize][1] = after;
            self.next[after as usize][2] = vertex;
        }
        self.cuts.iter().for_each(|cut| self.start[cut.planes[0] as usize] = NONE);
        for &gone in &self.removed {
            self.x[gone as usize] = f64::NAN;
            self.corner[gone as usize] = [NONE; 3];
            self.free.push(gone);
        }
        self.alive -= self.removed.len();
        let corners = self.x.iter().zip(&self.y).zip(&self.z);
        self.radius = corners.map(|((x, y), z)| x * x + y * y + z * z).fold(0.0, f64::max).sqrt();
    }

    fn add(&mut self, position: Vector, corner: [u32; 3], next: [u32; 3]) -> u32 {
        self.alive += 1;
        if let Some(slot) = self.free.pop() {
            let k = slot as usize;
            (self.x[k], self.y[k], self.z[k]) = (position.x, position.y, position.z);
            (self.corner[k], self.next[k]) = (corner, next);
            return slot;
        }
        self.x.push(position.x);
        self.y.push(position.y);
        self.z.push(position.z);
        self.corner.push(corner);
        self.next.push(next);
        self.corner.len() as u32 - 1
    }

    /// Walk around every face: its plane and its corners, clockwise from outside.
    fn each_face(&mut self, polygon: &mut Vec<Vector>, mut visit: impl FnMut(&Plane, &[Vector])) {
        if self.is_empty() {
            return;
        }
        for begin in 0..self.corner.len() {
            for slot in 0..3 {
                // A face is walked from the first of its corners; `start` marks those done.
                let face = self.corner[begin][slot];
                if face == NONE || self.start[face as usize] != NONE {
                    continue;
                }
                self.start[face as usize] = begin as u32;
                polygon.clear();
                let (mut at, mut edge) = (begin, slot);
                loop {
                    polygon.push(Vector::new(self.x[at], self.y[at], self.z[at]));
                    at = self.next[at][edge] as usize;
                    edge = (0..3).find(|&k| self.corner[at][k] == face).unwrap_or(0);
                    if at == begin || polygon.len() > self.corner.len() {
                        break;
                    }
                }
                visit(&self.planes[face as usize], polygon);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};
    use rand::RngExt;

    fn random_atoms(count: usize, cell: &Cell, seed: u64) -> Vec<Vector> {
        let mut random = stream(seed, Purpose::Packing, 0);
        (0..count).map(|_| cell.cartesian(&Vector::from_fn(|_, _| random.random_range(-1.0..2.0)))).collect()
    }

    fn check_laws(cell: &Cell, positions: &[Vector], radii: Vec<f64>) {
        let cells = Voronoi { radii, ..Voronoi::default() }.cells(cell, positions).unwrap();
        let total: f64 = cells.volumes().iter().sum();
        assert!((total / cell.volume() - 1.0).abs() < 1e-12, "{total} of {}", cell.volume());
        for atom in 0..cells.len() {
            let faces = cells.faces(atom);
            if faces.is_empty() {
                continue;
            }
            // Euler: V - E + F = 2 with three edges at every vertex.
            let edges: u32 = faces.iter().map(|face| face.edges).sum();
            assert_eq!(edges as usize, 6 * faces.len() - 12, "atom {atom}");
            // A face has the same area from both sides.
            for face in faces {
                let back = cells.faces(face.neighbor as usize);
                assert!(back.iter().any(|f| f.neighbor as usize == atom && (f.area - face.area).abs() < 1e-9));
            }
        }
    }

    #[test]
    fn cells_of_random_atoms_fill_any_cell_and_obey_euler() {
        for (cell, seed) in [
            (Cell::orthogonal(9.0, 10.0, 11.0).unwrap(), 1),
            (Cell::triclinic([9.0, 10.0, 11.0], [4.0, -3.0, 5.0]).unwrap(), 2),
            (Cell::triclinic([5.0, 5.0, 5.0], [12.0, -7.0, 9.0]).unwrap(), 3),
            (Cell::orthogonal(40.0, 6.0, 3.0).unwrap(), 4),
        ] {
            for count in [1, 2, 3, 40, 300] {
                let positions = random_atoms(count, &cell, seed);
                if count > 3 {
                    check_laws(&cell, &positions, Vec::new());
                    let radii = (0..count).map(|k| 0.3 + 0.2 * (k % 3) as f64).collect();
                    check_laws(&cell, &positions, radii);
                } else {
                    let cells = Voronoi::default().cells(&cell, &positions).unwrap();
                    let total: f64 = cells.volumes().iter().sum();
                    assert!((total / cell.volume() - 1.0).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn a_small_atom_inside_a_big_one_has_no_radical_cell() {
        let cell = Cell::orthogonal(10.0, 10.0, 10.0).unwrap();
        let positions = [Vector::zeros(), Vector::new(0.5, 0.0, 0.0), Vector::new(5.0, 5.0, 5.0)];
        let cells = Voronoi { radii: vec![3.0, 0.1, 3.0], ..Voronoi::default() }.cells(&cell, &positions).unwrap();
        assert_eq!(cells.volumes()[1], 0.0);
        assert!(cells.faces(1).is_empty());
        assert!((cells.volumes()[0] + cells.volumes()[2] - 1000.0).abs() < 1e-9);
    }

    #[test]
    fn bad_input_is_named() {
        let cell = Cell::orthogonal(10.0, 10.0, 10.0).unwrap();
        let twice = [Vector::zeros(), Vector::new(10.0, 0.0, 0.0)];
        let message = Voronoi::default().cells(&cell, &twice).unwrap_err().to_string();
        assert!(message.contains("atoms 1 and 2 are at the same place"), "{message}");
        let negative = Voronoi { radii: vec![-1.0, 1.0], ..Voronoi::default() };
        assert!(negative.cells(&cell, &twice).unwrap_err().to_string().contains("found -1"));
        assert!(Voronoi::default().cells(&cell, &[]).unwrap().is_empty());
    }
}
