//! Saddle searches in scripts, and activation energies from their events.

use super::{Library, Options, Raw, observer};
use crate::error::{Error, Result};
use crate::glass::Glass;
use crate::random::{Purpose, stream};
use crate::saddle::path::StringMethod;
use crate::saddle::search::Events;
use crate::saddle::statistics::{self, Noise, Statistic, WholeCell};
use crate::saddle::store::{journal_of, merge};
use crate::saddle::{Artn, Campaign, Goal, Search};
use crate::table::{Column, Table};
use rand::seq::IndexedRandom;
use rhai::plugin::*;
use rhai::{Array, Map};
use std::path::{Path, PathBuf};

/// What a campaign is asked besides the numbers of the search.
const CAMPAIGN: [&str; 8] =
    ["atoms", "tries_per_atom", "events_per_atom", "within", "most_tries", "seed", "store", "shard"];

#[export_module]
mod binding {
    /// Look for saddle points around the minimum the glass is in, by the activation-relaxation technique nouveau (ARTn).
    ///
    /// One row for each try, whatever became of it: `atom` and `try` (from 1), `species`, `outcome`, `barrier` and `final_energy`
    /// [eV], eigenvalues at the saddle, distances, cost. Only rows with the outcome `connected` are events: a first-order
    /// saddle, one side of which is the starting minimum. The others say why not: `duplicate`, `disconnected`, `identical`,
    /// `not_first_order`, `basin`, `eigenvalue_lost`, `fell_back`, `budget`, `energy`.
    ///
    /// A search moves the atoms near the kicked one, and those near what it displaces. Its saddle is tightened with these alone, and
    /// given up when it turns out to be a shoulder or `disconnected`; only then do the surroundings join, the frozen atoms that
    /// feel more than `force_tolerance` with them, and both sides come down together with all of these. An event is settled at last: a shell
    /// around it answers, and, where more than `free_limit` lies beyond that, all atoms within `free_radius`. They do so harmonically; where
    /// that leaves more than `refined_force_tolerance` on some atoms these are relaxed with those around them, and where that is not enough
    /// all are refined together. Those near the event come to rest once more then, to `final_force_tolerance`. To the final minimum shells
    /// alone answer. What stays unstable is `not_first_order`.
    ///
    /// The paper (Wei et al., PRB 99, 014115, 2019) fixes `kick`, `kick_radius`, `increment`, `eigenvalue_threshold` and
    /// `force_tolerance`; all other values are ours. The guarded climb keeps its mode where the classic one loses it; its
    /// saddles are then refined, so that `barrier` is lower than `barrier_unrefined`, the energy the paper takes.
    ///
    /// A saddle between two other minima, or a shoulder with another minimum than the start below it, shows that the climb passed over that
    /// minimum on its way. The search then begins again on the straight way there, and so finds the saddle that leads out of the start;
    /// `bridges` counts this in the table, and `bridges: 0` leaves it out, as the paper does. Of 900 tries with all atoms free, in the
    /// glass below, 65 % so become events instead of 34 %, each for 354 force evaluations and 1033 Hessian products of search instead of
    /// 598 and 1777. What is passed over first is often soft, and makes the exponential part of the spectrum; it need not be near, and
    /// then says nothing of the atom. Where events around the kicked atom are wanted, keep those of a small `center_distance`: in a glass of
    /// 1000 atoms, two tries each, the rank correlation of the activation energy with the vibrational motion is -0.34 for Cu and -0.13
    /// for Zr with all events, -0.38 and -0.27 with those within 6 A, which are the ones that the bundled scripts take.
    ///
    /// Climbs come to the same saddles again and again, those of neighbouring atoms too. A try that comes to a saddle, or passes over a
    /// minimum, from which an earlier one went on takes over what that found out; the columns `known_atom` and `known_try` name its row.
    /// From the tenth try of each atom on that is every second event, and most are events of the same atom, `duplicate`.
    /// Tries know those of earlier batches in their block of atoms: a batch is one try of each atom (of few atoms,
    /// at least 64 tries), a block some 300 atoms (17 A wide). `recall: false` makes every try in full. Kicks of an atom that point to
    /// all sides (`spread_kicks`) repeat themselves less: of 1000 tries of 100 atoms, 661 events, 563 were different for their atom;
    /// with independent ones, as in the paper, 652 and 499.
    ///
    /// The two do not sample alike (`bridges: 0`, `recall: false`, `spread_kicks: false`, `force_evaluations: 500`). On an annealed
    /// Cu50Zr50 glass of 1372 atoms 97 % of 8232 guarded and 16 % of 35,672 classic tries reached a saddle. The barriers of their 2794
    /// and 2286 events, not merged, have means of 1.54(2) and 1.59(2) eV (Kolmogorov-Smirnov D = 0.068, p = 1e-5), but differ in
    /// shape: below 0.2 eV lie 6 % of the guarded and 10 % of the classic events, between 0.3 and 1 eV 18 and 10 %; above 1.5 eV the two agree (D = 0.028, p = 0.64). A guarded try finds a barrier
    /// below 0.2 eV more often than a classic one (1.9 against 0.7 % of all tries), and six times as many above it, on most of which
    /// the classic one loses its mode. `scripts/methods.rhai` repeats this; compare barriers of one method only.
    ///
    /// What the frozen atoms hold back is missed: barriers below 0.2 eV belong to soft modes that reach further than `radius`. A soft
    /// minimum that was passed over is often none with the atoms of the climb alone, so that the way back to it is taken with all within
    /// 14 A. Of 900 tries in the same glass with all atoms free (`region: "all"`) 35 % found such a barrier, of as many local ones 21 %. Of
    /// climbs alone (`bridges: 0`) 8.7 and 1.2 % do, local ones 2.9 % with `growth_displacement: 0.1` and 7.3 % with `radius: 17`, where an
    /// event of 19,652 atoms takes 1.2 and 1.5 times as long.
    ///
    /// The columns. Energies over the start [eV]: `barrier` and `final_energy`; `barrier_unrefined`, when the largest force first fell below
    /// `force_tolerance`; `far_field`, the part of `barrier` that is the answer of the surroundings; `barrier_whole_cell`, after a
    /// refinement with all atoms free, of a random sample, infinite where that finds no saddle. Curvatures [eV/A^2]: `eigenvalue` and
    /// `second_eigenvalue` at the saddle, the latter in the softest direction across the mode, and `exit_eigenvalue` on leaving the basin.
    /// `residual_force`, the largest of all atoms at the saddle [eV/A]. Lengths of displacements over all atoms [A]: `saddle_distance`,
    /// `displacement` (start to end) and `final_distance` (saddle to end). Of single atoms [A]: `largest_displacement` at the saddle, of
    /// `center_atom`, which is `center_distance` from the kicked one; `return_distance`, after the way back. `moved` counts the atoms displaced
    /// by more than 0.1 A. `exchange` is 1 where the end is the start with like atoms in each other's places, 3 % of the events of the
    /// glass that is part of the program. `duplicate_of`, `known_atom` and `known_try` name earlier tries. `bridges`, `basin_pushes`, `climb_pushes`; `search_atoms`
    /// and `refined_atoms` took part; `search_force_evaluations` and `search_hessian_products` up to the unrefined saddle, `force_evaluations`
    /// and `hessian_products` in all, and `atom_evaluations`, the atoms summed over those. `seed` and `search`, the method with the options that
    /// are not at their defaults.
    ///
    /// Guarded tries of that glass of 1372 atoms find saddles of the population that others found there (Kolmogorov-Smirnov p = 0.86 against
    /// the barriers of the list in `tests/data/artn`). The cost of an event does not depend on the number of atoms: 1.0 s of processor time
    /// in 19,652 atoms, 1.2 s with four times as many, where the difference is the preparation of the larger glass.
    ///
    /// - `atoms`: atoms to kick: "all", a species, how many (drawn at random), or a list counted from 1, "all"
    /// - `tries_per_atom`: tries for each, 10
    /// - `events_per_atom`: go on until an atom has so many distinct events, instead of a number of tries
    /// - `within`: events count for that whose most displaced atom is within this of the kicked one [A], no limit
    /// - `most_tries`: most tries for that, 10 times `events_per_atom`
    /// - `seed`: seed of the random numbers
    /// - `store`: file for the table, `.parquet` or `.csv`, with a journal beside it from which a later call goes on
    /// - `shard`: [k, n] does the k-th of n parts of the glass, made of whole blocks of atoms; one of 20,000 atoms has 64 of them
    /// - `method`: "guarded" or "classic", "guarded"
    /// - `region`: "local" moves a region that grows with the event, "all" every atom, "local"
    /// - `kick`: length of the kick [A], 0.1
    /// - `kick_radius`: atoms this near to the chosen one are kicked [A], 2
    /// - `spread_kicks`: each kick of an atom is that of 16 random ones which is furthest from those before it (of 32 tries), true
    /// - `increment`: longest push along the mode [A], 0.15
    /// - `basin_factor`: push in the basin over `increment`, 1
    /// - `basin_pushes`: most pushes in the basin, 30
    /// - `basin_relaxation`: steps of relaxation after each of them, 3
    /// - `first_lanczos`: pushes before the first look at the lowest mode, 2
    /// - `eigenvalue_threshold`: the basin is left below this [eV/A^2], -0.3
    /// - `recovery_eigenvalue`: a guarded climb that lost its mode, or a bridge, is pushed on until the eigenvalue is below this [eV/A^2], -0.05
    /// - `force_tolerance`: largest force at the end of the climb, and of all atoms at the saddle [eV/A], 0.05
    /// - `refined_force_tolerance`: the same of the refined saddle [eV/A], 0.003
    /// - `final_force_tolerance`: the same of the atoms near it when all have answered [eV/A], 0.001
    /// - `lanczos_vectors`: most vectors of a Lanczos iteration, 16
    /// - `lanczos_tolerance`: relative change of the eigenvalue that ends it, 0.01
    /// - `guard_vectors`: most vectors when the guard looks for the mode, 10
    /// - `curvature_guard`: the guard acts above this curvature along the mode [eV/A^2], -0.05
    /// - `undo_limit`: steps that the guard may undo, 30
    /// - `smoothing`: pushes that turn from the kick to the mode, 2
    /// - `smallest_curvature`: the push is the force over the curvature, taken as at least this [eV/A^2], 0.5
    /// - `retries`: attempts of the classic climb to find a lost mode, 3
    /// - `relaxation_step`: longest step of an atom in a relaxation [A], 0.1
    /// - `climb_pushes`: most pushes of the climb, 150
    /// - `force_evaluations`: most force evaluations of the search, bridges included, 800
    /// - `energy_limit`: the search is given up above this energy [eV], 8
    /// - `radius`: atoms this near to the kicked one take part from the start [A], 12
    /// - `growth_interval`: pushes between two looks at whether the region must grow, 5
    /// - `growth_displacement`: an atom displaced by more than this brings its surroundings in [A], 0.5
    /// - `growth_radius`: radius of those surroundings [A], 8
    /// - `offender_radius`: radius brought in around a frozen atom with too large a force [A], 6
    /// - `refinement_radius`: radius around the most displaced atom in which the saddle is refined at first [A], 17
    /// - `far_field_radius`: shell beyond it whose harmonic answer is added to the energies [A], 8
    /// - `far_field_limit`: the answer of a shell is exact to a part of this, and a final minimum gets another where twice as much lies
    ///   beyond it; without `free_radius` a saddle is refined with its shell where more lies beyond that [eV], 0.0105
    /// - `soft_eigenvalue`: a shell with which `second_eigenvalue` is below this is refined with the saddle [eV/A^2], 0.02
    /// - `free_limit`: and all atoms are asked for their answer where more than this lies beyond it [eV], 0.003; with 0 all of 232 events
    ///   but one agree within 4 meV with the whole cell (see `whole_cell_check`), for a tenth more time
    /// - `free_radius`: these are all atoms within this radius [A], 43, which is every atom of a glass of 20,000; 0 for none,
    ///   which saves a fifth of the time and leaves one barrier in five wrong by more than 5 meV (see `whole_cell_check`)
    /// - `newton_steps`: most Newton steps of the refinement, 40
    /// - `bridges`: times that a search which passed over another minimum looks for the saddle that leads there, 2
    /// - `bridge_radius`: atoms within this of such a minimum take part in the search for the way there, where it was found with more
    ///   atoms than those of the climb [A], 14; 0 for none
    /// - `second_tolerance`: relative residual of the softest direction across the mode, 0.3
    /// - `side_push`: length of the push off the saddle to either side [A], 0.25
    /// - `side_force_tolerance`: largest force of the relaxed sides [eV/A], 0.001
    /// - `side_evaluations`: most force evaluations for each side, 2000
    /// - `same_distance`: in the same minimum no atom is displaced by more than this [A], 0.1
    /// - `same_energy`: and the energies agree within this [eV], 0.005
    /// - `duplicate_final_energy`: events are the same when their final energies agree within this [eV], 0.005
    /// - `duplicate_saddle_energy`: and their barriers within this [eV], 0.01
    /// - `duplicate_displacement`: and the lengths of their displacements within this [A], 0.1
    /// - `whole_cell_share`: share of the events, drawn at random, refined once more with all atoms free, 0.01
    /// - `recall`: end a try where an earlier one of the campaign came by and its outcome is known, true
    /// - `minimum_force`: the glass must be at a minimum with no larger force than this [eV/A], 0.001
    ///
    /// ```rhai,slow
    /// let events = glass.minimize(#{ force_tolerance: 1e-5 }).artn(#{ atoms: 2, tries_per_atom: 1, seed: 1 });
    /// print(events.outcomes());
    /// ```
    #[rhai_fn(return_raw)]
    pub fn artn(glass: Glass, options: Map) -> Raw<Table> {
        let known = super::known_options();
        let options = Options::new("artn", options, &known.iter().map(String::as_str).collect::<Vec<_>>())?;
        let search = super::search(&glass, &options)?;
        let campaign = super::campaign(&glass, &options)?;
        let store = options.text("store")?.optional();
        let events = search.campaign(&campaign, observer())?;
        Ok(super::finish(&events, store.as_deref())?)
    }

