//! A program that builds at once: what is looked at is which steps run, not what they compile.

fn main() {
    println!("ready");
}
