FROM rust:1.96-trixie AS build
RUN rustup target add x86_64-unknown-linux-musl \
 && apt-get update \
 && apt-get install --yes --no-install-recommends musl-tools
WORKDIR /app
COPY . .
RUN cargo build --release --locked \
      --target x86_64-unknown-linux-musl \
 && install -D -t /programs target/*-musl/release/link-*

# ANCHOR: nobody
FROM scratch AS trusts-nobody
COPY --from=build /programs/link-check /
USER 65532:65532
ENTRYPOINT ["/link-check"]
# ANCHOR_END: nobody

# ANCHOR: authorities
FROM scratch AS trusts-authorities
COPY --from=build \
  /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /programs/link-check /
USER 65532:65532
ENTRYPOINT ["/link-check"]
# ANCHOR_END: authorities

FROM scratch AS target
COPY --from=build /programs/link-target /
USER 65532:65532
ENTRYPOINT ["/link-target", "linking-target", "0.0.0.0:8443"]
