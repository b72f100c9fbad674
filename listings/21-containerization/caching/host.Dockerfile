FROM debian:trixie-slim
COPY dist/links-report /usr/local/bin/
USER 65532:65532
CMD ["links-report"]
