# ANCHOR: program
FROM rust:1.96-trixie AS build
WORKDIR /app
COPY . .
RUN cargo build --release --locked

FROM debian:trixie-slim AS program
COPY --from=build /app/target/release/links-api /usr/local/bin/
USER 65532:65532
# ANCHOR_END: program

# ANCHOR: shell
FROM program AS shell
CMD links-api
# ANCHOR_END: shell

# ANCHOR: words
FROM program AS words
CMD ["links-api"]
# ANCHOR_END: words

# ANCHOR: script
FROM program AS script
COPY --chmod=755 <<END /start
#!/bin/sh
echo "starting links-api"
links-api
END
CMD ["/start"]
# ANCHOR_END: script

# ANCHOR: script-exec
FROM program AS script-exec
COPY --chmod=755 <<END /start
#!/bin/sh
echo "starting links-api"
exec links-api
END
CMD ["/start"]
# ANCHOR_END: script-exec
