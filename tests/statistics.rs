//! Statistics, fits and special functions: laws, then numbers of numpy and scipy.
//!
//! `data/statistics.json` holds random samples and what scipy 1.17 says of them; each key names the scipy function.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use rand::RngExt;
use serde_json::Value;
use vitric::math::eigen::{symmetric, tridiagonal};
use vitric::math::fit::{Decay, Gaussian, Line};
use vitric::math::histogram::{Bins, Histogram};
use vitric::math::mixture::{Mixture, Spectrum};
use vitric::math::resample::{block_bootstrap, bootstrap};
use vitric::math::special::*;
use vitric::math::statistics::*;
use vitric::observer::Silent;
use vitric::random::{Purpose, stream};

/// One entry of the file of references.
fn reference(key: &str) -> Value {
    let text = std::fs::read_to_string("tests/data/statistics.json").unwrap();
    serde_json::from_str::<Value>(&text).unwrap()[key].clone()
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

#[track_caller]
fn check_close(found: f64, expected: f64, relative: f64) {
    let scale = expected.abs().max(1e-300);
    assert!((found - expected).abs() <= relative * scale, "found {found:e}, expected {expected:e}");
}

/// A deterministic stand-in for a random number in 0 to 1, from the golden ratio.
fn spread(k: usize) -> f64 {
    ((k + 1) as f64 * 0.618_033_988_749_894_9).fract()
}

#[test]
fn special_functions_agree_with_scipy() {
    let r = reference("special");
    for (x, (erf_x, erfc_x)) in list(&r["x"]).into_iter().zip(list(&r["erf"]).into_iter().zip(list(&r["erfc"]))) {
        assert!((erf(x) - erf_x).abs() < 1e-14, "erf({x})");
        check_close(erfc(x), erfc_x, 1e-12);
    }
    for (p, x) in list(&r["p"]).into_iter().zip(list(&r["ndtri"])) {
        assert!((normal_quantile(p) - x).abs() < 1e-10 * (1.0 + x.abs()), "quantile of {p}");
    }
    for (x, y) in list(&r["gx"]).into_iter().zip(list(&r["gammaln"])) {
        assert!((ln_gamma(x) - y).abs() < 1e-13 * (1.0 + y.abs()), "ln_gamma({x})");
    }
    for row in r["beta"].as_array().unwrap() {
        let row = list(row);
        check_close(incomplete_beta(row[0], row[1], row[2]), row[3], 1e-12);
    }
    for row in r["t"].as_array().unwrap() {
        let row = list(row);
        check_close(student_quantile(row[0], row[1]), row[2], 1e-10);
    }
    for row in r["kolmogorov"].as_array().unwrap() {
        let row = list(row);
        check_close(kolmogorov_survival(row[0]), row[1], 1e-10);
    }
}

#[test]
fn correlations_agree_with_scipy() {
    let r = reference("pairs");
    let (x, y) = (list(&r["x"]), list(&r["y"]));
    check_close(pearson(&x, &y), r["pearsonr"].as_f64().unwrap(), 1e-13);
    check_close(spearman(&x, &y), r["spearmanr"].as_f64().unwrap(), 1e-13);
    assert_eq!(ranks(&x), list(&r["rankdata_x"]));
    let expected = list(&r["pearsonr_interval_95"]);
    let found = pearson_interval(pearson(&x, &y), x.len(), 0.95);
    check_close(found.low, expected[0], 1e-9);
    check_close(found.high, expected[1], 1e-9);
}

#[test]
fn moments_agree_with_numpy() {
    let r = reference("pairs");
    let (x, y) = (list(&r["x"]), list(&r["y"]));
    check_close(standard_deviation(&x), r["std_x"].as_f64().unwrap(), 1e-13);
    check_close(standard_error(&x), r["sem_x"].as_f64().unwrap(), 1e-13);
    check_close(quantile(&x, 0.3), r["quantile_x_0.3"].as_f64().unwrap(), 1e-13);
    check_close(median(&y), r["median_y"].as_f64().unwrap(), 1e-13);
}

#[test]
fn lines_agree_with_scipy() {
    let r = reference("pairs");
    let (x, y) = (list(&r["x"]), list(&r["y"]));
    let check = |line: &Line, expected: Vec<f64>| {
        check_close(line.slope, expected[0], 1e-12);
        check_close(line.intercept, expected[1], 1e-11);
        check_close(line.slope_error, expected[2], 1e-12);
        check_close(line.intercept_error, expected[3], 1e-12);
    };
    let line = Line::fit(&x, &y, None).unwrap();
    check(&line, list(&r["linregress"]));
    check(&Line::fit(&x, &y, Some(&list(&r["weights_error"]))).unwrap(), list(&r["weighted"]));
    let interval = list(&r["slope_interval_95"]);
    check_close(line.slope_interval(0.95).low, interval[0], 1e-10);
    check_close(line.slope_interval(0.95).high, interval[1], 1e-10);
}

#[test]
fn peaks_and_decays_agree_with_scipy() {
    let r = reference("decay");
    let decay = Decay::fit(&list(&r["x"]), &list(&r["y"])).unwrap();
    let (expected, errors) = (list(&r["curve_fit"]), list(&r["errors"]));
    check_close(decay.amplitude, expected[0], 1e-7);
    check_close(decay.length, expected[1], 1e-7);
    check_close(decay.amplitude_error, errors[0], 1e-5);
    check_close(decay.length_error, errors[1], 1e-5);
    let r = reference("gaussian");
    let peak = Gaussian::fit(&list(&r["x"]), &list(&r["y"])).unwrap();
    let (expected, errors) = (list(&r["curve_fit"]), list(&r["errors"]));
    for (found, k) in [(peak.height, 0), (peak.center, 1), (peak.width, 2)] {
        check_close(found, expected[k], 1e-7);
        check_close(peak.errors[k], errors[k], 1e-5);
    }
}

#[test]
fn a_decay_without_noise_is_found_either_way() {
    let x: Vec<f64> = (0..20).map(|k| 0.3 * f64::from(k)).collect();
    let y: Vec<f64> = x.iter().map(|x| 1.5 * (-x / 2.2).exp()).collect();
    for decay in [Decay::fit(&x, &y).unwrap(), Decay::fit_logarithm(&x, &y).unwrap()] {
        check_close(decay.length, 2.2, 1e-9);
        check_close(decay.amplitude, 1.5, 1e-9);
    }
}

#[test]
fn the_kolmogorov_smirnov_test_is_exact_for_small_samples() {
    let r = reference("ks");
    let found = kolmogorov_smirnov(&list(&r["a"]), &list(&r["b"]));
    check_close(found.statistic, r["statistic"].as_f64().unwrap(), 1e-13);
    check_close(found.p_value, r["p_exact"].as_f64().unwrap(), 1e-10);
    assert_eq!(kolmogorov_smirnov(&[1.0, 2.0], &[1.0, 2.0]).p_value, 1.0);
    // The limit for large samples meets the exact value where both apply.
    let a: Vec<f64> = (0..990).map(spread).collect();
    let b: Vec<f64> = (0..1000).map(|k| spread(k).powf(0.85)).collect();
    let exact = kolmogorov_smirnov(&a, &b);
    let b: Vec<f64> = (0..1030).map(|k| spread(k).powf(0.85)).collect();
    let limit = kolmogorov_smirnov(&a, &b);
    assert!(exact.p_value < 0.2 && (exact.p_value / limit.p_value - 1.0).abs() < 0.2, "{exact:?} {limit:?}");
}

#[test]
fn the_mixture_of_largest_likelihood_is_the_one_scipy_finds() {
    let r = reference("mixture");
    let x = list(&r["x"]);
    let mixture = Mixture::fit(&x).unwrap();
    check_close(mixture.ln_likelihood(&x), r["ln_likelihood"].as_f64().unwrap(), 1e-12);
    check_close(mixture.weight, r["weight"].as_f64().unwrap(), 1e-5);
    check_close(mixture.exponential, r["exponential"].as_f64().unwrap(), 1e-5);
    check_close(mixture.rayleigh, r["rayleigh"].as_f64().unwrap(), 1e-5);

    let spectrum = Spectrum::fit(&x, 0.95, 200, 3, &Silent).unwrap();
    let n = (x.len() as f64).ln();
    check_close(spectrum.bic[1], n - 2.0 * r["ln_exponential"].as_f64().unwrap(), 1e-12);
    check_close(spectrum.bic[2], n - 2.0 * r["ln_rayleigh"].as_f64().unwrap(), 1e-12);
    assert_eq!(spectrum.best(), "mixture");
    // The sample was drawn from w = 0.35, mean 0.25, mode 1.1; a 95 % interval may miss one of the three by a little.
    assert!(spectrum.rayleigh_interval.low < 1.1 && spectrum.rayleigh_interval.high > 1.1);
    assert!(spectrum.weight_interval.low < 0.35 && spectrum.weight_interval.high > 0.35);
    assert_eq!(spectrum, Spectrum::fit(&x, 0.95, 200, 3, &Silent).unwrap());
    assert_ne!(spectrum.weight_interval, Spectrum::fit(&x, 0.95, 200, 4, &Silent).unwrap().weight_interval);
}

#[test]
fn the_density_of_a_mixture_integrates_to_one() {
    let mixture = Mixture { weight: 0.3, exponential: 0.4, rayleigh: 1.2 };
    let step = 1e-3;
    let sum: f64 = (0..20_000).map(|k| step * mixture.density((f64::from(k) + 0.5) * step)).sum();
    assert!((sum - 1.0).abs() < 1e-6, "{sum}");
}

#[test]
fn a_sample_of_one_distribution_alone_is_recognised() {
    let u: Vec<f64> = (0..500).map(|k| (k as f64 + 0.5) / 500.0).collect();
    let exponential: Vec<f64> = u.iter().map(|u| -0.3 * (1.0 - u).ln()).collect();
    let rayleigh: Vec<f64> = u.iter().map(|u| 1.3 * (-2.0 * (1.0 - u).ln()).sqrt()).collect();
    assert_eq!(Spectrum::fit(&exponential, 0.95, 20, 1, &Silent).unwrap().best(), "exponential");
    assert_eq!(Spectrum::fit(&rayleigh, 0.95, 20, 1, &Silent).unwrap().best(), "rayleigh");
    for bad in [vec![1.0; 5], vec![1.0; 50], [exponential, vec![-1.0]].concat()] {
        assert!(Spectrum::fit(&bad, 0.95, 20, 1, &Silent).is_err());
    }
}

#[test]
fn bins_show_the_correlation_that_single_pairs_predict() {
    // A linear relation with rho = 0.3: 20,000 pairs, in bins of 100 along x.
    let normal = |k: usize| normal_quantile(spread(k).clamp(1e-9, 1.0 - 1e-9));
    let shuffled = bootstrap(20_000, 1, 5, |rows| rows.to_vec()).remove(0);
    let mut pairs: Vec<(f64, f64)> = shuffled
        .iter()
        .enumerate()
        .map(|(k, &row)| (normal(k), 0.3 * normal(k) + (1.0_f64 - 0.09).sqrt() * normal(row)))
        .collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    let rho = pearson(&x, &y);
    assert!((rho - 0.3).abs() < 0.03, "{rho}");
    let means = |v: &[f64]| v.chunks(100).map(mean).collect::<Vec<_>>();
    let measured = pearson(&means(&x), &means(&y));
    assert!((measured - binned_correlation(rho, 100.0)).abs() < 0.02, "{measured}");
}

#[test]
fn correlations_of_nothing_are_nan() {
    assert!(pearson(&[1.0], &[2.0]).is_nan());
    assert!(pearson(&[0.1; 7], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]).is_nan());
    assert!(mean(&[]).is_nan() && variance(&[1.0]).is_nan());
    assert_eq!(pearson_interval(0.5, 3, 0.95), Interval { low: -1.0, high: 1.0 });
    assert!(Line::fit(&[1.0, 1.0], &[1.0, 2.0], None).is_err());
}

