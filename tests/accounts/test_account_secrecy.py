"""Whether an account exists is told by no answer and by no time, but for ``register`` (docs/api.md § 3: 409).

Each row of ``ROUTES`` is asked in turns for an address that has an account and for one that has none. What is measured
is the whole request, and compared are the medians: of 100 each, so that one pause of the machine decides nothing.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache

from adiuva.jobs.embedded import EmbeddedQueue
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

TRIES = 100  # of each
RATIO = 1.25
ROUNDS = 3  # a busy machine may slow one of the two, but not the same one each time
Ask = Callable[[ApiClient, str], Answer]


def ask_to_log_in(api: ApiClient, email: str) -> Answer:
    return api.post("auth/login", json={"email": email, "password": "not the password"})


def ask_for_reset(api: ApiClient, email: str) -> Answer:
    return api.post("auth/password/reset", json={"email": email})


ROUTES: dict[str, Ask] = {"login": ask_to_log_in, "reset": ask_for_reset}
each_route = pytest.mark.parametrize("ask", ROUTES.values(), ids=ROUTES)


@pytest.fixture
def nobody_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue without threads: one that woke for a job of the request took the interpreter for 5 ms, or did not, and
    the median was of the one or the other by chance. What a job does meanwhile is nobody's answer.
    """
    queue = EmbeddedQueue()
    monkeypatch.setattr(queue, "_ensure_threads", lambda: None)
    monkeypatch.setattr("adiuva.jobs.get_queue", lambda: queue)


def without_id(answer: Answer) -> tuple[int, Any]:
    problem = answer.json if answer.content else {}
    return answer.status, {key: value for key, value in problem.items() if key != "request_id"}


@pytest.mark.django_db
@each_route
def test_the_answers_are_the_same(api: ApiClient, make_user: Callable[..., Account], ask: Ask) -> None:
    assert without_id(ask(api, make_user().email)) == without_id(ask(api, "nobody@example.com"))


@pytest.mark.slow  # hundreds of requests, one after the other
@pytest.mark.django_db(transaction=True)
@each_route
@pytest.mark.usefixtures("nobody_works")
def test_the_times_are_the_same(api: ApiClient, make_user: Callable[..., Account], settings: Any, ask: Ask) -> None:
    settings.PASSWORD_HASHERS = ["tests.support.hashers.SlowerBCrypt"]
    accounts = [make_user() for _ in range(10)]
    for account in accounts:
        account.user.set_password(account.password)
        account.user.save()
    rounds = []
    for _ in range(ROUNDS):
        known, unknown = measure(api, ask, [account.email for account in accounts])
        rounds.append((known, unknown))
        if max(known, unknown) / min(known, unknown) < RATIO:
            return
    pytest.fail(f"known and unknown addresses differ each time: {rounds}")


def measure(api: ApiClient, ask: Ask, emails: list[str]) -> tuple[float, float]:
    """The medians of known and unknown addresses, in seconds."""
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for n in range(TRIES + 5):
        for is_known in (True, False) if n % 2 else (False, True):
            email = emails[n % 10] if is_known else f"user-{n:012}@example.com"
            cache.clear()  # limits
            begin = time.perf_counter()
            ask(api, email)
            seconds[is_known].append(time.perf_counter() - begin)
    return statistics.median(seconds[True][5:]), statistics.median(seconds[False][5:])
