#!/bin/bash
# Runs the broker and its tools as the user rabbitmq, however the container was started. RABBITMQ_DEFAULT_USER,
# RABBITMQ_DEFAULT_PASS and RABBITMQ_DEFAULT_VHOST are read by the broker itself, and count when it has no data yet.
set -euo pipefail
if [[ "$1" == rabbitmq* && "$(id -u)" == 0 ]]; then
  if [ "$1" = rabbitmq-server ]; then
    find /var/lib/rabbitmq \! -user rabbitmq -exec chown rabbitmq '{}' +
  fi
  exec setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups "$@"
fi
exec "$@"
