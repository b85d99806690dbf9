//! Helpers of the tests that run scripts.

#![allow(clippy::unwrap_used, clippy::print_stdout)]
#![allow(dead_code)]

use rhai::Dynamic;
use vitric::script::{Outcome, Report, Session, Settings};

fn evaluate(script: &str) -> Result<Outcome, Report> {
    Session::new(Settings::default())?.run(script, "test")
}

/// The value of the last expression of a script that must work.
pub fn run(script: &str) -> Dynamic {
    match evaluate(script) {
        Ok(Outcome::Value(value)) => value,
        Ok(Outcome::Exit(code)) => panic!("the script ended with exit code {code}"),
        Err(report) => panic!("{}", report.text),
    }
}

/// The same as a number.
pub fn number(script: &str) -> f64 {
    let value = run(script);
    vitric::script::number(&value).unwrap_or_else(|| panic!("expected a number, found {value:?}"))
}

/// The message of a script that must fail.
pub fn error(script: &str) -> String {
    match evaluate(script) {
        Err(report) => report.message,
        Ok(outcome) => panic!("expected an error, found {outcome:?}"),
    }
}
