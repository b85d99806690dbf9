//! From a nearly converged saddle to a certified one.

use super::Artn;
use super::descent::{Descent, Newton, Solve};
use super::lanczos::{Lanczos, Stop, random_direction};
use super::region::{Cost, Frame, Region, union};
use super::vectors::{add_scaled, copy, dot, largest, norm, scale};
use crate::cell::Vector;
use crate::error::Result;
use crate::random::{Purpose, Random, stream};
use std::ops::Range;

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
    /// Energy when the largest force first was below `force_tolerance` [energy].
    pub unrefined: f64,
    /// Energy that the relaxation of the frozen surroundings would gain [energy].
    pub far_field: f64,
    /// Radius of the surroundings [length].
    pub radius: f64,
    /// The surroundings that gave the far field.
    wide: Option<Wide<'a>>,
}

/// A saddle within wider surroundings that have answered to it.
#[derive(Debug)]
struct Wide<'a> {
    region: Region<'a>,
    mode: Vec<Vector>,
    /// How far they reach [length].
    radius: f64,
    /// Energy that lies beyond them by the harmonic answer [energy].
    beyond: f64,
}

impl<'a> Saddle<'a> {
    fn new(options: &Artn, found: Stationary<'a>, eigenvalue: f64, second_eigenvalue: f64) -> Saddle<'a> {
        Saddle {
            residual_force: found.region.largest_force().max(found.frozen_force),
            region: found.region,
            mode: found.mode,
            eigenvalue,
            second_eigenvalue,
            unrefined: found.unrefined,
            far_field: 0.0,
            radius: options.refinement_radius,
            wide: None,
        }
    }

    /// The widest region with its mode and its radius.
    pub fn widest(&self) -> (&Region<'a>, &[Vector], f64) {
        match &self.wide {
            Some(wide) => (&wide.region, &wide.mode, wide.radius),
            None => (&self.region, &self.mode, self.radius),
        }
    }
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
    /// Energy when the largest force first was below `force_tolerance`; NaN before [energy].
    pub unrefined: f64,
    /// Eigenvalue of the mode where the walk ended [energy/length^2].
    pub eigenvalue: f64,
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
            unrefined: f64::NAN,
            eigenvalue: f64::NAN,
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
            let stop = Stop { vectors: options.lanczos_vectors, change: options.lanczos_tolerance, residual: 0.1 };
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
            if self.unrefined.is_nan() && region.largest_force() < options.force_tolerance {
                self.unrefined = region.energy;
            }
            if region.largest_force() < aim.force {
                self.eigenvalue = eigenvalue;
                return Ok(true);
            }
            if iteration % 5 == 0 {
                // Rolling off a ridge between two saddles, the forces grow for a while but the energy falls.
                let force = norm(&region.forces);
                if force > goal.0 && region.energy > goal.1 {
                    return Ok(false);
                }
                goal = (0.8 * force, region.energy - 2e-5);
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
        self.newton.solve(
            region,
            forces,
            Some(mode),
            Solve { tolerance, most: 60, longest: self.trust, gain: f64::INFINITY },
        );
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

/// A stationary point of all atoms that can feel it.
struct Stationary<'a> {
    region: Region<'a>,
    mode: Vec<Vector>,
    eigenvalue: f64,
    /// Largest force on a frozen atom [energy/length].
    frozen_force: f64,
    /// See [`Saddle`].
    unrefined: f64,
}

/// Turn the end of a climb into a stationary point; where there is none because the negative curvature is lost or the walk leads
/// nowhere, where that ended.
fn refine<'a>(
    options: &Artn,
    mut region: Region<'a>,
    mut mode: Vec<Vector>,
) -> Result<std::result::Result<Stationary<'a>, Region<'a>>> {
    let mut unrefined = f64::NAN;
    loop {
        // Where no atom is frozen, nothing comes after this.
        let force = if region.is_free() { options.final_force_tolerance } else { options.refined_force_tolerance };
        let aim = Aim { force, steps: options.newton_steps };
        region.evaluate()?;
        let mut climber = Climber::new(options);
        if !climber.run(&mut region, &mut mode, aim)? {
            return Ok(Err(region));
        }
        if unrefined.is_nan() {
            unrefined = climber.unrefined;
        }
        let frozen = region.frozen_forces()?;
        let more = region.frame.around_offenders(&frozen, options.force_tolerance, options.offender_radius);
        if !region.grow(&more, &mut [&mut mode])? {
            let frozen_force = frozen.iter().map(|f| f.1.norm()).fold(0.0, f64::max);
            return Ok(Ok(Stationary { region, mode, eigenvalue: climber.eigenvalue, frozen_force, unrefined }));
        }
    }
}

/// The surroundings that a refined event is given: everything within the refinement radius of its center, on top of what the
/// search made active.
pub(super) fn surroundings<'a>(
    options: &Artn,
    mut region: Region<'a>,
    mut mode: Vec<Vector>,
) -> Result<(Region<'a>, Vec<Vector>)> {
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

/// Refine what a climb found. Where a shell is still to answer, the second eigenvalue is left to that: with the surroundings
/// frozen it is positive in all but one of 175.
pub(super) fn refine_event<'a>(
    options: &Artn,
    region: Region<'a>,
    mode: Vec<Vector>,
    random: &mut Random,
) -> Result<std::result::Result<Saddle<'a>, Region<'a>>> {
    if region.is_free() || options.far_field_radius == 0.0 {
        return refine_to_first_order(options, region, mode, random);
    }
    Ok(refine(options, region, mode)?.map(|found| {
        let eigenvalue = found.eigenvalue;
        Saddle::new(options, found, eigenvalue, f64::NAN)
    }))
}

