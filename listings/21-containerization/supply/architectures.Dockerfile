# ANCHOR: build
FROM --platform=$BUILDPLATFORM rust:1.96-trixie AS build
ARG TARGETARCH
RUN case "$TARGETARCH" in \
      amd64) echo x86_64-unknown-linux-musl ;; \
      arm64) echo aarch64-unknown-linux-musl ;; \
    esac > /target \
 && rustup target add "$(cat /target)"
ENV CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER=rust-lld
WORKDIR /app
COPY . .
RUN cargo build --locked --profile minimal --target "$(cat /target)"
RUN cp target/*-linux-musl/minimal/links-api /
# ANCHOR_END: build

# ANCHOR: emulated
FROM --platform=$BUILDPLATFORM debian:trixie-slim AS emulated
RUN apt-get update \
 && apt-get install -y --no-install-recommends qemu-user-static
COPY --from=build /links-api /links-api
USER 65532:65532
ENTRYPOINT ["qemu-aarch64-static", "/links-api"]
# ANCHOR_END: emulated

# ANCHOR: ship
FROM scratch
COPY --from=build /links-api /links-api
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/links-api"]
# ANCHOR_END: ship