#[test]
fn blocks_widen_the_error_of_correlated_numbers() {
    // Runs of ten equal numbers: the error of the mean is sqrt(10) times that of independent ones.
    let x: Vec<f64> = (0..2000).map(|k| stream(1, Purpose::Selection, k / 10).random()).collect();
    let error = |block| {
        let means = block_bootstrap(x.len(), block, 400, 2, |rows| rows.iter().map(|&r| x[r]).sum::<f64>() / 2000.0);
        standard_deviation(&means)
    };
    let ratio = error(50) / error(1);
    assert!(ratio > 2.0 && ratio < 4.0, "{ratio}");
}

#[test]
fn a_bootstrap_depends_on_the_seed_alone() {
    let draw = |threads: usize, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| bootstrap(50, 20, seed, |rows| rows.to_vec()))
    };
    assert_eq!(draw(1, 1), draw(3, 1));
    assert_ne!(draw(1, 1), draw(1, 2));
}

#[test]
fn a_histogram_counts_every_number_once() {
    let x: Vec<f64> = (0..1000).map(|k| 3.0 * spread(k) - 1.0).collect();
    for bins in [Bins::Count(7), Bins::Width(0.25), Bins::Automatic] {
        let histogram = Histogram::new(&x, bins).unwrap();
        assert_eq!(histogram.counts.iter().sum::<u64>(), 1000);
        let integral: f64 = histogram.density().iter().map(|d| d * histogram.width).sum();
        assert!((integral - 1.0).abs() < 1e-12);
    }
    assert_eq!(Histogram::new(&x, Bins::Width(0.25)).unwrap().start, -1.0);
    assert!(Histogram::new(&[], Bins::Automatic).is_err());
}

#[test]
fn eigenpairs_of_a_chain_are_its_waves() {
    // Tridiagonal 2, -1 of size n: 2 - 2 cos(k pi / (n + 1)).
    let n = 12;
    let pairs = tridiagonal(&vec![2.0; n], &vec![-1.0; n - 1]).unwrap();
    for (k, value) in pairs.values.iter().enumerate() {
        let exact = 2.0 - 2.0 * ((k + 1) as f64 * std::f64::consts::PI / (n + 1) as f64).cos();
        assert!((value - exact).abs() < 1e-13);
    }
    assert!(symmetric(3, &[1.0; 4]).is_err());
}