/// Refine and certify. From a point with a second negative eigenvalue it goes down along its mode and once more.
fn refine_to_first_order<'a>(
    options: &Artn,
    mut region: Region<'a>,
    mut mode: Vec<Vector>,
    random: &mut Random,
) -> Result<std::result::Result<Saddle<'a>, Region<'a>>> {
    let mut second_modes = 0;
    loop {
        let mut found = match refine(options, region, mode)? {
            Ok(found) => found,
            Err(lost) => return Ok(Err(lost)),
        };
        let (eigenvalue, second_eigenvalue, second_mode) =
            two_lowest(options, &mut found.region, &mut found.mode, random)?;
        if second_eigenvalue > 0.0 || second_modes == 2 {
            return Ok(Ok(Saddle::new(options, found, eigenvalue, second_eigenvalue)));
        }
        second_modes += 1;
        (region, mode) = (found.region, found.mode);
        leave(options, &mut region, &second_mode);
    }
}

/// Go down along a second mode of negative curvature.
fn leave(options: &Artn, region: &mut Region, second_mode: &[Vector]) {
    let downhill = if dot(&region.forces, second_mode) < 0.0 { -1.0 } else { 1.0 };
    let step = downhill * options.increment / largest(second_mode).max(1e-300);
    add_scaled(&mut region.positions, step, second_mode);
}

/// What became of a saddle when its surroundings gave way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Settled {
    /// It is the same.
    InPlace,
    /// With the atoms that were frozen so far an atom of it is displaced by this [length], and what lies on its sides is not known.
    Elsewhere(f64),
    /// With them it is no saddle of first order.
    Lost,
}

/// Give a saddle the answer of the surroundings that were frozen so far: harmonically where that is enough, by refining it
/// together with them where it is not.
pub(super) fn settle<'a>(
    options: &Artn,
    saddle: &mut Saddle<'a>,
    random: &mut Random,
    cost: &mut Cost,
) -> Result<Settled> {
    let settled = settle_shells(options, saddle, random, cost)?;
    // Little beyond a shell is well known without the answer of what lies there: within 5 meV for 49 of 50 saddles with
    // less than 3 meV.
    let known = saddle.wide.as_ref().is_some_and(|w| !w.region.is_free() && w.beyond.abs() < options.free_limit);
    if settled != Settled::InPlace || known {
        return Ok(settled);
    }
    release(options, saddle, random, cost)
}

