//! Figures: what the picture must hold, and a few small ones byte for byte.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use vitric::math::histogram::Bins;

use vitric::plot::{
    Bars, Bubbles, Data, Figure, Fit, FitNote, Grid, Histogram, Inset, Line, Map, Mark, Panel, Place, Points, Scale,
    Share, Theme,
};
use vitric::table::Column;

/// Compare with `tests/goldens/NAME.svg`; `UPDATE_GOLDEN=1` writes it.
fn check_golden(name: &str, figure: &Figure) {
    let svg = figure.svg().unwrap();
    assert!(svg.len() <= 20 * 1024, "{name}: {} bytes", svg.len());
    let path = Path::new("tests/goldens").join(format!("{name}.svg"));
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|v| v == "1") {
        std::fs::create_dir_all("tests/goldens").unwrap();
        std::fs::write(&path, &svg).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert!(svg == golden, "{name} differs from its golden; look at it, then run with UPDATE_GOLDEN=1");
}

fn check_error(figure: &Figure, expected: &str) {
    let message = figure.svg().unwrap_err().to_string();
    assert!(message.contains(expected), "`{message}` does not say `{expected}`");
}

/// Numbers that look random and are the same everywhere.
fn noise(n: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..n).map(|_| (0..12).map(|_| next()).sum::<f64>() - 6.0).collect()
}

fn scatter() -> Figure {
    let x: Vec<f64> = (0..16).map(|i| 0.004 + 0.0005 * f64::from(i)).collect();
    let y: Vec<f64> = x.iter().zip(noise(16, 1)).map(|(x, n)| 2.1 - 90.0 * x + 0.03 * n).collect();
    let points =
        Points::new(Data::from(x).named("vibrational_msd", "A^2"), Data::from(y).named("activation_energy", "eV"));
    Figure::new().draw(Points { error: vec![0.04; 16], ..points }).draw(Fit::default())
}

fn decay() -> Figure {
    let r: Vec<f64> = (0..10).map(|i| 3.0 + f64::from(i)).collect();
    let c: Vec<f64> = r.iter().map(|r| (-(r - 3.0) / 2.2).exp()).collect();
    Figure::new()
        .draw(Points::new(Data::from(r).named("r", "A"), Data::from(c).named("C", "")))
        .draw(Fit { note: FitNote::Decay, dashed: true, window: Some((3.0, 9.0)), ..Fit::default() })
        .log_y()
}

fn field(n: usize) -> Grid {
    let place = |i: usize| (i as f64 + 0.5) / n as f64 * 20.0;
    let value = |x: f64, y: f64| 1.2 + 0.5 * (0.7 * x).sin() * (0.5 * y).cos() + 0.3 * (0.31 * x + 0.9 * y).sin();
    Grid {
        nx: n,
        ny: n,
        x: (0.0, 20.0),
        y: (0.0, 20.0),
        values: (0..n * n).map(|i| value(place(i % n), place(i / n))).collect(),
        name: "activation_energy".into(),
        unit: "eV".into(),
        axes: ("x (Å)".into(), "y (Å)".into()),
    }
}

fn map() -> Figure {
    let bubbles = Bubbles::new([4.0, 11.0, 16.0, 7.0], [5.0, 12.0, 3.0, 17.0], [1.0, 2.0, 0.5, -1.0]);
    Figure::new().draw(Map { levels: 5, ..Map::new(field(12)) }).draw(bubbles)
}

fn bars() -> Figure {
    let names = ["vibrational MSD", "flexibility volume", "two-body excess entropy", "participation fraction"];
    let series = vec![
        Data::from([0.95, 0.94, 0.97, 0.96]).named("Cu", ""),
        Data::from([0.93, 0.95, 0.92, 0.94]).named("Zr", ""),
    ];
    Figure::new().draw(Bars::new(names, series)).y_label("|r_{P}|")
}

