//! Functions of distance around every atom: local g(r), what is computed from it, and integrals over spheres.

use crate::cell::{Cell, Vector};
use crate::error::{Error, Result};
use crate::math::program::{Binary, Unary};
use crate::neighbor::{Images, Near};
use crate::observer::{Observer, watched};
use std::f64::consts::PI;
use std::sync::Arc;

/// Lanes of the Gaussian kernel: enough to hide the latency of a multiplication.
const LANES: usize = 8;

/// What the evaluation of all atoms is called while it runs.
const STAGE: &str = "radial functions";

/// Operations a function may be nested in; a loop that goes on beyond it is a mistake.
const DEEPEST: usize = 500;

/// The local partial radial distribution function of each atom.
///
/// ```math
/// g_i(r) = 1/(4 pi r^2 rho) sum over j of species v, j != i, of  exp[ -(r - r_ij)^2 / 2 s^2 ] / sqrt(2 pi s^2)
/// ```
///
/// All neighbours count whose Gaussian reaches below the cutoff, so `g` is not halved at its end; `g(0) = 0`.
#[derive(Clone, Debug)]
pub struct LocalRadialDistribution {
    /// Largest distance [length]; at most half the cell.
    pub cutoff: f64,
    /// Width `s` of the Gaussian [length].
    pub smearing: f64,
    /// Radial step [length].
    pub step: f64,
    /// Distance at which the Gaussian is cut off, in units of its width.
    pub widths: f64,
}

/// Rule of integration over the radial grid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quadrature {
    /// Cubic interpolation through four points; the error falls with the fourth power of the step.
    #[default]
    Cubic,
    /// Straight lines between points, as most codes do; the error falls with the square of the step.
    Trapezoid,
}

/// One function of distance for each atom, as a formula; values are made one atom at a time when an integral asks.
///
/// So 20,000 atoms with a thousand points each need no memory beyond one row a thread.
#[derive(Clone, Debug)]
pub struct LocalFunction {
    node: Arc<Node>,
    depth: usize,
    step: f64,
    points: usize,
    cutoff: f64,
    atoms: usize,
}

#[derive(Debug)]
enum Node {
    Source(Arc<Source>),
    Radius,
    Constant(f64),
    PerAtom(Vec<f64>),
    Unary(Unary, Arc<Node>),
    Binary(Binary, Arc<Node>, Arc<Node>),
}

impl LocalRadialDistribution {
    /// `g` of every atom with the atoms of species `kind`, averaged over frames of the same atoms.
    ///
    /// Frames of a run at a temperature give the time average; one frame, the inherent structure, is the common case.
    pub fn around(&self, frames: &[(&Cell, &[Vector])], species: &[usize], kind: usize) -> Result<LocalFunction> {
        self.check()?;
        let points = ((self.cutoff / self.step - 1e-9).ceil() as usize + 3).max(4);
        let reach = (self.widths * self.smearing / self.step).ceil() as usize;
        let numbers: Vec<u32> = (0..species.len()).filter(|&i| species[i] == kind).map(|i| i as u32).collect();
        let radius = (points - 1 + reach) as f64 * self.step;
        let frames = frames
            .iter()
            .map(|(cell, positions)| {
                if positions.len() != species.len() {
                    return Err(Error::input(format!(
                        "local_rdf: a frame has {} atoms, not {}",
                        positions.len(),
                        species.len()
                    )));
                }
                cell.check_cutoff(self.cutoff, "local_rdf")?;
                let others: Vec<Vector> = numbers.iter().map(|&i| positions[i as usize]).collect();
                let images = Images::new(cell, &others, 0.25 * radius)?;
                let density = numbers.len() as f64 / cell.volume();
                Ok(Frame { numbers: images.by_place(&numbers), images, points: positions.to_vec(), density })
            })
            .collect::<Result<Vec<_>>>()?;
        if frames.is_empty() {
            return Err(Error::input("local_rdf: there is no frame"));
        }
        let gaussian = Gaussian::new(self.smearing, self.step, reach);
        let source = Source { frames, gaussian, points, radius };
        Ok(LocalFunction {
            node: Arc::new(Node::Source(Arc::new(source))),
            depth: 1,
            step: self.step,
            points,
            cutoff: self.cutoff,
            atoms: species.len(),
        })
    }

