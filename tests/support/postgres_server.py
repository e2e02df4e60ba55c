import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg

from tests.support.ports import held_port

UNPRIVILEGED = "postgres"  # who runs it where the tests run as root: PostgreSQL refuses to be root


def programs() -> Path | None:
    """The folder of `initdb` and `pg_ctl`, of the newest PostgreSQL that is installed; None without one."""
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
        # Not under pytest's folders, which nobody but their owner may enter.
        self._folder = Path(tempfile.mkdtemp(prefix="adiuva-postgres-"))
        if os.geteuid() == 0:
            shutil.chown(self._folder, UNPRIVILEGED)
        self._data = self._folder / "data"
        self._run("initdb", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self._port}/adiuva"

    def start(self) -> None:
        """Returns when it answers."""
        options = f"-p {self._port} -h 127.0.0.1 -k {self._folder} -c fsync=off"
        self._run("pg_ctl", "-w", "-t", "30", "-l", str(self._folder / "log"), "-o", options, "start")

    def make_database(self) -> None:
        administrators = self.url.replace("/adiuva", "/postgres")
        with psycopg.connect(administrators, autocommit=True) as connection:
            connection.execute("CREATE DATABASE adiuva")

    def stop(self) -> None:
        """At once, without a word to anybody; the next ``start`` recovers what was committed."""
        self._run("pg_ctl", "-w", "-t", "30", "-m", "immediate", "stop")

    def remove(self) -> None:
        """With everything it held."""
        if (self._data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), "-D", str(self._data), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", UNPRIVILEGED, "--", *command]
        # Not into a pipe: the server would inherit it, and nobody would ever see its end.
        subprocess.run(command, check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
