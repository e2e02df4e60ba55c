# Sourced by .ci/run: sets SERVICE_DATABASE_URL and SERVICE_REDIS_URL to a PostgreSQL database and a Redis
# database that are this run's own, from servers that run here already or are installed and started for it.
# There is no way to leave them out: locks and atomicity are only tested for real there.

SERVICES_DIR=$(mktemp -d)
PG_NAME=adiuva_ci_$$
PG_PORT=5432
REDIS_PORT=6379
REDIS_DB=""

answers() { # answers postgres|redis PORT
    .venv/bin/python - "$1" "$2" <<'PYTHON' 2>/dev/null
import sys

kind, port = sys.argv[1], int(sys.argv[2])
if kind == "redis":
    import redis

    redis.Redis(port=port, socket_connect_timeout=2).ping()
else:
    import psycopg

    psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres", connect_timeout=2).close()
PYTHON
}

await() { # await postgres|redis PORT
    for _ in $(seq 60); do
        answers "$1" "$2" && return 0
        sleep 0.5
    done
    echo "No $1 answers on 127.0.0.1:$2" >&2
    return 1
}

install_package() { # install_package COMMAND PACKAGE: unless COMMAND is there
    command -v "$1" >/dev/null && return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "$2 is not there, and only root can install it" >&2
        return 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" >/dev/null </dev/null
}

postgres_bin() {
    local found
    found=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
    [ -n "$found" ] || found=$(dirname "$(command -v initdb || true)")
    echo "$found"
}

as_postgres() { # PostgreSQL refuses to run as root
    if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

start_postgres() {
    local bin data="$SERVICES_DIR/postgres"
    [ -x "$(postgres_bin)/initdb" ] || install_package initdb postgresql
    bin=$(postgres_bin)
    PG_PORT=54329
    mkdir "$data"
    chmod 755 "$SERVICES_DIR"
    [ "$(id -u)" != 0 ] || chown postgres "$data"
    as_postgres "$bin/initdb" -D "$data" -U postgres --auth=trust --encoding=UTF8 --no-sync >/dev/null
    as_postgres "$bin/pg_ctl" -D "$data" -l "$data/log" -w -o "-p $PG_PORT -h 127.0.0.1 -k $data -c fsync=off" start >/dev/null
}

start_redis() {
    install_package redis-server redis-server
    REDIS_PORT=63799
    redis-server --port $REDIS_PORT --bind 127.0.0.1 --save "" --dir "$SERVICES_DIR" \
        --daemonize yes --pidfile "$SERVICES_DIR/redis.pid" >/dev/null
}

free_redis_databases() { # three in a row that hold nothing, one a worker: a shared server's keys are not ours
    .venv/bin/python - "$REDIS_PORT" <<'PYTHON'
import sys

import redis

empty = {n for n in range(1, 16) if redis.Redis(port=int(sys.argv[1]), db=n).dbsize() == 0}
print(max(n for n in empty if {n + 1, n + 2} <= empty))
PYTHON
}

sql() {
    .venv/bin/python - "$PG_PORT" "$1" <<'PYTHON'
import sys

import psycopg

with psycopg.connect(f"postgresql://postgres@127.0.0.1:{sys.argv[1]}/postgres", autocommit=True) as connection:
    connection.execute(sys.argv[2])
PYTHON
}

start_services() {
    echo
    echo "=== PostgreSQL and Redis"
    answers postgres "$PG_PORT" || start_postgres
    answers redis "$REDIS_PORT" || start_redis
    await postgres "$PG_PORT"
    await redis "$REDIS_PORT"
    sql "CREATE DATABASE $PG_NAME"
    REDIS_DB=$(free_redis_databases)
    SERVICE_DATABASE_URL=postgresql://postgres@127.0.0.1:$PG_PORT/$PG_NAME
    SERVICE_REDIS_URL=redis://127.0.0.1:$REDIS_PORT/$REDIS_DB
    echo "$SERVICE_DATABASE_URL, $SERVICE_REDIS_URL"
}

stop_services() {
    if [ -n "$REDIS_DB" ]; then
        sql "DROP DATABASE IF EXISTS $PG_NAME WITH (FORCE)" || true
        for worker in gw0 gw1 gw2; do
            sql "DROP DATABASE IF EXISTS test_${PG_NAME}_$worker WITH (FORCE)" || true
        done
        .venv/bin/python -c "import redis; [redis.Redis(port=$REDIS_PORT, db=$REDIS_DB + n).flushdb() for n in range(3)]" || true
    fi
    [ ! -f "$SERVICES_DIR/postgres/postmaster.pid" ] ||
        as_postgres "$(postgres_bin)/pg_ctl" -D "$SERVICES_DIR/postgres" -m immediate stop >/dev/null || true
    [ ! -f "$SERVICES_DIR/redis.pid" ] || kill "$(cat "$SERVICES_DIR/redis.pid")" || true
    rm -rf "$SERVICES_DIR"
}
