FROM rust:1.96-trixie AS build
WORKDIR /app
RUN --mount=type=bind,target=. \
    --mount=type=tmpfs,target=/target \
    cargo build --release --locked --target-dir /target \
    && cp /target/release/links-api /usr/local/bin/