/// The answer of shells, one after the other, until little energy lies beyond.
fn settle_shells<'a>(options: &Artn, saddle: &mut Saddle<'a>, random: &mut Random, cost: &mut Cost) -> Result<Settled> {
    loop {
        let (region, mode, inner) = saddle.widest();
        let radius = inner + options.far_field_radius;
        let far_field = FarField::new(options, region, Some(mode), inner..radius)?;
        let energy = region.energy + far_field.energy() - saddle.region.energy;
        cost.add(far_field.cost());
        let Some((mut wide, mut mode)) = far_field.wide else { return certify_alone(options, saddle, random, cost) };
        wide.cost = Cost::default();
        let first = saddle.radius <= options.refinement_radius;
        // What lies beyond is asked for its answer anyway where all atoms are to give theirs.
        let enough = far_field.beyond.abs() < options.far_field_limit || radius < options.free_radius;
        // In a strong field something is soft that the harmonic answer does not show: of 52 events all barriers that the whole cell
        // lowers by more than 9 meV, but one, had such a field.
        let mut holds = far_field.harmonic && (enough || !first);
        if holds && saddle.wide.is_none() && (first || saddle.second_eigenvalue < options.soft_eigenvalue) {
            let (eigenvalue, second, second_mode) = two_lowest(options, &mut wide, &mut mode, random)?;
            cost.add(std::mem::take(&mut wide.cost));
            // With a soft second mode the sample finds a way down that the frozen atoms barred, to another saddle. What it finds must
            // be stable in its turn, but no more than that: the larger a region, the softer are the elastic waves in it.
            holds = eigenvalue < 0.0 && second > if first { options.soft_eigenvalue } else { 0.0 };
            if !holds && !first {
                return Ok(Settled::Lost);
            }
            if second <= 0.0 {
                leave(options, &mut wide, &second_mode);
            }
            if holds {
                (saddle.eigenvalue, saddle.second_eigenvalue) = (eigenvalue, second);
            }
        }
        if holds {
            saddle.far_field = energy;
            saddle.wide = Some(Wide { region: wide, mode, radius, beyond: far_field.beyond });
            if enough {
                return Ok(Settled::InPlace);
            }
            continue;
        }
        let settled = replace(options, saddle, (wide, mode), radius, random, cost)?;
        if settled != Settled::InPlace {
            return Ok(settled);
        }
    }
}

/// The second eigenvalue of a saddle whose shell holds no atom.
fn certify_alone(options: &Artn, saddle: &mut Saddle, random: &mut Random, cost: &mut Cost) -> Result<Settled> {
    if saddle.second_eigenvalue.is_nan() {
        (saddle.eigenvalue, saddle.second_eigenvalue, _) =
            two_lowest(options, &mut saddle.region, &mut saddle.mode, random)?;
        cost.add(std::mem::take(&mut saddle.region.cost));
    }
    Ok(if saddle.eigenvalue < 0.0 && saddle.second_eigenvalue > 0.0 { Settled::InPlace } else { Settled::Lost })
}

/// Replace a saddle by the one that is found from a region with its mode, which reaches further.
fn replace<'a>(
    options: &Artn,
    saddle: &mut Saddle<'a>,
    (region, mode): (Region<'a>, Vec<Vector>),
    radius: f64,
    random: &mut Random,
    cost: &mut Cost,
) -> Result<Settled> {
    let found = match refine_to_first_order(options, region, mode, random)? {
        Ok(found) => Saddle { radius, unrefined: saddle.unrefined, ..found },
        Err(lost) => {
            cost.add(lost.cost);
            return Ok(Settled::Lost);
        }
    };
    let moved = largest(&found.region.way_from(&saddle.region));
    *saddle = found;
    cost.add(std::mem::take(&mut saddle.region.cost));
    Ok(if saddle.eigenvalue >= 0.0 || saddle.second_eigenvalue <= 0.0 {
        Settled::Lost
    } else if moved > options.same_distance {
        Settled::Elsewhere(moved)
    } else {
        Settled::InPlace
    })
}

/// A saddle is the same when no atom of it is displaced by more than this by the answer of what was frozen [length] ...
pub(super) const SAME_SADDLE: f64 = 0.25;

/// ... and its energy falls by no more than this [energy]: with all atoms free some 0.015 are usual.
const SAME_ANSWER: f64 = 0.03;

