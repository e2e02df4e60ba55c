"""On real threads: what an account may have holds whoever asks at the same moment."""

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest

from accounts.models import KeyEnvelope
from tests.accounts.concurrency import run_concurrently
from tests.accounts.keys.sealed import put
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db(transaction=True)
MakeUser = Callable[..., Account]


def test_twenty_puts_of_one_ref_make_one_envelope_with_twenty_states(make_user: MakeUser) -> None:
    account = make_user(tier="team")
    answers = run_concurrently(*(partial(put, account) for _ in range(20)))
    assert Counter(answer.status for answer in answers) == {200: 20}
    assert len({answer.json["etag"] for answer in answers}) == 20
    assert KeyEnvelope.objects.get().revision == 20


def test_of_twenty_who_saw_the_same_state_one_replaces_it(make_user: MakeUser) -> None:
    account = make_user(tier="team")
    seen = {"If-Match": put(account).json["etag"]}
    answers = run_concurrently(*(partial(put, account, headers=seen) for _ in range(20)))
    assert Counter(answer.status for answer in answers) == {200: 1, 412: 19}


def test_of_fifty_one_new_ones_fifty_are_kept(make_user: MakeUser) -> None:
    account = make_user(tier="team")
    for number in range(40):
        put(account, f"device/early{number}")
    answers = run_concurrently(*(partial(put, account, f"device/d{number}") for number in range(11)))
    assert Counter(answer.status for answer in answers) == {200: 10, 409: 1}
    assert KeyEnvelope.objects.count() == 50


def test_of_two_deletions_of_the_last_two_one_is_refused(make_user: MakeUser) -> None:
    account = make_user(tier="team")
    for _ in range(5):
        names = ["password/main", "recovery/phrase"]
        for name in names:
            put(account, name)
        delete = partial(ApiClient().delete, token=account.access_token)
        answers = run_concurrently(*(partial(delete, f"keys/envelopes/{name}") for name in names))
        assert Counter(answer.status for answer in answers) == {204: 1, 409: 1}
