//! Has the crate compiled anew when a file of the bundle was added, changed or removed.

fn main() {
    #[allow(clippy::print_stdout, reason = "this is how a build script speaks")]
    {
        println!("cargo::rerun-if-changed=dist");
    }
}
