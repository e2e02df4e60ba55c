"""Where a service lives that is backed up and restored, and the scripts that do it."""

import subprocess

from tests.support.server import PROJECT_DIR, clean_environment

SECRET = "0c1d2e3f4a5b69788796a5b4c3d2e1f00c1d2e3f4a5b69788796a5b4c3d2e1f0"


def script(name: str, *arguments: str, env: dict[str, str], succeeds: bool = True) -> str:
    done = subprocess.run(
        [PROJECT_DIR / "scripts" / name, *arguments],
        env=clean_environment() | {"PYTHON": str(PROJECT_DIR / ".venv/bin/python")} | env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode == 0) is succeeds, done.stdout + done.stderr
    return done.stdout if succeeds else done.stderr
