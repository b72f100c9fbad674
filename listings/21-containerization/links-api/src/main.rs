//! links-api
fn main() {}
