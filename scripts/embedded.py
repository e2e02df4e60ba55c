"""What backup.sh and restore.sh cannot do with the shell: SQLite files in use, and the two kinds of Qdrant.

    embedded.py sqlite SOURCE TARGET     a consistent copy of a database that is being written to
    embedded.py check-sqlite DATABASE    whether it is whole; it must not be in use
    embedded.py end-epoch DATABASE       the change feeds of a database that is being restored go on nowhere
    embedded.py blobs-of-sqlite DATABASE what its rows say of blobs, as lines for sha256sum --check
    embedded.py blobs-of-dump            the same of a PostgreSQL dump in plain SQL on stdin, read to its end
    embedded.py save-vectors [FOLDER]    every collection of ours, as a tar on stdout
    embedded.py load-vectors [FOLDER]    the same from stdin, into an empty FOLDER or server;
                                         --force in its place: what the server has of ours goes first
    embedded.py list-vectors             the collections of ours that the server has
    embedded.py check-vectors KIND       whether the tar on stdin is one for a folder or server (KIND), and whole

Without FOLDER the vectors are those of the server at QDRANT_URL (QDRANT_API_KEY). Only the standard library: it runs
in the image as well (docker compose run -T app python scripts/embedded.py …).
"""

import http.client
import io
import json
import os
import re
import shutil
import sqlite3
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlsplit

COLLECTION = re.compile(r"adiuva_vectors_[0-9]+")
USER = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Each user's engine has a folder; before, all users had one.
LOCAL = re.compile(rf"local/(?:users/{USER.pattern}/)?(?:meta\.json|collection/{COLLECTION.pattern}/storage\.sqlite)")
SERVER = re.compile(rf"server/({COLLECTION.pattern})\.snapshot")
SNAPSHOT_SECONDS = 3600  # a large collection's snapshot is made while the answer is waited for
BUSY_SECONDS = 60
PART_BYTES = 1024 * 1024


class RefusedError(Exception):
    """One line for the operator."""


def copy_sqlite(source: Path, target: Path) -> None:
    """All pages in one step, so of one moment, whatever is written meanwhile.

    VACUUM INTO would be smaller, but it asks the checks of our tables for REGEXP, which is Django's.
    """
    if not source.is_file():
        raise RefusedError(f"there is no database {source}")
    opened = sqlite3.connect(f"file:{quote(str(source))}?mode=rw", uri=True, timeout=BUSY_SECONDS)
    with closing(opened) as database, closing(sqlite3.connect(target)) as copy:
        database.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # what is not in use needs no WAL beside it


def check_sqlite(path: Path) -> None:
    """Reads every page, and compares rows with their indexes and checks."""
    with closing(_open_copy(path)) as database:
        # The checks of our tables ask for REGEXP, which is Django's.
        database.create_function("REGEXP", 2, lambda pattern, text: text is not None and bool(re.search(pattern, text)))
        found = [str(row[0]) for row in database.execute("PRAGMA integrity_check(3)")]
        if found != ["ok"]:
            raise RefusedError(f"the database {path} is damaged: {'; '.join(found)}")


def end_epoch(path: Path) -> None:
    """The service begins a new one where there is none. A database from before there were any is left as it is."""
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as database, database:
        if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'storage_feed_epoch'").fetchone():
            database.execute("UPDATE storage_feed_epoch SET epoch = NULL")


# --- what rows say of blobs: every table with these two columns names some ---------------------------------------

BLOB_COLUMNS = ("s3_key", "checksum")
COPY = re.compile(rb"COPY \S+ \(([^)]*)\) FROM stdin;\n")
NULL, END_OF_COPY = b"\\N", b"\\.\n"


def list_blobs_of_sqlite(path: Path) -> None:
    with closing(_open_copy(path)) as database:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = {row[1] for row in database.execute(f'PRAGMA table_info("{table}")')}
            if columns.issuperset(BLOB_COLUMNS):
                sql = f'SELECT s3_key, checksum FROM "{table}" WHERE s3_key IS NOT NULL'  # noqa: S608 - our names
                for key, checksum in database.execute(sql):
                    _print_blob(key.encode(), checksum.encode())


