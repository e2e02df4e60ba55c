#!/usr/bin/env bash
# Puts a backup of scripts/backup.sh back, and has the service's own commands say whether all of it is whole.
#
# Three steps, and what is there now is touched by the last one only: first everything is found that is wrong with the
# backup or in the way, then copies are made beside what they will replace, then they take its place.
set -euo pipefail
umask 077
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
    cat <<'TEXT'
usage: scripts/restore.sh [--compose] [--force] [--despite-damage] BACKUP

Restores BACKUP (a folder adiuva-<UTC time> that backup.sh has made) into an empty place, while no server runs. It reads
all of the backup first, each blob too, and changes nothing where something is damaged. Then it migrates the database
where the code is newer, begins a new epoch of the change feeds (each device reads its feed once more and sends again
what the service has lost; old mails are not sent again, and links in mails are void), and runs reap_storage and
verify_blobs; it ends well only when they do.

  --compose          the service runs in docker compose: first "docker compose up -d --wait postgres redis qdrant"
  --force            what is there now may go: the database's contents are replaced, blobs and vectors are moved aside
  --despite-damage   blobs that are damaged or missing are named and do not stop it: what is whole comes back, and it
                     ends with an error. Without a whole database nothing comes back.
  --help             this

Without --compose the environment says where to, as for backup.sh, and it is run as the service's user. Blobs in S3 are
read after everything else, where they are.
TEXT
}

COMPOSE=no FORCE=no DESPITE_DAMAGE=no BACKUP=""
while [ $# -gt 0 ]; do
    case $1 in
    --compose) COMPOSE=yes ;;
    --force) FORCE=yes ;;
    --despite-damage) DESPITE_DAMAGE=yes ;;
    --help | -h) usage && exit 0 ;;
    -*) die "unknown option $1 (see --help)" ;;
    *)
        [ -z "$BACKUP" ] || die "one backup, not two (see --help)"
        BACKUP=$1
        ;;
    esac
    shift
done
[ -n "$BACKUP" ] || { usage >&2 && exit 2; }

CHANGED=no
SCRATCH=$(mktemp -d)
COPIES=()
end() {
    local status=$?
    rm -rf "$SCRATCH" ${COPIES[@]+"${COPIES[@]}"}
    [ $status = 0 ] || [ $CHANGED = yes ] || say "nothing was changed"
    exit $status
}
trap end EXIT

# --- is it one, and is it whole?
[ -f "$BACKUP/about" ] || die "$BACKUP is no backup: there is no file \"about\" in it"
BACKUP=$(cd "$BACKUP" && pwd)
about() { sed -n "s/^$1=//p" "$BACKUP/about"; }
[ "$(about format)" = 1 ] || die "this backup has the format $(about format), which this script does not know"
(cd "$BACKUP" && sha256sum --check --strict --quiet SHA256SUMS) || die "the backup is damaged"
where_things_are
[ "$(about database)" = $KIND ] || die "the backup is of $(about database), and DATABASE_URL names $KIND"
[ "$(about vectors)" = $VECTORS ] || die "the backup's vectors are of: $(about vectors); the environment says: $VECTORS"
BLOBS_OF=$([ -n "${S3_BUCKET:-}" ] && echo s3 || echo files)
[ "$(about blobs)" = "$BLOBS_OF" ] || die "the backup's blobs are in: $(about blobs); the environment says: $BLOBS_OF"
[ "$(about secret)" = "$(fingerprint)" ] ||
    say "warning: JWT_SECRET is not the one of the backup: everybody has to log in again, authenticator apps fail"

dump_as_sql() { postgres_tool pg_restore --no-owner --no-privileges --file=- <"$BACKUP/database"; }

say "reading the database's copy ($KIND)"
if [ $KIND = postgresql ]; then
    dump_as_sql | embedded blobs-of-dump >"$SCRATCH/blobs" || die "the backup's database cannot be read"
else
    embedded check-sqlite "$BACKUP/database" || die "the backup is damaged"
    embedded blobs-of-sqlite "$BACKUP/database" >"$SCRATCH/blobs"
