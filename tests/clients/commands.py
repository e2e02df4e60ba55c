"""Programs of the TypeScript client's folder, run to their end."""

import functools
import os
import shutil
import subprocess
from pathlib import Path

from tests.support.server import PROJECT_DIR

CLIENT = PROJECT_DIR / "clients/typescript"


@functools.cache
def compile_client(run_folder: Path) -> Path:
    """A copy of the client, compiled, with its dependencies as the lock has them; the repository is left as it is. Once
    a run, for whoever needs it.
    """
    root = run_folder / "node"
    root.mkdir()
    copy = root / "clients/typescript"
    shutil.copytree(CLIENT, copy, ignore=shutil.ignore_patterns("node_modules", "build", "dist"))
    shutil.copy(PROJECT_DIR / "openapi.json", root)
    npm(copy, "ci")
    npm(copy, "run", "--silent", "compile")
    return copy


def npm(folder: Path, *arguments: str, **env: str) -> str:
    return run(["npm", *arguments], cwd=folder, **env)


def run(command: list[str], *, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | env, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
    return done.stdout