def list_blobs_of_dump(dump: IO[bytes]) -> None:
    """https://www.postgresql.org/docs/current/sql-copy.html, text format; what we look for needs no escapes."""
    places: tuple[int, int] | None = None
    for line in dump:
        if match := COPY.fullmatch(line):
            columns = [name.strip().decode() for name in match[1].split(b",")]
            if set(columns).issuperset(BLOB_COLUMNS):
                places = columns.index("s3_key"), columns.index("checksum")
        elif line == END_OF_COPY:
            places = None
        elif places is not None:
            values = line.rstrip(b"\n").split(b"\t")
            if values[places[0]] != NULL:
                _print_blob(values[places[0]], values[places[1]])


def _print_blob(key: bytes, checksum: bytes) -> None:
    sys.stdout.buffer.write(checksum + b"  blobs/" + key + b"\n")


def _open_copy(path: Path) -> sqlite3.Connection:
    """A file that nobody writes to, perhaps in a folder that we may not write to either."""
    if not path.is_file():
        raise RefusedError(f"there is no database {path}")
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)


# --- the engine in a folder ------------------------------------------------------------------------------------


def save_local(folder: Path, out: tarfile.TarFile) -> None:
    """What all users share, as earlier versions left it, before what each has: a server may be moving it over there."""
    _save_engine(folder, "local", out)
    users = folder / "users"
    if users.is_dir():
        for user in sorted(users.iterdir()):
            if USER.fullmatch(user.name):
                _save_engine(user, f"local/users/{user.name}", out)


def _save_engine(folder: Path, name: str, out: tarfile.TarFile) -> None:
    """The list of collections first: one that is made after it is not in it, and its folder is left out. An engine that
    goes meanwhile is of a deleted account: nothing of it is to be kept.
    """
    try:
        listed = (folder / "meta.json").read_bytes()
    except FileNotFoundError:
        return
    with tempfile.TemporaryDirectory(prefix="adiuva-vectors-") as scratch:
        copies = {}
        for collection in json.loads(listed)["collections"]:
            source, copies[collection] = (
                folder / "collection" / collection / "storage.sqlite",
                Path(scratch) / collection,
            )
            try:
                copy_sqlite(source, copies[collection])
            except (RefusedError, sqlite3.Error):
                if not source.is_file() and not (folder / "meta.json").is_file():
                    return
                raise
        out.addfile(_entry(f"{name}/meta.json", len(listed)), io.BytesIO(listed))
        for collection, copy in copies.items():
            with copy.open("rb") as file:
                out.addfile(_entry(f"{name}/collection/{collection}/storage.sqlite", copy.stat().st_size), file)


def load_local(folder: Path, saved: tarfile.TarFile) -> int:
    loaded = 0
    for member, data in _files(saved):
        if not LOCAL.fullmatch(member.name):
            raise RefusedError(f"{member.name} cannot go into a folder; restore into the kind of store it came from")
        target = folder / Path(member.name).relative_to("local")
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with target.open("xb") as file:
            shutil.copyfileobj(data, file, PART_BYTES)
        loaded += target.name != "meta.json"
    return loaded


# --- a server --------------------------------------------------------------------------------------------------


class Qdrant:
    """Its snapshot API (https://qdrant.tech/documentation/concepts/snapshots/), one connection a call."""

    def __init__(self, url: str, *, api_key: str) -> None:
        self._url = urlsplit(url)
        self._headers = {"api-key": api_key} if api_key else {}

    @contextmanager
    def call(
        self, method: str, path: str, *, body: Any = None, headers: dict[str, str] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        secure = self._url.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        port = self._url.port or (443 if secure else 6333)
        connection = kind(self._url.hostname or "", port, timeout=SNAPSHOT_SECONDS)
        with closing(connection):
            try:
                connection.request(method, self._url.path + path, body=body, headers=self._headers | (headers or {}))
                answer = connection.getresponse()
            except OSError as error:
                raise RefusedError(f"Qdrant does not answer: {error}") from None
            if answer.status != http.client.OK:
                raise RefusedError(f"Qdrant answers {answer.status} to {method} {path}: {answer.read(500)!r}")
            yield answer

    def ask(self, method: str, path: str) -> Any:
        with self.call(method, path) as answer:
            return json.load(answer)["result"]

    def collections(self) -> list[str]:
        """Ours; others may share the server."""
        names = [one["name"] for one in self.ask("GET", "/collections")["collections"]]
        return sorted(name for name in names if COLLECTION.fullmatch(name))

    def save(self, name: str, out: tarfile.TarFile) -> None:
        snapshot = quote(self.ask("POST", f"/collections/{name}/snapshots?wait=true")["name"])
        where = f"/collections/{name}/snapshots/{snapshot}"
        try:
            with self.call("GET", where) as answer:
                if answer.length is None:
                    raise RefusedError("Qdrant does not say how large its snapshot is")
                out.addfile(_entry(f"server/{name}.snapshot", answer.length), answer)
        finally:
            self.ask("DELETE", where + "?wait=true")

    def load(self, name: str, size: int, data: IO[bytes]) -> None:
        boundary = "adiuva-7a1f0e9c5b"
        before = (
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="snapshot"; filename="{name}.snapshot"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        after = f"\r\n--{boundary}--\r\n".encode()
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(before) + size + len(after)),
        }
        path = f"/collections/{name}/snapshots/upload?priority=snapshot&wait=true"
        with self.call("POST", path, body=_parts(before, data, after), headers=headers) as answer:
            answer.read()


