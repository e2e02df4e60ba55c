"""Has a package looked at by a process of its own (``child``), which may crash, hang or lie: here it does no harm."""

import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import BoundedSemaphore
from typing import IO, Any, Final

from adiuva.jobs import is_stopping
from marketplace.models import PluginVersion
from marketplace.review.hidden_characters import visible
from marketplace.review.package_contents import PackageUnreadableError, copy_package
from marketplace.review.reach import findings
from marketplace.submissions.manifest import PERMISSIONS, TEXTS, entrypoint_path
from marketplace.submissions.zip_archives import MAX_ENTRIES

logger = logging.getLogger(__name__)

WALL_SECONDS: Final = 20.0
MAX_ANSWER_BYTES: Final = 1024 * 1024
_READ_BYTES: Final = 64 * 1024
_ROOT: Final = Path(__file__).resolve().parents[3]
_CHILD: Final = "marketplace.review.reach.child"
# Of a process: each may take a gigabyte, a whole processor, and one of the few threads that jobs have.
_places = BoundedSemaphore(1)
_TOO_SLOW: Final = "It took too long to look at."
_CRASHED: Final = "Looking at it failed; its code may have made the parser crash."


class StoppedError(Exception):
    """This process ends; the package is to be looked at again."""


class BusyError(Exception):
    """This process looks at another package already."""


def analyse(version: PluginVersion) -> dict[str, Any]:
    """The report (``findings.report_of``) of a stored package; where something went wrong it says what.

    Raises:
        BusyError: nobody waits for another one, on a thread that mails and payments need, too.
        StoppedError: the server ends.
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: the blob store failed.
    """
    if not _places.acquire(blocking=False):
        raise BusyError
    try:
        return _analyse(version)
    finally:
        _places.release()


def _analyse(version: PluginVersion) -> dict[str, Any]:
    manifest = version.manifest if isinstance(version.manifest, dict) else {}
    with tempfile.TemporaryFile() as package:
        try:
            copy_package(version, package)
        except PackageUnreadableError as error:
            return findings.failed_report(str(error))
        return run_child(package, manifest)


def run_child(package: IO[bytes], manifest: dict[str, Any], *, seconds: float = WALL_SECONDS) -> dict[str, Any]:
    """Whatever the child does, a report of ours comes out within ``seconds``. Raises ``StoppedError``."""
    package.flush()
    package.seek(0)
    declared = manifest.get("permissions")
    entrypoint = entrypoint_path(manifest.get("entrypoint")) or ""
    asked = {
        "permissions": [one for one in PERMISSIONS if isinstance(declared, list) and one in declared],
        "entrypoint": entrypoint[: TEXTS["entrypoint"]],
    }
    child = subprocess.Popen(  # noqa: S603 - our own module; what is asked is JSON that it parses
        [sys.executable, "-E", "-s", "-B", "-m", _CHILD, json.dumps(asked)],
        stdin=package,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=_ROOT,
        env={},  # nothing of ours: no keys, no addresses
        start_new_session=True,
    )
    try:
        answer = _read_answer(child, until=time.monotonic() + seconds)
    finally:
        _end(child)
    if answer is None or child.returncode != 0:
        logger.warning("a package was not looked at to the end", extra={"returncode": child.returncode})
    if answer is None:
        return findings.failed_report(_TOO_SLOW)
    if len(answer) > MAX_ANSWER_BYTES:
        return findings.failed_report(_CRASHED)
    if child.returncode != 0:
        is_slow = child.returncode in {-signal.SIGXCPU, -signal.SIGKILL}
        return findings.failed_report(_TOO_SLOW if is_slow else _CRASHED)
    return _believe(answer)


def _read_answer(child: subprocess.Popen[bytes], *, until: float) -> bytes | None:
    """All that it writes until it ends: None where it does not end in time. What is too much is cut."""
    if child.stdout is None:
        return b""
    answer = b""
    os.set_blocking(child.stdout.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while time.monotonic() < until and len(answer) <= MAX_ANSWER_BYTES:
            if is_stopping():
                raise StoppedError
            if selector.select(timeout=min(0.5, max(0.0, until - time.monotonic()))):
                part = child.stdout.read(_READ_BYTES)
                if not part:
                    return answer if _has_ended(child, until) else None
                answer += part
    return None if len(answer) <= MAX_ANSWER_BYTES else answer


def _has_ended(child: subprocess.Popen[bytes], until: float) -> bool:
    try:
        child.wait(timeout=max(0.1, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True


def _end(child: subprocess.Popen[bytes]) -> None:
    """With whatever it has started; it is nobody's any more afterwards."""
    if child.returncode is None:  # until it is waited for, its number is nobody else's
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    if child.stdout is not None:
        child.stdout.close()


def _believe(answer: bytes) -> dict[str, Any]:
    """A report made of the answer, field by field: whoever breaks into the child writes what he likes."""
    try:
        told = json.loads(answer)
        found = [_finding(one) for one in told["findings"][: findings.MAX_FINDINGS]]
        unparsed = [_text(name, findings.MAX_NAME) for name in told["unparsed"][: findings.MAX_UNPARSED]]
        reason = _text(told["reason"], findings.MAX_WHAT)
        files = told["files"]
        is_ours = isinstance(files, int) and 0 <= files <= MAX_ENTRIES and told["version"] == findings.VERSION
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return findings.failed_report(_CRASHED)
    if not is_ours:
        return findings.failed_report(_CRASHED)
    return findings.report_of(found, files=files, unparsed=unparsed, reasons=[reason] if reason else [])


def _finding(told: dict[str, Any]) -> findings.Finding:
    """Raises ``ValueError``, ``TypeError`` or ``KeyError``."""
    line, column = told["line"], told["column"]
    if not (isinstance(line, int) and isinstance(column, int) and 0 < line < 2**31 and 0 < column < 2**31):
        raise ValueError("no place")
    if told["kind"] not in findings.KINDS or told["severity"] not in findings.SEVERITIES:
        raise ValueError("no kind")
    return findings.Finding(
        file=_text(told["file"], findings.MAX_NAME),
        line=line,
        column=column,
        kind=told["kind"],
        severity=told["severity"],
        what=_text(told["what"], findings.MAX_WHAT),
    )


def _text(told: Any, longest: int) -> str:
    if not isinstance(told, str):
        raise TypeError
    return visible(told)[:longest]