    /// One try of `artn` once more, with its configurations: a map with the `event` as a table of one row, and where it was
    /// reached the glass at the `saddle` and in the `end` minimum, with the answer of the atoms around the event. What is only
    /// estimated to lie beyond these is in `barrier` and `final_energy`, but not in the energies of the two: none where all atoms
    /// answered, some meV elsewhere.
    ///
    /// `options` are those of the campaign; the same seed, atom and try give the same event. It is always made in full: of a try that took
    /// over what an earlier one found out, ask for that one (`known_atom`, `known_try`).
    ///
    /// ```rhai,slow
    /// let minimum = glass.minimize(#{ force_tolerance: 1e-5 });
    /// print(minimum.artn_event(7, 1, #{ seed: 1 }).event);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn artn_event(glass: Glass, atom: i64, attempt: i64, options: Map) -> Raw<Map> {
        let known = super::known_options();
        let options = Options::new("artn_event", options, &known.iter().map(String::as_str).collect::<Vec<_>>())?;
        let search = super::search(&glass, &options)?;
        let (atom, attempt) = (super::place(&glass, atom)?, super::from_one("artn_event", "try", attempt)?);
        Ok(super::one_event(&glass, &search, atom, attempt, options.seed("seed")?)?)
    }

    /// The path of least energy over the saddle of one try of `artn`, by the string method (E, Ren, Vanden-Eijnden, J. Chem. Phys.
    /// 126, 164103, 2007): a table of the `distance` along the path [A] and the `energy` over the starting minimum [eV]. The
    /// saddle is its highest point, to the accuracy of both, about 0.1 meV. All atoms take part that answered to the event, in large glasses most: it takes as long as some
    /// thousand evaluations of them.
    ///
    /// `options` are those of the campaign and `images`, the number of states between each minimum and the saddle (7); a try that
    /// is not an event is an error.
    ///
    /// ```rhai,slow
    /// let minimum = glass.minimize(#{ force_tolerance: 1e-5 });
    /// for t in 1..20 {
    ///     if minimum.artn_event(7, t, #{ seed: 1 }).event["outcome"][0] == "connected" {
    ///         print(minimum.artn_path(7, t, #{ seed: 1, images: 5 }));
    ///         break;
    ///     }
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn artn_path(glass: Glass, atom: i64, attempt: i64, options: Map) -> Raw<Table> {
        let known = super::known_options();
        let known: Vec<&str> = known.iter().map(String::as_str).chain(["images"]).collect();
        let options = Options::new("artn_path", options, &known)?;
        let search = super::with_configurations(&glass, &super::search(&glass, &options)?)?;
        let (atom, attempt) = (super::place(&glass, atom)?, super::from_one("artn_path", "try", attempt)?);
        let event = search.run(atom, attempt, options.seed("seed")?)?;
        let string =
            StringMethod { images: options.count_between("images", 1, 1000)?.or(7), ..StringMethod::default() };
        let path = string.run(&search, &event, observer())?;
        Ok(Table::from_columns(vec![
            Column::float("distance", "A", path.distance),
            Column::float("energy", "eV", path.energy),
        ])?)
    }

    /// Activation energy of each atom: a table of `atom`, `activation_energy` and its standard error [eV], and the number of
    /// `events`, from the connected, distinct events of the atom.
    ///
    /// The standard error of a mean is `s / sqrt(n)`, that of another statistic the scatter of 200 resamples of the events of the atom, too
    /// small for a minimum, since no resample is lower than the lowest. It is missing for fewer than two events.
    ///
    /// - `statistic`: "mean", "median", "minimum" or "thermal" (each event weighs exp(-E / k_B T)), "mean"
    /// - `temperature`: for "thermal" [K]
    ///
    /// ```rhai
    /// let events = table(#{ atom: [1, 1, 2], barrier: [0.5, 1.5, 0.8] }, #{ barrier: "eV" });
    /// print(events.activation_energy());
    /// print(events.activation_energy(#{ statistic: "thermal", temperature: 700*K }));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn activation_energy(events: Table, options: Map) -> Raw<Table> {
        let options = Options::new("activation_energy", options, &["statistic", "temperature"])?;
        let choices = ["mean", "median", "minimum", "thermal"];
        let name = options.choice("statistic", &choices)?.or("mean".into());
        let statistic = Statistic::from_name(&name, options.positive("temperature")?.optional())?;
        Ok(statistics::activation_table(&events, statistic).map_err(|e| e.within("activation_energy"))?)
    }

    /// The connected, distinct events of a table of tries.
    ///
    /// ```rhai
    /// let events = table(#{ atom: [1, 1], outcome: ["connected", "basin"], barrier: [0.5, 1.5] });
    /// print(events.barriers()["barrier"]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn barriers(events: Table) -> Raw<Table> {
        let outcome = events.column("outcome").map_err(|e| e.within("barriers"))?;
        let mask: Vec<bool> = outcome.texts()?.iter().map(|o| o == "connected").collect();
        Ok(events.filter_mask(&mask)?)
    }

    /// What became of the tries of `artn`: for each `outcome` the number of `tries` and their `share`, the mean number of
    /// `force_evaluations` and `hessian_products` of one, and `barrier_median` of those that came to a saddle [eV].
    ///
    /// ```rhai,slow
    /// print(glass.minimize(#{ force_tolerance: 1e-5 }).artn(#{ atoms: 2, tries_per_atom: 1, seed: 1 }).outcomes());
    /// ```
    #[rhai_fn(return_raw)]
    pub fn outcomes(events: Table) -> Raw<Table> {
        Ok(statistics::outcome_table(&events).map_err(|e| e.within("outcomes"))?)
    }

    /// How much of the spread of activation energies is noise of the sampling: the variance of the barriers `within` an atom
    /// and `between` the true means of atoms [eV^2], and the factor `attenuation` by which it weakens every correlation with
    /// the mean barrier. One row; `attenuation` is missing where all barriers are the same. The analysis of variance of one factor.
    ///
    /// ```rhai
    /// let events = table(#{ atom: [1, 1, 2, 2], barrier: [0.5, 0.7, 1.4, 1.8] }, #{ barrier: "eV" });
    /// print(events.noise());
    /// ```
    #[rhai_fn(return_raw)]
    pub fn noise(events: Table) -> Raw<Table> {
        let Noise { within, between, events, attenuation } = statistics::noise(&statistics::barriers_of(&events)?)?;
        Ok(Table::from_columns(vec![
            Column::float("within", "eV^2", vec![within]),
            Column::float("between", "eV^2", vec![between]),
            Column::float("events", "", vec![events]),
            Column::float("attenuation", "", vec![attenuation]),
        ])?)
    }

    /// What the random sample of events that was refined with all atoms free says of the barriers: the number of `events` in it, how many of
    /// them are `lost`, which is no saddle then, and of the others the median, the 95th percentile and the largest of the differences
    /// [eV]. One row.
    ///
    /// Of 233 events of `read("Cu50Zr50-19652")` 230 agree within 5 meV with the whole cell, where the largest force is 5e-4 eV/A; one
    /// is 7 meV off, one 72, and one, of a barrier of 2 meV, is no saddle there. The one that is 72 off becomes another saddle under the
    /// last forces: a spot 25 A away gives way that is soft for reasons of its own. 5 of 213 do so when those near the event are not
    /// brought to `final_force_tolerance`; and without `free_radius` of `artn` 134 of 163 agreed within 5 meV and 153 within 20 meV, 9
    /// differed by more, the worst by 0.27 eV, and 1 was no saddle any more. The other two are events of which little lies beyond the
    /// shell around them; with `free_limit: 0` all atoms answer to these as well, and all but that one agree within 4 meV.
    #[rhai_fn(return_raw)]
    pub fn whole_cell_check(events: Table) -> Raw<Table> {
        let WholeCell { events, lost, median, most, largest } = statistics::whole_cell(&events)?;
        Ok(Table::from_columns(vec![
            Column::integer("events", vec![events as i64]),
            Column::integer("lost", vec![lost as i64]),
            Column::float("median", "eV", vec![median]),
            Column::float("percentile_95", "eV", vec![most]),
            Column::float("largest", "eV", vec![largest]),
        ])?)
    }

    /// The events of several stores of one campaign, such as its shards, as one table: that of one run with the same vector instructions, which
    /// round alike. Where atoms have different numbers of tries, a note says so, since a part may not be complete.
    ///
    /// ```rhai,slow
    /// let minimum = glass.minimize(#{ force_tolerance: 1e-5 });
    /// for k in 1..=2 {
    ///     minimum.artn(#{ atoms: [7, 50], tries_per_atom: 1, seed: 1, shard: [k, 2], store: `part-${k}.csv` });
    /// }
    /// print(merge_events(["part-1.csv", "part-2.csv"]).outcomes());
    /// ```
    #[rhai_fn(return_raw)]
    pub fn merge_events(stores: Array) -> Raw<Table> {
        let paths = Options::new("merge_events", Map::from([("stores".into(), stores.into())]), &["stores"])?;
        let paths: Vec<_> = paths.texts("stores")?.unwrap_or_default().iter().map(|p| journal_of(p.as_ref())).collect();
        Ok(super::finish(&merge(&paths)?, None)?)
    }
}

