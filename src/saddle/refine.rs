//! From a nearly converged saddle to a certified one.

use super::Artn;
use super::descent::{Newton, Solve};
use super::lanczos::{Lanczos, Stop, random_direction};
use super::region::{Cost, Frame, Region, union};
use super::vectors::{add_scaled, copy, dot, largest, norm};
use crate::cell::Vector;
use crate::error::Result;
use crate::random::Random;

/// By how much the surroundings grow at a time [length].
pub(super) const RING: f64 = 4.0;

/// A stationary point with its certificate.
#[derive(Debug)]
pub(super) struct Saddle<'a> {
    pub region: Region<'a>,
    /// Lowest mode.
    pub mode: Vec<Vector>,
    pub eigenvalue: f64,
    pub second_eigenvalue: f64,
    /// Largest force of all atoms, frozen ones included [energy/length].
    pub residual_force: f64,
    /// Energy that the relaxation of the frozen surroundings would gain [energy].
    pub far_field: f64,
    /// Radius of the surroundings [length].
    pub radius: f64,
}

/// A place on the way to which one can go back.
#[derive(Debug, Default)]
pub(super) struct Place {
    positions: Vec<Vector>,
    forces: Vec<Vector>,
    mode: Vec<Vector>,
    energy: f64,
    eigenvalue: f64,
}

impl Place {
    /// Where the region is now.
    pub fn keep(&mut self, region: &Region, mode: &[Vector], eigenvalue: f64) {
        copy(&mut self.positions, &region.positions);
        copy(&mut self.forces, &region.forces);
        copy(&mut self.mode, mode);
        (self.energy, self.eigenvalue) = (region.energy, eigenvalue);
    }

    /// Go back there; the eigenvalue it had.
    pub fn go_back(&self, region: &mut Region, mode: &mut Vec<Vector>) -> f64 {
        region.restore(&self.positions, &self.forces, self.energy);
        copy(mode, &self.mode);
        self.eigenvalue
    }
}

/// When Newton steps end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aim {
    /// Largest force wanted [energy/length].
    pub force: f64,
    /// Most steps.
    pub steps: u64,
}

/// Newton steps to a saddle, in which the part along the mode goes up and the rest, by conjugate gradients, down, no longer than
/// the quadratic model is good for.
#[derive(Debug)]
pub(super) struct Climber<'o> {
    options: &'o Artn,
    lanczos: Lanczos,
    newton: Newton,
    expected: Vec<Vector>,
    last: Place,
    /// Longest step of an atom [length].
    trust: f64,
}

