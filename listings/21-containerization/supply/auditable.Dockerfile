FROM rust:1.96-trixie AS build
RUN cargo install --locked cargo-auditable@0.7.7
RUN rustup target add x86_64-unknown-linux-musl
WORKDIR /app
COPY . .
RUN cargo auditable build --locked --profile minimal \
      --target x86_64-unknown-linux-musl

FROM scratch
COPY --from=build \
  /app/target/x86_64-unknown-linux-musl/minimal/links-api /links-api
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/links-api"]
