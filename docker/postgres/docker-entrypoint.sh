#!/bin/bash
# What upstream's entry point does, as far as its documentation promises it: as the user postgres, makes a cluster in
# $PGDATA unless there is one, with POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB, POSTGRES_INITDB_ARGS and
# POSTGRES_HOST_AUTH_METHOD (each but the last also as …_FILE), runs /docker-entrypoint-initdb.d, then the server.
set -euo pipefail

# The value of a variable, or of the file that NAME_FILE names, or a default.
setting() {
  local name=$1 file=$1_FILE
  if [ -n "${!name-}" ] && [ -n "${!file-}" ]; then
    echo "error: both $name and $file are set (but are exclusive)" >&2
    exit 1
  fi
  if [ -n "${!file-}" ]; then cat "${!file}"; else echo "${!name:-${2-}}"; fi
}

# Runs the files of the folder, in the order of their names.
init_files() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case "$file" in
      *.sh) if [ -x "$file" ]; then echo "running $file"; "$file"; else echo "sourcing $file"; . "$file"; fi ;;
      *.sql) echo "running $file"; sql --file "$file" ;;
      *.sql.gz) echo "running $file"; gunzip --stdout "$file" | sql ;;
      */\*) ;;
      *) echo "ignoring $file" ;;
    esac
  done
}

# The server that runs meanwhile listens on its socket alone: nobody outside takes it for ready.
sql() {
  PGHOST='' PGHOSTADDR='' PGPASSWORD=$password psql -v ON_ERROR_STOP=1 --no-password --no-psqlrc \
    --username "$user" --dbname "${database_now:-$database}" "$@"
}

if [ "${1:0:1}" = '-' ]; then set -- postgres "$@"; fi
if [ "$1" = postgres ] && [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chmod 00700 "$PGDATA"
  find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$BASH_SOURCE" "$@"
fi
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
  user=$(setting POSTGRES_USER postgres)
  password=$(setting POSTGRES_PASSWORD)
  database=$(setting POSTGRES_DB "$user")
  method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
  if [ -z "$password" ] && [ "$method" != trust ]; then
    echo 'Error: Database is uninitialized and superuser password is not specified.' >&2
    echo '       You must specify POSTGRES_PASSWORD to a non-empty value for the superuser.' >&2
    exit 1
  fi
  eval "initdb --username=\"\$user\" --pwfile=<(printf '%s\n' \"\$password\") $(setting POSTGRES_INITDB_ARGS)"
  printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"
  pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432" -w start
  if [ "$database" != postgres ]; then
    database_now=postgres sql --set db="$database" <<<'CREATE DATABASE :"db";'
  fi
  init_files
  pg_ctl -D "$PGDATA" -m fast -w stop
  unset password
  printf '\nPostgreSQL init process complete; ready for start up.\n\n'
fi
exec "$@"
