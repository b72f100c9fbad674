FROM rust:1.96-trixie AS build
WORKDIR /app
COPY . .
RUN mv two-providers/Cargo.* .
RUN cargo build --release --locked

FROM gcr.io/distroless/cc-debian13:nonroot AS undecided
COPY --from=build /app/target/release/link-check /
ENTRYPOINT ["/link-check"]

FROM gcr.io/distroless/cc-debian13:nonroot AS decided
COPY --from=build /app/target/release/decided /
ENTRYPOINT ["/decided"]
