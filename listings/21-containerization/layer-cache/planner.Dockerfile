FROM rust:1.96-trixie AS planner
WORKDIR /app
COPY . .
RUN mkdir /plan && find . -name 'Cargo.*' | xargs cp --parents -t /plan

FROM rust:1.96-trixie
WORKDIR /app
COPY --from=planner /plan ./
RUN mkdir src && echo 'fn main() {}' > src/main.rs
RUN cargo build --release --locked
COPY . .
RUN touch src/main.rs && cargo build --release --locked
CMD ["target/release/links-api"]
