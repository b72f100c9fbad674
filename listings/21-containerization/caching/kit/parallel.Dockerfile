FROM debian:trixie-slim AS words
RUN sleep 2 && echo links > /words

FROM debian:trixie-slim AS hosts
RUN sleep 2 && echo example.org > /hosts

FROM debian:trixie-slim AS report
RUN sleep 2 && wc /etc/passwd > /report

FROM debian:trixie-slim
COPY --from=words /words /etc/links/
COPY --from=hosts /hosts /etc/links/
