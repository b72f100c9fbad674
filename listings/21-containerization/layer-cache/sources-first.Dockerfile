FROM rust:1.96-trixie
WORKDIR /app
COPY . .
RUN cargo build --release --locked
CMD ["target/release/links-api"]
