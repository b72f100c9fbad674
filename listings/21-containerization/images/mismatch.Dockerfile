FROM rust:1.96-trixie AS build
WORKDIR /app
COPY . .
RUN cargo build --release --locked

FROM debian:bullseye-slim
COPY --from=build /app/target/release/links-api /usr/local/bin/
CMD ["links-api"]