impl<'o> Climber<'o> {
    pub fn new(options: &'o Artn) -> Climber<'o> {
        Climber {
            options,
            lanczos: Lanczos::default(),
            newton: Newton::default(),
            expected: Vec::new(),
            last: Place::default(),
            trust: options.relaxation_step,
        }
    }

    /// Walk on from the present (evaluated) positions. False when the negative eigenvalue is lost on the way, or the steps
    /// lead nowhere.
    pub fn run(&mut self, region: &mut Region, mode: &mut Vec<Vector>, aim: Aim) -> Result<bool> {
        let options = self.options;
        let mut goal = (f64::INFINITY, f64::INFINITY);
        let mut lost = 0;
        for iteration in 0..=aim.steps {
            region.linearize()?;
            let stop = Stop { vectors: options.lanczos_vectors, change: options.lanczos_tolerance, residual: 0.2 };
            let mut eigenvalue = self.lanczos.lowest(&mut |v, out| region.product(v, out), mode, stop).eigenvalue;
            if eigenvalue >= 0.0 {
                // The last step left the slope that leads to a saddle: a shorter one from the same place may not.
                lost += 1;
                if iteration == 0 || lost > 3 {
                    return Ok(false);
                }
                eigenvalue = self.last.go_back(region, mode);
                self.trust *= 0.35;
                region.linearize()?;
            }
            if region.largest_force() < aim.force {
                return Ok(true);
            }
            if iteration % 5 == 0 {
                // Rolling off a ridge between two saddles, the forces grow for a while but the energy falls.
                let force = norm(&region.forces);
                if force > goal.0 && region.energy > goal.1 {
                    return Ok(false);
                }
                goal = (0.8 * force, region.energy - 2e-3);
            }
            self.last.keep(region, mode, eigenvalue);
            self.step(region, mode, aim.force)?;
        }
        Ok(false)
    }

    /// One step from the last place; taken back where the quadratic model is wrong.
    fn step(&mut self, region: &mut Region, mode: &mut Vec<Vector>, wanted: f64) -> Result<()> {
        let (options, forces) = (self.options, &self.last.forces);
        let tolerance = (0.5 * wanted / largest(forces)).clamp(0.1, 0.3);
        self.newton.solve(region, forces, Some(mode), Solve { tolerance, most: 60, longest: self.trust });
        // Near an inflection the curvature says nothing about the distance: no more than one increment.
        let climb = (dot(forces, mode) / self.last.eigenvalue).clamp(-options.increment, options.increment);
        let step = &mut self.newton.step;
        add_scaled(step, climb, mode);
        let factor = (self.trust / largest(step).max(1e-300)).min(1.0);
        add_scaled(&mut region.positions, factor, step);
        self.expected.resize(forces.len(), Vector::zeros());
        region.product(step, &mut self.expected);
        region.evaluate()?;
        // How far the forces are from those of the quadratic model, f - H s.
        self.expected.iter_mut().zip(forces).for_each(|(e, f)| *e = f - *e * factor);
        add_scaled(&mut self.expected, -1.0, &region.forces);
        let mismatch = norm(&self.expected) / norm(forces);
        if mismatch > 1.0 {
            self.last.go_back(region, mode);
            self.trust *= 0.35;
        } else if mismatch > 0.5 {
            self.trust *= 0.7;
        } else if mismatch < 0.25 {
            self.trust = (1.5 * self.trust).min(1.5 * options.relaxation_step);
        }
        Ok(())
    }
}

/// Turn the end of a climb into a stationary point of all atoms that can feel it.
///
/// The region is handed back for its cost when there is none near.
pub(super) fn refine<'a>(
    options: &Artn,
    mut region: Region<'a>,
    mut mode: Vec<Vector>,
) -> Result<std::result::Result<(Region<'a>, Vec<Vector>), Region<'a>>> {
    let aim = Aim { force: options.refined_force_tolerance, steps: options.newton_steps };
    loop {
        region.evaluate()?;
        if !Climber::new(options).run(&mut region, &mut mode, aim)? {
            return Ok(Err(region));
        }
        let more = super::activation::offenders(&mut region, options.force_tolerance, options.offender_radius)?;
        if !region.grow(&more, &mut [&mut mode])? {
            return Ok(Ok((region, mode)));
        }
    }
}

/// The surroundings that a refined event is given: everything within the refinement radius of its center, on top of what the
/// search made active.
pub(super) fn surroundings<'a>(
    options: &Artn,
    frame: &'a Frame,
    search: &Region<'a>,
    mode: &[Vector],
) -> Result<(Region<'a>, Vec<Vector>)> {
    let mut region = Region::new(frame, search.atoms.clone())?;
    copy(&mut region.positions, &search.positions);
    let mut mode = mode.to_vec();
    widen(options, &mut region, options.refinement_radius, &mut [&mut mode])?;
    Ok((region, mode))
}

/// Make everything within `radius` of the center of the event active; all atoms when little would be left out. False when
/// that is nothing new.
fn widen(options: &Artn, region: &mut Region, radius: f64, vectors: &mut [&mut Vec<Vector>]) -> Result<bool> {
    let frame = region.frame;
    let near = frame.within(&[region.positions[most_displaced(region).0]], radius);
    let all = options.region == super::Scope::All || 5 * union(&region.atoms, &near).len() > 4 * frame.len();
    region.grow(&if all { (0..frame.len()).collect() } else { near }, vectors)
}

