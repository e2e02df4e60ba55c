"""So many packages are inspected at once, and no more."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from marketplace.submissions import service
from tests.marketplace.members import Member

pytestmark = pytest.mark.django_db(transaction=True)


def test_who_finds_no_place_is_told_when_to_come_back(
    join: Callable[..., Member], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "WAIT_SECONDS", 0.01)
    author = join()
    with ExitStack() as held:
        for _ in range(service.MAX_AT_ONCE):
            held.enter_context(service.inspection_slot())
        answer = author.submit()
        assert (answer.status, answer.code) == (503, "upstream_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert author.mine() == []
    assert author.submit().status == 201


def test_a_submission_that_is_refused_gives_its_place_back(join: Callable[..., Member]) -> None:
    author = join()
    for _ in range(service.MAX_AT_ONCE + 1):
        assert author.submit(b"no zip").code == "checks_failed"
    assert author.submit().status == 201
