#!/bin/sh
# A configuration alone means: serve it. So upstream's entry point has it.
set -eu
case "${1-}" in
  *.yaml | *.yml) set -- registry serve "$@" ;;
  serve | garbage-collect | help | -*) set -- registry "$@" ;;
esac
exec "$@"