fi

case $VECTORS in folder | server)
    say "reading the vectors ($VECTORS)"
    embedded check-vectors $VECTORS <"$BACKUP/vectors.tar" || die "the backup's vectors are damaged"
    ;;
esac

DAMAGED=no
if [ "$BLOBS_OF" = files ]; then
    say "reading the blobs"
    [ -d "$BACKUP/blobs" ] || die "the backup is damaged: there is no folder \"blobs\" in it"
    # The packages of plugins that come with the service need not be there: it makes them when somebody asks.
    while IFS= read -r line; do
        [ ! -e "$BACKUP/${line#*  }" ] || printf '%s\n' "$line"
    done < <(grep '\.seed$' "$SCRATCH/blobs" || true) >"$SCRATCH/wanted"
    grep -v '\.seed$' "$SCRATCH/blobs" >>"$SCRATCH/wanted" || true
    if [ -s "$SCRATCH/wanted" ]; then
        (cd "$BACKUP" && sha256sum --check --strict --quiet "$SCRATCH/wanted" >&2) || DAMAGED=yes
    fi
    [ $DAMAGED = no ] || [ $DESPITE_DAMAGE = yes ] ||
        die "the backup is damaged: take another one, or restore what is whole of it with --despite-damage"
fi

# --- is the place free?
occupied() { die "$1; an empty place is needed, or --force"; }

nobody_is_connected() {
    local others
    others=$(psql_from_stdin <<<"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();")
    [ "$others" = 0 ] || die "$others others are connected to the database: stop the servers first"
}

can_be_moved() { # a symbolic link can, wherever it leads
    [ -L "$1" ] || ! mountpoint -q "$1" || die "$1 is a mount point and cannot be moved aside: mount what is above it"
}

if [ $KIND = postgresql ]; then
    nobody_is_connected
    tables=$(psql_from_stdin <<<"SELECT count(*) FROM pg_tables WHERE schemaname = 'public';")
    [ "$tables" = 0 ] || [ $FORCE = yes ] || occupied "the database has $tables tables"
else
    [ ! -e "$SQLITE" ] || [ $FORCE = yes ] || occupied "there is a database, $SQLITE"
fi
filled() { [ -d "$1" ] && [ -n "$(find "$1" -type f -not -name '.hold' -not -name '.lock' -print -quit)" ]; }
if [ "$BLOBS_OF" = files ] && filled "$BLOBS"; then [ $FORCE = yes ] || occupied "there are blobs in $BLOBS"; fi
if [ $VECTORS = folder ] && filled "$DATA_DIR/vectors"; then
    [ $FORCE = yes ] || occupied "there are vectors in $DATA_DIR/vectors"
fi
[ "$BLOBS_OF" != files ] || can_be_moved "$BLOBS"
[ $VECTORS != folder ] || can_be_moved "$DATA_DIR/vectors"
if [ $VECTORS = server ]; then
    there=$(embedded list-vectors)
    [ -z "$there" ] || [ $FORCE = yes ] || occupied "the Qdrant server has collections already: $there"
fi

# --- copies beside what they will replace: now a full disk, too, changes nothing
mkdir -p "$DATA_DIR"
begin_copy() { # begin_copy PATH: what a restore that was killed has left there goes
    COPIES+=("$1.restoring")
    rm -rf "$1.restoring"
}

if [ $VECTORS = folder ]; then
    say "copying the vectors"
    begin_copy "$DATA_DIR/vectors"
    mkdir -m 700 "$DATA_DIR/vectors.restoring"
    embedded load-vectors "$DATA_DIR/vectors.restoring" <"$BACKUP/vectors.tar"
    chown -R --reference="$DATA_DIR" "$DATA_DIR/vectors.restoring"
fi
if [ $KIND = sqlite ]; then
    say "copying the database"
    begin_copy "$SQLITE"
    cp "$BACKUP/database" "$SQLITE.restoring"
    embedded end-epoch "$SQLITE.restoring"
    chown --reference="$DATA_DIR" "$SQLITE.restoring"
