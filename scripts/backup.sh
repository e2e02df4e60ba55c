#!/usr/bin/env bash
# A backup of the whole service, beside running servers. docs/operations.md says when and where to.
#
# The database is taken first, then vectors and blobs. A blob is written before the row that names it, so whatever the
# database's snapshot names is there when the blobs are copied, unless it was replaced or deleted in between: a row
# without its blob, which is damage. (Blobs first would be worse: every upload in between would be damage.) Therefore
# the blob folder is locked (storage/blobs/files.py): while this runs, nothing is removed from it. What is in the copy
# and not in the database is harmless, and reap_storage removes it. Vectors come after the database for the same reason: a
# point without a row is never shown.
set -euo pipefail
umask 077
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
    cat <<'TEXT'
usage: scripts/backup.sh [--compose] [--keep DAYS] FOLDER

Makes FOLDER/adiuva-<UTC time> with the database, the blobs and the vectors. Servers may run and write meanwhile.
Everything there was when it begins is in it; what comes meanwhile may be.

  --compose     the service runs in docker compose; as root, from the folder of docker-compose.yml or anywhere
  --keep DAYS   afterwards remove the backups in FOLDER that are older, the newest never
  --help        this

Without --compose the environment says where things are, as for the server: DATABASE_URL, DATA_DIR, S3_BUCKET, QDRANT_URL,
QDRANT_API_KEY, PINECONE_API_KEY. It is run as the service's user, or as root.

Blobs that did not change since the last backup in FOLDER take no room again (hard links), where rsync is installed.
Not in it: the environment file with JWT_SECRET and the keys (keep it elsewhere, and apart from this), blobs in S3
(versioning keeps them), vectors in Pinecone (its own backups keep them), Redis (nothing in it has to outlive it).
TEXT
}

COMPOSE=no KEEP="" FOLDER=""
while [ $# -gt 0 ]; do
    case $1 in
    --compose) COMPOSE=yes ;;
    --keep)
        [[ ${2:-} =~ ^[1-9][0-9]{0,3}$ ]] || die "--keep takes a number of days"
        KEEP=$2
        shift
        ;;
    --help | -h) usage && exit 0 ;;
    -*) die "unknown option $1 (see --help)" ;;
    *)
        [ -z "$FOLDER" ] || die "one folder, not two (see --help)"
        FOLDER=$1
        ;;
    esac
    shift
done
[ -n "$FOLDER" ] || { usage >&2 && exit 2; }
where_things_are

mkdir -p "$FOLDER"
FOLDER=$(cd "$FOLDER" && pwd)
case $FOLDER/ in "$DATA_DIR"/*) die "$FOLDER is inside DATA_DIR: it would be lost with it" ;; esac
STARTED=$(date -u +%Y%m%dT%H%M%SZ)
TARGET=$FOLDER/adiuva-$STARTED
DRAFT=$TARGET.partial
LAST=$(find "$FOLDER" -maxdepth 1 -type d -name 'adiuva-*Z' | sort | tail -n 1)
[ ! -e "$TARGET" ] || die "$TARGET is there already"
mkdir "$DRAFT" || die "another backup is writing $DRAFT"
trap 'status=$?; [ $status = 0 ] || { rm -rf "$DRAFT"; say "no backup was made"; }; exit $status' EXIT

lock_blobs() { # until this process ends, however it does
    [ -d "$BLOBS" ] || { mkdir -m 700 -p "$BLOBS" && chown --reference="$DATA_DIR" "$BLOBS"; }
    exec 9>>"$BLOBS/.hold"
    chown --reference="$BLOBS" "$BLOBS/.hold"
    flock --exclusive --timeout 60 9 || die "another backup holds $BLOBS"
}

copy_blobs() {
    mkdir "$DRAFT/blobs"
    [ -d "$BLOBS" ] || return 0
    if command -v rsync >/dev/null; then
        local known=()
        if [ -n "$LAST" ] && [ -d "$LAST/blobs" ]; then known=(--link-dest="$LAST/blobs"); fi
        # A key is never written twice, so a name that is known has the bytes that are known.
        # Its owner is not compared either: that of a copy is another (below).
        rsync --archive --no-owner --no-group --exclude=/.hold --exclude=/.unfinished "${known[@]}" "$BLOBS/" "$DRAFT/blobs/"
    else
        tar --create --directory="$BLOBS" --exclude=./.hold --exclude=./.unfinished . |
            tar --extract --preserve-permissions --directory="$DRAFT/blobs"
    fi
}

[ -n "${S3_BUCKET:-}" ] || lock_blobs

say "database ($KIND)"
if [ $KIND = postgresql ]; then
    postgres pg_dump --format=custom --no-owner --no-privileges >"$DRAFT/database"
else
    embedded sqlite "$SQLITE" "$DRAFT/database"
fi
[ -s "$DRAFT/database" ] || die "the database's copy is empty"

say "vectors ($VECTORS)"
case $VECTORS in
folder) embedded save-vectors "$DATA_DIR/vectors" >"$DRAFT/vectors.tar" ;;
server) embedded save-vectors >"$DRAFT/vectors.tar" ;;
esac

if [ -n "${S3_BUCKET:-}" ]; then
    say "blobs stay in the bucket $S3_BUCKET: its versions are their backup"
else
    say "blobs"
    copy_blobs
    exec 9>&- # removals may go on
fi

cat >"$DRAFT/about" <<TEXT
format=1
started=$STARTED
database=$KIND
vectors=$VECTORS
blobs=$([ -n "${S3_BUCKET:-}" ] && echo s3 || echo files)
secret=$(fingerprint)
TEXT
(cd "$DRAFT" && sha256sum about database $([ ! -f vectors.tar ] || echo vectors.tar) >SHA256SUMS)
# Root makes one before an upgrade, and the service's user has to read it.
[ "$(id -u)" != 0 ] || chown -R --reference="$FOLDER" "$DRAFT"
sync -f "$DRAFT"
mv "$DRAFT" "$TARGET"
say "done: $(du -sh "$TARGET" | cut -f1)"

if [ -n "$KEEP" ]; then
    find "$FOLDER" -maxdepth 1 -type d -name 'adiuva-*Z' -mtime "+$KEEP" -not -path "$TARGET" -print0 |
        while IFS= read -r -d '' old; do
            say "removing $old"
            rm -rf "$old"
        done
fi
echo "$TARGET"
