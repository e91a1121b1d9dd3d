#!/bin/sh
# Makes the database on the first start, and runs it. Settings and first tables come from /etc/notes.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --username=notes --auth-host=scram-sha-256 --auth-local=trust --pwfile="$PASSWORD_FILE"
  printf 'host all all all scram-sha-256\n' >> "$PGDATA/pg_hba.conf"
  pg_ctl --wait --options="-c listen_addresses=''" start
  createdb --username=notes notes
  psql --username=notes --dbname=notes --file=/etc/notes/schema.sql
  pg_ctl --wait stop
fi
# A volume's group may have got rights to it, which PostgreSQL does not accept.
chmod 700 "$PGDATA"
exec postgres -c config_file=/etc/notes/postgresql.conf -c data_directory="$PGDATA" \
  -c hba_file="$PGDATA/pg_hba.conf"
