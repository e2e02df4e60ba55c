#!/usr/bin/env bash
# Puts a backup of scripts/backup.sh back, and has the service's own commands say whether all of it is whole.
set -euo pipefail
umask 077
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
    cat <<'TEXT'
usage: scripts/restore.sh [--compose] [--force] [--keep-cursors] BACKUP

Restores BACKUP (a folder adiuva-<UTC time> that backup.sh has made) into an empty place, while no server runs. Then it
migrates the database where the code is newer, and runs reap_storage and verify_blobs; it ends well only when they do.

  --compose        the service runs in docker compose: first "docker compose up -d --wait postgres redis qdrant"
  --force          what is there now may go: the database's contents are dropped, blobs and vectors are moved aside
  --keep-cursors   devices go on where they were in the change feed: only where nothing was written after the backup
                   began (a move to another machine). Otherwise each reads the whole feed once more (410 resync_required).
  --help           this

Without --compose the environment says where to, as for backup.sh, and it is run as the service's user.
TEXT
}

COMPOSE=no FORCE=no KEEP_CURSORS=no BACKUP=""
while [ $# -gt 0 ]; do
    case $1 in
    --compose) COMPOSE=yes ;;
    --force) FORCE=yes ;;
    --keep-cursors) KEEP_CURSORS=yes ;;
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
    say "warning: JWT_SECRET is not the one of the backup: everybody has to log in again"

# --- is the place free?
occupied() { die "$1; an empty place is needed, or --force"; }

if [ $KIND = postgresql ]; then
    others=$(run_sql <<<"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();")
    [ "$others" = 0 ] || die "$others others are connected to the database: stop the servers first"
    tables=$(run_sql <<<"SELECT count(*) FROM pg_tables WHERE schemaname = 'public';")
    [ "$tables" = 0 ] || [ $FORCE = yes ] || occupied "the database has $tables tables"
else
    tables=0
    [ ! -e "$SQLITE" ] || [ $FORCE = yes ] || occupied "there is a database, $SQLITE"
fi
filled() { [ -d "$1" ] && [ -n "$(find "$1" -type f -not -name '.hold' -not -name '.lock' -print -quit)" ]; }
if [ "$BLOBS_OF" = files ] && filled "$BLOBS"; then [ $FORCE = yes ] || occupied "there are blobs in $BLOBS"; fi
if [ $VECTORS = folder ] && filled "$DATA_DIR/vectors"; then
    [ $FORCE = yes ] || occupied "there are vectors in $DATA_DIR/vectors"
fi

aside() { # aside PATH…: keeps what --force would otherwise destroy
    local path
    for path in "$@"; do
        [ ! -e "$path" ] || mv "$path" "$path.before-$(date -u +%Y%m%dT%H%M%SZ)"
    done
}

drop_everything() { # tables, views, sequences, functions, types; the schema itself stays as it is, and so do extensions
    run_sql <<'SQL'
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

mkdir -p "$DATA_DIR"

# --- everything back. The vectors first: a server that has some refuses before anything is changed.
say "vectors ($VECTORS)"
case $VECTORS in
folder)
    aside "$DATA_DIR/vectors"
    mkdir -m 700 "$DATA_DIR/vectors"
    embedded load-vectors "$DATA_DIR/vectors" <"$BACKUP/vectors.tar"
    chown -R --reference="$DATA_DIR" "$DATA_DIR/vectors"
    ;;
server) embedded load-vectors $([ $FORCE = no ] || echo --force) <"$BACKUP/vectors.tar" ;;
pinecone) say "the index is Pinecone's to restore" ;;
esac

say "database ($KIND)"
if [ $KIND = postgresql ]; then
    [ "$tables" = 0 ] || drop_everything
    postgres pg_restore --no-owner --no-privileges --exit-on-error --single-transaction <"$BACKUP/database"
else
    aside "$SQLITE" "$SQLITE-wal" "$SQLITE-shm"
    cp "$BACKUP/database" "$SQLITE"
    chown --reference="$DATA_DIR" "$SQLITE"
fi

if [ "$BLOBS_OF" = files ]; then
    say "blobs"
    aside "$BLOBS"
    # A copy, not links: the backup must survive what happens to the service.
    cp --archive "$BACKUP/blobs" "$BLOBS"
    chown -R --reference="$DATA_DIR" "$BLOBS"
fi

if [ $KEEP_CURSORS = no ]; then
    # Numbers that were given out after the backup must not come again with another meaning: a device that has seen
    # them would miss what they now stand for. So everything before is declared pruned, and such devices start again.
    run_sql <<<"UPDATE storage_usage SET pruned_seq = last_seq + 1000000, last_seq = last_seq + 1000000 WHERE last_seq > 0;"
fi

# --- is all well?
say "migrate"
manage migrate --no-input --verbosity 1
say "reap_storage"
manage reap_storage --min-age 0
say "verify_blobs"
manage verify_blobs
say "all is well. Next: sync_stripe --fix where there is Stripe, start the servers, doctor"
