FROM debian:trixie-slim AS service
COPY --from=words reserved.txt /etc/links/

FROM service AS checked
RUN grep --quiet '^admin$' /etc/links/reserved.txt
