//! The language: options, units, errors.

mod common;
use common::{error, number, run};

#[test]
fn units_multiply_and_are_seen_in_functions() {
    assert_eq!(number("1e12*K/second"), 1.0);
    assert_eq!(number("fn f() { 2*fs } f()"), 2e-3);
    assert!((number("160.2176634*GPa") - 1.0).abs() < 1e-12);
}

#[test]
fn unknown_names_are_errors_with_a_suggestion() {
    let probe = "fn probe(options) { defaults(options, #{ rate: 1.0, to: required }).rate }";
    assert_eq!(error(&format!("{probe} probe(#{{ to: 1, rat: 2 }})")), "probe: no option `rat`; did you mean `rate`?");
    assert_eq!(error(&format!("{probe} probe()")), "probe: the option `to` is needed");
    assert_eq!(number(&format!("{probe} probe(#{{ to: 1, rate: 3 }})")), 3.0);
    assert_eq!(run("let p = potential(\"CuZr-2009\"); p.name").into_string().unwrap(), "CuZr-2009");
}
