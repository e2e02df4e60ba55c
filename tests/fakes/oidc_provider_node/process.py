"""A stranger's OpenID provider: npm's `oidc-provider` under Node, as an organisation would have one."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.ports import held_port

SOURCE = Path(__file__).parent


def install(folder: Path) -> Path:
    """A copy with its dependencies as the lock has them; the repository is left as it is."""
    copy = folder / "oidc_provider_node"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("node_modules"))
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return copy


class NodeProvider:
    """``settings`` are those of `server.mjs`: ``clients``, ``accounts`` by their ``sub``, and how it answers."""

    def __init__(self, installed: Path, *, log: Path, **settings: Any) -> None:
        self.port = held_port(self)
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.end_session_endpoint = f"{self.issuer}/session/end"
        self._installed = installed
        self._log = log
        self._settings = settings
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["node", "server.mjs", str(self.port)],
                cwd=self._installed,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.set(**self._settings)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def set(self, **settings: Any) -> None:
        self._settings = self._settings | settings
        self._tell("set", settings=self._settings)

    def add_account(self, subject: str, **claims: Any) -> None:
        """Whoever types ``subject`` there; one that is there already has other claims from now on."""
        self.set(accounts=self._settings.get("accounts", {}) | {subject: claims})

    def rotate_keys(self) -> None:
        """New ones, and the old ones are gone at once."""
        self._tell("rotate")

    def events(self) -> list[str]:
        """What went wrong since the last look, and which logouts were delivered."""
        return list(self._tell("events"))

    @contextmanager
    def down(self) -> Iterator[None]:
        """Connections are refused; nothing is forgotten."""
        self._tell("down")
        yield
        self._tell("up")

    @contextmanager
    def rewriting(self, **parameters: str) -> Iterator[None]:
        """Authorisation requests, before it reads them."""
        self.set(rewritten=parameters)
        yield
        self.set(rewritten={})

    def _tell(self, command: str, **told: Any) -> Any:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": command, **told}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, self._log.read_text()
        return json.loads(answer)
