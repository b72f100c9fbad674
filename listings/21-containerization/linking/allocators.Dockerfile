# ANCHOR: gnu
FROM rust:1.96-trixie AS gnu
WORKDIR /app
COPY . .
RUN cargo build --release --locked
# ANCHOR_END: gnu

# ANCHOR: musl
FROM gnu AS musl
RUN rustup target add x86_64-unknown-linux-musl
RUN cargo build --release --locked \
      --target x86_64-unknown-linux-musl
# ANCHOR_END: musl

# ANCHOR: no-compiler
FROM musl AS no-compiler
RUN cargo build --release --locked --features mimalloc \
      --target x86_64-unknown-linux-musl
# ANCHOR_END: no-compiler

# ANCHOR: mimalloc
FROM musl AS mimalloc
RUN apt-get update \
 && apt-get install --yes --no-install-recommends musl-tools
RUN cargo build --release --locked --features mimalloc \
      --target x86_64-unknown-linux-musl
# ANCHOR_END: mimalloc

FROM gcr.io/distroless/cc-debian13:nonroot AS programs
COPY --from=gnu /app/target/release/overview /gnu
COPY --from=musl \
  /app/target/x86_64-unknown-linux-musl/release/overview /musl
COPY --from=mimalloc \
  /app/target/x86_64-unknown-linux-musl/release/overview /mimalloc

FROM programs AS gnu-server
ENTRYPOINT ["/gnu"]

FROM programs AS musl-server
ENTRYPOINT ["/musl"]

FROM programs AS mimalloc-server
ENTRYPOINT ["/mimalloc"]
