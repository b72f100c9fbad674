FROM rust:1.96-trixie AS build
COPY deaf.rs left_behind.rs /
RUN rustc --edition 2024 --out-dir / /deaf.rs
RUN rustc --edition 2024 --out-dir / /left_behind.rs

FROM debian:trixie-slim
COPY --from=build /deaf /left_behind /usr/local/bin/
USER 65532:65532
CMD ["deaf"]
