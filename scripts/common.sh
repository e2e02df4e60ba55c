# What backup.sh and restore.sh share; sourced by both. Where things are comes from the environment, as for the server.
# shellcheck shell=bash

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PYTHON=${PYTHON:-}
DATABASE=adiuva # in the containers; elsewhere DATABASE_URL says it

say() { printf '%s %s\n' "$(date -u +%H:%M:%S)" "$*" >&2; }
die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

find_python() { # that of the service's environment, which has its requirements
    local candidate
    if [ -z "$PYTHON" ]; then
        for candidate in "$HERE/.venv/bin/python" /opt/venv/bin/python "$(command -v python3 || true)"; do
            [ ! -x "$candidate" ] || { PYTHON=$candidate && break; }
        done
    fi
    [ -n "$PYTHON" ] || die "no Python found; name one with PYTHON=/path/to/python"
}

where_things_are() { # sets KIND, DATA_DIR and BLOBS
    if [ "$COMPOSE" = yes ]; then
        KIND=postgresql
        DATA_DIR=$(docker volume inspect --format '{{.Mountpoint}}' adiuva_app-data) ||
            die "there is no volume adiuva_app-data; has the service been started?"
        [ -w "$DATA_DIR" ] || die "$DATA_DIR cannot be written; with --compose this runs as root"
        local name
        for name in S3_BUCKET PINECONE_API_KEY QDRANT_URL JWT_SECRET; do
            printf -v "$name" '%s' "$(in_app printenv $name || true)"
        done
    else
        DATA_DIR=${DATA_DIR:-$HERE/var}
        # As adiuva/environment.py: what a driver's suffix says is not for libpq.
        DATABASE_URL=$(sed -E 's#^(postgres(ql)?)\+[a-z0-9]+://#\1://#' <<<"${DATABASE_URL:-}")
        case $DATABASE_URL in
        postgres://* | postgresql://*) KIND=postgresql ;;
        "") KIND=sqlite SQLITE=$DATA_DIR/adiuva.sqlite3 ;;
        sqlite:///*) KIND=sqlite SQLITE=${DATABASE_URL#sqlite:///} ;;
        *) die "DATABASE_URL is neither postgresql:// nor sqlite:///" ;;
        esac
        find_python
        if [ -z "${JWT_SECRET:-}" ] && [ -f "$DATA_DIR/dev-jwt-secret" ]; then JWT_SECRET=$(cat "$DATA_DIR/dev-jwt-secret"); fi
    fi
    BLOBS=$DATA_DIR/blobs
    if [ -n "${PINECONE_API_KEY:-}" ]; then
        VECTORS=pinecone
    elif [ -n "${QDRANT_URL:-}" ]; then
        VECTORS=server
    else
        VECTORS=folder
    fi
}

in_app() { # a command in a container like the service's
    (cd "$HERE" && docker compose run --rm -T --no-deps app "$@")
}

postgres_tool() { # postgres_tool PROGRAM ARGUMENT…: a client program
    if [ "$COMPOSE" = yes ]; then
        (cd "$HERE" && docker compose exec -T postgres "$@")
    else
        command -v "$1" >/dev/null || die "$1 is not installed (Debian: apt-get install postgresql-client)"
        "$@"
    fi
}

postgres() { # the same, connected
    local program=$1
    shift
    if [ "$COMPOSE" = yes ]; then
        postgres_tool "$program" --username=adiuva --dbname=$DATABASE "$@"
    else
        postgres_tool "$program" --dbname="$DATABASE_URL" "$@"
    fi
}

manage() {
    if [ "$COMPOSE" = yes ]; then
        (cd "$HERE" && docker compose run --rm -T app python manage.py "$@")
    else
        (cd "$HERE" && "$PYTHON" manage.py "$@")
    fi
}

embedded() { # embedded COMMAND ARGUMENT…
    if [ "$COMPOSE" = yes ]; then
        in_app python scripts/embedded.py "$@"
    else
        "$PYTHON" "$HERE/scripts/embedded.py" "$@"
    fi
}

psql_from_stdin() { # what it reads decides where transactions begin and end
    postgres psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --file=-
}

fingerprint() { # tells one JWT_SECRET from another, and says nothing about it
    printf 'adiuva:backup:%s' "${JWT_SECRET:-}" | sha256sum | cut -c1-16
}
