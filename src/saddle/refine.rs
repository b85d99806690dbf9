//! From a nearly converged saddle to a certified one.

use super::Artn;
use super::descent::{Newton, Solve};
use super::lanczos::{Lanczos, Stop, random_direction};
use super::region::{Cost, Frame, Region, union};
use super::vectors::{add_scaled, copy, dot, largest, norm};
use crate::cell::Vector;
use crate::error::Result;
use crate::random::Random;

/// A stationary point with its certificate.
#[derive(Debug)]
pub(super) struct Saddle<'a> {
    pub region: Region<'a>,
    /// Lowest mode.
    pub mode: Vec<Vector>,
    pub eigenvalue: f64,
    pub second_eigenvalue: f64,
    /// The second mode, if its eigenvalue is not positive.
    pub second_mode: Option<Vec<Vector>>,
    /// Largest force of all atoms, frozen ones included [energy/length].
    pub residual_force: f64,
    /// Energy that the relaxation of the frozen surroundings would gain [energy].
    pub far_field: f64,
    /// What that estimate cost.
    pub cost: Cost,
}

/// Turn the end of a climb into a stationary point of the surroundings it needs: Newton steps in which the part along the
/// mode goes up and the rest, by conjugate gradients, down, no longer than the quadratic model is good for.
///
/// The region is handed back for its cost when the negative eigenvalue is lost on the way, or the steps lead nowhere.
pub(super) fn refine<'a>(
    options: &Artn,
    mut region: Region<'a>,
    mut mode: Vec<Vector>,
) -> Result<std::result::Result<(Region<'a>, Vec<Vector>), Region<'a>>> {
    let mut lanczos = Lanczos::default();
    let mut newton = Newton::default();
    let (mut positions, mut forces, mut expected) = (Vec::new(), Vec::new(), Vec::new());
    let (mut last_mode, mut last_energy) = (mode.clone(), 0.0);
    let mut trust = options.relaxation_step;
    let mut goal = (f64::INFINITY, f64::INFINITY);
    let mut lost = 0;
    region.evaluate()?;
    for iteration in 0..options.newton_steps {
        region.linearize()?;
        let stop = Stop { vectors: options.lanczos_vectors, change: options.lanczos_tolerance, residual: 0.2 };
        let eigenvalue = lanczos.lowest(&mut |v, out| region.product(v, out), &mut mode, stop).eigenvalue;
        if eigenvalue >= 0.0 {
            // The last step left the slope that leads to a saddle: a shorter one from the same place may not.
            lost += 1;
            if positions.is_empty() || lost > 3 {
                return Ok(Err(region));
            }
            region.restore(&positions, &forces, last_energy);
            copy(&mut mode, &last_mode);
            trust *= 0.35;
            region.linearize()?;
        }
        if region.largest_force() < options.refined_force_tolerance {
            let more = super::activation::offenders(&mut region, options.force_tolerance, options.offender_radius)?;
            if !region.grow(&more, &mut [&mut mode])? {
                return Ok(Ok((region, mode)));
            }
            region.evaluate()?;
            positions.clear();
            continue;
        }
        let before = norm(&region.forces);
        if iteration % 5 == 0 {
            // Rolling off a ridge between two saddles, the forces grow for a while but the energy falls.
            if before > goal.0 && region.energy > goal.1 {
                return Ok(Err(region));
            }
            goal = (0.8 * before, region.energy - 2e-3);
        }
        copy(&mut positions, &region.positions);
        copy(&mut forces, &region.forces);
        copy(&mut last_mode, &mode);
        last_energy = region.energy;
        let wanted = (0.5 * options.refined_force_tolerance / largest(&forces)).clamp(0.1, 0.3);
        newton.solve(&mut region, &forces, Some(&mode), Solve { tolerance: wanted, most: 60, longest: trust });
        // Near an inflection the curvature says nothing about the distance: no more than one increment.
        let climb = (dot(&forces, &mode) / eigenvalue).clamp(-options.increment, options.increment);
        add_scaled(&mut newton.step, climb, &mode);
        let factor = (trust / largest(&newton.step).max(1e-300)).min(1.0);
        add_scaled(&mut region.positions, factor, &newton.step);
        expected.resize(forces.len(), Vector::zeros());
        region.product(&newton.step, &mut expected);
        region.evaluate()?;
        // How far the forces are from those of the quadratic model, f - H s.
        expected.iter_mut().zip(&forces).for_each(|(e, f)| *e = f - *e * factor);
        add_scaled(&mut expected, -1.0, &region.forces);
        let mismatch = norm(&expected) / before;
        if mismatch > 1.0 {
            region.restore(&positions, &forces, last_energy);
            positions.clear();
            trust *= 0.35;
        } else if mismatch > 0.5 {
            trust *= 0.7;
        } else if mismatch < 0.25 {
            trust = (1.5 * trust).min(1.5 * options.relaxation_step);
        }
    }
    Ok(Err(region))
}

/// The surroundings that a refined event is given: everything within the refinement radius of its center, on top of what the
/// search made active. All atoms when little is left out.
pub(super) fn surroundings<'a>(
    options: &Artn,
    frame: &'a Frame,
    search: &Region<'a>,
    mode: &[Vector],
) -> Result<(Region<'a>, Vec<Vector>)> {
    let center = search.positions[most_displaced(search).0];
    let mut atoms = union(&search.atoms, &frame.within(&[center], options.refinement_radius));
    if options.region == super::Scope::All || 5 * atoms.len() > 4 * frame.len() {
        atoms = (0..frame.len()).collect();
    }
    let mut region = Region::new(frame, search.atoms.clone())?;
    copy(&mut region.positions, &search.positions);
    let mut mode = mode.to_vec();
    region.grow(&atoms, &mut [&mut mode])?;
    Ok((region, mode))
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

/// Certify a stationary point: the mode converged, the second eigenvalue from a fresh random vector, the largest force of
/// all atoms, the harmonic answer of the frozen surroundings.
pub(super) fn certify<'a>(
    options: &Artn,
    mut region: Region<'a>,
    mut mode: Vec<Vector>,
    random: &mut Random,
) -> Result<Saddle<'a>> {
    region.linearize()?;
    let mut lanczos = Lanczos::default();
    let stop = Stop { vectors: 60, change: 1e-3, residual: 0.05 };
    let first = lanczos.lowest(&mut |v, out| region.product(v, out), &mut mode, stop);
    let mut start = random_direction(region.len(), random);
    let free = region.is_free();
    let second =
        lanczos.second(&mut |v, out| region.product(v, out), &mode, free, &mut start, options.second_tolerance, 400);
    if second.eigenvalue <= 0.0 {
        return Ok(Saddle {
            residual_force: region.largest_force(),
            region,
            mode,
            eigenvalue: first.eigenvalue,
            second_eigenvalue: second.eigenvalue,
            second_mode: Some(start),
            far_field: 0.0,
            cost: Cost::default(),
        });
    }
    let frozen = region.frozen_forces()?.iter().map(|f| f.1.norm()).fold(0.0, f64::max);
    let residual_force = region.largest_force().max(frozen);
    let (far_field, cost) = far_field(options, &region, Some(&mode))?;
    Ok(Saddle {
        region,
        cost,
        mode,
        eigenvalue: first.eigenvalue,
        second_eigenvalue: second.eigenvalue,
        second_mode: None,
        residual_force,
        far_field,
    })
}

