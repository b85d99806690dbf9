//! Structure and descriptors in scripts: Voronoi cells, g(r), local radial functions, D2min, autocorrelation, slices.

use super::dynamics::Frames;
use super::options::{MOST_NUMBERS, number, shown};
use super::{Library, Options, Raw, fail, observer};
use crate::cell::{Cell, Vector};
use crate::descriptor::{self, Autocorrelation, Correlation, CorrelationLength, Extremum, FitWindow};
use crate::descriptor::{LocalFunction, LocalRadialDistribution, Quadrature, RadialDistribution, Slice, SliceField};
use crate::error::Error;
use crate::glass::Glass;
use crate::math::program::{Binary, Unary};
use crate::neighbor::Voronoi;
use crate::neighbor::voronoi::{Cells, Threshold};
use crate::plot::Grid;
use crate::table::{Column, Table};
use rhai::plugin::*;
use rhai::{Array, FnPtr, FuncRegistration, Map, Module};
use std::sync::Arc;

/// Options that say which faces of a Voronoi cell count.
const VORONOI: &[&str] = &["radii", "relative_area", "area", "edge_length"];

/// Options of the autocorrelation.
const AUTOCORRELATION: &[&str] = &["to", "bin", "from", "species_mean", "blocks", "method", "spacing"];

/// Options of a slice.
const SLICE: &[&str] = &["normal", "at", "thickness", "smearing", "spacing"];

/// A descriptor: a name, a unit, and a closure from a glass to a column.
#[derive(Clone)]
struct Descriptor {
    name: String,
    unit: Option<String>,
    closure: FnPtr,
}

/// Voronoi cells as scripts hold them.
#[derive(Clone)]
struct ScriptCells(Arc<Cells>);

/// A correlation function with the name of what it correlates.
#[derive(Clone)]
struct ScriptCorrelation {
    name: String,
    correlation: Arc<Correlation>,
}

/// The operators of radial functions.
const OPERATORS: &[(&str, Binary)] = &[
    ("+", Binary::Add),
    ("-", Binary::Subtract),
    ("*", Binary::Multiply),
    ("/", Binary::Divide),
    ("**", Binary::Power),
];

/// The functions of radial functions, with their help.
const FUNCTIONS: &[(&str, Unary, &str)] = &[
    ("-", Unary::Negate, "The negative."),
    ("ln", Unary::Ln, "Natural logarithm of a radial function."),
    ("exp", Unary::Exp, "Exponential of a radial function."),
    ("sqrt", Unary::Sqrt, "Square root of a radial function."),
    ("abs", Unary::Abs, "Absolute value of a radial function."),
    ("xlogx", Unary::Xlogx, "`g ln g`, with 0 ln 0 = 0."),
];

#[export_module]
mod binding {
    /// A descriptor of one's own: a name, and a closure that takes a glass and gives a column or list, one value for each atom.
    ///
    /// Variables of the script that the closure uses have the values they had when the descriptor was made.
    ///
    /// ```rhai
    /// let packing = descriptor("packing", |glass| 12.8 / glass.voronoi().volumes);
    /// let structure = glass.describe([packing]);
    /// ```
    #[rhai_fn(name = "descriptor")]
    pub fn new_descriptor(name: &str, closure: FnPtr) -> Descriptor {
        Descriptor { name: name.into(), unit: None, closure: super::with_values_of_now(closure) }
    }

    /// The same with the unit of its values.
    ///
    /// ```rhai
    /// let height = descriptor("height", "A", |glass| glass.positions["z"]);
    /// ```
    #[rhai_fn(name = "descriptor")]
    pub fn descriptor_with_unit(name: &str, unit: &str, closure: FnPtr) -> Descriptor {
        Descriptor { name: name.into(), unit: Some(unit.into()), closure: super::with_values_of_now(closure) }
    }

    /// The same descriptor under another name, which is that of its column.
    ///
    /// ```rhai
    /// let short = excess_entropy(#{ cutoff: 3.9*angstrom }).named("s2_short");
    /// ```
    #[rhai_fn(name = "named")]
    pub fn named_descriptor(descriptor: Descriptor, name: &str) -> Descriptor {
        Descriptor { name: name.into(), ..descriptor }
    }

    /// Name of a descriptor, which is that of its column.
    #[rhai_fn(get = "name")]
    pub fn descriptor_name(descriptor: &mut Descriptor) -> String {
        descriptor.name.clone()
    }

