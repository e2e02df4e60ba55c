"""Whoever asks learns what to derive with, and not whether there is an account."""

import base64
import json
import statistics
import time
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from accounts.keys import prelogin
from accounts.keys.serializers import DEFAULT_PARAMETERS, KdfSerializer
from accounts.models import InstallationKey, User
from adiuva.spelling import address_key
from tests.accounts.concurrency import run_concurrently
from tests.accounts.keys.sealed import kdf
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

MakeUser = Callable[..., Account]
UNKNOWN = "nobody@example.com"


def ask(email: str = UNKNOWN) -> Answer:
    return ApiClient().post("auth/prelogin", json={"email": email})


def with_kdf(account: Account) -> dict[str, Any]:
    account.user.kdf = kdf()
    account.user.save()
    return account.user.kdf


@pytest.mark.django_db
def test_an_accounts_own_is_told_in_any_spelling(make_user: MakeUser) -> None:
    own = with_kdf(make_user(email="jurgen@münchen.example"))
    for spelling in ("jurgen@münchen.example", "JURGEN@MÜNCHEN.example", "jurgen@xn--mnchen-3ya.example"):
        for form in ("NFC", "NFD"):
            answer = ask(unicodedata.normalize(form, spelling))
            assert (answer.status, answer.json) == (200, {"kdf": own})
            assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_nothing_of_the_answer_tells_an_account_from_none(make_user: MakeUser) -> None:
    account, plain = make_user(), make_user()
    with_kdf(account)
    account.user.refresh_from_db()  # as the database gives documents back, in whatever order
    real, without, unknown = ask(account.email), ask(plain.email), ask()
    for answer in (without, unknown):
        made_up = answer.json["kdf"]
        assert answer.status == real.status == 200
        assert list(made_up) == list(real.json["kdf"])
        assert made_up | {"salt": ""} == DEFAULT_PARAMETERS | {"salt": ""}
        assert len(answer.content) == len(real.content)
        assert len(base64.b64decode(made_up["salt"], validate=True)) == 16
        assert KdfSerializer(data=made_up).is_valid()
        assert answer.headers.keys() == real.headers.keys()
    assert without.json != unknown.json


@pytest.mark.django_db
def test_a_made_up_one_outlives_restarts_and_the_rotation_of_every_secret(settings: Any) -> None:
    before = ask().content
    settings.JWT_SECRET = settings.SECRET_KEY = "another secret altogether, which is long enough"
    assert ask().content == before
    assert ask(" Nobody@EXAMPLE.com ").content == before
    assert InstallationKey.objects.count() == 1


@pytest.mark.django_db
def test_it_is_another_one_in_another_installation() -> None:
    before = ask().json
    InstallationKey.objects.all().delete()
    assert ask().json != before


@pytest.mark.django_db
def test_an_account_that_is_closed_is_told_like_any_other(make_user: MakeUser) -> None:
    account = make_user()
    own = with_kdf(account)
    account.user.is_active = False
    account.user.save()
    assert ask(account.email).json == {"kdf": own}


@pytest.mark.django_db(transaction=True)
def test_processes_that_ask_for_the_first_time_at_once_agree() -> None:
    answers = run_concurrently(*(ask for _ in range(10)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("body", [{}, {"email": 7}, {"email": "no address"}, {"email": "x" * 300 + "@example.com"}])
def test_what_is_no_address_is_400(api: ApiClient, body: dict[str, Any]) -> None:
    answer = api.post("auth/prelogin", json=body)
    assert (answer.status, set(answer.json["errors"])) == (400, {"email"})


@pytest.mark.django_db
@pytest.mark.parametrize("old", ["ada@☕.example", "ada@exam\u200bple.com"])
def test_an_address_that_only_an_old_account_may_have_is_no_sign_of_one(make_user: MakeUser, old: str) -> None:
    """Login takes it where there is such an account; here it is taken of everybody."""
    assert ask(old).status == 200
    account = make_user()
    own = with_kdf(account)
    User.objects.filter(id=account.user.id).update(email=old, address_key=address_key(old))
    assert ask(old).json == {"kdf": own}


@pytest.mark.django_db
def test_it_is_limited_by_account_in_whatever_spelling(limits_clock: Any) -> None:
    spellings = ["ada@example.com", "Ada@Example.COM"]
    answers = [ask(spellings[number % 2]).status for number in range(21)]
    assert answers == [200] * 20 + [429]
    assert ask("another@example.com").status == 200


@given(st.emails(), st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_a_made_up_one_depends_on_address_and_key_alone(email: str, key: bytes, other: bytes) -> None:
    made = prelogin.made_up_kdf(email=email, key=key)
    assert prelogin.made_up_kdf(email=email.upper().lower(), key=key) == made
    assert (prelogin.made_up_kdf(email=email, key=other) == made) == (key == other)
    assert prelogin.made_up_kdf(email=f"a{email}", key=key) != made


@pytest.mark.django_db
def test_known_and_unknown_ask_the_database_the_same(make_user: MakeUser) -> None:
    account = make_user()
    with_kdf(account)
    ask()

    def statements(email: str) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert ask(email).status == 200
        return [query["sql"].replace(email, "?") for query in captured.captured_queries]

    known = statements(account.email)
    assert statements("unknown-1234@example.com") == known
    assert len(known) >= 2


def medians(known: str) -> tuple[float, float]:
    """Seconds for a known address and for an unknown one: 200 tries each, in turns, so that what else the machine does
    slows both.
    """
    client = Client()
    times: dict[bool, list[float]] = {True: [], False: []}
    for number in range(200):
        cache.clear()  # nobody is over the limit
        for is_known in (True, False) if number % 2 else (False, True):
            body = json.dumps({"email": known if is_known else f"user-{number:012}@example.com"})
            started = time.perf_counter()
            response = client.post("/api/v1/auth/prelogin", body, content_type="application/json")
            times[is_known].append(time.perf_counter() - started)
            assert response.status_code == 200
    return statistics.median(times[True]), statistics.median(times[False])


@pytest.mark.django_db
def test_known_and_unknown_take_the_same_time(make_user: MakeUser) -> None:
    account = make_user()
    with_kdf(account)
    rounds = []
    for _ in range(3):  # what is slower by itself is so each time; a busy machine is not
        one, other = medians(account.email)
        rounds.append(max(one, other) / min(one, other))
        if rounds[-1] <= 1.25:
            return
    pytest.fail(f"medians differ by factors of {rounds}")
