FROM rust:1.96-trixie AS chef
RUN cargo install cargo-chef --version 0.1.78 --locked --debug
WORKDIR /app

FROM chef AS planner
COPY . .
RUN cargo chef prepare --recipe-path /recipe.json

FROM chef AS build
ARG COMMIT
COPY --from=planner /recipe.json ./
RUN cargo chef cook --release --locked
COPY . .
RUN cargo build --release --locked

FROM debian:trixie-slim
COPY --from=build /app/target/release/links-report /usr/local/bin/
USER 65532:65532
CMD ["links-report"]
