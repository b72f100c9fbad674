FROM rust:1.96-trixie AS build
ARG CACHE=links-report
WORKDIR /app
COPY . .
RUN --mount=type=cache,id=$CACHE-target,target=/app/target \
    --mount=type=cache,id=$CACHE-crates,target=/usr/local/cargo/registry \
    cargo build --release --locked \
    && cp target/release/links-report /usr/local/bin/

FROM debian:trixie-slim
COPY --from=build /usr/local/bin/links-report /usr/local/bin/
USER 65532:65532
CMD ["links-report"]
