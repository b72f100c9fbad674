#!/bin/sh
# Builds for both processors, and pushes under one name:
#   sh publish.sh 127.0.0.1:8130/greeting:1
set -eu
name=$1
for arch in amd64 arm64; do
# EXERCISE: solution
  docker build --platform "linux/$arch" --tag "$name-$arch" .
  docker push --quiet "$name-$arch"
# STARTER:   docker build --platform "linux/$arch" --tag "$name" .
# STARTER:   docker push --quiet "$name"
# EXERCISE_END
done
# EXERCISE: solution
docker buildx imagetools create --tag "$name" \
  "$name-amd64" "$name-arm64"
# EXERCISE_END
