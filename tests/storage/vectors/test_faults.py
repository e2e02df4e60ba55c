"""The vector store refuses, stalls, breaks off or errs: 502, 503 or 504 in bounded time, and nothing has changed."""

import time
from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.fakes.http_store import Fault
from tests.fakes.pinecone_server import LoopbackPinecone
from tests.fakes.qdrant_server import LoopbackQdrant
from tests.storage.vectors.client import Client, item
from tests.support.accounts import Account
from tests.support.client import Answer
from tests.support.thorough import thorough

pytestmark = pytest.mark.django_db(transaction=True)
Remote = LoopbackQdrant | LoopbackPinecone

FAULTS: list[tuple[Fault, int, str]] = [
    thorough("stall", 504, "upstream_timeout"),
    ("reset", 502, "upstream_error"),
    ("cut", 502, "upstream_error"),
    ("garbage", 502, "upstream_error"),
    (500, 502, "upstream_error"),
    (503, 503, "upstream_unavailable"),
]
OTHER_ANSWERS = [
    (400, 502, "upstream_error"),
    (401, 502, "upstream_error"),
    (404, 502, "upstream_error"),
    (408, 504, "upstream_timeout"),
    (429, 503, "upstream_unavailable"),
    (504, 504, "upstream_timeout"),
]


@pytest.fixture
def ada(make_user: Callable[..., Account], remote: Remote) -> Client:
    """With one vector."""
    client = Client(make_user(tier="pro"))
    assert client.upsert(item(b"first", vector=[1, 0])).status == 200
    return client


def first_of(client: Client) -> str:
    (key,) = client.search_ids(vector=[1, 0])
    return key


def operations(client: Client) -> dict[str, Callable[[], Answer]]:
    first = first_of(client)
    return {
        "upsert": lambda: client.upsert(item(b"second", vector=[1, 1]), item(b"replaced", id=first, vector=[0, 1])),
        "search": lambda: client.search(vector=[1, 0]),
        "delete": lambda: client.delete(first),
    }


def assert_refused(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.code) == (status, code)
    assert b"SECRET" not in answer.content


@pytest.mark.parametrize("operation", ["upsert", "search", "delete"])
@pytest.mark.parametrize(("fault", "status", "code"), FAULTS)
def test_a_fault_is_told_and_counts_nothing(
    ada: Client, remote: Remote, operation: str, fault: Fault, status: int, code: str
) -> None:
    if (fault, operation) == ("garbage", "delete") and isinstance(remote, LoopbackPinecone):
        operation = "search"  # of a deletion nothing but the 200 is looked at
    operate = operations(ada)[operation]
    before = ada.usage()
    remote.fail(fault)
    asked = len(remote.requests)
    started = time.monotonic()
    assert_refused(operate(), status, code)
    assert time.monotonic() - started < 10
    assert len(remote.requests) == asked + 1, "a lock is held: nothing is tried again"
    assert ada.usage() == before == (1, 5, 2)
    remote.fail(None)
    assert operate().status == 200, "it is over, and the client tries again"


@pytest.mark.parametrize(("fault", "status", "code"), OTHER_ANSWERS)
def test_an_answer_that_is_no_success_has_its_meaning(
    ada: Client, remote: Remote, fault: int, status: int, code: str
) -> None:
    remote.fail(fault)
    assert_refused(ada.search(vector=[1, 0]), status, code)
    remote.fail(None)
    assert len(ada.search_ids(vector=[1, 0])) == 1


@pytest.mark.parametrize("operation", ["upsert", "search", "delete"])
def test_a_store_that_is_away_is_503(ada: Client, remote: Remote, operation: str) -> None:
    operate = operations(ada)[operation]
    before = ada.usage()
    remote.stop()
    assert_refused(operate(), 503, "upstream_unavailable")
    assert ada.usage() == before


def test_a_busy_store_says_when_to_come_back(ada: Client, remote: Remote) -> None:
    remote.fail(429, retry_after="17")
    started = time.monotonic()
    answer = ada.search(vector=[1, 0])
    assert_refused(answer, 503, "upstream_unavailable")
    assert time.monotonic() - started < 10, "the waiting is the client's"
    assert answer.headers["Retry-After"] == "17"


def test_a_first_upsert_that_fails_leaves_no_dimension_behind(
    make_user: Callable[..., Account], remote: Remote
) -> None:
    client = Client(make_user(tier="pro"))
    remote.fail("reset")
    assert client.upsert(item(vector=[1, 2, 3])).status == 502
    remote.fail(None)
    assert client.usage() == (0, 0, None)
    assert client.upsert(item(vector=[1, 2])).status == 200


def test_an_erasure_that_fails_is_taken_up_again(ada: Client, remote: Remote) -> None:
    from accounts.erasure import close_account, erase, resume
    from accounts.models import User

    user = ada.account.user
    close_account(user=user)
    remote.fail("reset")
    assert erase(user_id=user.id) is False
    assert User.objects.filter(id=user.id).exists()
    remote.fail(None)
    assert resume() == 1
    assert not User.objects.filter(id=user.id).exists()
    assert points_of(remote) == 0


def points_of(remote: Remote) -> int:
    if isinstance(remote, LoopbackPinecone):
        return sum(map(len, remote.namespaces.values()))
    return sum(len(collection.points) for collection in remote.collections.values())


def test_an_erasure_takes_ones_own_and_no_others(
    ada: Client, remote: Remote, make_user: Callable[..., Account]
) -> None:
    from storage.vectors.search import erase_vectors

    bob = Client(make_user(tier="pro"))
    bob.upsert(item(b"bob's", id=first_of(ada), vector=[1, 0]))
    for _ in range(2):
        erase_vectors(ada.account.user.id)
    assert ada.usage() == (0, 0, None)
    assert len(bob.search_ids(vector=[1, 0])) == points_of(remote) == 1
    erase_vectors(uuid4())
