import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from tests.support.ports import held_port

UNPRIVILEGED = "postgres"  # who runs it where the tests run as root: PostgreSQL refuses to be root
PATIENCE_SECONDS = 180  # on a machine whose disk stalls; a start and a stop take a tenth of a second each

# Nothing is synced, and little is written: what is tested is an outage of the server, not of its machine.
OPTIONS = ("fsync=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0", "autovacuum=off")


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`, of the newest PostgreSQL that is installed; None without one."""
    found = [folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if (folder / "initdb").exists()]
    if found:
        return max(found, key=lambda folder: float(folder.parent.name))
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


class PostgresServer:
    """A real PostgreSQL of our own on a free port, with a cluster in a folder of its own: to stop and to start.

    What was committed survives ``stop``: it syncs nothing to the disk, but the kernel goes on.
    """

    def __init__(self) -> None:
        bin_folder = programs()
        assert bin_folder is not None
        self._bin = bin_folder
        self._port = held_port(self)
        self._process: subprocess.Popen[bytes] | None = None
        # Not under pytest's folders, which nobody but their owner may enter.
        self._folder = Path(tempfile.mkdtemp(prefix="adiuva-postgres-"))
        if os.geteuid() == 0:
            shutil.chown(self._folder, UNPRIVILEGED)
        options = ("-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync", "--wal-segsize=1")
        made = self._launch("initdb", *options)
        assert made.wait(PATIENCE_SECONDS) == 0, self._log_text()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self._port}/adiuva"

    def start(self) -> None:
        """Returns when it answers."""
        settings = [argument for option in OPTIONS for argument in ("-c", option)]
        self._process = self._launch(
            "postgres", "-p", str(self._port), "-h", "127.0.0.1", "-k", str(self._folder), *settings
        )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                self._connect().close()
                return
            except psycopg.OperationalError:
                assert self._process.poll() is None, self._log_text()
                assert time.monotonic() < deadline, self._log_text()
                time.sleep(0.02)

    def make_database(self) -> None:
        with self._connect() as connection:
            connection.execute("CREATE DATABASE adiuva")

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """At once, without a word to anybody; the next ``start`` recovers what was committed. With SIGINT all is
        written down first, and there will be nothing to recover.
        """
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE_SECONDS)
            self._process = None

    def remove(self) -> None:
        """With everything it held."""
        self.stop()
        shutil.rmtree(self._folder)

    def _connect(self) -> psycopg.Connection[Any]:
        administrators = self.url.replace("/adiuva", "/postgres")
        return psycopg.connect(administrators, autocommit=True, connect_timeout=PATIENCE_SECONDS)

    def _launch(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        """As a child of our own, which is waited for by itself: `pg_ctl` waits for a file, and gives up."""
        user: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = {"user": UNPRIVILEGED, "group": pwd.getpwnam(UNPRIVILEGED).pw_gid, "extra_groups": []}
        # Not into a pipe, which nobody would read.
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [str(self._bin / program), "-D", str(self._folder / "data"), *arguments],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **user,
            )

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _log_text(self) -> str:
        return self._log.read_text(errors="replace")
