//! Rebuilds the crate when the embedded scripts change.

fn main() {
    println!("cargo:rerun-if-changed=stdlib");
}