    fn check(&self) -> Result<()> {
        for (name, value) in
            [("cutoff", self.cutoff), ("smearing", self.smearing), ("step", self.step), ("widths", self.widths)]
        {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::input(format!("local_rdf: `{name}` must be positive, found {value}")));
            }
        }
        if self.step > self.smearing {
            return Err(Error::input(format!(
                "local_rdf: `step` must not be longer than `smearing`, found {} and {}",
                self.step, self.smearing
            )));
        }
        if self.smearing > self.cutoff {
            return Err(Error::input(format!(
                "local_rdf: `smearing` must not be longer than `cutoff`, found {} and {}",
                self.smearing, self.cutoff
            )));
        }
        if self.cutoff / self.step > 1e6 || self.widths > 40.0 {
            return Err(Error::input("local_rdf: more than a million radial steps, or more than 40 widths"));
        }
        Ok(())
    }
}

/// Where the values of a local g(r) come from.
#[derive(Debug)]
struct Source {
    frames: Vec<Frame>,
    gaussian: Gaussian,
    points: usize,
    /// Farthest atom whose Gaussian reaches the grid.
    radius: f64,
}

/// Atoms of one species in one frame, and the points they are seen from.
#[derive(Debug)]
struct Frame {
    images: Images,
    /// Number of the atom at each place.
    numbers: Vec<u32>,
    points: Vec<Vector>,
    density: f64,
}

impl Source {
    /// Values of g around an atom, into `row`.
    fn fill(&self, atom: usize, workspace: &mut Workspace, row: &mut [f64]) {
        let Workspace { near, distances, padded, .. } = workspace;
        let Gaussian { width, step, reach, .. } = self.gaussian;
        row.fill(0.0);
        for frame in &self.frames {
            padded.clear();
            padded.resize(self.points + 3 * reach + 2 * LANES, 0.0);
            frame.images.near(&frame.points[atom], self.radius, 0, near);
            distances.clear();
            for (&place, &square) in near.places().iter().zip(near.squares()) {
                if square > 1e-12 || frame.numbers[place as usize] as usize != atom {
                    distances.push(square.sqrt());
                }
            }
            self.gaussian.deposit(distances, padded);
            let scale = 1.0 / (self.frames.len() as f64 * frame.density * 4.0 * PI * (2.0 * PI).sqrt() * width);
            for (k, value) in row.iter_mut().enumerate().skip(1) {
                let r = k as f64 * step;
                *value += scale * padded[k + reach] / (r * r);
            }
        }
        if self.frames.iter().any(|frame| frame.numbers.is_empty()) {
            row.fill(0.0);
        }
    }
}

/// A Gaussian to be added to a row of grid points.
#[derive(Debug)]
struct Gaussian {
    width: f64,
    step: f64,
    /// Grid points to either side of the middle.
    reach: usize,
    /// Values at multiples of the step, from `-reach` on, padded with zeros to whole lanes.
    spread: Vec<f64>,
}

impl Gaussian {
    fn new(width: f64, step: f64, reach: usize) -> Gaussian {
        let value = |k: usize| (-0.5 * ((k as f64 - reach as f64) * step / width).powi(2)).exp();
        let spread = (0..(2 * reach + 1).next_multiple_of(LANES)).map(|k| if k > 2 * reach { 0.0 } else { value(k) });
        Gaussian { width, step, reach, spread: spread.collect() }
    }