/// Options of `artn`: those of the campaign and every number of the search.
fn known_options() -> Vec<String> {
    let numbers = Artn::default().options().into_iter().map(|o| o.0).filter(|name| name != "keep_configurations");
    CAMPAIGN.iter().map(|name| (*name).to_string()).chain(numbers).collect()
}

/// The search with the numbers that were given.
fn search(glass: &Glass, options: &Options) -> Result<Search> {
    let mut artn = Artn::default();
    for (name, standard) in Artn::default().options() {
        if !options.has(&name) {
            continue;
        }
        let value = match standard.as_str() {
            "true" | "false" => options.boolean(&name)?.optional().map(serde_json::Value::from),
            text if text.starts_with('"') => options.text(&name)?.optional().map(serde_json::Value::from),
            text if text.contains(['.', 'e']) => options.float(&name)?.optional().map(serde_json::Value::from),
            _ => options.count(&name)?.optional().map(serde_json::Value::from),
        };
        if let Some(value) = value {
            artn = artn.with(&name, value)?;
        }
    }
    Search::new(artn, glass.configuration(), glass.potential()?)
}

/// Most tries of an atom, which share a random stream for each.
const MOST_TRIES: usize = 1 << 24;

fn campaign(glass: &Glass, options: &Options) -> Result<Campaign> {
    let seed = options.seed("seed")?;
    let goal = match options.count("events_per_atom")?.optional() {
        Some(_) if options.has("tries_per_atom") => {
            return Err(Error::input("artn: give `tries_per_atom` or `events_per_atom`, not both"));
        }
        Some(wanted) => Goal::Events {
            wanted,
            within: options.positive("within")?.or(f64::INFINITY),
            most: options.count_between("most_tries", 1, MOST_TRIES)?.or(10 * wanted),
        },
        None if options.has("within") || options.has("most_tries") => {
            return Err(Error::input(
                "artn: `within` and `most_tries` say how `events_per_atom` is counted; give that as well",
            ));
        }
        None => Goal::Tries(options.count_between("tries_per_atom", 1, MOST_TRIES)?.or(10)),
    };
    let shard = match options.counts("shard")?.as_deref() {
        None => None,
        Some(&[k, n]) if k >= 1 && k <= n => Some((k - 1, n)),
        Some(other) => {
            return Err(Error::input(format!("artn: `shard` must be [k, n] with k from 1 to n, found {other:?}")));
        }
    };
    let store = store(options)?;
    Ok(Campaign { atoms: atoms(glass, options, seed)?, goal, seed, shard, store })
}

