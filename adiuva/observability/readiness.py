"""What `GET /health/ready` asks before it says yes: one named check per outside system, registered by its owner."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 3.0

Check = Callable[[], None]

_checks: dict[str, Check] = {}
_running: dict[Check, Future[None]] = {}
_lock = Lock()
_executor = ThreadPoolExecutor(max_workers=8, thread_name_prefix="readiness")


def register(name: str, check: Check) -> None:
    """``check`` raises when the system is not usable; registering a name again replaces it."""
    _checks[name] = check


def results() -> dict[str, str]:
    """``{"database": "ok" | "failed" | "timeout", …}``; all are asked at once, none holds the answer up for long."""
    futures = {name: _asked(check) for name, check in _checks.items()}
    wait(futures.values(), timeout=TIMEOUT_SECONDS)
    return {name: _answer(name, future) for name, future in futures.items()}


def _asked(check: Check) -> Future[None]:
    """The check's run; one that still hangs from an earlier request is joined, so that they do not pile up."""
    with _lock:
        running = _running.get(check)
        if running is None or running.done():
            running = _running[check] = _executor.submit(check)
        return running


def _answer(name: str, future: Future[None]) -> str:
    if not future.done():
        return "timeout"
    if (error := future.exception()) is not None:
        logger.warning("not ready", extra={"check": name}, exc_info=error)
        return "failed"
    return "ok"