/// Let all atoms within `free_radius` answer, and bring those near the event to rest once more: under the forces that are left, a
/// place that the answer made soft slides on, by up to 0.4 eV, while its second eigenvalue still is positive.
fn release<'a>(options: &Artn, saddle: &mut Saddle<'a>, random: &mut Random, cost: &mut Cost) -> Result<Settled> {
    let (from, mode, inner) = saddle.widest();
    if inner >= options.free_radius {
        return Ok(Settled::InPlace);
    }
    let (mut region, mut mode) = (from.clone(), mode.to_vec());
    region.cost = Cost::default();
    let wider = widen(options, &mut region, options.free_radius, &mut [&mut mode])?;
    // Where the shells reached every atom of a small glass, their answer is yet to be mended.
    if !wider && (saddle.wide.is_none() || !region.is_free()) {
        return Ok(Settled::InPlace);
    }
    region.evaluate()?;
    for _ in 0..RELEASES {
        (region, mode) = match answer(options, region, mode)? {
            Ok(found) => found,
            Err(lost) => {
                cost.add(lost.cost);
                return Ok(Settled::Lost);
            }
        };
        if !rest(options, &mut region, &mut mode)? {
            cost.add(region.cost);
            return Ok(Settled::Lost);
        }
        if region.largest_force() < options.refined_force_tolerance {
            break;
        }
    }
    if region.largest_force() >= options.refined_force_tolerance {
        cost.add(region.cost);
        return Ok(Settled::Lost);
    }
    let frozen = region.frozen_forces()?;
    cost.add(std::mem::take(&mut region.cost));
    if largest(&region.way_from(from)) > SAME_SADDLE || (region.energy - from.energy).abs() > SAME_ANSWER {
        return replace(options, saddle, (region, mode), options.free_radius, random, cost);
    }
    let beyond = if region.is_free() { 0.0 } else { region.frame.beyond(inner, options.free_radius) };
    saddle.far_field = region.energy + beyond * (region.energy - from.energy) - saddle.region.energy;
    saddle.residual_force = frozen.iter().map(|f| f.1.norm()).fold(region.largest_force(), f64::max);
    saddle.wide = Some(Wide { region, mode, radius: options.free_radius, beyond: 0.0 });
    Ok(Settled::InPlace)
}

/// Most times that far atoms answer to what came of the near ones.
const RELEASES: usize = 3;