    /// Add a Gaussian at each distance; the row starts `reach` points before zero.
    #[allow(unsafe_code)]
    fn deposit(&self, distances: &[f64], row: &mut [f64]) {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                // SAFETY: the processor has the instructions, as just asked.
                return unsafe { self.deposit_avx512(distances, row) };
            }
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has the instructions, as just asked.
                return unsafe { self.deposit_avx2(distances, row) };
            }
        }
        self.deposit_portable(distances, row);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f")]
    fn deposit_avx512(&self, distances: &[f64], row: &mut [f64]) {
        self.deposit_portable(distances, row);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn deposit_avx2(&self, distances: &[f64], row: &mut [f64]) {
        self.deposit_portable(distances, row);
    }

    /// The same operations in the same order for every instruction set, so the same numbers.
    ///
    /// About the grid point nearest to r, at distance x from it, a Gaussian is a product:
    /// `exp(-(x + k h)^2 / 2 s^2) = exp(-x^2 / 2 s^2) exp(-x h / s^2)^k exp(-k^2 h^2 / 2 s^2)`.
    #[inline(always)]
    fn deposit_portable(&self, distances: &[f64], row: &mut [f64]) {
        let h = self.step / self.width;
        let (per_step, per_width) = (1.0 / self.step, 1.0 / self.width);
        for &r in distances {
            let nearest = (r * per_step + 0.5) as usize;
            let x = (nearest as f64 * self.step - r) * per_width;
            let ratio = (-x * h).exp();
            let first = (-0.5 * x * x + x * h * self.reach as f64).exp();
            let mut lanes = [first; LANES];
            (1..LANES).for_each(|k| lanes[k] = lanes[k - 1] * ratio);
            let square = ratio * ratio;
            let fourth = square * square;
            let stride = fourth * fourth;
            let points = &mut row[nearest..][..self.spread.len()];
            for (points, spread) in points.chunks_exact_mut(LANES).zip(self.spread.chunks_exact(LANES)) {
                for k in 0..LANES {
                    points[k] += lanes[k] * spread[k];
                    lanes[k] *= stride;
                }
            }
        }
    }
}

/// Memory of one thread: rows to reuse, and the sources already evaluated for the atom at hand.
#[derive(Default)]
struct Workspace {
    near: Near,
    distances: Vec<f64>,
    padded: Vec<f64>,
    spare: Vec<Vec<f64>>,
    known: Vec<(*const Source, Vec<f64>)>,
}

// The pointers are compared, never followed.
impl Workspace {
    fn row(&mut self, points: usize) -> Vec<f64> {
        let mut row = self.spare.pop().unwrap_or_default();
        row.clear();
        row.resize(points, 0.0);
        row
    }

    fn forget(&mut self) {
        while let Some((_, row)) = self.known.pop() {
            self.spare.push(row);
        }
    }
}

impl LocalFunction {
    /// Number of atoms.
    pub fn atoms(&self) -> usize {
        self.atoms
    }

    /// Distances of the grid, up to the cutoff [length].
    pub fn distances(&self) -> Vec<f64> {
        (0..self.visible()).map(|k| k as f64 * self.step).collect()
    }

    /// Points up to the cutoff; the few beyond it serve the integration.
    fn visible(&self) -> usize {
        ((self.cutoff / self.step + 1e-9).floor() as usize + 1).min(self.points)
    }

    /// The distance itself, on the grid of this function.
    pub fn radius(&self) -> LocalFunction {
        LocalFunction { node: Arc::new(Node::Radius), depth: 1, ..self.clone() }
    }

    /// An operation on this function.
    pub fn apply(&self, operation: Unary) -> LocalFunction {
        LocalFunction {
            node: Arc::new(Node::Unary(operation, self.node.clone())),
            depth: self.depth + 1,
            ..self.clone()
        }
    }

    /// `f ln f`, with `0 ln 0 = 0`.
    pub fn xlogx(&self) -> LocalFunction {
        self.apply(Unary::Xlogx)
    }

    /// This function and another; an error unless both have the same atoms and grid.
    pub fn combine(&self, operation: Binary, other: &LocalFunction) -> Result<LocalFunction> {
        if self.atoms != other.atoms || self.points != other.points || self.step != other.step {
            return Err(Error::input(format!(
                "radial functions of {} atoms on {} points {} A apart and of {} atoms on {} points {} A apart do not combine",
                self.atoms, self.points, self.step, other.atoms, other.points, other.step
            )));
        }
        Ok(LocalFunction {
            node: Arc::new(Node::Binary(operation, self.node.clone(), other.node.clone())),
            depth: 1 + self.depth.max(other.depth),
            ..self.clone()
        })
    }

    /// `f - g`; see [`LocalFunction::combine`].
    pub fn subtract(&self, other: &LocalFunction) -> Result<LocalFunction> {
        self.combine(Binary::Subtract, other)
    }

    /// This function and a number.
    pub fn with_scalar(&self, operation: Binary, number: f64) -> LocalFunction {
        self.with_node(operation, Node::Constant(number), false)
    }

    /// A number and this function, in this order.
    pub fn scalar_with(&self, number: f64, operation: Binary) -> LocalFunction {
        self.with_node(operation, Node::Constant(number), true)
    }