/// The journal of the store; an error when there is a table without one, which would be replaced.
fn store(options: &Options) -> Result<Option<PathBuf>> {
    let Some(table) = options.text("store")?.optional() else { return Ok(None) };
    let ending = Path::new(&table).extension().and_then(|e| e.to_str());
    if !matches!(ending, Some("parquet" | "csv" | "journal")) {
        return Err(options.wrong("store", "a file that ends with .parquet or .csv", &table.into()));
    }
    let journal = journal_of(table.as_ref());
    if Path::new(&table).exists() && !journal.exists() {
        return Err(Error::input(format!(
            "artn: {table} is there, but not {}, from which it could go on; move the table away, or give another `store`",
            journal.display()
        )));
    }
    Ok(Some(journal))
}

fn atoms(glass: &Glass, options: &Options, seed: u64) -> Result<Vec<usize>> {
    let Some(given) = options.raw("atoms") else { return Ok((0..glass.len()).collect()) };
    if let Some(text) = given.clone().into_string().ok().filter(|t| t != "all") {
        let configuration = glass.configuration();
        let kind = configuration.elements.iter().position(|e| e.name == text);
        let kind =
            kind.ok_or_else(|| options.wrong("atoms", "\"all\", a species, a number or a list", &text.clone().into()))?;
        return Ok((0..glass.len()).filter(|&atom| configuration.species[atom] == kind).collect());
    }
    if given.is_string() {
        return Ok((0..glass.len()).collect());
    }
    if let Some(column) = given.clone().try_cast::<Column>() {
        return column.numbers()?.iter().map(|&atom| place(glass, atom as i64)).collect();
    }
    let list = options.counts("atoms")?.unwrap_or_default();
    if given.is_array() {
        return list.into_iter().map(|atom| place(glass, atom as i64)).collect();
    }
    let count = list.first().copied().unwrap_or(0);
    if count == 0 {
        return Err(options.wrong("atoms", "\"all\", a species, a number from 1 or a list", &given));
    }
    if count > glass.len() {
        return Err(Error::input(format!("artn: `atoms` is {count}, but the glass has {} atoms", glass.len())));
    }
    let all: Vec<usize> = (0..glass.len()).collect();
    let mut chosen: Vec<usize> = all.sample(&mut stream(seed, Purpose::Selection, u64::MAX), count).copied().collect();
    chosen.sort_unstable();
    Ok(chosen)
}

