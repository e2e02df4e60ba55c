"""What `docker build` would do with our Dockerfile, without Docker: its steps, in folders of a scratch prefix.

Only what our Dockerfile uses is understood; anything else is refused, so that no new step is passed over. Absolute
paths of the image (``/opt/venv``, ``/app``, ``/tmp``, ``/data``) are folders below the stage's own. There is no
root and no user to become here: ``useradd`` and the owner of a folder are looked at and left out.
"""

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

STEP = re.compile(r"^([A-Z]+)\s+(.*)$", re.DOTALL)
IMAGE_PATHS = re.compile(r"(?<![\w./:-])/(opt/venv|app|tmp|data|root)(?=[/\s\"':]|$)")


@dataclass
class Stage:
    root: Path
    name: str
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "root"
    volumes: list[str] = field(default_factory=list)
    ports: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)
    made_users: list[str] = field(default_factory=list)

    def path(self, inside: str) -> Path:
        """Where a path of the image is on this machine."""
        return self.root / str(PurePosixPath("/", self.workdir, inside)).lstrip("/")

    def here(self, text: str) -> str:
        """``text`` with the image's paths as they are on this machine."""
        return IMAGE_PATHS.sub(lambda match: str(self.root / match[1]), text)


def steps(dockerfile: str) -> list[tuple[str, str]]:
    """``[("FROM", "python:3.13-slim AS build"), …]``: comments gone, continued lines joined."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    found = []
    for line in filter(None, (line.strip() for line in joined.splitlines())):
        match = STEP.match(line)
        assert match is not None, line
        found.append((match[1], match[2]))
    return found


def in_context(files: list[str], dockerignore: str) -> list[str]:
    """Those of ``files`` that the build gets (https://docs.docker.com/build/concepts/context/#syntax): the last pattern
    that matches a file, or a folder it is in, decides.
    """
    patterns = [line for line in dockerignore.splitlines() if line and not line.startswith("#")]
    return [file for file in files if not _is_ignored(file, patterns)]


def _is_ignored(file: str, patterns: list[str]) -> bool:
    ignored = False
    parts = file.split("/")
    ancestry = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    for pattern in patterns:
        wanted = pattern.removeprefix("!")
        if any(_matches(one, wanted) for one in ancestry):
            ignored = not pattern.startswith("!")
    return ignored


def _matches(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        rest = pattern[3:]
        return _matches(path, rest) or any(
            _matches(path[at + 1 :], rest) for at, mark in enumerate(path) if mark == "/"
        )
    return path.count("/") == pattern.count("/") and fnmatch.fnmatchcase(path, pattern)


class Build:
    """Runs the steps; ``image`` is the last stage."""

    def __init__(self, *, context: Path, files: list[str], prefix: Path) -> None:
        self._context, self._prefix = context, prefix
        self._files = in_context(files, (context / ".dockerignore").read_text())
        self._stages: list[Stage] = []
        for instruction, rest in steps((context / "Dockerfile").read_text()):
            getattr(self, f"_{instruction.lower()}")(rest)

    @property
    def image(self) -> Stage:
        return self._stages[-1]

    def _arg(self, rest: str) -> None:
        assert re.fullmatch(r"PYTHON=3\.\d+", rest), rest

    def _from(self, rest: str) -> None:
        match = re.fullmatch(r"python:\$\{PYTHON\}-slim(?: AS (\w+))?", rest)
        assert match is not None, rest
        name = match[1] or f"stage{len(self._stages)}"
        self._stages.append(Stage(self._prefix / name, name))
        self.image.root.mkdir()
        (self.image.root / "tmp").mkdir()

    def _workdir(self, rest: str) -> None:
        self.image.workdir = rest
        self.image.path(".").mkdir(parents=True, exist_ok=True)

    def _copy(self, rest: str) -> None:
        *sources, target = rest.split()
        if sources[0].startswith("--from="):
            stage = next(one for one in self._stages if one.name == sources[0].removeprefix("--from="))
            shutil.copytree(stage.path(sources[1]), self.image.path(target), symlinks=True)
            return
        [source] = sources
        names = self._files if source == "." else [source]
        for name in names:
            assert name in self._files, f"{name} is not in the context"
            to = self.image.path(target) / name if source == "." else self.image.path(target)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self._context / name, to)

    def _run(self, rest: str) -> None:
        command = re.sub(r"--mount=\S+\s+", "", rest)
        for one in command.split(" && "):
            self._run_one(shlex.split(self.image.here(one)))

    def _run_one(self, words: list[str]) -> None:
        if words[0] == "useradd":
            self.image.made_users.append(words[-1])
            return
        if words[:2] == ["install", "-d"]:
            owner = words[words.index("-o") + 1]
            assert owner in self.image.made_users, owner
            Path(words[-1]).mkdir()
            return
        if words[0] == "python":
            words[0] = sys.executable
        if words[0] == "pip":
            words[:1] = [sys.executable, "-m", "pip"]
        bare = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
        subprocess.run(words, cwd=self.image.path("."), env=bare, check=True, capture_output=True, text=True)

    def _env(self, rest: str) -> None:
        self.image.env |= dict(pair.split("=", 1) for pair in shlex.split(rest))

    def _user(self, rest: str) -> None:
        assert rest in self.image.made_users, rest
        self.image.user = rest

    def _volume(self, rest: str) -> None:
        self.image.volumes.append(rest)

    def _expose(self, rest: str) -> None:
        self.image.ports.append(rest)

    def _healthcheck(self, rest: str) -> None:
        self.image.healthcheck = json.loads(rest.partition("CMD ")[2])

    def _cmd(self, rest: str) -> None:
        self.image.command = json.loads(rest)