/// What is soft far out is not known before, and the forces have to become as small as those of a refined saddle: by harmonic steps,
/// with what these leave mended where it is, or in a refinement where that is not enough. Where that ended when it finds no saddle.
fn answer<'a>(
    options: &Artn,
    mut region: Region<'a>,
    mut mode: Vec<Vector>,
) -> Result<std::result::Result<(Region<'a>, Vec<Vector>), Region<'a>>> {
    for _ in 0..HARMONIC_STEPS {
        let Some(step) = harmonic_step(options, &mut region, Some(&mut mode), 0.3)? else { break };
        add_scaled(&mut region.positions, 1.0, &step.vector);
        region.evaluate()?;
        if mend(options, &mut region, &mode, options.refined_force_tolerance)? {
            return Ok(Ok((region, mode)));
        }
    }
    Ok(refine(options, region, mode)?.map(|found| (found.region, found.mode)))
}

/// Bring the atoms within the first shell to `final_force_tolerance`, the others at rest where they are. False when that leads to no
/// saddle.
fn rest(options: &Artn, region: &mut Region, mode: &mut Vec<Vector>) -> Result<bool> {
    let aim = Aim { force: options.final_force_tolerance, steps: options.newton_steps };
    let Some(near) = within_first_shell(options, region) else {
        return Climber::new(options).run(region, mode, aim);
    };
    let (found, positions) = region.with_part(&near, |part, places| {
        let mut part_mode: Vec<Vector> = places.iter().map(|&place| mode[place]).collect();
        Climber::new(options).run(part, &mut part_mode, aim)
    })?;
    positions.into_iter().for_each(|(place, position)| region.positions[place] = position);
    region.evaluate()?;
    Ok(found)
}

/// The atoms within the first shell, none when they are most of the region.
fn within_first_shell(options: &Artn, region: &Region) -> Option<Vec<usize>> {
    let center = region.positions[most_displaced(region).0];
    let near = region.frame.within(&[center], options.refinement_radius + options.far_field_radius);
    (2 * near.len() < region.len()).then_some(near)
}

/// Radius around an atom that feels too much within which the others take part [length].
const SPOT: f64 = 8.0;

/// Relax what a harmonic answer leaves where it does not hold: atoms that feel more than is wanted with those around them, at the
/// cost of these alone, the others at rest where they are. True when no atom feels more any longer.
fn mend(options: &Artn, region: &mut Region, mode: &[Vector], wanted: f64) -> Result<bool> {
    let aim = Aim { force: 0.5 * wanted, steps: 8 };
    loop {
        let force = region.largest_force();
        if force < wanted {
            return Ok(true);
        }
        let offends = |(_, f): &(&Vector, &Vector)| f.norm() >= wanted;
        let mut centers: Vec<Vector> =
            region.positions.iter().zip(&region.forces).filter(offends).map(|(p, _)| *p).collect();
        // The mode goes up, and is taken along as a whole or not at all.
        let (cell, event) = (&region.frame.configuration.cell, region.positions[most_displaced(region).0]);
        let with_event = centers.iter().any(|c| cell.minimum_image(event - c).norm() < 2.0 * SPOT);
        if with_event {
            centers.push(event);
        }
        let atoms = region.frame.within(&centers, SPOT);
        if 4 * atoms.len() > region.len() {
            return Ok(false);
        }
        let (found, positions) = region.with_part(&atoms, |spot, places| {
            if with_event {
                let mut part: Vec<Vector> = places.iter().map(|&place| mode[place]).collect();
                Climber::new(options).run(spot, &mut part, aim)
            } else {
                let descent = Descent { force_tolerance: aim.force, newton_below: aim.force, evaluations: aim.steps };
                let last = spot.cost.force_evaluations + 2 * aim.steps;
                descent.newton(spot, &mut |_| false, last)
            }
        })?;
        if !found {
            return Ok(false);
        }
        positions.into_iter().for_each(|(place, position)| region.positions[place] = position);
        region.evaluate()?;
        if region.largest_force() > 0.7 * force {
            return Ok(false);
        }
    }
}

/// The saddle with all atoms free, all of them to half of `final_force_tolerance`; none when it is no saddle any more.
pub(super) fn whole_cell<'a>(options: &Artn, saddle: &Saddle<'a>) -> Result<Option<Region<'a>>> {
    let (region, mode, _) = saddle.widest();
    let (mut region, mut mode) = (region.clone(), mode.to_vec());
    let all: Vec<usize> = (0..region.frame.len()).collect();
    region.grow(&all, &mut [&mut mode])?;
    let strict = Artn { final_force_tolerance: 0.5 * options.final_force_tolerance, ..options.clone() };
    Ok(refine(&strict, region, mode)?.ok().map(|found| found.region))
}

/// What may lie beyond the shell of a final minimum, whose energy no statistics rest on, over that of a saddle.
const BEYOND_END: f64 = 2.0;

/// Energy of a minimum with the answer of its frozen surroundings, and the region with these where there are any; `relax` brings a region
/// that reaches further to its minimum where the harmonic answer is not enough, and says whether it arrived there.
pub(super) fn settled<'a>(
    options: &Artn,
    region: &Region<'a>,
    mut radius: f64,
    cost: &mut Cost,
    relax: &mut dyn FnMut(&mut Region<'a>) -> Result<bool>,
) -> Result<(f64, Option<Region<'a>>)> {
    let mut wider: Option<Region> = None;
    loop {
        let region = wider.as_ref().unwrap_or(region);
        let outer = radius + options.far_field_radius;
        let far_field = FarField::new(options, region, None, radius..outer)?;
        cost.add(far_field.cost());
        let energy = region.energy + far_field.energy();
        let enough = far_field.harmonic && far_field.beyond.abs() < BEYOND_END * options.far_field_limit;
        let Some((mut wide, _)) = far_field.wide else { return Ok((energy, wider)) };
        if enough {
            return Ok((energy, Some(wide)));
        }
        wide.cost = Cost::default();
        if !far_field.harmonic {
            let arrived = relax(&mut wide)?;
            cost.add(wide.cost);
            if !arrived {
                return Ok((energy, Some(wide)));
            }
        }
        radius = outer;
        wider = Some(wide);
    }
}

