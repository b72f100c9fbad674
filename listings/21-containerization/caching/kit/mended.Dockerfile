FROM debian:trixie-slim
COPY --chmod=644 <<EOF /etc/links.toml
listen = "0.0.0.0:8080"
drain_seconds = 10
EOF
RUN <<EOF
set -e
grep '^drain_seconds = ' /etc/links.toml
useradd --uid 65532 links
EOF
USER links