/// Corners of each shape of an SVG line with `points`, in its own units.
fn corners(line: &str) -> Vec<(f64, f64)> {
    let list = line.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
    let pair = |p: &str| p.split_once(',').map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap())).unwrap();
    list.split_whitespace().map(pair).collect()
}

#[test]
fn bubbles_at_the_border_of_a_map_end_there() {
    let field = Figure::new().draw(Map { levels: 3, ..Map::new(field(12)) });
    // One inside, one on each side, one at a corner, and one whose middle is outside.
    let (x, y) = ([9.0, 0.2, 19.8, 8.0, 12.0, 0.0, -0.5], [10.0, 9.0, 8.0, 0.1, 19.9, 0.0, 16.0]);
    let bubbles = field.clone().draw(Bubbles::new(x, y, [2.0; 7])).x_range(0.0, 20.0).y_range(0.0, 20.0);
    let svg = bubbles.svg().unwrap();
    let field = svg.lines().find(|l| l.starts_with("<polygon")).map(corners).unwrap();
    let (left, right) = field.iter().fold((f64::MAX, 0.0_f64), |(a, b), p| (a.min(p.0), b.max(p.0)));
    let (top, bottom) = field.iter().fold((f64::MAX, 0.0_f64), |(a, b), p| (a.min(p.1), b.max(p.1)));
    let discs: Vec<Vec<(f64, f64)>> =
        svg.lines().filter(|l| l.starts_with("<polygon") && l.contains("opacity=\"0.85\"")).map(corners).collect();
    assert_eq!(discs.len(), 6);
    assert_eq!(svg.lines().filter(|l| l.starts_with("<circle") && l.contains("opacity=\"0.85\"")).count(), 1);
    for disc in &discs {
        assert!(disc.iter().all(|p| p.0 >= left && p.0 <= right && p.1 >= top && p.1 <= bottom), "{disc:?}");
    }
    let area = |disc: &[(f64, f64)]| {
        let twice = |k: usize| {
            let ((a, b), (c, d)) = (disc[k], disc[(k + 1) % disc.len()]);
            a * d - b * c
        };
        (0.5 * (0..disc.len()).map(twice).sum::<f64>()).abs()
    };
    // Equal bubbles have a radius of a twentieth of the width, here 1 A: of the one whose middle is 0.5 A outside a segment is
    // left, of that at the corner a quarter.
    let disc = std::f64::consts::PI * (0.05 * (right - left)).powi(2);
    let mut shares: Vec<f64> = discs.iter().map(|d| area(d) / disc).collect();
    shares.sort_by(f64::total_cmp);
    let segment = (0.5_f64.acos() - 0.5 * 0.75_f64.sqrt()) / std::f64::consts::PI;
    assert!((shares[0] - segment).abs() < 0.005 && (shares[1] - 0.25).abs() < 0.005, "{shares:?}");
    assert!(shares[2..].iter().all(|share| (0.5..0.9).contains(share)), "{shares:?}");
}

#[test]
fn small_figures_stay_as_they_are() {
    check_golden("plot_scatter", &scatter());
    check_golden("plot_decay", &decay());
    check_golden("plot_map", &map());
    check_golden("plot_bars", &bars());
}

#[test]
fn the_same_figure_gives_the_same_bytes() {
    assert_eq!(map().svg().unwrap(), map().svg().unwrap());
    assert_eq!(scatter().png().unwrap(), scatter().png().unwrap());
}

#[test]
fn a_picture_has_two_pixels_for_one() {
    let mut figure = scatter();
    (figure.width, figure.height) = (Some(300.0), Some(200.0));
    let png = figure.png().unwrap();
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    assert_eq!((number(16), number(20)), (600, 400));
    assert!(figure.svg().unwrap().starts_with("<svg width=\"300\" height=\"200\" "));
}

