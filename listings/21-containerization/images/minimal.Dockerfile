FROM rust:1.96-trixie AS build
RUN rustup target add x86_64-unknown-linux-musl
WORKDIR /app
COPY . .
RUN cargo build --locked --profile minimal \
      --target x86_64-unknown-linux-musl

FROM scratch
COPY --from=build \
  /app/target/x86_64-unknown-linux-musl/minimal/links-api /links-api
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s CMD ["/links-api", "--healthcheck"]
ENTRYPOINT ["/links-api"]
