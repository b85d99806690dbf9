//! The activation energy of an atom, and how well a campaign knows it.

use super::event::NO_SADDLE;
use crate::error::{Error, Result};
use crate::random::{Purpose, stream};
use crate::table::{Column, Table};
use crate::units;
use rand::RngExt;

/// How the barriers of an atom become one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// Mean barrier.
    Mean,
    /// Median barrier.
    Median,
    /// Lowest barrier.
    Minimum,
    /// Mean barrier of the events as they happen at a temperature [K]: each weighs `exp(-E / k_B T)`.
    Thermal(f64),
}

impl Statistic {
    /// By name; `temperature` [K] goes with `thermal`.
    pub fn from_name(name: &str, temperature: Option<f64>) -> Result<Statistic> {
        match (name, temperature) {
            ("mean", None) => Ok(Statistic::Mean),
            ("median", None) => Ok(Statistic::Median),
            ("minimum", None) => Ok(Statistic::Minimum),
            ("thermal", Some(t)) if t > 0.0 && t.is_finite() => Ok(Statistic::Thermal(t)),
            ("thermal", _) => {
                Err(Error::input("activation_energy: `statistic: \"thermal\"` needs a positive `temperature`"))
            }
            ("mean" | "median" | "minimum", Some(_)) => {
                Err(Error::input("activation_energy: `temperature` goes with `statistic: \"thermal\"` only"))
            }
            _ => Err(Error::input(format!(
                "activation_energy: `statistic` must be mean, median, minimum or thermal, found {name}"
            ))),
        }
    }

    /// The number of these barriers [eV]; NaN when there is none. Sorts them.
    pub fn of(self, barriers: &mut [f64]) -> f64 {
        let n = barriers.len();
        if n == 0 {
            return f64::NAN;
        }
        barriers.sort_by(f64::total_cmp);
        match self {
            Statistic::Mean => barriers.iter().sum::<f64>() / n as f64,
            Statistic::Median => 0.5 * (barriers[(n - 1) / 2] + barriers[n / 2]),
            Statistic::Minimum => barriers[0],
            Statistic::Thermal(temperature) => {
                let kt = units::BOLTZMANN * temperature;
                let weight = |e: f64| (-(e - barriers[0]) / kt).exp();
                barriers.iter().map(|&e| e * weight(e)).sum::<f64>() / barriers.iter().map(|&e| weight(e)).sum::<f64>()
            }
        }
    }

    /// Standard error of that number; NaN for fewer than two events. Of a mean it is `s / sqrt(n)`, else that of 200
    /// resamples with fixed random numbers.
    pub fn error(self, barriers: &[f64]) -> f64 {
        let n = barriers.len();
        if n < 2 {
            return f64::NAN;
        }
        if self == Statistic::Mean {
            return (variance(barriers) / n as f64).sqrt();
        }
        let mut random = stream(0, Purpose::Bootstrap, 0);
        let mut sample = vec![0.0; n];
        let values: Vec<f64> = (0..200)
            .map(|_| {
                sample.iter_mut().for_each(|x| *x = barriers[random.random_range(0..n)]);
                self.of(&mut sample)
            })
            .collect();
        variance(&values).sqrt()
    }
}

fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64
}

/// Activation energy of one atom.
#[derive(Clone, Debug, PartialEq)]
pub struct Activation {
    /// The atom, as numbered in what was given.
    pub atom: i64,
    /// The statistic of its barriers [eV].
    pub energy: f64,
    /// Its standard error [eV]; NaN for a single event.
    pub error: f64,
    /// Number of events.
    pub events: usize,
}

/// Activation energies of all atoms that have an event, in the order of their numbers. `barriers` are atom and barrier of
/// connected, distinct events.
pub fn activation_energies(barriers: &[(i64, f64)], statistic: Statistic) -> Vec<Activation> {
    groups(barriers)
        .into_iter()
        .map(|(atom, mut group)| {
            let error = statistic.error(&group);
            Activation { atom, energy: statistic.of(&mut group), error, events: group.len() }
        })
        .collect()
}

fn groups(barriers: &[(i64, f64)]) -> Vec<(i64, Vec<f64>)> {
    let mut sorted = barriers.to_vec();
    sorted.sort_by_key(|b| b.0);
    sorted.chunk_by(|a, b| a.0 == b.0).map(|c| (c[0].0, c.iter().map(|b| b.1).collect())).collect()
}

/// Atom and barrier [eV] of the connected, distinct events of a table: those with a barrier whose `outcome` is `connected`, or
/// all with a barrier if there is no such column.
pub fn barriers_of(events: &Table) -> Result<Vec<(i64, f64)>> {
    let atoms = events.column("atom")?.numbers()?;
    let barriers = events.column("barrier")?.numbers()?;
    let connected = match events.has("outcome") {
        true => events.column("outcome")?.texts()?.iter().map(|o| o == "connected").collect(),
        false => vec![true; atoms.len()],
    };
    let rows = atoms.into_iter().zip(barriers).zip(connected);
    Ok(rows
        .filter(|((_, barrier), connected)| *connected && barrier.is_finite())
        .map(|((a, b), _)| (a as i64, b))
        .collect())
}

