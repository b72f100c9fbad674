FROM rust:1.96-trixie
WORKDIR /app
COPY Cargo.toml Cargo.lock ./
RUN mkdir src && echo 'fn main() {}' > src/main.rs
RUN cargo build --release --locked
COPY . .
RUN touch src/main.rs && cargo build --release --locked
CMD ["target/release/links-api"]
