#!/bin/sh
# Starts the broker of docker-compose.yml. Outrider's own accounts get the passwords of the environment at each start;
# accounts of trackers stay as they were added:
#
#   docker compose exec mosquitto mosquitto_passwd /mosquitto/data/passwords acme/van-7
#   docker compose kill --signal HUP mosquitto
#
# Arguments: the folder of the configuration and that of the data, where they are not the container's.
set -eu
configuration=${1:-/mosquitto/config}
data=${2:-/mosquitto/data}
passwords=$data/passwords
umask 077

: "${WORKER_PASSWORD:?set OUTRIDER_MQTT_WORKER_PASSWORD in .env}"
: "${API_PASSWORD:?set OUTRIDER_MQTT_API_PASSWORD in .env}"

# Hashed in a file of their own: as an argument a password could be seen by others.
own=$data/passwords.own
{
    echo "worker:$WORKER_PASSWORD"
    echo "api:$API_PASSWORD"
    if [ -n "${SIMULATOR_PASSWORD:-}" ]; then
        echo "simulator:$SIMULATOR_PASSWORD"
    fi
} >"$own"
mosquitto_passwd -U "$own"

touch "$passwords"
{ grep -v -E '^(worker|api|simulator):' "$passwords" || true; } >"$passwords.new"
cat "$own" >>"$passwords.new"
rm "$own"
mv "$passwords.new" "$passwords"
unset WORKER_PASSWORD API_PASSWORD SIMULATOR_PASSWORD

# As root Mosquitto changes to its own account, which has to be able to read and to save.
if [ "$(id -u)" = 0 ]; then
    chown -R mosquitto: "$data"
fi
exec mosquitto -c "$configuration/mosquitto.conf"
