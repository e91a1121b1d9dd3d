#!/bin/sh
# Makes the database $DATABASE, of a user of that name, on the first start, and runs it. Settings
# (postgresql.conf) and first tables (schema.sql) come from the folder $SETTINGS.
set -eu
if [ ! -d "$PGDATA" ]; then
  # Made beside its place: a start that is cut short begins again.
  new=$PGDATA.new
  rm -rf "$new"
  initdb --pgdata="$new" --username="$DATABASE" --pwfile="$PASSWORD_FILE" \
    --auth-host=scram-sha-256 --auth-local=trust
  printf 'host all all all scram-sha-256\n' >> "$new/pg_hba.conf"
  pg_ctl --pgdata="$new" --wait start \
    --options="-c listen_addresses='' -c unix_socket_directories=$PGHOST"
  createdb --username="$DATABASE" "$DATABASE"
  psql --username="$DATABASE" --dbname="$DATABASE" --set=ON_ERROR_STOP=1 \
    --file="$SETTINGS/schema.sql"
  pg_ctl --pgdata="$new" --wait stop
  mv "$new" "$PGDATA"
fi
# A volume's group may have got rights to it, which PostgreSQL does not accept.
chmod 700 "$PGDATA"
exec postgres -c config_file="$SETTINGS/postgresql.conf" -c data_directory="$PGDATA" \
  -c hba_file="$PGDATA/pg_hba.conf"
