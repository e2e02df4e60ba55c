"""Programs of the TypeScript client's folder, run to their end."""

import os
import subprocess
from pathlib import Path


def npm(folder: Path, *arguments: str, **env: str) -> str:
    return run(["npm", *arguments], cwd=folder, **env)


def run(command: list[str], *, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | env, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
    return done.stdout
