FROM rust:1.96-trixie AS build
WORKDIR /app
COPY Cargo.toml Cargo.lock ./
RUN mkdir src && echo 'fn main() {}' > src/main.rs
RUN cargo build --release --locked
COPY . .
RUN touch src/main.rs && cargo build --release --locked

FROM debian:trixie-slim
COPY --from=build /app/target/release/links-report /usr/local/bin/
USER 65532:65532
CMD ["links-report"]
