FROM debian:trixie-slim
RUN --mount=type=secret,id=token,target=/credentials.toml \
    wc -c < /credentials.toml > /used