/// An atom counted from 0.
fn place(glass: &Glass, atom: i64) -> Result<usize> {
    let place = atom.checked_sub(1).and_then(|n| usize::try_from(n).ok()).filter(|&p| p < glass.len());
    place
        .ok_or_else(|| Error::input(format!("artn: there is no atom {atom}; the glass has atoms 1 to {}", glass.len())))
}

fn from_one(call: &str, what: &str, number: i64) -> Result<usize> {
    number
        .checked_sub(1)
        .and_then(|n| usize::try_from(n).ok())
        .ok_or_else(|| Error::input(format!("{call}: the {what} must be 1 or more, found {number}")))
}

/// The table of a campaign, written to its store, with what the reader should know.
fn finish(events: &Events, store: Option<&str>) -> Result<Table> {
    let table = Table::from_columns(events.columns())?;
    events.notes.iter().for_each(|note| observer().say(&format!("artn: {note}")));
    if let Some(path) = store.filter(|p| Path::new(p) != journal_of(p.as_ref())) {
        table.save(path)?;
    }
    let check = statistics::whole_cell(&table)?;
    if check.events > 0 {
        observer().say(&format!(
            "artn: with all atoms free, the barriers of a random sample of {} differ by {:.1e} eV at most, {:.1e} eV in the median{}",
            check.events - check.lost,
            check.largest,
            check.median,
            match check.lost {
                0 => String::new(),
                lost => format!("; {lost} more are no saddles then"),
            }
        ));
    }
    Ok(table)
}