/// The lowest eigenvalue with its mode converged, and the softest direction across it with its curvature, from a fresh random start.
///
/// Far from the event all that is soft are elastic waves, the softer the larger the region: where it reaches beyond the first shell,
/// these are the eigenvalues of the atoms within that.
fn two_lowest(
    options: &Artn,
    region: &mut Region,
    mode: &mut [Vector],
    random: &mut Random,
) -> Result<(f64, f64, Vec<Vector>)> {
    if let Some(near) = within_first_shell(options, region) {
        let (found, _) = region.with_part(&near, |part, places| {
            let mut part_mode: Vec<Vector> = places.iter().map(|&place| mode[place]).collect();
            let (eigenvalue, second_eigenvalue, part_second) = two_lowest(options, part, &mut part_mode, random)?;
            let mut second_mode = vec![Vector::zeros(); mode.len()];
            places.iter().zip(&part_second).for_each(|(&place, v)| second_mode[place] = *v);
            Ok((eigenvalue, second_eigenvalue, second_mode))
        })?;
        return Ok(found);
    }
    region.linearize()?;
    let stop = Stop { vectors: 60, change: 1e-3, residual: 0.05 };
    let first = Lanczos::default().lowest(&mut |v, out| region.product(v, out), mode, stop);
    let (second_eigenvalue, second_mode) = softest_across(options, region, mode, random);
    Ok((first.eigenvalue, second_eigenvalue, second_mode))
}

/// The softest direction across a mode with its curvature, from a random start; the region must be linearized.
fn softest_across(options: &Artn, region: &mut Region, mode: &[Vector], random: &mut Random) -> (f64, Vec<Vector>) {
    let mut start = random_direction(region.len(), random);
    let (free, factors, mut work) = (region.is_free(), region.factors(), Vec::new());
    let stop = Stop { vectors: 200, change: 0.0, residual: options.second_tolerance };
    let soften = &mut |v: &[Vector], out: &mut [Vector]| factors.solve(v, out, &mut work);
    let found = Lanczos::default().softest(&mut |v, out| region.product(v, out), soften, mode, free, &mut start, stop);
    (found.eigenvalue, start)
}

/// Curvature of the energy of all atoms in a soft direction from the start of the searches [energy/length^2]: positive at a minimum,
/// negative at a saddle.
pub(super) fn softest_of_start(options: &Artn, frame: &Frame) -> Result<f64> {
    let mut region = Region::new(frame, (0..frame.len()).collect())?;
    region.evaluate()?;
    region.linearize()?;
    let (nothing, random) = (vec![Vector::zeros(); frame.len()], &mut stream(0, Purpose::Eigenvector, u64::MAX));
    let (curvature, _) = softest_across(options, &mut region, &nothing, random);
    if curvature > 0.0 {
        return Ok(curvature);
    }
    // Where the Hessian is not positive its factors may be of no use: its lowest eigenvalue says more.
    let stop = Stop { vectors: 200, change: 1e-6, residual: 0.05 };
    let mut direction = random_direction(frame.len(), random);
    Ok(Lanczos::default().lowest(&mut |v, out| region.product(v, out), &mut direction, stop).eigenvalue)
}

/// The harmonic answer of the frozen atoms around a stationary point.
///
/// ```math
/// dE = -1/2 f . H^-1 f
/// ```
///
/// Far from an event its displacements fall as `1/r^2` and the elastic energy beyond `r` as `1/r^3`, which gives what lies
/// beyond the shell that is solved for, up to where the periodic images begin. Eshelby, Solid State Phys. 3, 79 (1956),
/// <https://doi.org/10.1016/S0081-1947(08)60132-0>.
struct FarField<'a> {
    /// Energy that the shell gains [energy].
    gained: f64,
    /// Estimate of what lies beyond it [energy].
    beyond: f64,
    /// False when the surroundings must be evaluated instead: the shell is not stable, or the energy is not that of the
    /// harmonic answer.
    harmonic: bool,
    /// The wider region, relaxed harmonically, with its mode; none when no atom is frozen.
    wide: Option<(Region<'a>, Vec<Vector>)>,
}

