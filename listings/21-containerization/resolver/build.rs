//! Migrations are compiled in: a new file makes a new program.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