fi
if [ "$BLOBS_OF" = files ]; then
    say "copying the blobs"
    begin_copy "$BLOBS"
    # A copy, not links: the backup must survive what happens to the service.
    cp --archive "$BACKUP/blobs" "$BLOBS.restoring"
    chown -R --reference="$DATA_DIR" "$BLOBS.restoring"
fi

# --- and in its place
aside() { # aside PATH…: keeps what --force would otherwise destroy
    local path
    for path in "$@"; do
        [ ! -e "$path" ] || mv "$path" "$path.before-$(date -u +%Y%m%dT%H%M%SZ)"
    done
}

drop_everything() { # tables, views, sequences, functions, types; the schema itself stays as it is, and so do extensions
    cat <<'SQL'
SET LOCAL client_min_messages = warning;
DO $$
DECLARE item record;
BEGIN
    FOR item IN SELECT c.oid::regclass AS name, c.relkind FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
        AND c.relkind IN ('r', 'p', 'v', 'm')
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') LOOP
        CASE item.relkind
            WHEN 'v' THEN EXECUTE format('DROP VIEW IF EXISTS %s CASCADE', item.name);
            WHEN 'm' THEN EXECUTE format('DROP MATERIALIZED VIEW IF EXISTS %s CASCADE', item.name);
            ELSE EXECUTE format('DROP TABLE IF EXISTS %s CASCADE', item.name);
        END CASE;
    END LOOP;
    FOR item IN SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') LOOP
        EXECUTE format('DROP ROUTINE IF EXISTS %s CASCADE', item.name);
    END LOOP;
    FOR item IN SELECT t.oid::regtype AS name FROM pg_type t WHERE t.typnamespace = 'public'::regnamespace
        AND (t.typtype IN ('e', 'd') OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = t.oid AND d.deptype = 'e') LOOP
        EXECUTE format('DROP TYPE IF EXISTS %s CASCADE', item.name);
    END LOOP;
END $$;
SQL
}

end_epoch() { # as embedded.py does it
    cat <<'SQL'
DO $$
BEGIN
    IF to_regclass('public.storage_feed_epoch') IS NOT NULL THEN
        UPDATE public.storage_feed_epoch SET epoch = NULL;
    END IF;
END $$;
SQL
}

replace_database() { # one transaction: a dump that is not read to its end brings no COMMIT, and all stays as it was
    echo 'BEGIN;'
    drop_everything
    dump_as_sql || return
    end_epoch
    echo 'COMMIT;'
}

[ $VECTORS != pinecone ] || say "the index is Pinecone's to restore"
# The database first: it is replaced whole or not at all, and where it is not, all else is as it was too.
say "replacing the database ($KIND)"
if [ $KIND = postgresql ]; then
    nobody_is_connected # the copies have taken a while
    replace_database | psql_from_stdin >/dev/null || die "the database stays as it was"
    CHANGED=yes
else
    CHANGED=yes
    aside "$SQLITE" "$SQLITE-wal" "$SQLITE-shm"
    mv "$SQLITE.restoring" "$SQLITE"
fi
if [ "$BLOBS_OF" = files ]; then
    say "replacing the blobs"
    aside "$BLOBS"
    mv "$BLOBS.restoring" "$BLOBS"
fi
if [ $VECTORS = folder ]; then
    say "replacing the vectors"
    aside "$DATA_DIR/vectors"
    mv "$DATA_DIR/vectors.restoring" "$DATA_DIR/vectors"
elif [ $VECTORS = server ]; then
    say "replacing the vectors (server)"
    CHANGED=yes
    embedded load-vectors $([ $FORCE = no ] || echo --force) <"$BACKUP/vectors.tar" ||
        die "database and blobs are back, the vectors are not back: run this again with --force"
fi

# --- is all well?
say "migrate"
manage migrate --no-input --verbosity 1
say "new_epoch"
manage new_epoch
say "reap_storage"
manage reap_storage --min-age 0
say "verify_blobs"
manage verify_blobs || die "everything is back but the blobs that are named above"
say "all is well. Next: sync_stripe --fix where there is Stripe, start the servers, doctor"
