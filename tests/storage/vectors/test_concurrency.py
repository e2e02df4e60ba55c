"""On real threads, each with its own connection: the counters and the rows agree whatever happens at once."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from uuid import uuid4

import pytest

from accounts.erasure import close_account
from storage.models import StorageUsage, StoredVector
from storage.vectors.factory import get_vector_store
from storage.vectors.search import erase_vectors
from tests.accounts.concurrency import run_concurrently
from tests.storage.vectors.client import Client, item
from tests.support.accounts import Account
from tests.support.client import Answer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("vector_dir")]


@pytest.fixture
def ada(make_user: Callable[..., Account]) -> Client:
    return Client(make_user(tier="team"))


def upserts(client: Client, *items: dict[str, object]) -> Callable[[], Answer]:
    return partial(Client(client.account).upsert, *items)


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


def test_parallel_upserts_at_the_quotas_edge_never_exceed_it(ada: Client) -> None:
    StorageUsage.objects.create(user_id=ada.account.user.id, storage_limit_bytes=100)
    answers = run_concurrently(*(upserts(ada, item(b"x" * 10), item(b"y" * 5)) for _ in range(20)))
    assert statuses(answers) == {200: 6, 402: 14}
    assert ada.usage() == (12, 90, 32)


def test_parallel_upserts_of_one_id_leave_one_row_and_its_size(ada: Client) -> None:
    key = str(uuid4())
    answers = run_concurrently(*(upserts(ada, item(b"x" * (n + 1), id=key)) for n in range(10)))
    assert statuses(answers) == {200: 10}
    rows, size, _ = ada.usage()
    assert (rows, 1 <= size <= 10) == (1, True)


def test_of_first_upserts_with_different_dimensions_one_decides(ada: Client) -> None:
    answers = run_concurrently(*(upserts(ada, item(vector=[1.0] * (n + 1))) for n in range(8)))
    assert statuses(answers) == {200: 1, 400: 7}
    (winner,) = [n + 1 for n, answer in enumerate(answers) if answer.status == 200]
    assert ada.usage() == (1, 6, winner)


def test_upserts_and_deletions_at_once_keep_the_count(ada: Client) -> None:
    items = [item(b"x" * (n + 1)) for n in range(12)]
    ada.upsert(*items[:6])
    deletions = [partial(Client(ada.account).delete, str(one["id"])) for one in items[:6] for _ in range(2)]
    answers = run_concurrently(*(upserts(ada, one) for one in items[6:]), *deletions)
    assert statuses(answers) == {200: 18}
    assert sum(answer.json.get("deleted", 0) for answer in answers) == 6
    assert ada.usage() == (6, sum(range(7, 13)), 32)


def test_an_upsert_during_an_erasure_leaves_nothing_behind(ada: Client) -> None:
    user = ada.account.user

    def close_and_erase() -> None:
        close_account(user=user)
        erase_vectors(user.id)

    for _ in range(3):
        run_concurrently(close_and_erase, *(upserts(ada, item(b"%d" % n)) for n in range(6)))
        assert not StoredVector.objects.for_user(user.id).exists()
        assert get_vector_store().search(user.id, [1.0] * 32, 100) == []
        assert ada.usage() == (0, 0, None)
