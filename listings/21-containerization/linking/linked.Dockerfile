FROM rust:1.96-trixie AS build
WORKDIR /app
COPY . .
RUN cargo build --release --locked

FROM rust:1.96-trixie AS build-musl
RUN rustup target add x86_64-unknown-linux-musl
WORKDIR /app
COPY . .
RUN cargo build --locked --profile minimal \
      --target x86_64-unknown-linux-musl

# ANCHOR: static
FROM rust:1.96-trixie AS build-static
WORKDIR /app
COPY . .
ENV RUSTFLAGS="-C target-feature=+crt-static"
RUN cargo build --locked --profile minimal \
      --target x86_64-unknown-linux-gnu
# ANCHOR_END: static

FROM rust:1.96-trixie AS programs
WORKDIR /programs
COPY --from=build /app/target/release/links-api dynamic
COPY --from=build-static \
  /app/target/x86_64-unknown-linux-gnu/minimal/links-api static
COPY --from=build-musl \
  /app/target/x86_64-unknown-linux-musl/minimal/links-api musl

FROM debian:trixie-slim AS musl-packages
RUN apt-get update \
 && apt-get install --yes --no-install-recommends musl

# ANCHOR: musl-base
FROM scratch AS musl-base
COPY --from=musl-packages /usr/lib/x86_64-linux-musl/libc.so \
  /lib/ld-musl-x86_64.so.1
COPY --from=programs /programs /
# ANCHOR_END: musl-base

FROM debian:trixie-slim AS debian
COPY --from=programs /programs /

FROM debian:bullseye-slim AS older-debian
COPY --from=programs /programs /

FROM gcr.io/distroless/cc-debian13:nonroot AS distroless-cc
COPY --from=programs /programs /

FROM gcr.io/distroless/static-debian13:nonroot AS distroless-static
COPY --from=programs /programs /

FROM scratch AS scratch-image
COPY --from=programs /programs /
