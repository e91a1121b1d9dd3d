#!/bin/sh
# Makes the database on the first start, and runs it. Settings and first tables come from /etc/shop.
set -eu
if [ ! -d "$PGDATA" ]; then
  # Made beside its place: a start that is cut short begins again.
  new=$PGDATA.new
  rm -rf "$new"
  initdb --pgdata="$new" --username=shop --pwfile="$PASSWORD_FILE" \
    --auth-host=scram-sha-256 --auth-local=trust
  printf 'host all all all scram-sha-256\n' >> "$new/pg_hba.conf"
  pg_ctl --pgdata="$new" --wait start \
    --options="-c listen_addresses='' -c unix_socket_directories=$PGHOST"
  createdb --username=shop shop
  psql --username=shop --dbname=shop --set=ON_ERROR_STOP=1 --file=/etc/shop/schema.sql
  pg_ctl --pgdata="$new" --wait stop
  mv "$new" "$PGDATA"
fi
# A volume's group may have got rights to it, which PostgreSQL does not accept.
chmod 700 "$PGDATA"
exec postgres -c config_file=/etc/shop/postgresql.conf -c data_directory="$PGDATA" \
  -c hba_file="$PGDATA/pg_hba.conf"