    /// The column of one descriptor of a glass.
    ///
    /// ```rhai
    /// let s2 = excess_entropy(#{ cutoff: 3.9*angstrom }).of(glass);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn of(context: NativeCallContext, descriptor: Descriptor, glass: Glass) -> Raw<Column> {
        super::describe_one(&context, &descriptor, &glass)
    }

    /// A table of descriptors: `atom` (from 1), `species`, and a column for each descriptor (or column) of the list.
    ///
    /// ```rhai
    /// let structure = glass.describe([voronoi_volume(), five_fold_symmetry()]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn describe(context: NativeCallContext, glass: Glass, descriptors: Array) -> Raw<Table> {
        let configuration = glass.configuration();
        let name = |&kind: &usize| configuration.elements[kind].name.clone();
        let mut columns = vec![
            Column::integer("atom", (1..=glass.len() as i64).collect()),
            Column::text("species", configuration.species.iter().map(name).collect()),
        ];
        for item in descriptors {
            if let Some(column) = item.clone().try_cast::<Column>() {
                super::check_length("describe", &column.name, column.len(), &glass)?;
                columns.push(column);
            } else if let Some(descriptor) = item.clone().try_cast::<Descriptor>() {
                columns.push(super::describe_one(&context, &descriptor, &glass)?);
            } else {
                return fail(format!("describe: expected descriptors or columns, found {}", shown(&item)));
            }
        }
        Ok(Table::from_columns(columns)?)
    }

    /// Voronoi cells of all atoms, in any periodic cell, tilted too.
    ///
    /// With `radii` the tessellation is radical: bigger atoms get more room. Without a threshold every face counts.
    ///
    /// - `radii`: radius of each species [A], as in `#{ Cu: 1.28, Zr: 1.60 }`; by default the plain tessellation
    /// - `relative_area`: drop faces with less than this share of the surface of their cell
    /// - `area`: drop faces with less than this area [A^2]
    /// - `edge_length`: do not count shorter edges [A], nor faces left with fewer than three
    ///
    /// ```rhai
    /// let cells = glass.voronoi();
    /// let five_fold = cells.faces(5) / cells.faces();
    /// ```
    #[rhai_fn(return_raw)]
    pub fn voronoi(glass: Glass, options: Map) -> Raw<ScriptCells> {
        let options = Options::new("voronoi", options, VORONOI)?;
        let voronoi = Voronoi { radii: super::radii(&glass, &options)?, threshold: super::threshold(&options)? };
        Ok(ScriptCells(Arc::new(voronoi.cells(glass.cell(), &glass.configuration().positions)?)))
    }

    /// Volume of each cell [A^3].
    #[rhai_fn(get = "volumes")]
    pub fn volumes(cells: &mut ScriptCells) -> Column {
        Column::float("voronoi_volume", "A^3", cells.0.volumes().to_vec())
    }

    /// Surface of each cell [A^2].
    #[rhai_fn(get = "areas")]
    pub fn areas(cells: &mut ScriptCells) -> Column {
        Column::float("voronoi_area", "A^2", cells.0.areas().to_vec())
    }

    /// Number of faces of each cell.
    #[rhai_fn(name = "faces")]
    pub fn all_faces(cells: ScriptCells) -> Column {
        Column::float("faces", "", cells.0.count(None))
    }

    /// Number of faces with so many edges of each cell.
    #[rhai_fn(name = "faces", return_raw)]
    pub fn faces_with(cells: ScriptCells, edges: i64) -> Raw<Column> {
        match u32::try_from(edges) {
            Ok(edges) => Ok(Column::float(&format!("faces_{edges}"), "", cells.0.count(Some(edges)))),
            Err(_) => fail(format!("faces: a face cannot have {edges} edges")),
        }
    }

    /// Voronoi index `<n3,n4,n5,n6>` of each cell, as text.
    ///
    /// ```rhai
    /// let index = glass.voronoi().index();
    /// ```
    pub fn index(cells: ScriptCells) -> Column {
        let text = |atom| cells.0.index(atom).map(|n| n.to_string()).join(",");
        Column::text("voronoi_index", (0..cells.0.len()).map(|atom| format!("<{}>", text(atom))).collect())
    }

    /// All faces as a table: `atom`, its `neighbor` (both from 1), `edges` and `area` [A^2]; each face from both sides, unless `relative_area`
    /// drops it from one.
    #[rhai_fn(get = "neighbors", return_raw)]
    pub fn neighbors(cells: &mut ScriptCells) -> Raw<Table> {
        let faces = || (0..cells.0.len()).flat_map(|atom| cells.0.faces(atom).iter().map(move |face| (atom, face)));
        Ok(Table::from_columns(vec![
            Column::integer("atom", faces().map(|(atom, _)| atom as i64 + 1).collect()),
            Column::integer("neighbor", faces().map(|(_, face)| i64::from(face.neighbor) + 1).collect()),
            Column::integer("edges", faces().map(|(_, face)| i64::from(face.edges)).collect()),
            Column::float("area", "A^2", faces().map(|(_, face)| face.area).collect()),
        ])?)
    }

    /// Number of neighbours of each atom within a distance; `glass.coordination` is the same.
    ///
    /// - `cutoff`: distance [A], 3.9 (the first trough of g(r) of Cu-Zr)
    /// - `species`: count only these neighbours
    ///
    /// ```rhai
    /// let zr = glass.neighbor_counts(#{ cutoff: 3.9, species: "Zr" });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn neighbor_counts(glass: Glass, options: Map) -> Raw<Column> {
        let options = Options::new("neighbor_counts", options, &["cutoff", "species"])?;
        let cutoff = options.positive("cutoff")?.or(3.9);
        let configuration = glass.configuration();
        let kinds = configuration.elements.len();
        let counts = descriptor::coordination(
            &configuration.cell,
            &configuration.positions,
            &configuration.species,
            kinds,
            cutoff,
        )
        .map_err(|e| e.under("coordination", "neighbor_counts"))?;
        let wanted = match options.text("species")?.optional() {
            Some(name) => {
                let kind = super::kind(&glass, "neighbor_counts", &name)?;
                kind..kind + 1
            }
            None => 0..kinds,
        };
        let sum = |counts: &Vec<u32>| f64::from(counts[wanted.clone()].iter().sum::<u32>());
        Ok(Column::float("coordination", "", counts.iter().map(sum).collect()))
    }

    /// Radial distribution function g(r): total, and one for each pair of species.
    ///
    /// - `to`: largest distance [A]; 12, or half the cell when that is less
    /// - `bins`: number of bins; by default they are 0.02 A wide
    /// - `frames`: frames to average over instead: the `.trajectory` of a run, or a list of glasses
    ///
    /// ```rhai
    /// let g = glass.radial_distribution();
    /// let shells = g.troughs();
    /// figure().line(g.table, "distance", "total").line(g.table, "distance", "Cu-Zr");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn radial_distribution(glass: Glass, options: Map) -> Raw<RadialDistribution> {
        let options = Options::new("radial_distribution", options, &["to", "bins", "frames"])?;
        let frames = super::frames(&glass, &options)?;
        let to = options.positive("to")?.or(super::half_cell(&frames, 12.0));
        let bins = options.count("bins")?.or((to / 0.02).round() as usize);
        let configuration = glass.configuration();
        let names: Vec<String> = configuration.elements.iter().map(|e| e.name.clone()).collect();
        Ok(RadialDistribution::new(&super::parts(&frames), &configuration.species, &names, to, bins, observer())?)
    }

    /// g(r) as a table: `distance`, `total`, and one column for each pair such as `Cu-Zr`.
    #[rhai_fn(get = "table", return_raw)]
    pub fn radial_table(g: &mut RadialDistribution) -> Raw<Table> {
        Ok(Table::from_columns(g.columns())?)
    }

    /// Peaks of g(r), a table of `distance` [A] and `value`, those of a parabola through the bins within a third of
    /// `smoothing`.
    ///
    /// - `pair`: a pair such as "Cu-Zr" instead of all atoms
    /// - `smoothing`: width of the Gaussian that tells shells from noise [A], 0.2
    /// - `prominence`: least height above the troughs beside it, 0.01
    #[rhai_fn(return_raw)]
    pub fn peaks(g: RadialDistribution, options: Map) -> Raw<Table> {
        super::extrema(&g, "peaks", options)
    }

    /// Troughs of g(r), which part the shells of neighbours: a table of `distance` [A] and `value`, as for `peaks`.
    ///
    /// - `pair`: a pair such as "Cu-Zr" instead of all atoms
    /// - `smoothing`: width of the Gaussian that tells shells from noise [A], 0.2
    /// - `prominence`: least depth below the peaks beside it, 0.01
    ///
    /// ```rhai
    /// let first = glass.radial_distribution().troughs()["distance"].first();
    /// ```
    #[rhai_fn(return_raw)]
    pub fn troughs(g: RadialDistribution, options: Map) -> Raw<Table> {
        super::extrema(&g, "troughs", options)
    }

    /// Local partial radial distribution function of every atom with one species, smeared by a Gaussian.
    ///
    /// The result is a formula: it takes `+ - * / **`, `ln`, `exp`, `sqrt`, `abs` and `xlogx`, together with numbers, columns and
    /// other such functions; values are made when an integral or a mean asks for them, one atom at a time.
    ///
    /// - `cutoff`: largest distance [A], 11.2
    /// - `smearing`: width of the Gaussian [A], 0.15
    /// - `step`: radial step [A], 0.02
    /// - `frames`: frames to average over instead: the `.trajectory` of a run, or a list of glasses
    ///
    /// ```rhai
    /// let g = glass.local_rdf("Cu", #{ cutoff: 5.0 });
    /// let copper_within_five = (g * glass.number_density("Cu")).integrate_sphere(0.0, 5.0);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn local_rdf(glass: Glass, species: &str, options: Map) -> Raw<LocalFunction> {
        let options = Options::new("local_rdf", options, &["cutoff", "smearing", "step", "frames"])?;
        let rdf = LocalRadialDistribution {
            cutoff: options.positive("cutoff")?.or(11.2),
            smearing: options.positive("smearing")?.or(0.15),
            step: options.positive("step")?.or(0.02),
            widths: 6.0,
        };
        let frames = super::frames(&glass, &options)?;
        let kind = super::kind(&glass, "local_rdf", species)?;
        Ok(rdf.around(&super::parts(&frames), &glass.configuration().species, kind)?)
    }

    /// Integral of a radial function over a spherical shell, `int f(r) 4 pi r^2 dr`, for every atom.
    ///
    /// A list of upper limits gives a list of columns from one pass.
    ///
    /// ```rhai
    /// let g = glass.local_rdf("Zr", #{ cutoff: 5.0 });
    /// let shell = g.integrate_sphere(3.9, 5.0);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn integrate_sphere(g: LocalFunction, from: Dynamic, to: Dynamic) -> Raw<Dynamic> {
        let (list, limits) = match to.read_lock::<Array>() {
            Some(list) => (true, super::super::numbers("integrate_sphere", &list)?),
            None => (false, vec![super::read("integrate_sphere", &to)?]),
        };
        let integrals =
            g.integrate_sphere(super::read("integrate_sphere", &from)?, &limits, Quadrature::Cubic, observer())?;
        let mut columns: Array =
            integrals.into_iter().map(|values| Dynamic::from(Column::float("integral", "", values))).collect();
        Ok(if list { columns.into() } else { columns.pop().unwrap_or_default() })
    }

    /// The distance itself as a radial function, to write `f(r)` with.
    #[rhai_fn(get = "r")]
    pub fn radius(g: &mut LocalFunction) -> LocalFunction {
        g.radius()
    }

    /// Mean of a radial function over atoms, a table of `distance` [A] and `value`.
    #[rhai_fn(name = "mean", return_raw)]
    pub fn radial_mean(g: LocalFunction) -> Raw<Table> {
        super::radial_table(&g, g.mean(observer())?)
    }

    /// A radial function around one atom (from 1), a table of `distance` [A] and `value`.
    #[rhai_fn(return_raw)]
    pub fn around(g: LocalFunction, atom: i64) -> Raw<Table> {
        let place = usize::try_from(atom - 1).map_err(|_| Error::input("around: atoms are counted from 1"))?;
        super::radial_table(&g, g.values(place)?)
    }

    /// Nonaffine displacement D2min of each atom since an earlier state [A^2].
    ///
    /// How far its neighbours moved beyond the affine map that fits their motion best. NaN where neighbours do not span space.
    ///
    /// - `cutoff`: distance of neighbours in the earlier state [A], 3.9
    /// - `normalize`: "mean" over the neighbours (Eq. 5 of the paper), or their "sum" (Falk and Langer)
    ///
    /// ```rhai
    /// let after = glass.minimize(#{ force_tolerance: 1e-3 });
    /// let d2min = after.nonaffine(glass, #{ cutoff: 3.9 });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn nonaffine(after: Glass, before: Glass, options: Map) -> Raw<Column> {
        let options = Options::new("nonaffine", options, &["cutoff", "normalize"])?;
        let result = super::local_map("nonaffine", &after, &before, &options)?;
        let mean = options.choice("normalize", &["mean", "sum"])?.or("mean".into()) == "mean";
        Ok(Column::float("d2min", "A^2", if mean { result.mean } else { result.sum }))
    }

    /// Local shear strain of each atom since an earlier state: the shear invariant of its best affine map.
    ///
    /// - `cutoff`: distance of neighbours in the earlier state [A], 3.9
    #[rhai_fn(return_raw)]
    pub fn local_strain(after: Glass, before: Glass, options: Map) -> Raw<Column> {
        let options = Options::new("local_strain", options, &["cutoff"])?;
        Ok(Column::float(
            "shear_strain",
            "",
            super::local_map("local_strain", &after, &before, &options)?.shear_strain(),
        ))
    }

    /// Spatial autocorrelation C(r) of a column with one value for each atom (Eq. 6 of the paper).
    ///
    /// ```math
    /// C(r) = < dA_i dA_j >_r / < dA^2 >
    /// ```
    ///
    /// Not rescaled; `scaled(3.0)` sets it to 1 at 3 A. Missing values are left out. Beyond half the smallest width of the cell
    /// pairs are those with all periodic images, an atom with its own among them.
    ///
    /// - `to`: largest distance [A]; 20, or half the cell when that is less
    /// - `bin`: width of a bin [A], 1: wide ones average over shells, narrow ones show them
    /// - `from`: start of the first bin [A], 0
    /// - `species_mean`: true removes the mean of each species, false that of all atoms, true
    /// - `blocks`: blocks of space along each edge for the bootstrap, 4
    /// - `method`: "pairs", or "fft": atoms are moved to a grid and C(r) comes from Fourier transforms, without errors; its cost
    ///   hardly depends on `to` and the number of atoms
    /// - `spacing`: of the grid of "fft" [A], 0.5: with bins of 1 A, C(r) then differs from that of pairs by less than 0.03 at
    ///   contact and 0.015 beyond 4 A, without `species_mean` by up to 0.11 and 0.02; below contact it has a few pairs that there are none of
    ///
    /// ```rhai
    /// let c = glass.autocorrelation(glass.voronoi().volumes, #{ to: 8.0 });
    /// let curve = c.table;
    /// let far = glass.autocorrelation(glass.voronoi().volumes, #{ to: 30.0, method: "fft" });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn autocorrelation(glass: Glass, column: Column, options: Map) -> Raw<ScriptCorrelation> {
        let options = Options::new("autocorrelation", options, AUTOCORRELATION)?;
        let fft = options.choice("method", &["pairs", "fft"])?.or("pairs".into()) == "fft";
        if options.has("spacing") && !fft {
            return fail("autocorrelation: `spacing` is for `method: \"fft\"` only");
        }
        if options.has("blocks") && fft {
            return fail("autocorrelation: `blocks` are for `method: \"pairs\"` only, which has errors");
        }
        let standard = Autocorrelation::default();
        let settings = Autocorrelation {
            to: options.positive("to")?.or(super::half_cell(std::slice::from_ref(&glass), standard.to)),
            bin: options.positive("bin")?.or(standard.bin),
            from: options.non_negative("from")?.or(standard.from),
            remove_species_mean: options.boolean("species_mean")?.or(standard.remove_species_mean),
            blocks: options.count("blocks")?.or(standard.blocks),
            grid: if fft { Some(options.positive("spacing")?.or(0.5)) } else { None },
        };
        let configuration = glass.configuration();
        let values = column.numbers()?;
        let correlation = settings.correlate(
            &configuration.cell,
            &configuration.positions,
            &configuration.species,
            &values,
            observer(),
        )?;
        Ok(ScriptCorrelation { name: column.name, correlation: Arc::new(correlation) })
    }

    /// C(r) as a table: `distance` [A], `pairs`, `correlation` and its bootstrap error.
    #[rhai_fn(get = "table", return_raw)]
    pub fn correlation_table(c: &mut ScriptCorrelation) -> Raw<Table> {
        Ok(Table::from_columns(c.correlation.columns())?)
    }

    /// The table of C(r) divided by its value in the bin that holds a distance [A]; the paper has 1 at 3 A.
    ///
    /// ```rhai
    /// let c = glass.autocorrelation(glass.voronoi().volumes, #{ to: 8.0 });
    /// let curve = c.scaled(3.0);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn scaled(c: ScriptCorrelation, at: Dynamic) -> Raw<Table> {
        Ok(Table::from_columns(c.correlation.scaled(super::read("scaled", &at)?)?)?)
    }

    /// Correlation length: fit of `ln C = ln A - r / xi` in a window, with its error by bootstrap over blocks of space.
    ///
    /// Bins where C is not positive cannot be used and are counted in `dropped`.
    ///
    /// - `from`: smallest distance [A], 3
    /// - `to`: largest distance [A], 8
    /// - `weight`: "equal" for all bins, or by "pairs"
    /// - `samples`: resamples, 500
    /// - `seed`: seed of the resampling, 1
    ///
    /// ```rhai
    /// let c = glass.autocorrelation(glass.voronoi().volumes, #{ to: 8.0 });
    /// let length = c.correlation_length(#{ from: 2.0, to: 6.0 });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn correlation_length(c: ScriptCorrelation, options: Map) -> Raw<CorrelationLength> {
        let options = Options::new("correlation_length", options, &["from", "to", "weight", "samples", "seed"])?;
        let standard = FitWindow::default();
        let end = c.correlation.end();
        let window = FitWindow {
            from: options.non_negative("from")?.or(standard.from),
            to: match options.positive("to")?.optional() {
                Some(to) if to > end + 1e-9 => {
                    return fail(format!(
                        "correlation_length: `to` is {to} A, but C(r) ends at {end} A; compute it further"
                    ));
                }
                to => to.unwrap_or(standard.to),
            },
            weigh_by_pairs: options.choice("weight", &["equal", "pairs"])?.or("equal".into()) == "pairs",
            samples: options.count_between("samples", 2, MOST_NUMBERS)?.or(standard.samples),
            seed: if options.has("seed") { options.seed("seed")? } else { standard.seed },
        };
        Ok(c.correlation.correlation_length(&window)?)
    }

    /// Correlation length [A]; NaN when C(r) does not decay in the window.
    #[rhai_fn(get = "xi")]
    pub fn xi(length: &mut CorrelationLength) -> f64 {
        length.xi
    }

    /// Standard error of the correlation length [A].
    #[rhai_fn(get = "error")]
    pub fn xi_error(length: &mut CorrelationLength) -> f64 {
        length.error
    }

    /// The fit extrapolated to r = 0.
    #[rhai_fn(get = "amplitude")]
    pub fn amplitude(length: &mut CorrelationLength) -> f64 {
        length.amplitude
    }

    /// Raw C(r) in the first bin of the window, before any rescaling.
    #[rhai_fn(get = "contact")]
    pub fn contact(length: &mut CorrelationLength) -> f64 {
        length.contact
    }

    /// Bins the fit used.
    #[rhai_fn(get = "points")]
    pub fn fit_points(length: &mut CorrelationLength) -> i64 {
        length.points as i64
    }

    /// Bins in the window that the fit could not use.
    #[rhai_fn(get = "dropped")]
    pub fn dropped(length: &mut CorrelationLength) -> i64 {
        length.dropped as i64
    }

    /// A slice through the glass: a column as a smooth field on a plane, for `figure().map(..)`.
    ///
    /// Atoms in the slab count with a Gaussian weight of their distance in the plane.
    ///
    /// - `normal`: edge of the cell that leaves the plane: "x", "y" or "z"
    /// - `at`: height of the middle of the slab along the normal [A], 0
    /// - `thickness`: of the slab [A], 3.9
    /// - `smearing`: width of the Gaussian [A], 2
    /// - `spacing`: distance between grid points [A], 0.5
    ///
    /// ```rhai
    /// let field = glass.slice(glass.voronoi().volumes, #{ normal: "z", at: 5.0 });
    /// let picture = figure().map(field);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn slice(glass: Glass, column: Column, options: Map) -> Raw<Grid> {
        let options = Options::new("slice", options, SLICE)?;
        let (field, axes) = super::slice_of(&glass, &column.numbers()?, &options)?;
        let [nx, ny] = field.shape;
        let (x, y) = ((0.0, field.size[0]), (0.0, field.size[1]));
        Ok(Grid { nx, ny, x, y, values: field.values, name: column.name, unit: column.unit, axes })
    }

    /// The atoms of a slice: a table of `atom` (from 1) and its place `x`, `y` in the plane [A], to join with others.
    ///
    /// - `normal`, `at`, `thickness`, `smearing`, `spacing`: as in `slice`
    ///
    /// ```rhai
    /// let atoms = glass.slice_atoms(#{ at: 5.0 });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn slice_atoms(glass: Glass, options: Map) -> Raw<Table> {
        let options = Options::new("slice_atoms", options, SLICE)?;
        Ok(Table::from_columns(super::slice_of(&glass, &vec![0.0; glass.len()], &options)?.0.atom_columns())?)
    }
}

