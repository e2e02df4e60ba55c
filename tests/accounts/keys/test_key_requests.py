"""A new device asks, another one answers, once."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db.models import F
from hypothesis import given
from hypothesis import strategies as st

from accounts.keys.requests import fingerprint_of
from accounts.models import KeyRequest, User
from accounts.sessions import revoke_all_sessions, start_session
from tests.accounts.concurrency import run_concurrently
from tests.accounts.keys.sealed import encoded, event_types
from tests.support.accounts import PASSWORD, TESTS, Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]
PUBLIC_KEY = b"\x04" + bytes(range(64))
SEALED = encoded(b"sealed for the new device")


def new_device(account: Account) -> str:
    """The access token of another session."""
    return start_session(user=account.user, origin=TESTS).access_token


def ask(token: str, **changes: Any) -> Answer:
    body = {"public_key": encoded(PUBLIC_KEY), "device_name": "Ada's phone"} | changes
    return ApiClient().post("keys/requests", json=body, token=token)


def read(request_id: str, token: str) -> Any:
    answer = ApiClient().get(f"keys/requests/{request_id}", token=token)
    assert answer.status == 200, answer
    return answer.json


def answer_with(request_id: str, token: str, body: Any = None) -> Answer:
    return ApiClient().put(f"keys/requests/{request_id}", json=body or {"blob": SEALED}, token=token)


def pending(token: str) -> list[str]:
    return [one["id"] for one in ApiClient().get("keys/requests", token=token).json["items"]]


def let_time_pass(request_id: str, by: timedelta) -> None:
    KeyRequest.objects.filter(id=request_id).update(
        created_at=F("created_at") - by, expires_at=F("expires_at") - by, answered_at=F("answered_at") - by
    )


def test_a_new_device_comes_to_the_key_through_another(make_user: MakeUser) -> None:
    account = make_user()
    phone = new_device(account)
    asked = ask(phone)
    assert (asked.status, set(asked.json), asked.json["expires_in"]) == (201, {"id", "fingerprint", "expires_in"}, 600)
    assert asked.json["fingerprint"] == hashlib.sha256(PUBLIC_KEY).hexdigest()[:20]
    request_id = asked.json["id"]
    assert asked.headers["Location"] == f"/api/v1/keys/requests/{request_id}"
    seen = read(request_id, account.access_token)
    assert set(seen) == {"id", "state", "public_key", "device_name", "fingerprint", "created_at", "expires_at"}
    assert (seen["state"], seen["public_key"], seen["device_name"]) == ("pending", encoded(PUBLIC_KEY), "Ada's phone")
    assert seen["fingerprint"] == asked.json["fingerprint"]
    assert read(request_id, phone) == seen

    answered = answer_with(request_id, account.access_token)
    assert (answered.status, answered.json) == (200, seen | {"state": "answered"})
    assert read(request_id, phone) == seen | {"state": "answered", "blob": SEALED}
    assert event_types(account)[-1] == "device_approved"
    assert account.user.security_events.latest("id").session_id == account.session_id


def test_the_answer_is_for_the_session_that_asked(make_user: MakeUser) -> None:
    account = make_user()
    request_id = ask(new_device(account)).json["id"]
    answer_with(request_id, account.access_token)
    for token in (account.access_token, new_device(account)):
        assert "blob" not in read(request_id, token)


def test_a_denial_is_an_answer(make_user: MakeUser) -> None:
    account = make_user()
    phone = new_device(account)
    request_id = ask(phone).json["id"]
    denied = answer_with(request_id, account.access_token, {"denied": True})
    assert (denied.status, denied.json["state"]) == (200, "denied")
    assert answer_with(request_id, account.access_token).code == "conflict"
    told = read(request_id, phone)
    assert (told["state"], "blob" in told) == ("denied", False)
    assert "device_approved" not in event_types(account)


def test_the_asking_session_cannot_answer_whatever_it_says(make_user: MakeUser) -> None:
    account = make_user()
    phone = new_device(account)
    request_id = ask(phone).json["id"]
    for body in ({"blob": SEALED}, {"denied": True}, {"blob": "wrong!"}):
        answer = answer_with(request_id, phone, body)
        assert (answer.status, answer.code) == (403, "permission_denied")
    assert read(request_id, phone)["state"] == "pending"


def test_nobody_answers_after_ten_minutes(make_user: MakeUser) -> None:
    account = make_user()
    phone = new_device(account)
    request_id = ask(phone).json["id"]
    let_time_pass(request_id, timedelta(minutes=9, seconds=50))
    assert pending(account.access_token) == [request_id]
    let_time_pass(request_id, timedelta(seconds=11))
    assert read(request_id, phone)["state"] == "expired"
    assert pending(account.access_token) == []
    answer = answer_with(request_id, account.access_token)
    assert (answer.status, answer.code) == (409, "conflict")


def test_an_answer_can_be_read_after_that(make_user: MakeUser) -> None:
    account = make_user()
    phone = new_device(account)
    request_id = ask(phone).json["id"]
    answer_with(request_id, account.access_token)
    let_time_pass(request_id, timedelta(minutes=11))
    assert read(request_id, phone)["blob"] == SEALED


def test_what_an_ended_session_asked_is_not_answered(make_user: MakeUser) -> None:
    account = make_user()
    request_id = ask(account.access_token).json["id"]
    revoke_all_sessions(user_id=account.user.id)
    later = new_device(account)
    assert pending(later) == []
    assert read(request_id, later)["state"] == "expired"
    assert answer_with(request_id, later).status == 409


def test_five_wait_at_most_and_others_go_on(make_user: MakeUser) -> None:
    account = make_user()
    ids = [ask(account.access_token).json["id"] for _ in range(5)]
    sixth = ask(account.access_token)
    assert (sixth.status, sixth.code) == (409, "conflict")
    assert pending(account.access_token) == ids[::-1]
    assert ask(make_user().access_token).status == 201
    let_time_pass(ids[0], timedelta(minutes=11))
    answer_with(ids[1], new_device(account), {"denied": True})
    assert [ask(account.access_token).status for _ in range(3)] == [201, 201, 409]


def test_another_accounts_request_is_not_there(api: ApiClient, make_user: MakeUser) -> None:
    account, other = make_user(), make_user()
    request_id = ask(account.access_token).json["id"]
    assert pending(other.access_token) == []
    assert api.get(f"keys/requests/{request_id}", token=other.access_token).status == 404
    assert answer_with(request_id, other.access_token).status == 404
    assert answer_with("no-id", other.access_token).status == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"public_key": ""}, "public_key"),
        ({"public_key": "?"}, "public_key"),
        ({"public_key": encoded(b"x" * 2049)}, "public_key"),
        ({"device_name": " "}, "device_name"),
        ({"device_name": "x" * 65}, "device_name"),
        ({"device_name": "phone\n(approved)"}, "device_name"),
        ({"device_name": "\u202eenohp"}, "device_name"),
    ],
)
def test_what_is_wrong_with_a_question_is_named(make_user: MakeUser, changes: dict[str, Any], field: str) -> None:
    answer = ask(make_user().access_token, **changes)
    assert (answer.status, set(answer.json["errors"])) == (400, {field})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"denied": False}, "non_field_errors"),
        ({"blob": SEALED, "denied": True}, "non_field_errors"),
        ({"other": 1}, "non_field_errors"),
        ({"denied": "yes"}, "denied"),
        ({"blob": ""}, "blob"),
        ({"blob": encoded(b"x" * 4097)}, "blob"),
    ],
)
def test_what_is_wrong_with_an_answer_is_named(make_user: MakeUser, body: dict[str, Any], field: str) -> None:
    account = make_user()
    request_id = ask(new_device(account)).json["id"]
    answer = answer_with(request_id, account.access_token, body)
    assert (answer.status, set(answer.json["errors"])) == (400, {field})
    assert read(request_id, account.access_token)["state"] == "pending"


@pytest.mark.django_db(transaction=True)
def test_of_twenty_answers_at_once_one_counts(make_user: MakeUser) -> None:
    account = make_user(tier="team")
    phone = new_device(account)
    request_id = ask(phone).json["id"]
    blobs = [encoded(f"answer {number}".encode()) for number in range(20)]
    answers = run_concurrently(
        *(partial(answer_with, request_id, account.access_token, {"blob": blob}) for blob in blobs)
    )
    assert Counter(answer.status for answer in answers) == {200: 1, 409: 19}
    (winner,) = [blob for blob, answer in zip(blobs, answers, strict=True) if answer.status == 200]
    assert read(request_id, phone)["blob"] == winner
    assert event_types(account).count("device_approved") == 1


@pytest.mark.django_db(transaction=True)
def test_of_twenty_questions_at_once_five_wait(make_user: MakeUser) -> None:
    account = make_user(tier="team")
    answers = run_concurrently(*(partial(ask, account.access_token) for _ in range(20)))
    assert Counter(answer.status for answer in answers) == {201: 5, 409: 15}


def test_they_go_with_their_account(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    ask(account.access_token)
    assert api.delete("auth/me", json={"password": PASSWORD}, token=account.access_token).status == 202
    assert not User.objects.exists()
    assert not KeyRequest.objects.exists()


@given(st.binary(min_size=1, max_size=2048), st.data())
def test_a_fingerprint_is_of_the_keys_every_bit(public_key: bytes, data: st.DataObject) -> None:
    fingerprint = fingerprint_of(public_key)
    assert re.fullmatch("[0-9a-f]{20}", fingerprint)
    assert hashlib.sha256(public_key).hexdigest().startswith(fingerprint)
    place, bit = data.draw(st.integers(0, len(public_key) - 1)), data.draw(st.integers(0, 7))
    other = bytearray(public_key)
    other[place] ^= 1 << bit
    assert fingerprint_of(bytes(other)) != fingerprint
