FROM debian:trixie-slim
ARG TOKEN
RUN printf 'token = "%s"\n' "$TOKEN" > /credentials.toml \
 && wc -c < /credentials.toml > /used \
 && rm /credentials.toml
