//! The command line of vitric.

fn main() {}