/// Place of the most displaced atom in the region, and its displacement.
pub(super) fn most_displaced(region: &Region) -> (usize, f64) {
    let mut displacement = Vec::new();
    region.displacement(&mut displacement);
    let mut best = (0, 0.0);
    for (place, d) in displacement.iter().enumerate() {
        if d.norm() > best.1 {
            best = (place, d.norm());
        }
    }
    best
}

/// Refine, give the event more surroundings for as long as those that are frozen matter, and certify. From a point with a
/// second negative eigenvalue it goes down along its mode and once more.
pub(super) fn refine_to_first_order<'a>(
    options: &Artn,
    region: Region<'a>,
    mode: Vec<Vector>,
    random: &mut Random,
    cost: &mut Cost,
) -> Result<std::result::Result<Saddle<'a>, Region<'a>>> {
    let (mut region, mut mode) = (region, mode);
    let mut radius = options.refinement_radius;
    let mut second_modes = 0;
    loop {
        (region, mode) = match refine(options, region, mode)? {
            Ok(found) => found,
            Err(lost) => return Ok(Err(lost)),
        };
        let far_field = FarField::new(options, &region, Some(&mode), radius)?;
        cost.add(far_field.cost());
        if far_field.matters(options) {
            radius += RING;
            if far_field.widen(options, &mut region, radius, &mut [&mut mode])? {
                continue;
            }
        }
        let (eigenvalue, second, second_mode) = two_lowest(options, &mut region, &mut mode, random)?;
        if second <= 0.0 && second_modes < 2 {
            second_modes += 1;
            let downhill = if dot(&region.forces, &second_mode) < 0.0 { -1.0 } else { 1.0 };
            let step = downhill * options.increment / largest(&second_mode).max(1e-300);
            add_scaled(&mut region.positions, step, &second_mode);
            continue;
        }
        // With a soft second mode the whole sample may find a way down that the frozen atoms bar.
        if second < options.soft_eigenvalue && radius < options.refinement_radius + 2.0 * RING {
            radius += RING;
            if far_field.widen(options, &mut region, radius, &mut [&mut mode])? {
                continue;
            }
        }
        let frozen = region.frozen_forces()?.iter().map(|f| f.1.norm()).fold(0.0, f64::max);
        return Ok(Ok(Saddle {
            residual_force: region.largest_force().max(frozen),
            region,
            mode,
            eigenvalue,
            second_eigenvalue: second,
            far_field: far_field.energy,
            radius,
        }));
    }
}

/// The lowest eigenvalue with its mode converged, and the second one with its vector, from a fresh random start.
fn two_lowest(
    options: &Artn,
    region: &mut Region,
    mode: &mut [Vector],
    random: &mut Random,
) -> Result<(f64, f64, Vec<Vector>)> {
    region.linearize()?;
    let mut lanczos = Lanczos::default();
    let stop = Stop { vectors: 60, change: 1e-3, residual: 0.05 };
    let first = lanczos.lowest(&mut |v, out| region.product(v, out), mode, stop);
    let mut start = random_direction(region.len(), random);
    let free = region.is_free();
    let second =
        lanczos.second(&mut |v, out| region.product(v, out), mode, free, &mut start, options.second_tolerance, 400);
    Ok((first.eigenvalue, second.eigenvalue, start))
}

/// The harmonic answer of the frozen atoms around a stationary point.
///
/// ```math
/// dE = -1/2 f . H^-1 f
/// ```
///
/// Far from an event its displacements fall as `1/r^2` and the elastic energy beyond `r` as `1/r^3`, which gives what lies
/// beyond the shell that is solved for. Eshelby, Solid State Phys. 3, 79 (1956),
/// <https://doi.org/10.1016/S0081-1947(08)60132-0>.
pub(super) struct FarField<'a> {
    /// Energy it gains [energy].
    pub energy: f64,
    /// False when the shell is not stable or the energy not that of the harmonic answer, so that this means nothing.
    pub sound: bool,
    /// The wider region, relaxed harmonically; none when no atom is frozen.
    wide: Option<Region<'a>>,
}