#[test]
fn text_stays_text_and_axes_name_themselves() {
    let svg = scatter().svg().unwrap();
    for text in ["activation energy (eV)", "vibrational MSD (Å<tspan", ">2</tspan>", ">P</tspan>", " = −0."] {
        assert!(svg.contains(text), "no `{text}`");
    }
    assert!(svg.contains("font-family=\"DejaVu Sans, Verdana, Helvetica, Arial, sans-serif\""));
    assert!(!svg.contains("_{") && !svg.contains('\u{E001}'));
}

#[test]
fn markup_in_text_is_escaped() {
    let svg = scatter().title("a < b & \"c\" \u{7}\n>").svg().unwrap();
    assert!(svg.contains("a &lt; b &amp; &quot;c&quot; "), "{svg}");
    scatter().title("</text><script>\u{E001}").png().unwrap();
}

#[test]
fn a_column_brings_its_name_and_unit() {
    let data = Data::of(&Column::float("voronoi_volume", "A^3", vec![1.0])).unwrap();
    assert_eq!(data.label(), "Voronoi volume (Å^{3})");
    let message = Data::of(&Column::text("species", vec!["Cu".into()])).unwrap_err().to_string();
    assert!(message.contains("`species` holds text"), "{message}");
}

#[test]
fn missing_numbers_are_left_out() {
    let nan = f64::NAN;
    let points = Points { error: vec![0.1, nan, 0.1, 0.1], ..Points::new([1.0, 2.0, nan, 4.0], [1.0, 2.0, 3.0, nan]) };
    let svg = Figure::new().draw(points).svg().unwrap();
    assert_eq!(svg.matches("<circle").count(), 2 * 2, "two points, each a disc and its edge");
    let line = Line::new([1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 2.0, nan, 4.0, 5.0]);
    let broken = Figure::new().draw(line).svg().unwrap();
    assert_eq!(broken.matches("stroke=\"#0072B2\"").count(), 2, "two pieces");
    assert!(!svg.contains("NaN") && !broken.contains("NaN"));
}

#[test]
fn nothing_is_drawn_outside_the_axes() {
    let x: Vec<f64> = (-100..=100).map(f64::from).collect();
    let y: Vec<f64> = x.iter().map(|x| x * x * x).collect();
    let mut figure =
        Figure::new().draw(Line::new(&x, &y)).draw(Points::new(&x, &y)).x_range(0.0, 10.0).y_range(-5.0, 60.0);
    (figure.width, figure.height) = (Some(400.0), Some(300.0));
    let svg = figure.svg().unwrap();
    let numbers = svg.split("points=\"").skip(1).flat_map(|s| s.split('"').next().unwrap().split_whitespace());
    for point in numbers {
        let (x, y) = point.split_once(',').unwrap();
        let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
        assert!((0.0..=3200.0).contains(&x) && (0.0..=2400.0).contains(&y), "{point}");
    }
    assert_eq!(svg.matches("<circle").count(), 2 * 4, "x = 0, 1, 2, 3");
}

#[test]
fn what_cannot_be_drawn_is_an_error_that_says_why() {
    check_error(&Figure::new(), "nothing to draw");
    check_error(&Figure::new().draw(Points::new([1.0], [1.0, 2.0])), "points: x has 1 values and y has 2");
    check_error(&Figure::new().draw(Line::new([f64::NAN], [1.0])), "line: no row of 1 has finite x and y");
    check_error(&Figure::new().draw(Points::new(Vec::new(), Vec::new())), "points: no row of 0");
    check_error(&Figure::new().draw(Points::new([1.0, 2.0], [-1.0, 0.0])).log_y(), "logarithmic");
    check_error(&scatter().y_range(2.0, 1.0), "y_range must be two numbers that rise, found 2 and 1");
    check_error(&Figure::new().draw(Fit::default()), "fit_line: needs points or a line before it");
    check_error(
        &Figure::new().draw(Points::new([1.0, 1.0], [1.0, 2.0])).draw(Fit::default()),
        "two or more different x",
    );
    check_error(&Figure::new().draw(Map::new(Grid { nx: 3, ny: 3, ..field(2) })), "3 x 3 needs 9 values, found 4");
    check_error(&Figure::new().draw(Bars::new(["a", "b"], vec![Data::from([1.0])])), "has 1 values, expected 2");
    check_error(&Figure { width: Some(60.0), ..scatter() }, "leave no room");
    check_error(&scatter().panel(Panel::new()), "a panel has nothing to draw");
    assert!(
        Histogram::of_values(&Data::from([f64::NAN]), Bins::Automatic, false)
            .unwrap_err()
            .to_string()
            .contains("no finite number")
    );
}

