"""What `GET /health/ready` asks before it says yes: one named check per outside system, registered by its owner."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 3.0

_checks: dict[str, Callable[[], None]] = {}
_executor = ThreadPoolExecutor(max_workers=8, thread_name_prefix="readiness")


def register(name: str, check: Callable[[], None]) -> None:
    """``check`` raises when the system is not usable; registering a name again replaces it."""
    _checks[name] = check


def results() -> dict[str, str]:
    """``{"database": "ok" | "failed" | "timeout", …}``; all are asked at once, none holds the answer up for long."""
    futures = {name: _executor.submit(check) for name, check in _checks.items()}
    answers = {}
    for name, future in futures.items():
        try:
            future.result(timeout=TIMEOUT_SECONDS)
            answers[name] = "ok"
        except FutureTimeoutError:
            answers[name] = "timeout"
        except Exception:
            logger.warning("not ready", extra={"check": name}, exc_info=True)
            answers[name] = "failed"
    return answers
