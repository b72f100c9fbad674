FROM rust:1.96-trixie
WORKDIR /app
COPY . .
RUN --mount=type=cache,target=/app/target \
    cargo build --release --locked \
    && cp target/release/links-api /usr/local/bin/
CMD ["links-api"]