    /// `f + number`
    pub fn add_scalar(&self, number: f64) -> LocalFunction {
        self.with_scalar(Binary::Add, number)
    }

    /// This function and one number for each atom; an error when their numbers differ.
    pub fn with_values(&self, operation: Binary, values: &[f64]) -> Result<LocalFunction> {
        Ok(self.with_node(operation, self.per_atom(values)?, false))
    }

    /// One number for each atom and this function, in this order; an error when their numbers differ.
    pub fn values_with(&self, values: &[f64], operation: Binary) -> Result<LocalFunction> {
        Ok(self.with_node(operation, self.per_atom(values)?, true))
    }

    fn per_atom(&self, values: &[f64]) -> Result<Node> {
        if values.len() != self.atoms {
            return Err(Error::input(format!("{} values for radial functions of {} atoms", values.len(), self.atoms)));
        }
        Ok(Node::PerAtom(values.to_vec()))
    }

    fn with_node(&self, operation: Binary, node: Node, first: bool) -> LocalFunction {
        let (node, own) = (Arc::new(node), self.node.clone());
        let (a, b) = if first { (node, own) } else { (own, node) };
        LocalFunction { node: Arc::new(Node::Binary(operation, a, b)), depth: self.depth + 1, ..self.clone() }
    }

    /// Integral over the spherical shell from `from` to each of `limits` [length], for every atom: `[limit][atom]`.
    ///
    /// ```math
    /// int_from^to f(r) 4 pi r^2 dr
    /// ```
    ///
    /// An error when a limit is beyond the cutoff the function was made with.
    pub fn integrate_sphere(
        &self,
        from: f64,
        limits: &[f64],
        rule: Quadrature,
        observer: &dyn Observer,
    ) -> Result<Vec<Vec<f64>>> {
        self.check_depth()?;
        let weights = limits.iter().map(|&to| self.weights(from, to, rule)).collect::<Result<Vec<_>>>()?;
        let rows: Vec<Vec<f64>> = watched(observer, STAGE, self.atoms, Workspace::default, |workspace, atom| {
            let row = self.evaluate(&self.node, atom, workspace);
            let integrals = weights.iter().map(|(start, weights)| dot(weights, &row[*start..])).collect();
            workspace.spare.push(row);
            workspace.forget();
            integrals
        })?;
        Ok((0..limits.len()).map(|k| rows.iter().map(|row| row[k]).collect()).collect())
    }

    /// Values around one atom at [`LocalFunction::distances`].
    pub fn values(&self, atom: usize) -> Result<Vec<f64>> {
        self.check_depth()?;
        if atom >= self.atoms {
            return Err(Error::input(format!("there is no atom {} among {}", atom + 1, self.atoms)));
        }
        let mut row = self.evaluate(&self.node, atom, &mut Workspace::default());
        row.truncate(self.visible());
        Ok(row)
    }

    /// Mean over atoms at [`LocalFunction::distances`].
    pub fn mean(&self, observer: &dyn Observer) -> Result<Vec<f64>> {
        self.check_depth()?;
        let blocks = self.atoms.div_ceil(256);
        let blocks: Vec<Vec<f64>> = watched(observer, STAGE, blocks, Workspace::default, |workspace, block| {
            let mut sum = vec![0.0; self.visible()];
            for atom in block * 256..((block + 1) * 256).min(self.atoms) {
                let row = self.evaluate(&self.node, atom, workspace);
                sum.iter_mut().zip(&row).for_each(|(sum, value)| *sum += value);
                workspace.spare.push(row);
                workspace.forget();
            }
            sum
        })?;
        let mut mean = vec![0.0; self.visible()];
        for block in blocks {
            mean.iter_mut().zip(block).for_each(|(mean, sum)| *mean += sum / self.atoms as f64);
        }
        Ok(mean)
    }

    fn check_depth(&self) -> Result<()> {
        if self.depth > DEEPEST {
            return Err(Error::input(format!("a radial function of more than {DEEPEST} nested operations")));
        }
        Ok(())
    }

