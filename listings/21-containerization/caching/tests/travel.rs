//! A layer that comes back from a registry to an engine that has forgotten it.

mod common;

use std::net::SocketAddr;

use book_support::captured;
use book_support::docker::{Image, output};
use book_support::engines::registry;
use caching::edits::forget;
use common::{HERE, build, steps, unique};

/// The port of a registry's container.
const REGISTRY: u16 = 5000;

fn travel(args: &[&str]) -> Image {
    let context = format!("{HERE}/kit/words");
    let file = format!("{HERE}/travel.Dockerfile");
    args.iter().fold(build(&file, &context), |b, a| b.arg(a)).run()
}

/// What the step wrote that is never twice the same.
fn made(image: &Image) -> String {
    String::from_utf8_lossy(&image.file("/made")).trim().to_owned()
}

/// As a machine that was never here.
fn forget_the_step() {
    forget(|record| record.contains("date +%N > /made"));
}

#[test]
fn a_registry_brings_a_layer_to_an_engine_that_lacks_it() {
    // Of a run that was cut off.
    forget_the_step();
    let registry = registry();
    let address: SocketAddr = registry.address(REGISTRY);
    let name = format!("{address}/{}:cached", unique("caching"));

    let first = travel(&["--no-cache", "--cache-to=type=inline"]);
    let wrote = made(&first);
    output(&["tag", first.tag(), &name]);
    output(&["push", "--quiet", &name]);
    output(&["image", "rm", &name]);
    drop(first);
    forget_the_step();

    // It has forgotten: without the registry, the step runs again.
    let alone = travel(&[]);
    assert_ne!(made(&alone), wrote);
    let ran = steps(&alone).lines();
    drop(alone);
    forget_the_step();

    let from = format!("--cache-from=type=registry,ref={name}");
    let helped = travel(&[&from]);
    assert_eq!(made(&helped), wrote);
    let cached = steps(&helped).lines();
    drop(helped);
    forget_the_step();

    captured(
        &format!("{HERE}/captured/travel.txt"),
        &format!("alone\n{ran}\nwith --cache-from\n{cached}"),
    );
}