#[test]
fn files_appear_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.svg", "a.PNG"] {
        scatter().save(folder.path().join(name)).unwrap();
        assert!(std::fs::metadata(folder.path().join(name)).unwrap().len() > 1000);
    }
    let check = |name: &str, expected: &str| {
        let message = scatter().save(folder.path().join(name)).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    check("a.pdf", "saved as .svg or .png");
    check("a", "saved as .svg or .png");
    check("missing/a.svg", "there is no folder");
    Figure::new().save(folder.path().join("b.svg")).unwrap_err();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn shared_axes_are_written_once() {
    let panel = |top: f64| {
        Panel::new()
            .draw(Points::new(Data::from([0.0, 1.0]).named("time", "ps"), Data::from([0.0, top]).named("msd", "A^2")))
    };
    let figure = [1.0, 2.0, 3.0, 4.0].into_iter().fold(Figure::new(), |f, top| f.panel(panel(top)));
    let count = |share| figure.clone().svg_with(share).matches("time (ps)").count();
    assert_eq!((count(Share::None), count(Share::X), count(Share::Both)), (4, 2, 2));
    let other = |label: &str, scale| {
        let mut panel = panel(1.0);
        (panel.y.label, panel.y.scale) = (Some(label.into()), scale);
        panel
    };
    let labels = Figure { columns: Some(2), ..Figure::new() }.panel(panel(1.0)).panel(other("other", Scale::Linear));
    assert_eq!(labels.svg_with(Share::Y).matches("other").count(), 1, "what is another quantity has its own label");
    let figure = Figure { columns: Some(2), share: Share::Y, ..Figure::new() };
    let error = figure.panel(panel(1.0)).panel(other("msd", Scale::Log)).svg().unwrap_err().to_string();
    assert!(error.contains("panels 1 and 2 share their axis of y, of which one is logarithmic"), "{error}");
}

trait WithShare {
    fn svg_with(self, share: Share) -> String;
}

impl WithShare for Figure {
    fn svg_with(mut self, share: Share) -> String {
        self.share = share;
        self.svg().unwrap()
    }
}

/// Everything at once, for the eye: `GALLERY=folder cargo test --test plot gallery` leaves the pictures there.
#[test]
fn gallery() {
    let folder = std::env::var_os("GALLERY");
    for (name, figure) in gallery_figures() {
        let svg = figure.svg().unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}");
        if let Some(folder) = &folder {
            figure.save(Path::new(folder).join(format!("{name}.png"))).unwrap();
            figure.save(Path::new(folder).join(format!("{name}.svg"))).unwrap();
        }
    }
}