fn read(call: &str, value: &Dynamic) -> Raw<f64> {
    number(value).ok_or_else(|| Error::input(format!("{call}: expected a number, found {}", shown(value))).into())
}

fn check_length(call: &str, name: &str, length: usize, glass: &Glass) -> Raw<()> {
    if length == glass.len() {
        return Ok(());
    }
    fail(format!("{call}: `{name}` has {length} values for {} atoms", glass.len()))
}

/// A closure whose captured variables no longer follow the script: they would all be those at the end of a loop.
fn with_values_of_now(mut closure: FnPtr) -> FnPtr {
    closure.iter_curry_mut().for_each(|value| *value = value.flatten_clone());
    closure
}

fn describe_one(context: &NativeCallContext, descriptor: &Descriptor, glass: &Glass) -> Raw<Column> {
    let value: Dynamic = descriptor.closure.call_within_context(context, (glass.clone(),))?;
    let list =
        value.read_lock::<Array>().map(|list| super::column::read_column(&descriptor.name, &list)).transpose()?;
    let Some(column) = list.or_else(|| value.clone().try_cast::<Column>()) else {
        return fail(format!("describe: `{}` must give a column, found {}", descriptor.name, shown(&value)));
    };
    check_length("describe", &descriptor.name, column.len(), glass)?;
    let unit = descriptor.unit.clone().unwrap_or(column.unit.clone());
    Ok(column.renamed(&descriptor.name).with_unit(&unit))
}

