//! Deformation in scripts: quasistatic shear, elastic constants, affine strain.

use super::{Library, Options, Raw, observer};
use crate::deformation::{Elastic, ElasticConstants, QuasistaticShear, ShearEvent, ShearPlane, ShearRun, deform};
use crate::glass::Glass;
use crate::table::{Column, Table};
use rhai::plugin::*;
use rhai::{Array, Dynamic, Map};
use std::sync::Arc;

/// A quasistatic shear and the glass that it began with.
#[derive(Clone, Debug)]
pub struct Sheared {
    glass: Glass,
    run: Arc<ShearRun>,
    record: String,
}

/// One plastic event of a quasistatic shear.
#[derive(Clone, Debug)]
pub struct Event {
    sheared: Sheared,
    number: usize,
}

impl Event {
    fn get(&self) -> &ShearEvent {
        &self.sheared.run.events[self.number]
    }

    fn glass(&self, configuration: &crate::configuration::Configuration, side: &str) -> Glass {
        let step = format!("{}, {side} event {}", self.sheared.record, self.number + 1);
        self.sheared.glass.then(configuration.clone(), step)
    }
}

#[export_module]
mod binding {
    /// Shear the glass without temperature: affine steps of simple shear, each followed by minimisation.
    ///
    /// A step whose energy falls short of the work of the stress holds a plastic event and is halved down to `resolution`.
    /// Maloney, Lemaitre, Phys. Rev. E 74, 016118 (2006), doi:10.1103/PhysRevE.74.016118.
    ///
    /// - `plane`: direction of the displacements and of their gradient, "xy"; also "xz", "yz", "yx", "zx", "zy"
    /// - `sense`: 1, or -1 to shear the other way; strain and stress are counted along it, 1
    /// - `step`: strain of one step, 1e-4
    /// - `to`: strain at the end, 0.1
    /// - `resolution`: strain to which an event is located, a tenth of the step, at most 1e-5
    /// - `energy_drop`: energy that an event must set free [eV], 0.001
    /// - `force_tolerance`: largest force on an atom after each minimisation [eV/A], 1e-5
    /// - `max_evaluations`: most evaluations of the forces in one minimisation, 20000
    ///
    /// ```rhai,slow
    /// let sheared = glass.shear(#{ plane: "xy", step: 5e-4, to: 0.02 });
    /// print(sheared.table);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn shear(glass: Glass, options: Map) -> Raw<Sheared> {
        let known = ["plane", "sense", "step", "to", "resolution", "energy_drop", "force_tolerance", "max_evaluations"];
        let options = Options::new("shear", options, &known)?;
        let default = QuasistaticShear::default();
        let step = options.positive("step")?.or(default.step);
        let shear = QuasistaticShear {
            plane: options.text("plane")?.or("xy".into()).parse::<ShearPlane>().map_err(|e| e.within("shear"))?,
            reverse: match options.integer("sense")?.or(1) {
                1 => false,
                -1 => true,
                other => return super::super::fail(format!("shear: `sense` must be 1 or -1, found {other}")),
            },
            step,
            to: options.positive("to")?.or(default.to),
            resolution: options.positive("resolution")?.or(default.resolution.min(0.1 * step)),
            energy_drop: options.positive("energy_drop")?.or(default.energy_drop),
            force_tolerance: options.positive("force_tolerance")?.or(default.force_tolerance),
            max_evaluations: options.count("max_evaluations")?.or(default.max_evaluations),
        };
        let run = shear.run(glass.configuration(), glass.potential()?, observer())?;
        Ok(Sheared { glass, run: Arc::new(run), record: options.record() })
    }

    /// The stress-strain curve: `strain`, `stress` [GPa], `energy` [eV], and how many `events` came before.
    ///
    /// An event has two rows at one strain, before and after it.
    #[rhai_fn(get = "table", return_raw)]
    pub fn table(sheared: &mut Sheared) -> Raw<Table> {
        let points = &sheared.run.points;
        Ok(Table::from_columns(vec![
            Column::float("strain", "", points.iter().map(|p| p.strain).collect()),
            Column::float("stress", "GPa", points.iter().map(|p| p.stress).collect()),
            Column::float("energy", "eV", points.iter().map(|p| p.energy).collect()),
            Column::integer("events", points.iter().map(|p| p.events as i64).collect()),
        ])?)
    }

    /// The plastic events in the order of strain.
    #[rhai_fn(get = "events")]
    pub fn events(sheared: &mut Sheared) -> Array {
        let event = |number| Dynamic::from(Event { sheared: sheared.clone(), number });
        (0..sheared.run.events.len()).map(event).collect()
    }

    /// The plastic events as a table: `strain`, `stress_drop` [GPa], `energy_drop` [eV].
    #[rhai_fn(get = "event_table", return_raw)]
    pub fn event_table(sheared: &mut Sheared) -> Raw<Table> {
        let events = &sheared.run.events;
        Ok(Table::from_columns(vec![
            Column::float("strain", "", events.iter().map(|e| e.strain).collect()),
            Column::float("stress_drop", "GPa", events.iter().map(|e| e.stress_drop).collect()),
            Column::float("energy_drop", "eV", events.iter().map(|e| e.energy_drop).collect()),
        ])?)
    }

    /// The glass at the end.
    #[rhai_fn(get = "glass")]
    pub fn glass(sheared: &mut Sheared) -> Glass {
        sheared.glass.then(sheared.run.configuration.clone(), sheared.record.clone())
    }

    /// Shear modulus from the first step of the curve [GPa].
    #[rhai_fn(get = "shear_modulus")]
    pub fn initial_modulus(sheared: &mut Sheared) -> f64 {
        sheared.run.initial_modulus()
    }

    /// True when Ctrl-C ended the shear before its last strain.
    #[rhai_fn(get = "interrupted")]
    pub fn interrupted(sheared: &mut Sheared) -> bool {
        sheared.run.interrupted
    }

    /// Strain at which the event happens.
    #[rhai_fn(get = "strain")]
    pub fn strain(event: &mut Event) -> f64 {
        event.get().strain
    }

    /// Fall of the stress in the event [GPa].
    #[rhai_fn(get = "stress_drop")]
    pub fn stress_drop(event: &mut Event) -> f64 {
        event.get().stress_drop
    }

    /// Fall of the energy in the event [eV].
    #[rhai_fn(get = "energy_drop")]
    pub fn energy_drop(event: &mut Event) -> f64 {
        event.get().energy_drop
    }

    /// The glass just before the event.
    #[rhai_fn(get = "before")]
    pub fn before(event: &mut Event) -> Glass {
        event.glass(&event.get().before, "before")
    }

    /// The glass just after the event, at the same strain.
    #[rhai_fn(get = "after")]
    pub fn after(event: &mut Event) -> Glass {
        event.glass(&event.get().after, "after")
    }

    /// Elastic constants of the glass, which must be at a minimum of its energy.
    ///
    /// - `strain`: strain of the differences, 1e-4
    /// - `tolerance`: largest residual of the linear response, 1e-8
    ///
    /// ```rhai
    /// let moduli = glass.minimize(#{ force_tolerance: 1e-5 }).elastic();
    /// print(`${moduli.shear_modulus} GPa`);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn elastic(glass: Glass, options: Map) -> Raw<ElasticConstants> {
        let options = Options::new("elastic", options, &["strain", "tolerance"])?;
        let default = Elastic::default();
        let elastic = Elastic {
            strain: options.positive("strain")?.or(default.strain),
            tolerance: options.positive("tolerance")?.or(default.tolerance),
        };
        Ok(elastic.run(glass.configuration(), glass.potential()?, observer())?)
    }

    /// Shear modulus averaged over directions [GPa].
    #[rhai_fn(get = "shear_modulus")]
    pub fn shear_modulus(constants: &mut ElasticConstants) -> f64 {
        constants.shear_modulus()
    }

    /// Bulk modulus [GPa].
    #[rhai_fn(get = "bulk_modulus")]
    pub fn bulk_modulus(constants: &mut ElasticConstants) -> f64 {
        constants.bulk_modulus()
    }

    /// Poisson's ratio.
    #[rhai_fn(get = "poisson_ratio")]
    pub fn poisson_ratio(constants: &mut ElasticConstants) -> f64 {
        constants.poisson_ratio()
    }

    /// The 6 x 6 constants [GPa] in the order xx, yy, zz, yz, xz, xy: a list of rows.
    #[rhai_fn(get = "matrix")]
    pub fn matrix(constants: &mut ElasticConstants) -> Array {
        rows(&constants.relaxed)
    }

    /// The same while atoms follow the strain affinely (the Born term) [GPa].
    #[rhai_fn(get = "affine_matrix")]
    pub fn affine_matrix(constants: &mut ElasticConstants) -> Array {
        rows(&constants.affine)
    }

    /// The glass after an affine simple shear, not relaxed.
    ///
    /// - `plane`: direction of the displacements and of their gradient, "xy"
    /// - `strain`: shear strain
    ///
    /// ```rhai
    /// let tilted = glass.strain(#{ plane: "xz", strain: 0.02 });
    /// ```
    #[rhai_fn(name = "strain", return_raw)]
    pub fn strain_glass(glass: Glass, options: Map) -> Raw<Glass> {
        let options = Options::new("strain", options, &["plane", "strain"])?;
        let plane = options.text("plane")?.or("xy".into()).parse::<ShearPlane>().map_err(|e| e.within("strain"))?;
        let gradient = plane.gradient(options.float("strain")?.required()?);
        Ok(glass.then(deform(glass.configuration(), &gradient)?, options.record()))
    }
}