/// Refine and certify; from a point with a second negative eigenvalue, down along its mode and once more.
pub(super) fn refine_to_first_order<'a>(
    options: &Artn,
    region: Region<'a>,
    mode: Vec<Vector>,
    random: &mut Random,
) -> Result<std::result::Result<Saddle<'a>, Region<'a>>> {
    let (mut region, mut mode) = (region, mode);
    for attempt in 0..3 {
        let (stationary, lowest) = match refine(options, region, mode)? {
            Ok(found) => found,
            Err(lost) => return Ok(Err(lost)),
        };
        let saddle = certify(options, stationary, lowest, random)?;
        let Some(second) = saddle.second_mode.as_ref().filter(|_| attempt < 2) else { return Ok(Ok(saddle)) };
        let downhill = if dot(&saddle.region.forces, second) < 0.0 { -1.0 } else { 1.0 };
        let step = downhill * options.increment / largest(second).max(1e-300);
        (region, mode) = {
            let mut region = saddle.region;
            add_scaled(&mut region.positions, step, second);
            (region, saddle.mode)
        };
    }
    Ok(Err(region))
}

/// Energy gained by the harmonic answer of the frozen atoms around a stationary point, and what it cost to find.
///
/// ```math
/// dE = -1/2 f . H^-1 f
/// ```
pub(super) fn far_field(options: &Artn, region: &Region, mode: Option<&[Vector]>) -> Result<(f64, Cost)> {
    if region.is_free() || options.far_field_radius <= 0.0 {
        return Ok((0.0, Cost::default()));
    }
    let center = region.positions[most_displaced(region).0];
    let shell = region.frame.within(&[center], options.refinement_radius + options.far_field_radius);
    let mut wide = Region::new(region.frame, region.atoms.clone())?;
    copy(&mut wide.positions, &region.positions);
    let mut across = mode.map_or_else(|| vec![Vector::zeros(); region.len()], <[Vector]>::to_vec);
    if !wide.grow(&shell, &mut [&mut across])? {
        return Ok((0.0, Cost::default()));
    }
    wide.evaluate()?;
    wide.linearize()?;
    let forces = wide.forces.clone();
    let mut newton = Newton::default();
    newton.solve(&mut wide, &forces, Some(&across), Solve { tolerance: 0.05, most: 40, longest: f64::INFINITY });
    Ok((-0.5 * dot(&forces, &newton.step), wide.cost))
}

/// Start positions on one side of a saddle.
pub(super) fn beside(saddle: &Saddle, step: f64) -> Vec<Vector> {
    let mut positions = saddle.region.positions.clone();
    add_scaled(&mut positions, step, &saddle.mode);
    positions
}
