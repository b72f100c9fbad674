//! Four orders of the same build. Each is a Dockerfile beside this crate; a test keeps them equal.

use crate::cache::{File, Step};
use crate::work::Work;

const ALL: &[File] = &[File::Manifest, File::Source, File::Readme];
const MANIFEST: &[File] = &[File::Manifest];

const fn step(text: &'static str) -> Step {
    Step { text, reads: &[], work: Work::Nothing }
}

const fn copy(text: &'static str, reads: &'static [File]) -> Step {
    Step { text, reads, work: Work::Nothing }
}

const fn run(text: &'static str, work: Work) -> Step {
    Step { text, reads: &[], work }
}

// ANCHOR: sources-first
/// Everything is copied, then everything is compiled.
pub const SOURCES_FIRST: &[Step] = &[
    step("FROM rust:1.96-trixie"),
    step("WORKDIR /app"),
    copy("COPY . .", ALL),
    run("RUN cargo build --release --locked", Work::Everything),
];
// ANCHOR_END: sources-first

// ANCHOR: manifests-first
/// What changes rarely comes first.
pub const MANIFESTS_FIRST: &[Step] = &[
    step("FROM rust:1.96-trixie"),
    step("WORKDIR /app"),
    copy("COPY Cargo.toml Cargo.lock ./", MANIFEST),
    step("RUN mkdir src && echo 'fn main() {}' > src/main.rs"),
    run("RUN cargo build --release --locked", Work::Everything),
    copy("COPY . .", ALL),
    run(
        "RUN touch src/main.rs && cargo build --release --locked",
        Work::Program,
    ),
];
// ANCHOR_END: manifests-first

// ANCHOR: planner
/// A stage of its own finds the manifests. It runs each time; what it
/// hands on is mostly the same, and only that counts below.
pub const PLANNER: &[Step] = &[
    step("FROM rust:1.96-trixie AS planner"),
    step("WORKDIR /app"),
    copy("COPY . .", ALL),
    step(
        "RUN mkdir /plan && find . -name 'Cargo.*' | xargs cp --parents -t /plan",
    ),
    step("FROM rust:1.96-trixie"),
    step("WORKDIR /app"),
    copy("COPY --from=planner /plan ./", MANIFEST),
    step("RUN mkdir src && echo 'fn main() {}' > src/main.rs"),
    run("RUN cargo build --release --locked", Work::Everything),
    copy("COPY . .", ALL),
    run(
        "RUN touch src/main.rs && cargo build --release --locked",
        Work::Program,
    ),
];
// ANCHOR_END: planner

// ANCHOR: mount
/// The step runs again, and finds what it compiled the last time.
pub const MOUNT: &[Step] = &[
    step("FROM rust:1.96-trixie"),
    step("WORKDIR /app"),
    copy("COPY . .", ALL),
    run(
        "RUN --mount=type=cache,target=/app/target cargo build --release --locked && cp target/release/links-api /usr/local/bin/",
        Work::Changes,
    ),
];
// ANCHOR_END: mount
