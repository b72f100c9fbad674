# One program, linked both ways, each on the base that holds what it then needs and nothing more.
FROM rust:1.96-trixie AS build
RUN rustup target add x86_64-unknown-linux-musl
COPY look.rs /
RUN rustc --target x86_64-unknown-linux-musl -o /static /look.rs \
 && rustc -o /linked /look.rs

FROM gcr.io/distroless/static-debian13:nonroot AS static
COPY --from=build /static /look
ENTRYPOINT ["/look"]

FROM gcr.io/distroless/cc-debian13:nonroot AS cc
COPY --from=build /linked /look
ENTRYPOINT ["/look"]

# The linked program where there is nothing to link it with.
FROM gcr.io/distroless/static-debian13:nonroot AS mismatch
COPY --from=build /linked /look
ENTRYPOINT ["/look"]
