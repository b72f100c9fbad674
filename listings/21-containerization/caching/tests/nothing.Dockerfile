FROM rust:1.96-trixie AS build
WORKDIR /app
COPY . .
RUN cargo build --release --locked

FROM debian:trixie-slim
COPY --from=build /app/target/release/links-report /usr/local/bin/
USER 65532:65532
CMD ["links-report"]