fn kind(glass: &Glass, call: &str, species: &str) -> Raw<usize> {
    let elements = &glass.configuration().elements;
    elements.iter().position(|e| e.name == species).ok_or_else(|| {
        let known: Vec<&str> = elements.iter().map(|e| e.name.as_str()).collect();
        Error::input(format!("{call}: no species `{species}`; the glass has {}", known.join(", "))).into()
    })
}

fn radii(glass: &Glass, options: &Options) -> Raw<Vec<f64>> {
    let Some(given) = options.value::<Map>("radii", "a radius for each species, as in #{ Cu: 1.28, Zr: 1.60 }")? else {
        return Ok(Vec::new());
    };
    for name in given.keys() {
        kind(glass, "voronoi", name)?;
    }
    let configuration = glass.configuration();
    let radius = |name: &str| match given.get(name) {
        Some(value) => read("voronoi", value),
        None => fail(format!("voronoi: `radii` has none for {name}")),
    };
    let by_kind = configuration.elements.iter().map(|e| radius(&e.name)).collect::<Raw<Vec<f64>>>()?;
    Ok(configuration.species.iter().map(|&kind| by_kind[kind]).collect())
}

fn threshold(options: &Options) -> Raw<Threshold> {
    let given: Vec<&str> = VORONOI[1..].iter().copied().filter(|name| options.has(name)).collect();
    match given[..] {
        [] => Ok(Threshold::None),
        ["relative_area"] => Ok(Threshold::RelativeArea(options.between("relative_area", 0.0, 1.0)?.required()?)),
        ["area"] => Ok(Threshold::Area(options.non_negative("area")?.required()?)),
        ["edge_length"] => Ok(Threshold::EdgeLength(options.non_negative("edge_length")?.required()?)),
        _ => fail(format!("voronoi: one threshold only, found {}", given.join(" and "))),
    }
}