fn gallery_figures() -> Vec<(&'static str, Figure)> {
    let mut all = vec![("scatter", scatter()), ("decay", decay()), ("map", map()), ("bars", bars())];

    let energies: Vec<f64> = noise(3000, 5).iter().map(|n| (1.4 + 0.5 * n).abs()).collect();
    let spectrum =
        Histogram::of_values(&Data::from(energies).named("activation_energy", "eV"), Bins::Automatic, true).unwrap();
    let e: Vec<f64> = (0..200).map(|i| 0.016 * f64::from(i)).collect();
    let gauss: Vec<f64> =
        e.iter().map(|e| (-(e - 1.4f64).powi(2) / 0.5).exp() / (0.5 * std::f64::consts::TAU.sqrt())).collect();
    let expo: Vec<f64> = e.iter().map(|e| 0.6 * (-e / 0.5).exp()).collect();
    let curve =
        |y: Vec<f64>, label: &str, dashed| Line { label: label.into(), guide: true, dashed, ..Line::new(&e, y) };
    let histogram = Figure::new()
        .draw(Histogram { label: "all atoms".into(), ..spectrum.clone() })
        .draw(curve(gauss, "Rayleigh", false))
        .draw(curve(expo, "exponential", true));
    all.push(("histogram", histogram));

    let many_x = noise(6000, 9);
    let many_y: Vec<f64> = many_x.iter().zip(noise(6000, 10)).map(|(x, n)| -3e7 * x + 5e7 * n).collect();
    let many =
        Points::new(Data::from(many_x).named("excess_entropy", "k_B"), Data::from(many_y).named("pressure", "Pa"));
    all.push((
        "cloud",
        Figure::new()
            .draw(many)
            .draw(Fit { note: FitNote::Equation, ..Fit::default() })
            .title("Six thousand points and a fit with a title that is much too long for one line of a figure"),
    ));

    let strain: Vec<f64> = (0..300).map(|i| 0.0003 * f64::from(i)).collect();
    let stress: Vec<f64> = strain
        .iter()
        .map(|s| 24.0 * s - (24.0 * s - 1.0).max(0.0) * 0.8 - if (s * 100.0).fract() > 0.7 { 0.15 } else { 0.0 })
        .collect();
    let aqs = Line::new(Data::from(strain).named("strain", ""), Data::from(stress).named("shear_stress", "GPa"));
    let mut panel = Panel::new().draw(aqs.clone());
    panel.x.range = Some((0.02, 0.04));
    let inset = Inset { panel, place: Place::LowerRight, size: (0.45, 0.45) };
    all.push((
        "stress_strain",
        Figure::new()
            .draw(aqs.clone())
            .inset(inset)
            .vertical(0.042)
            .horizontal(1.0)
            .note("yield", Place::At(0.53, 0.9)),
    ));

    let mut map_inset = Panel::new().draw(aqs);
    map_inset.x.label = Some("γ".into());
    map_inset.y.label = Some("σ (GPa)".into());
    let mut event = Figure::new().draw(Map::new(field(80))).draw(Bubbles {
        label: "D^{2}_{min}".into(),
        ..Bubbles::new([4.0, 11.0, 16.0], [5.0, 12.0, 3.0], [1.0, 2.0, 0.5])
    });
    event = event.inset(Inset { panel: map_inset, place: Place::UpperRight, size: (0.42, 0.36) }).title("first event");
    all.push(("event", event));

    let mut four = Figure { columns: Some(4), share: Share::None, ..Figure::new() };
    let names = [
        ("vibrational_msd", "A^2", 1e-3),
        ("flexibility_volume", "A^3", 0.1),
        ("excess_entropy", "k_B", -7.0),
        ("participation_fraction", "", 1e-5),
    ];
    for (s, species) in ["Cu", "Zr"].iter().enumerate() {
        for (k, (name, unit, scale)) in names.iter().enumerate() {
            let x: Vec<f64> = (0..40).map(|i| scale * (1.0 + 0.02 * f64::from(i))).collect();
            let y: Vec<f64> = x
                .iter()
                .zip(noise(40, (10 * s + k) as u64 + 3))
                .map(|(x, n)| 1.9 - 0.4 * x / scale + 0.03 * n)
                .collect();
            let points = Points::new(Data::from(x).named(name, unit), Data::from(y).named("activation_energy", "eV"));
            let mut panel = Panel::new().draw(points).draw(Fit::default());
            panel.title = species.to_string();
            four = four.panel(panel);
        }
    }
    all.push(("fig4", four.clone()));
    all.push((
        "fig4_shared",
        Figure { share: Share::Y, title: "Activation energy and four descriptors".into(), ..four },
    ));

    let mut fig6 = Figure { columns: Some(5), ..Figure::new() };
    for (k, (name, unit)) in [
        ("activation_energy", "eV"),
        ("vibrational_msd", "A^2"),
        ("flexibility_volume", "A^3"),
        ("excess_entropy", "k_B"),
        ("participation_fraction", ""),
    ]
    .iter()
    .enumerate()
    {
        let scale = [1.0, 0.01, 0.3, -8.0, 1e-5][k];
        let grid = field(40);
        let grid = Grid {
            values: grid.values.iter().map(|v| v * scale).collect(),
            name: name.to_string(),
            unit: unit.to_string(),
            ..grid
        };
        fig6 = fig6.panel(Panel::new().draw(Map::new(grid)));
    }
    for k in 0..5 {
        let r: Vec<f64> = (0..36).map(|i| 3.0 + 0.5 * f64::from(i)).collect();
        let c: Vec<f64> = r.iter().zip(noise(36, k)).map(|(r, n)| (-(r - 3.0) / 2.3).exp() + 0.01 * n).collect();
        fig6 =
            fig6.panel(Panel::new().draw(Points::new(Data::from(r).named("r", "A"), Data::from(c).named("C(r)", ""))));
    }
    all.push(("fig6", fig6));

    let mut decays = Figure::new().log_y();
    for (k, name) in
        ["activation energy", "vibrational MSD", "flexibility volume", "excess entropy", "participation fraction"]
            .iter()
            .enumerate()
    {
        let r: Vec<f64> = (0..8).map(|i| 3.0 + f64::from(i)).collect();
        let c: Vec<f64> = r.iter().map(|r| (-(r - 3.0) / (1.6 + 0.25 * k as f64)).exp()).collect();
        decays = decays
            .draw(Points {
                label: name.to_string(),
                ..Points::new(Data::from(r).named("r", "A"), Data::from(c).named("C(r)", ""))
            })
            .draw(Fit { note: FitNote::Decay, dashed: true, ..Fit::default() });
    }
    all.push(("fig7", decays.horizontal((-1.0f64).exp())));

    let r: Vec<f64> = (1..500).map(|i| 0.03 * f64::from(i)).collect();
    let g = |a: f64| -> Data {
        r.iter()
            .map(|r| if *r < 2.0 { 0.0 } else { 1.0 + a * (-(r - 2.5) / 3.0).exp() * (2.4 * (r - 2.7)).cos() })
            .collect::<Vec<_>>()
            .into()
    };
    let x = Data::from(&r).named("r", "A");
    let partials = [("total", 2.0), ("g_CuCu", 1.2), ("g_CuZr", 1.7)]
        .into_iter()
        .fold(Figure::new(), |f, (name, a)| f.draw(Line::new(x.clone(), g(a).named(name, ""))));
    all.push(("rdf", partials.y_label("g(r)").vertical(3.9)));

    let t: Vec<f64> = (0..60).map(|i| 10f64.powf(-2.0 + 0.1 * f64::from(i))).collect();
    let msd: Vec<f64> = t.iter().map(|t| 1e-6 * (t / (1.0 + t) + 0.01 * t)).collect();
    let time = Data::from(&t).named("time", "ps");
    let mut loglog =
        Figure::new().draw(Line::new(time.clone(), Data::from(msd).named("diffusive_msd", "A^2"))).log_x().log_y();
    loglog = loglog.draw(Line {
        right: true,
        dashed: true,
        ..Line::new(
            time,
            Data::from(t.iter().map(|t| 300.0 + 4.0 * t.ln()).collect::<Vec<_>>()).named("temperature", "K"),
        )
    });
    all.push(("twin", loglog));

    let narrow = Points::new([-4.90004, -4.90002, -4.89999], [1.2e-19, 3.4e-19, 2.2e-19]);
    let up = Points::new([-12.0, -10.0, -9.0, -7.0], [1.2, 1.33, 1.36, 1.5]);
    all.push(("positive", Figure { width: Some(275.0), ..Figure::new().draw(up).draw(Fit::default()) }));
    let mut small = Figure { width: Some(190.0), height: Some(150.0), ..scatter() };
    small.last().title = "small".into();
    all.push(("small", small));
    let crowded = ["one series", "another series", "a third", "and a fourth with a long name"];
    let crowded = crowded.iter().enumerate().fold(Figure::new(), |f, (k, name)| {
        let y: Vec<f64> = noise(60, k as u64).iter().map(|n| n + k as f64).collect();
        f.draw(Points { label: name.to_string(), ..Points::new((0..60).map(f64::from).collect::<Vec<_>>(), y) })
    });
    all.push(("crowded", crowded.y_label("every corner is taken").x_label("")));
    let species = |seed, shift: f64| -> Data {
        let values: Vec<f64> = noise(2000, seed).iter().map(|n| n + shift).collect();
        Data::from(values).named("coordination", "")
    };
    let two = [("Cu", 21, 12.0), ("Zr", 22, 14.5)].into_iter().fold(Figure::new(), |f, (name, seed, shift)| {
        f.draw(Histogram {
            label: name.into(),
            ..Histogram::of_values(&species(seed, shift), Bins::Count(40), false).unwrap()
        })
    });
    all.push(("two_histograms", two));
    let decades: Vec<f64> = (0..30).map(|i| 10f64.powi(i - 18)).collect();
    let wide: Vec<f64> = decades.iter().map(|d| d.powi(-2)).collect();
    all.push(("decades", Figure::new().draw(Points::new(decades, wide)).log_x().log_y()));
    let short: Vec<f64> = (0..9).map(|i| 2.0 + 0.7 * f64::from(i)).collect();
    all.push((
        "short_log",
        Figure::new().draw(Line::new(&short, &short)).log_x().log_y().x_label("less than a decade"),
    ));
    let big = Theme { font_size: 40.0, ..Theme::default() };
    all.push((
        "big_text",
        Figure {
            theme: big,
            width: Some(1000.0),
            ..Figure::new()
                .draw(Line::new([0.0, 1.0], [0.0, 1.0]))
                .note("r_{P} = 0.95", Place::At(0.5, 0.8))
                .note("r_{P} = −0.95", Place::At(0.5, 0.6))
                .note("r = 0.95", Place::At(0.5, 0.4))
        },
    ));
    all.push((
        "tiny",
        Figure::new()
            .draw(narrow)
            .x_label("energy per atom of the relaxed glass after a very long annealing (eV)")
            .y_label("a very long label beside the axis which needs more than one line (J)"),
    ));
    all.push((
        "single",
        Figure {
            width: Some(240.0),
            ..Figure::new().draw(Points::new([5.0], [-1234567.0])).draw(Mark::from(Points::new([5.1], [-1234560.0])))
        },
    ));
    let mut negative = Figure::new()
        .draw(Bars::new(["2007", "2009", "2019"], vec![Data::from([-0.4, 0.3, -0.1]).named("energy_error", "meV")]));
    negative.last().marks.push(Mark::Reference(vitric::plot::Reference {
        label: "tolerance".into(),
        ..vitric::plot::Reference::horizontal(0.25)
    }));
    all.push(("negative_bars", negative));

    let mut semilog = Panel::new().draw(spectrum);
    semilog.y.scale = Scale::Log;
    let holes = field(30);
    let holed = Grid {
        values: holes
            .values
            .iter()
            .enumerate()
            .map(|(i, v)| if i % 30 < 6 && i / 30 > 22 { f64::NAN } else { *v })
            .collect(),
        y: (0.0, 10.0),
        ..holes
    };
    let lined = Map {
        lines: true,
        color_map: vitric::plot::ColorMap::BlueRed,
        label: Some("barrier minus its mean (eV)".into()),
        ..Map::new(holed)
    };
    all.push(("mixed", Figure::new().panel(semilog).panel(Panel::new().draw(lined))));
    all
}