/// The table of activation energies: `atom`, `activation_energy`, `activation_energy_error`, `events`.
pub fn activation_table(events: &Table, statistic: Statistic) -> Result<Table> {
    let rows = activation_energies(&barriers_of(events)?, statistic);
    Table::from_columns(vec![
        Column::integer("atom", rows.iter().map(|r| r.atom).collect()),
        Column::float("activation_energy", "eV", rows.iter().map(|r| r.energy).collect()),
        Column::float("activation_energy_error", "eV", rows.iter().map(|r| r.error).collect()),
        Column::integer("events", rows.iter().map(|r| r.events as i64).collect()),
    ])
}

/// Outcomes of a campaign: `outcome`, `tries`, `share`, and per try of that outcome the mean `force_evaluations` and
/// `hessian_products`; the median `barrier` where there is one.
pub fn outcome_table(events: &Table) -> Result<Table> {
    let column = events.column("outcome")?;
    let outcomes = column.texts()?;
    let numbers = |name: &str| events.column(name)?.numbers();
    let (forces, products) = (numbers("force_evaluations")?, numbers("hessian_products")?);
    let barriers = numbers("barrier")?;
    let mut rows: Vec<(&str, Vec<usize>)> = Vec::new();
    for known in super::event::OUTCOMES {
        let members: Vec<usize> = (0..outcomes.len()).filter(|&k| outcomes[k] == known.name()).collect();
        if !members.is_empty() {
            rows.push((known.name(), members));
        }
    }
    let mean =
        |values: &[f64], members: &[usize]| members.iter().map(|&k| values[k]).sum::<f64>() / members.len() as f64;
    let median = |members: &[usize]| {
        let mut known: Vec<f64> = members.iter().map(|&k| barriers[k]).filter(|b| b.is_finite()).collect();
        Statistic::Median.of(&mut known)
    };
    let float = |name: &str, unit: &str, f: &dyn Fn(&[usize]) -> f64| {
        Column::float(name, unit, rows.iter().map(|r| f(&r.1)).collect())
    };
    Table::from_columns(vec![
        Column::text("outcome", rows.iter().map(|r| r.0.to_string()).collect()),
        Column::integer("tries", rows.iter().map(|r| r.1.len() as i64).collect()),
        float("share", "", &|m| m.len() as f64 / outcomes.len() as f64),
        float("force_evaluations", "", &|m| mean(&forces, m)),
        float("hessian_products", "", &|m| mean(&products, m)),
        float("barrier_median", "eV", &median),
    ])
}

/// What the random sample that was refined with all atoms free says of the barriers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WholeCell {
    /// Events of the sample.
    pub events: usize,
    /// Those of them that are no saddle with all atoms free; the differences are those of the others.
    pub lost: usize,
    /// Median of the difference, without its sign [eV].
    pub median: f64,
    /// 95 % of the differences are below this [eV].
    pub most: f64,
    /// The largest of them [eV].
    pub largest: f64,
}

/// Compare `barrier` with `barrier_whole_cell` wherever that is known.
pub fn whole_cell(events: &Table) -> Result<WholeCell> {
    let (local, whole) = (events.column("barrier")?.numbers()?, events.column("barrier_whole_cell")?.numbers()?);
    let lost = whole.iter().filter(|&&w| w == NO_SADDLE).count();
    let mut differences: Vec<f64> =
        local.iter().zip(&whole).map(|(a, b)| (a - b).abs()).filter(|d| d.is_finite()).collect();
    differences.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * differences.len() as f64).ceil() as usize;
        differences.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    };
    Ok(WholeCell { events: differences.len() + lost, lost, median: at(0.5), most: at(0.95), largest: at(1.0) })
}

/// How much of the spread of activation energies is noise of the sampling.
///
/// One-way analysis of variance of barriers in atoms: barriers of one atom scatter with `within`, the true means of atoms
/// with `between`. A correlation with the mean of `n` barriers is weaker than that with the true mean by the factor
/// `attenuation = sqrt(between / (between + within / n))`.
/// Spearman, Am. J. Psychol. 15, 72 (1904), <https://doi.org/10.2307/1412159>.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// Variance of the barriers of one atom [eV^2].
    pub within: f64,
    /// Variance of the true means of atoms [eV^2]; zero when the data show none.
    pub between: f64,
    /// Typical number of events of an atom.
    pub events: f64,
    /// Factor by which the noise reduces every correlation.
    pub attenuation: f64,
}

