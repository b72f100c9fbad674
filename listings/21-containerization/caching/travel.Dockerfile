FROM debian:trixie-slim
RUN date +%N > /made