/// The glasses of the option `frames`, or the glass itself.
pub(super) fn frames(glass: &Glass, options: &Options) -> Raw<Vec<Glass>> {
    let expected = "a trajectory, or a list of glasses with the same atoms";
    let Some(given) = options.raw("frames") else { return Ok(vec![glass.clone()]) };
    let frames = match (given.clone().try_cast::<Frames>(), given.clone().try_cast::<Array>()) {
        (Some(trajectory), _) => Some(trajectory.glasses()?),
        (_, Some(list)) => list.into_iter().map(|item| item.try_cast::<Glass>()).collect(),
        _ => None,
    };
    let Some(frames) = frames else { return Err(options.wrong("frames", expected, &given).into()) };
    let same = |frame: &Glass| frame.configuration().species_names().eq(glass.configuration().species_names());
    match frames.iter().position(|frame| !same(frame)) {
        Some(other) => {
            Err(options.conflict(&format!("frame {other} of `frames` has other atoms than the glass")).into())
        }
        None => Ok(frames),
    }
}

fn parts(frames: &[Glass]) -> Vec<(&Cell, &[Vector])> {
    frames.iter().map(|frame| (frame.cell(), &frame.configuration().positions[..])).collect()
}

/// A distance, or half the smallest cell when that is less.
fn half_cell(frames: &[Glass], distance: f64) -> f64 {
    frames.iter().map(|frame| 0.5 * frame.cell().smallest_width()).fold(distance, f64::min)
}

