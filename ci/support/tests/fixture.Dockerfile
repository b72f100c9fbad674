# What the tests of the test support build.
FROM debian:trixie-slim
COPY . /fixture/
CMD ["sleep", "infinity"]
