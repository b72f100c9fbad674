FROM --platform=$BUILDPLATFORM rust:1.96-trixie
RUN rustup target add aarch64-unknown-linux-musl
WORKDIR /greeting
RUN cargo init --quiet
RUN cargo build --target aarch64-unknown-linux-musl
