"""`make bench`: one table; each row has its baseline beside it, measured in the same run.

`python -m tests.bench requests relay` measures these groups only. A group that this machine cannot measure says so.
"""

import argparse
import importlib
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.environment import SkippedError, Stage
from tests.bench.report import HEADER

GROUPS = (
    *("requests", "uploads", "bulk", "growth", "relay", "turns", "streams", "sockets", "hints", "limiter"),
    *("starting", "blobs"),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="group", help=f"of {', '.join(GROUPS)}; all without one")
    chosen = parser.parse_args().groups or GROUPS
    if unknown := set(chosen) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    say(HEADER)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="adiuva-bench-") as name:
        for group in chosen:
            measure(group, Path(name) / group)
    say(f"{time.monotonic() - started:.0f} s. How each was measured, and what limits it: docs/performance.md")


def measure(group: str, folder: Path) -> None:
    """Prints the rows of a group: a module of `tests/bench`."""
    try:
        with Stage.set_up(folder) as stage:
            for row in importlib.import_module(f"tests.bench.{group}").rows(stage):
                say(str(row))
    except SkippedError as skipped:
        say(f"{group}: skipped: {skipped}")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