/// The same search, keeping configurations.
fn with_configurations(glass: &Glass, search: &Search) -> Result<Search> {
    let options = Artn { keep_configurations: true, ..search.options().clone() };
    Search::new(options, glass.configuration(), glass.potential()?)
}

/// One try with its configurations.
fn one_event(glass: &Glass, search: &Search, atom: usize, attempt: usize, seed: u64) -> Result<Map> {
    let search = with_configurations(glass, search)?;
    let event = search.run(atom, attempt, seed)?;
    let step = format!("artn_event({}, {}, #{{ seed: {seed} }})", atom + 1, attempt + 1);
    let mut map = Map::new();
    for (name, displacements) in [("saddle", &event.saddle), ("end", &event.end)] {
        if !displacements.is_empty() {
            let mut configuration = search.configuration().clone();
            displacements.iter().for_each(|(atom, d)| configuration.positions[*atom] += d);
            map.insert(name.into(), Dynamic::from(glass.then(configuration, format!("{step}.{name}"))));
        }
    }
    let label = search.options().label();
    let columns = crate::saddle::event::columns(std::slice::from_ref(&event), seed, &label);
    map.insert("event".into(), Dynamic::from(Table::from_columns(columns)?));
    Ok(map)
}

/// Add what this file binds.
pub(super) fn register(library: &mut Library) {
    library.add("saddle", exported_module!(binding));
}
