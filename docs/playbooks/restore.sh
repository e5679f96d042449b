#!/bin/sh
# Brings back the newest of the backups that backup.sh makes, for a server that is stopped.
set -eu
newest=$(ls /backup/redis/dump_*.rdb | sort | tail -n 1)
install -o redis -g redis -m 640 "$newest" /var/lib/redis/dump.rdb
if grep -q '^appendonly yes' /etc/redis/redis.conf; then
    # with a log that is not there the snapshot would not be read: it is read without one, and the log made from it
    sed -i 's/^appendonly yes/appendonly no/' /etc/redis/redis.conf
    systemctl start redis
    redis-cli -e CONFIG SET appendonly yes >/dev/null
    until redis-cli INFO persistence | grep -q aof_rewrite_in_progress:0; do sleep 0.2; done
    sed -i 's/^appendonly no/appendonly yes/' /etc/redis/redis.conf
else
    systemctl start redis
fi
