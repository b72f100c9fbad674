FROM --platform=$BUILDPLATFORM rust:1.96-trixie
RUN rustup target add aarch64-unknown-linux-musl
ENV CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER=rust-lld
WORKDIR /greeting
RUN cargo init --quiet
RUN cargo build --target aarch64-unknown-linux-musl
