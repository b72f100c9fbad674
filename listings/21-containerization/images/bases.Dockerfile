FROM rust:1.96-trixie AS build
WORKDIR /app
COPY . .
RUN cargo build --release --locked

FROM rust:1.96-trixie AS build-static
RUN rustup target add x86_64-unknown-linux-musl
WORKDIR /app
COPY . .
RUN cargo build --locked --profile minimal \
      --target x86_64-unknown-linux-musl
RUN install -D -t /static \
      target/x86_64-unknown-linux-musl/minimal/links-api

# ANCHOR: debian
FROM debian:trixie-slim AS debian
COPY --from=build /app/target/release/links-api /
USER 65532:65532
ENTRYPOINT ["/links-api"]
# ANCHOR_END: debian

# ANCHOR: cc
FROM gcr.io/distroless/cc-debian13:nonroot AS distroless-cc
COPY --from=build /app/target/release/links-api /
ENTRYPOINT ["/links-api"]
# ANCHOR_END: cc

# ANCHOR: misplaced
FROM gcr.io/distroless/static-debian13:nonroot AS misplaced
COPY --from=build /app/target/release/links-api /
ENTRYPOINT ["/links-api"]
# ANCHOR_END: misplaced

# ANCHOR: static
FROM gcr.io/distroless/static-debian13:nonroot AS distroless-static
COPY --from=build-static /static/links-api /
ENTRYPOINT ["/links-api"]
# ANCHOR_END: static

# ANCHOR: scratch
FROM scratch AS scratch-image
COPY --from=build-static /static/links-api /
USER 65532:65532
ENTRYPOINT ["/links-api"]
# ANCHOR_END: scratch
