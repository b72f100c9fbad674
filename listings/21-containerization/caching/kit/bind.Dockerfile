FROM rust:1.96-trixie AS build
WORKDIR /app
RUN --mount=type=bind,target=. \
    cargo build --release --locked \
    && cp target/release/links-api /usr/local/bin/