fn extrema(g: &RadialDistribution, call: &str, options: Map) -> Raw<Table> {
    let options = Options::new(call, options, &["pair", "smoothing", "prominence"])?;
    let values = match options.text("pair")?.optional() {
        None => &g.total[..],
        Some(pair) => match pair.split_once('-').and_then(|(a, b)| g.partial(a, b)) {
            Some(values) => values,
            None => {
                return fail(format!("{call}: no pair `{pair}`; write two of {} with a dash", g.species.join(", ")));
            }
        },
    };
    let smoothing = options.non_negative("smoothing")?.or(0.2);
    let prominence = options.non_negative("prominence")?.or(0.01);
    let found = match call {
        "peaks" => g.peaks(values, smoothing, prominence),
        _ => g.troughs(values, smoothing, prominence),
    };
    let column = |name, unit, f: fn(&Extremum) -> f64| Column::float(name, unit, found.iter().map(f).collect());
    Ok(Table::from_columns(vec![column("distance", "A", |e| e.distance), column("value", "", |e| e.value)])?)
}

fn radial_table(g: &LocalFunction, values: Vec<f64>) -> Raw<Table> {
    Ok(Table::from_columns(vec![Column::float("distance", "A", g.distances()), Column::float("value", "", values)])?)
}

fn local_map(call: &str, after: &Glass, before: &Glass, options: &Options) -> Raw<descriptor::Nonaffine> {
    let cutoff = options.positive("cutoff")?.or(3.9);
    let side = |glass: &Glass| glass.configuration().positions.clone();
    if after.len() == before.len() && !after.configuration().species_names().eq(before.configuration().species_names())
    {
        return fail(format!("{call}: the atoms of the two glasses are not the same"));
    }
    let result = descriptor::nonaffine((before.cell(), &side(before)), (after.cell(), &side(after)), cutoff)
        .map_err(|e| e.under("nonaffine", call))?;
    if result.singular > 0 {
        observer().say(&format!("{} atoms have neighbours that do not span space: NaN", result.singular));
    }
    Ok(result)
}

