# Does not build: there is no such file.
FROM scratch
COPY none.txt /
