"""Compile the requirements files from ``pyproject.toml``; ``--upgrade`` takes newer versions.

uv comes into a scratch environment for this one run. The files hold pins only: where packages are fetched from
is each machine's own affair, so a line that names an index or a path is an error.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def foreign_lines(requirements: str) -> list[str]:
    """Lines that are neither a pin (``name==version [; marker]``) nor empty."""
    lines = (line.strip() for line in requirements.splitlines())
    return [line for line in lines if line and (line.startswith("-") or "==" not in line or "://" in line)]


def main(options: list[str]) -> int:
    """Exit code 1 when a compiled file holds anything but pins."""
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([sys.executable, "-m", "venv", scratch], check=True)
        python = f"{scratch}/bin/python"
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "uv"], check=True)
        compiler = [
            *(python, "-m", "uv", "pip", "compile", "pyproject.toml", "--quiet", "--universal"),
            *("--python-version", "3.11", "--no-header", "--no-annotate", *options),
        ]
        subprocess.run([*compiler, "-o", "requirements.txt"], cwd=ROOT, check=True)
        development = ["--extra", "dev", "-c", "requirements.txt", "-o", "requirements-dev.txt"]
        subprocess.run([*compiler, *development], cwd=ROOT, check=True)
        bench = ["--extra", "bench", "-c", "requirements-dev.txt", "-o", "requirements-bench.txt"]
        subprocess.run([*compiler, *bench], cwd=ROOT, check=True)
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-bench.txt"):
        if foreign := foreign_lines((ROOT / name).read_text()):
            print(f"{name} holds more than pins: {foreign}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
