"""An address whose account is being erased is free again once the erasure is done."""

import time

import httpx

from accounts.login_limits import PER_ACCOUNT
from tests.support.server import RunningServer

PATIENCE_SECONDS = 120
BETWEEN_SECONDS = 60 / PER_ACCOUNT + 1  # more often would be refused with 429, which says nothing of the address


def register_when_free(server: RunningServer, body: dict[str, str]) -> None:
    """Registers ``body`` (email, password) as soon as its address is not kept any more."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = httpx.post(f"{server.url}/api/v1/auth/register", json=body, timeout=30)
        if answer.status_code == 201:
            return
        assert answer.status_code == 409, answer.text
        assert time.monotonic() < deadline, "the address is kept still"
        time.sleep(BETWEEN_SECONDS)