def save_server(server: Qdrant, out: tarfile.TarFile) -> None:
    for name in server.collections():
        server.save(name, out)


def load_server(server: Qdrant, saved: tarfile.TarFile) -> int:
    loaded = 0
    for member, data in _files(saved):
        match = SERVER.fullmatch(member.name)
        if match is None:
            raise RefusedError(f"{member.name} cannot go to a server; restore into the kind of store it came from")
        server.load(match[1], member.size, data)
        loaded += 1
    return loaded


def _parts(before: bytes, data: IO[bytes], after: bytes) -> Iterator[bytes]:
    yield before
    while part := data.read(PART_BYTES):
        yield part
    yield after


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size = size
    entry.mode = 0o600
    return entry


def _files(saved: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    for member in saved:
        data = saved.extractfile(member)
        if data is None:
            raise RefusedError(f"{member.name} is no file")
        yield member, data


def _server() -> Qdrant:
    url = os.environ.get("QDRANT_URL", "")
    if not url:
        raise RefusedError("name a folder, or set QDRANT_URL")
    return Qdrant(url, api_key=os.environ.get("QDRANT_API_KEY", ""))


def save_vectors(folder: str = "") -> None:
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as out:
        if folder:
            save_local(Path(folder), out)
        else:
            save_server(_server(), out)


def load_vectors(where: str = "") -> None:
    force = where == "--force"
    folder = "" if force else where
    target = Path(folder)
    if folder and target.is_dir() and any(target.iterdir()):
        raise RefusedError(f"{folder} is not empty")
    server = None if folder else _server()
    if server is not None and (there := server.collections()):
        if not force:
            raise RefusedError(f"the Qdrant server has collections already: {', '.join(there)}")
        for name in there:
            server.ask("DELETE", f"/collections/{name}")
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as saved:
        loaded = load_local(target, saved) if server is None else load_server(server, saved)
    sys.stderr.write(f"{loaded} collections of vectors are back\n")


def list_vectors() -> None:
    sys.stdout.write(" ".join(_server().collections()))


def _count_bytes(data: IO[bytes]) -> int:
    size = 0
    while part := data.read(PART_BYTES):
        size += len(part)
    return size


def check_vectors(kind: str) -> None:
    known = {"folder": LOCAL, "server": SERVER}[kind]
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as saved:
        for member, data in _files(saved):
            if not known.fullmatch(member.name):
                raise RefusedError(f"{member.name} is not what a {kind} of vectors has")
            if _count_bytes(data) != member.size:
                raise RefusedError(f"{member.name} is cut off")


COMMANDS: dict[str, Callable[..., None]] = {
    "sqlite": lambda source, target: copy_sqlite(Path(source), Path(target)),
    "check-sqlite": lambda path: check_sqlite(Path(path)),
    "end-epoch": lambda path: end_epoch(Path(path)),
    "blobs-of-sqlite": lambda path: list_blobs_of_sqlite(Path(path)),
    "blobs-of-dump": lambda: list_blobs_of_dump(sys.stdin.buffer),
    "save-vectors": save_vectors,
    "load-vectors": load_vectors,
    "list-vectors": list_vectors,
    "check-vectors": check_vectors,
}


def main(arguments: list[str]) -> int:
    command = COMMANDS.get(arguments[0]) if arguments else None
    if command is None:
        sys.stderr.write(__doc__ or "")
        return 2
    try:
        command(*arguments[1:])
    except (RefusedError, sqlite3.Error, OSError, tarfile.TarError, http.client.HTTPException) as error:
        sys.stderr.write(f"embedded.py: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