fn rows(matrix: &nalgebra::Matrix6<f64>) -> Array {
    let row = |i: usize| Dynamic::from((0..6).map(|j| Dynamic::from(matrix[(i, j)])).collect::<Array>());
    (0..6).map(row).collect()
}

pub(super) fn register(library: &mut Library) {
    library.value::<Sheared>("Sheared", |sheared| {
        let run = &sheared.run;
        let last = run.points.last().map_or(0.0, |p| p.strain);
        let largest = run.points.iter().map(|p| p.stress).fold(f64::NEG_INFINITY, f64::max);
        let end = if run.interrupted { ", interrupted" } else { "" };
        format!("Shear to {last:.4}: {} events, largest stress {largest:.3} GPa{end}", run.events.len())
    });
    library.value::<Event>("ShearEvent", |event| {
        let e = event.get();
        format!(
            "ShearEvent at {:.6}: stress falls by {:.4} GPa, energy by {:.4} eV",
            e.strain, e.stress_drop, e.energy_drop
        )
    });
    library.value::<ElasticConstants>("ElasticConstants", |c| {
        let (g, k, nu) = (c.shear_modulus(), c.bulk_modulus(), c.poisson_ratio());
        format!("ElasticConstants: shear modulus {g:.3} GPa, bulk modulus {k:.2} GPa, Poisson's ratio {nu:.3}")
    });
    library.add("deformation", exported_module!(binding));
}
