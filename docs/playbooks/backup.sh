#!/bin/sh
# A backup of a Redis that keeps snapshots: /backup/redis/dump_TIME.rdb, whole, durable, and as new as this call.
# Ends with another status than 0 where it has made none.
set -eu
data=/var/lib/redis/dump.rdb
target=/backup/redis/dump_$(date -u +%Y%m%d_%H%M%S).rdb

field() { redis-cli -e INFO persistence | tr -d '\r' | sed -n "s/^$1://p"; }
redis-cli -e PING >/dev/null || { echo "backup: no server answers" >&2; exit 1; }
before=$(stat -c %Y.%i "$data" 2>/dev/null || echo none)

# Another snapshot, or a rewrite, comes to its end first: what began before this call does not have the newest writes.
tries=0
until redis-cli -e BGSAVE >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || { echo "backup: BGSAVE is refused" >&2; exit 1; }
    sleep 1
done
until [ "$(field rdb_bgsave_in_progress)" = 0 ]; do sleep 0.2; done
[ "$(field rdb_last_bgsave_status)" = ok ] || { echo "backup: the snapshot has failed" >&2; exit 1; }
[ "$(stat -c %Y.%i "$data")" != "$before" ] || { echo "backup: $data has not changed" >&2; exit 1; }

cp "$data" "$target.part"
redis-check-rdb "$target.part" >/dev/null || { echo "backup: the copy is damaged" >&2; exit 1; }
sync "$target.part"
mv "$target.part" "$target"
sync "$(dirname "$target")"
echo "backup: $target"