    fn evaluate(&self, node: &Node, atom: usize, workspace: &mut Workspace) -> Vec<f64> {
        let mut row = match node {
            Node::Unary(_, inner) | Node::Binary(_, inner, _) => self.evaluate(inner, atom, workspace),
            _ => workspace.row(self.points),
        };
        match node {
            Node::Source(source) => self.recall(source, atom, workspace, &mut row),
            Node::Radius => row.iter_mut().enumerate().for_each(|(k, r)| *r = k as f64 * self.step),
            Node::Constant(number) => row.fill(*number),
            Node::PerAtom(values) => row.fill(values[atom]),
            Node::Unary(operation, _) => operation.apply(&mut row),
            Node::Binary(operation, _, other) => {
                let other = self.evaluate(other, atom, workspace);
                operation.apply(&mut row, &other);
                workspace.spare.push(other);
            }
        }
        row
    }

    fn recall(&self, source: &Arc<Source>, atom: usize, workspace: &mut Workspace, row: &mut [f64]) {
        let pointer = Arc::as_ptr(source);
        if let Some((_, known)) = workspace.known.iter().find(|(p, _)| *p == pointer) {
            row.copy_from_slice(known);
            return;
        }
        source.fill(atom, workspace, row);
        let mut copy = workspace.row(self.points);
        copy.copy_from_slice(row);
        workspace.known.push((pointer, copy));
    }

    /// Weights of the grid points in `int f 4 pi r^2 dr`, from the first that is not zero.
    fn weights(&self, from: f64, to: f64, rule: Quadrature) -> Result<(usize, Vec<f64>)> {
        if !(from >= 0.0 && to >= from && to <= self.cutoff * (1.0 + 1e-12)) {
            return Err(Error::input(format!(
                "integrate_sphere: limits must be between 0 and the cutoff {} A, found {from} and {to}",
                self.cutoff
            )));
        }
        let h = self.step;
        let nodes = if rule == Quadrature::Cubic { 4 } else { 2 };
        let mut weights = vec![0.0; self.points];
        for k in (from / h) as usize..self.points - 1 {
            let (a, b) = ((from / h).max(k as f64), (to / h).min((k + 1) as f64));
            if b <= a {
                break;
            }
            let base = (k + 1).saturating_sub(nodes / 2).min(self.points - nodes);
            // Two Gauss points are exact for a cubic.
            for sign in [-1.0, 1.0] {
                let u = 0.5 * (a + b) + sign * 0.5 * (b - a) / 3.0_f64.sqrt() - base as f64;
                for m in 0..nodes {
                    let r = (base + m) as f64 * h;
                    weights[base + m] += 0.5 * (b - a) * h * 4.0 * PI * r * r * lagrange(nodes, m, u);
                }
            }
        }
        let start = weights.iter().position(|w| *w != 0.0).unwrap_or(0);
        let end = weights.iter().rposition(|w| *w != 0.0).map_or(0, |k| k + 1).max(start);
        Ok((start, weights[start..end].to_vec()))
    }
}

/// The polynomial that is 1 at node `m` and 0 at the other of nodes 0, 1, 2 ...
fn lagrange(nodes: usize, m: usize, u: f64) -> f64 {
    (0..nodes).filter(|&k| k != m).map(|k| (u - k as f64) / (m as f64 - k as f64)).product()
}

/// Scalar product with four running sums, always in the same order.
fn dot(weights: &[f64], values: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    for (k, (w, v)) in weights.iter().zip(values).enumerate() {
        sums[k % 4] += w * v;
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_deposits_the_same_gaussian() {
        let (width, step, reach) = (0.15, 0.02, 60);
        let gaussian = Gaussian::new(width, step, reach);
        let distances = [0.0, 0.011, 2.345678, 7.77, 9.99999];
        let (mut fast, mut portable) = (vec![0.0; 700], vec![0.0; 700]);
        gaussian.deposit(&distances, &mut fast);
        gaussian.deposit_portable(&distances, &mut portable);
        assert!(fast.iter().zip(&portable).all(|(a, b)| a.to_bits() == b.to_bits()));
        for (k, value) in portable.iter().enumerate() {
            let r = (k as f64 - reach as f64) * step;
            let near = |d: &&f64| ((r - **d) / step).abs() < reach as f64 - 0.6;
            let exact: f64 = distances.iter().filter(near).map(|d| (-0.5 * ((r - d) / width).powi(2)).exp()).sum();
            assert!((value - exact).abs() < 1e-12, "{r}: {value} {exact}");
        }
    }
}