fn slice_of(glass: &Glass, values: &[f64], options: &Options) -> Raw<(SliceField, (String, String))> {
    let standard = Slice::default();
    let normal = options.choice("normal", &["x", "y", "z"])?.or("z".into());
    let (normal, axes) = match normal.as_str() {
        "x" => (0, ("y (Å)", "z (Å)")),
        "y" => (1, ("x (Å)", "z (Å)")),
        _ => (2, ("x (Å)", "y (Å)")),
    };
    let slice = Slice {
        normal,
        at: options.float("at")?.or(standard.at),
        thickness: options.positive("thickness")?.or(standard.thickness),
        smearing: options.positive("smearing")?.or(standard.smearing),
        spacing: options.positive("spacing")?.or(standard.spacing),
    };
    let field = slice.field(glass.cell(), &glass.configuration().positions, values)?;
    Ok((field, (axes.0.into(), axes.1.into())))
}

/// Operators and functions of radial functions, with each other, numbers and columns.
fn operators() -> Module {
    let mut module = Module::new();
    for &(name, operation) in OPERATORS {
        let define = |module: &mut Module, comment: &str| {
            FuncRegistration::new(name)
                .with_comments([format!("/// {comment}")])
                .set_into_module(module, move |a: LocalFunction, b: LocalFunction| -> Raw<LocalFunction> {
                    Ok(a.combine(operation, &b)?)
                });
        };
        define(&mut module, "Two radial functions, distance by distance.");
        FuncRegistration::new(name)
            .set_into_module(&mut module, move |a: LocalFunction, b: f64| a.with_scalar(operation, b));
        FuncRegistration::new(name)
            .set_into_module(&mut module, move |a: LocalFunction, b: i64| a.with_scalar(operation, b as f64));
        FuncRegistration::new(name)
            .set_into_module(&mut module, move |a: f64, b: LocalFunction| b.scalar_with(a, operation));
        FuncRegistration::new(name)
            .set_into_module(&mut module, move |a: i64, b: LocalFunction| b.scalar_with(a as f64, operation));
        FuncRegistration::new(name)
            .set_into_module(&mut module, move |a: LocalFunction, b: Column| -> Raw<LocalFunction> {
                Ok(a.with_values(operation, &b.numbers()?)?)
            });
        FuncRegistration::new(name)
            .set_into_module(&mut module, move |a: Column, b: LocalFunction| -> Raw<LocalFunction> {
                Ok(b.values_with(&a.numbers()?, operation)?)
            });
    }
    for &(name, operation, help) in FUNCTIONS {
        FuncRegistration::new(name)
            .with_comments([format!("/// {help}")])
            .set_into_module(&mut module, move |a: LocalFunction| a.apply(operation));
    }
    module
}

