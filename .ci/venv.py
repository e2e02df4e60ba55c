"""Make ``.venv`` hold what a requirements file pins, then run commands with it. Only the standard library.

    python3 .ci/venv.py requirements.txt ["manage.py migrate" …]

One process per checkout is in here at a time (two ``make run`` at once: the second waits and finds all done).
A stamp is written after success only; an environment whose installation was cut short, or whose interpreter is gone,
is built anew, because pip cannot repair a half-written package. Exit 1 with one line on trouble.
"""

import fcntl
import hashlib
import os
import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UNFINISHED = VENV / ".unfinished"

RUN = ROOT / "requirements.txt"
DEV = ROOT / "requirements-dev.txt"

SAID_AFTER_SECONDS = 4.0

# Where an index is, which proxy, which certificates: the user's to say. Where packages go: not.
MISLEADING = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_NO_COMPILE", "PYTHONHOME", "PYTHONPATH")


def stamp(requirements: Path) -> Path:
    """The file that says ``requirements`` is installed."""
    return VENV / f".{requirements.stem}.stamp"


def fingerprint(requirements: Path) -> str:
    """Changes with the pins."""
    return hashlib.sha256(requirements.read_bytes()).hexdigest()


def environment() -> dict[str, str]:
    """The caller's, less what would send packages elsewhere. An empty HOME would mean the root directory to pip."""
    kept = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    if not kept.get("HOME"):
        kept.pop("HOME", None)
    return kept


def interpreter_works() -> bool:
    """Whether the environment has a Python ≥ 3.11 that starts and a pip."""
    probe = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([PYTHON, "-I", "-c", probe], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def is_installed(requirements: Path) -> bool:
    """Whether the stamp fits and the environment still answers."""
    try:
        fits = stamp(requirements).read_text() == fingerprint(requirements)
    except FileNotFoundError:
        return False
    return fits and interpreter_works()


def install(requirements: Path) -> None:
    """Build or complete the environment. Raises CalledProcessError when venv or pip fails."""
    started = time.monotonic()
    if UNFINISHED.exists() or not interpreter_works():
        print(f"Creating {VENV.name} with Python {sys.version.split()[0]}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], env=environment(), check=True)
    UNFINISHED.touch()
    # requirements-dev.txt repeats requirements.txt: with it both are installed.
    wanted = (RUN, DEV) if requirements == DEV else (requirements,)
    print(f"Installing {requirements.name} into {VENV.name} (a minute or two, once)", flush=True)
    # -qq: errors only; pip warns of every index that lacks a package.
    # --no-deps: the files are complete (`pip check` in CI), and resolving 130 packages again takes time.
    pip = [str(PYTHON), "-m", "pip", "install", "-qq", "--no-deps", "--no-input", "--disable-pip-version-check"]
    files = [argument for file in wanted for argument in ("-r", str(file))]
    subprocess.run([*pip, *files], env=environment(), check=True)
    for file in wanted:
        stamp(file).write_text(fingerprint(file))
    UNFINISHED.unlink()
    print(f"Installed in {time.monotonic() - started:.0f} s", flush=True)


def main(requirements: Path, commands: list[str]) -> int:
    """Hold the checkout's lock, install what is missing, run each command; the first failure's exit code."""
    with Path(__file__).open() as this_file:
        fcntl.flock(this_file, fcntl.LOCK_EX)
        if not is_installed(requirements):
            try:
                install(requirements)
            except (OSError, subprocess.CalledProcessError) as error:
                print(f"The environment could not be made: {error}", file=sys.stderr)
                return 1
        for command in commands:
            # The first migration makes 80 tables; later ones, which have nothing to do, are quick.
            slow = threading.Timer(SAID_AFTER_SECONDS, print, [f"{command} …"], {"flush": True})
            slow.start()
            done = subprocess.run([PYTHON, *shlex.split(command)], cwd=ROOT, check=False)
            slow.cancel()
            if done.returncode:
                return done.returncode
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(ROOT / sys.argv[1], sys.argv[2:]))
    except KeyboardInterrupt:
        sys.exit(130)