impl<'a> FarField<'a> {
    /// Solve for the atoms in a shell around a region; at a saddle up along the mode and down across it.
    fn new(options: &Artn, region: &Region<'a>, mode: Option<&[Vector]>, shell: Range<f64>) -> Result<FarField<'a>> {
        let nothing = FarField { gained: 0.0, beyond: 0.0, harmonic: true, wide: None };
        if region.is_free() || shell.is_empty() {
            return Ok(nothing);
        }
        let mut wide = region.clone();
        wide.cost = Cost::default();
        let mut mode = mode.map(<[Vector]>::to_vec);
        if !widen(options, &mut wide, shell.end, &mut mode.iter_mut().collect::<Vec<_>>())? {
            return Ok(nothing);
        }
        wide.evaluate()?;
        let mut harmonic = false;
        for _ in 0..HARMONIC_STEPS {
            let (energy, forces) = (wide.energy, wide.forces.clone());
            let Some(step) = harmonic_step(options, &mut wide, mode.as_mut(), 0.1)? else { break };
            if !step.stable {
                break;
            }
            add_scaled(&mut wide.positions, 1.0, &step.vector);
            wide.evaluate()?;
            let mismatch = wide.energy - energy + 0.5 * dot(&forces, &step.vector);
            harmonic = step.whole && mismatch.abs() < MISMATCH * options.far_field_limit;
            if harmonic {
                break;
            }
        }
        let gained = wide.energy - region.energy;
        let beyond = if wide.is_free() { 0.0 } else { gained * wide.frame.beyond(shell.start, shell.end) };
        Ok(FarField { gained, beyond, harmonic, wide: Some((wide, mode.unwrap_or_default())) })
    }

    /// Energy that the surroundings gain [energy].
    fn energy(&self) -> f64 {
        self.gained + self.beyond
    }

    /// What it cost.
    fn cost(&self) -> Cost {
        self.wide.as_ref().map_or_else(Cost::default, |wide| wide.0.cost)
    }
}

/// Most steps to the answer of the surroundings; a shell that needs more gives way.
const HARMONIC_STEPS: usize = 4;

/// The last of them must gain what the harmonic answer says, to this part of what may lie beyond the shell: what it leaves is
/// then smaller still.
const MISMATCH: f64 = 0.075;

/// The harmonic answer is solved for until the last steps gain no more than this part of it.
const SOLVED: f64 = 0.015;

/// A step of the harmonic answer.
struct Step {
    vector: Vec<Vector>,
    /// False when it met a negative curvature, along which it goes downhill.
    stable: bool,
    /// False when it is cut at `relaxation_step`.
    whole: bool,
}

/// The step to the stationary point of the quadratic model, at a saddle up along the mode, which is brought up to date, and
/// down across it; none when the model has no such point.
fn harmonic_step(
    options: &Artn,
    region: &mut Region,
    mut mode: Option<&mut Vec<Vector>>,
    solved: f64,
) -> Result<Option<Step>> {
    region.linearize()?;
    let forces = region.forces.clone();
    // The shell takes part in the mode, and only the mode of all of it separates what goes up from what goes down.
    let stop = Stop { vectors: options.lanczos_vectors, change: 1e-3, residual: 0.1 };
    let mut find = |mode: &mut Vec<Vector>| Lanczos::default().lowest(&mut |v, out| region.product(v, out), mode, stop);
    let eigenvalue = mode.as_mut().map_or(-1.0, |mode| find(mode).eigenvalue);
    if eigenvalue >= 0.0 {
        return Ok(None);
    }
    let mode = mode.as_deref().map(Vec::as_slice);
    let mut newton = Newton::default();
    let gain = SOLVED * options.far_field_limit;
    let longest = options.relaxation_step;
    let solve = Solve { tolerance: solved, most: 200, longest, gain };
    let stable = newton.solve(region, &forces, mode, solve);
    let mut step = newton.step;
    if let Some(mode) = mode {
        add_scaled(&mut step, dot(&forces, mode) / eigenvalue, mode);
    }
    let length = largest(&step);
    scale(&mut step, (longest / length.max(1e-300)).min(1.0));
    Ok(Some(Step { vector: step, stable, whole: length <= longest }))
}
