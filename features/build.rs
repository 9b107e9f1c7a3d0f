//! Without a build script, build dependencies do not count.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}