impl<'a> FarField<'a> {
    /// Solve for the atoms within `far_field_radius` beyond `radius`; at a saddle up along the mode and down across it.
    pub fn new(options: &Artn, region: &Region<'a>, mode: Option<&[Vector]>, radius: f64) -> Result<FarField<'a>> {
        let nothing = FarField { energy: 0.0, sound: true, wide: None };
        if region.is_free() || options.far_field_radius <= 0.0 {
            return Ok(nothing);
        }
        let mut wide = Region::new(region.frame, region.atoms.clone())?;
        copy(&mut wide.positions, &region.positions);
        let mut mode = mode.map(<[Vector]>::to_vec);
        let outer = radius + options.far_field_radius;
        if !widen(options, &mut wide, outer, &mut mode.iter_mut().collect::<Vec<_>>())? {
            return Ok(nothing);
        }
        wide.evaluate()?;
        wide.linearize()?;
        let forces = wide.forces.clone();
        // The shell takes part in the mode, and only the mode of all of it separates what goes up from what goes down.
        let stop = Stop { vectors: options.lanczos_vectors, change: 1e-3, residual: 0.1 };
        let eigenvalue = mode
            .as_mut()
            .map_or(-1.0, |mode| Lanczos::default().lowest(&mut |v, out| wide.product(v, out), mode, stop).eigenvalue);
        let mut newton = Newton::default();
        // The energy is off by the square of this.
        let solve = Solve { tolerance: 0.1, most: 40, longest: f64::INFINITY };
        let sound = newton.solve(&mut wide, &forces, mode.as_deref(), solve) && eigenvalue < 0.0;
        if let Some(mode) = &mode {
            add_scaled(&mut newton.step, dot(&forces, mode) / eigenvalue, mode);
        }
        let answer = -0.5 * dot(&forces, &newton.step);
        let shorten = (options.relaxation_step / largest(&newton.step).max(1e-300)).min(1.0);
        add_scaled(&mut wide.positions, shorten, &newton.step);
        // A shell that gives way moves out of the harmonic range: the saddle may be there only because it was frozen.
        wide.evaluate()?;
        let gained = wide.energy - region.energy;
        let sound = sound && shorten == 1.0 && (gained - answer).abs() < 0.2 * options.far_field_limit;
        let beyond = if wide.is_free() { 0.0 } else { radius.powi(3) / (outer.powi(3) - radius.powi(3)) };
        Ok(FarField { energy: (1.0 + beyond) * answer, sound, wide: Some(wide) })
    }

    /// True when the surroundings must be evaluated instead.
    pub fn matters(&self, options: &Artn) -> bool {
        !self.sound || self.energy.abs() > options.far_field_limit
    }

    /// What it cost.
    pub fn cost(&self) -> Cost {
        self.wide.as_ref().map_or_else(Cost::default, |wide| wide.cost)
    }

    /// Make a region wider, starting from the harmonic answer; false when there is nothing to add. To be evaluated next.
    pub fn widen(
        &self,
        options: &Artn,
        region: &mut Region,
        radius: f64,
        vectors: &mut [&mut Vec<Vector>],
    ) -> Result<bool> {
        let Some(wide) = &self.wide else { return Ok(false) };
        if !widen(options, region, radius, vectors)? {
            return Ok(false);
        }
        for (atom, position) in region.atoms.iter().zip(&mut region.positions) {
            if let Ok(place) = wide.atoms.binary_search(atom) {
                *position = wide.positions[place];
            }
        }
        Ok(true)
    }
}

/// Start positions on one side of a saddle.
pub(super) fn beside(saddle: &Saddle, step: f64) -> Vec<Vector> {
    let mut positions = saddle.region.positions.clone();
    add_scaled(&mut positions, step, &saddle.mode);
    positions
}