fn radial_line(g: &RadialDistribution) -> String {
    let list = |extrema: Vec<Extremum>| {
        let distances: Vec<String> = extrema.iter().map(|e| format!("{:.2}", e.distance)).collect();
        distances.join(", ")
    };
    let (peaks, troughs) = (list(g.peaks(&g.total, 0.2, 0.01)), list(g.troughs(&g.total, 0.2, 0.01)));
    let to = g.step * g.total.len() as f64;
    format!("RadialDistribution to {to:.2} A: peaks at {peaks} A, troughs at {troughs} A")
}

fn length_line(length: &CorrelationLength) -> String {
    let CorrelationLength { xi, error, contact, points, dropped, .. } = length;
    let lost = if *dropped > 0 { format!(", {dropped} not positive") } else { String::new() };
    let found = if xi.is_nan() { "no xi, C(r) does not decay".into() } else { format!("xi = {xi:.2} +- {error:.2} A") };
    format!("{found} ({points} bins{lost}; raw C at the start {contact:.3})")
}

pub(super) fn register(library: &mut Library) {
    library.value::<Descriptor>("Descriptor", |d| format!("Descriptor {}", d.name));
    library.value::<ScriptCells>("VoronoiCells", |c| format!("VoronoiCells of {} atoms", c.0.len()));
    library.value::<RadialDistribution>("RadialDistribution", radial_line);
    library.value::<LocalFunction>("RadialFunction", |g| format!("RadialFunction of {} atoms", g.atoms()));
    library.value::<ScriptCorrelation>("Autocorrelation", |c| {
        let skipped =
            if c.correlation.skipped > 0 { format!(", {} left out", c.correlation.skipped) } else { String::new() };
        format!(
            "Autocorrelation of {}: {} bins of {} A{skipped}",
            c.name,
            c.correlation.values.len(),
            c.correlation.bin
        )
    });
    library.value::<CorrelationLength>("CorrelationLength", length_line);
    library.add("structure", exported_module!(binding));
    library.add("structure", operators());
}