/// Split the spread of barriers; an error with fewer than two atoms or no atom with two events.
pub fn noise(barriers: &[(i64, f64)]) -> Result<Noise> {
    let groups = groups(barriers);
    let (atoms, total) = (groups.len(), barriers.len());
    if atoms < 2 || total <= atoms {
        return Err(Error::input("noise: needs at least two atoms, and atoms with more than one event"));
    }
    let mean = barriers.iter().map(|b| b.1).sum::<f64>() / total as f64;
    let mut inside = 0.0;
    let mut among = 0.0;
    for (_, group) in &groups {
        let own = group.iter().sum::<f64>() / group.len() as f64;
        inside += group.iter().map(|x| (x - own).powi(2)).sum::<f64>();
        among += group.len() as f64 * (own - mean).powi(2);
    }
    let within = inside / (total - atoms) as f64;
    let squares: f64 = groups.iter().map(|g| (g.1.len() * g.1.len()) as f64).sum();
    let events = (total as f64 - squares / total as f64) / (atoms - 1) as f64;
    let between = ((among / (atoms - 1) as f64 - within) / events).max(0.0);
    let attenuation = (between / (between + within / events)).sqrt();
    Ok(Noise { within, between, events, attenuation })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_distr::{Distribution, StandardNormal};

    #[test]
    fn statistics_of_known_barriers() {
        let mut barriers = vec![3.0, 1.0, 2.0, 6.0];
        assert_eq!(Statistic::Mean.of(&mut barriers), 3.0);
        assert_eq!(Statistic::Median.of(&mut barriers), 2.5);
        assert_eq!(Statistic::Minimum.of(&mut barriers), 1.0);
        assert!((Statistic::Thermal(1e9).of(&mut barriers) - 3.0).abs() < 1e-3);
        assert!((Statistic::Thermal(10.0).of(&mut barriers) - 1.0).abs() < 1e-12);
        let kt = 1.0 / units::BOLTZMANN;
        let e = (-1.0f64).exp();
        let expected = (1.0 + 2.0 * e) / (1.0 + e);
        assert!((Statistic::Thermal(kt).of(&mut [1.0, 2.0]) - expected).abs() < 1e-12);
        assert!((Statistic::Mean.error(&[1.0, 3.0]) - 1.0).abs() < 1e-12);
        assert!(Statistic::Mean.of(&mut []).is_nan() && Statistic::Median.error(&[1.0]).is_nan());
        assert!(Statistic::from_name("thermal", None).is_err() && Statistic::from_name("mode", None).is_err());
    }

    #[test]
    fn only_connected_events_count() {
        let events = Table::from_columns(vec![
            Column::integer("atom", vec![4, 4, 2, 4, 2]),
            Column::text(
                "outcome",
                ["connected", "basin", "duplicate", "connected", "connected"].map(String::from).to_vec(),
            ),
            Column::float("barrier", "eV", vec![1.0, f64::NAN, 9.0, 2.0, 0.5]),
            Column::float("barrier_whole_cell", "eV", vec![1.002, f64::NAN, f64::NAN, 2.0, NO_SADDLE]),
            Column::integer("force_evaluations", vec![10, 20, 30, 40, 50]),
            Column::integer("hessian_products", vec![1, 2, 3, 4, 5]),
        ])
        .unwrap();
        let table = activation_table(&events, Statistic::Mean).unwrap();
        assert_eq!(table.column("atom").unwrap().numbers().unwrap(), [2.0, 4.0]);
        assert_eq!(table.column("activation_energy").unwrap().numbers().unwrap(), [0.5, 1.5]);
        assert_eq!(table.column("events").unwrap().numbers().unwrap(), [1.0, 2.0]);
        let outcomes = outcome_table(&events).unwrap();
        assert_eq!(outcomes.column("outcome").unwrap().texts().unwrap(), ["connected", "duplicate", "basin"]);
        assert_eq!(outcomes.column("tries").unwrap().numbers().unwrap(), [3.0, 1.0, 1.0]);
        let check = whole_cell(&events).unwrap();
        assert!(
            (check.events, check.lost) == (3, 1) && (check.largest - 0.002).abs() < 1e-12 && check.median == 0.0,
            "{check:?}"
        );
    }

    #[test]
    fn atoms_are_grouped_whatever_the_order() {
        let rows = activation_energies(&[(7, 1.0), (2, 0.5), (7, 3.0)], Statistic::Mean);
        assert_eq!(rows.iter().map(|r| (r.atom, r.energy, r.events)).collect::<Vec<_>>(), [(2, 0.5, 1), (7, 2.0, 2)]);
        assert!(rows[0].error.is_nan() && rows[1].error == 1.0);
    }

    #[test]
    fn noise_is_that_of_the_model_it_was_drawn_from() {
        let mut random = stream(11, Purpose::Bootstrap, 1);
        let mut draw = || -> f64 { StandardNormal.sample(&mut random) };
        let mut barriers = Vec::new();
        for atom in 0..4000 {
            let own = 0.3 * draw();
            (0..8).for_each(|_| barriers.push((atom, 1.0 + own + 0.6 * draw())));
        }
        let noise = noise(&barriers).unwrap();
        assert!((noise.within - 0.36).abs() < 0.01 && (noise.between - 0.09).abs() < 0.01, "{noise:?}");
        assert!((noise.events - 8.0).abs() < 1e-9 && (noise.attenuation - (2.0f64 / 3.0).sqrt()).abs() < 0.03);
    }
}
