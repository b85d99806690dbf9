//! Time of each kernel on one thread. `cargo bench`, or `cargo bench -- hessian` for those whose name has this word. A table of
//! the shortest times follows, in ns per atom and per pair.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod dynamics;
mod per_atom;
mod potential;
mod structure;

#[path = "../../common/setfl.rs"]
mod setfl;

fn main() {
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().unwrap();
    divan::main();
    if per_atom::print() {
        println!("\nThe engine holds {} bytes for each atom.", potential::memory());
    }
}
